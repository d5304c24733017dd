//! What a stand-in was asked and how each request ended, for tests to assert on and wait for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpRequest;
use bytes::Bytes;
use tokio::sync::watch;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method in capitals.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers with lower-case names, in no particular order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Seen {
    /// One header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// How many requests there were, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that were taken up.
    pub started: u64,
    /// Requests whose answer was given to its end, or cut off on purpose.
    pub finished: u64,
    /// Requests whose client went away before that.
    pub abandoned: u64,
}

impl Traffic {
    /// Requests that are being answered now.
    pub fn open(&self) -> u64 {
        self.started - self.finished - self.abandoned
    }
}

/// The record of one stand-in; clones share it.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How many requests are kept; 0 keeps none.
    keep: usize,
    seen: Mutex<VecDeque<Seen>>,
    traffic: watch::Sender<Traffic>,
}

impl Ledger {
    pub(crate) fn keeping(keep: usize) -> Self {
        let traffic = watch::Sender::new(Traffic::default());
        Self(Arc::new(Inner {
            keep,
            seen: Mutex::default(),
            traffic,
        }))
    }

    /// The requests so far, oldest first; the oldest are forgotten when there are too many.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().iter().cloned().collect()
    }

    /// The requests so far, which are forgotten.
    pub fn take(&self) -> Vec<Seen> {
        self.lock().drain(..).collect()
    }

    /// The counts as they are now.
    pub fn traffic(&self) -> Traffic {
        *self.0.traffic.borrow()
    }

    /// Waits until the counts are as the condition wants them.
    pub async fn until(&self, condition: impl FnMut(&Traffic) -> bool) -> Traffic {
        let mut counts = self.0.traffic.subscribe();
        // The sender lives in this ledger, so the wait cannot end for the want of one.
        counts
            .wait_for(condition)
            .await
            .map_or_else(|_| self.traffic(), |traffic| *traffic)
    }

    /// Takes up a request. Until the visit is finished or dropped it counts as open.
    pub(crate) fn begin(&self, request: &HttpRequest, body: &Bytes) -> Visit {
        if self.0.keep > 0 {
            let mut seen = self.lock();
            if seen.len() == self.0.keep {
                seen.pop_front();
            }
            seen.push_back(record(request, body));
        }
        self.0.traffic.send_modify(|traffic| traffic.started += 1);
        Visit {
            ledger: self.clone(),
            finished: false,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Seen>> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request as it came.
pub(crate) fn record(request: &HttpRequest, body: &Bytes) -> Seen {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    Seen {
        method: request.method().to_string(),
        path: request.uri().to_string(),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
            .collect(),
        body: body.clone(),
    }
}

/// A request that is being answered. Dropped before it is finished, it was abandoned.
#[derive(Debug)]
pub(crate) struct Visit {
    ledger: Ledger,
    finished: bool,
}

impl Visit {
    pub(crate) fn finish(&mut self) {
        if !self.finished {
            self.finished = true;
            self.ledger
                .0
                .traffic
                .send_modify(|traffic| traffic.finished += 1);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.finished {
            self.ledger
                .0
                .traffic
                .send_modify(|traffic| traffic.abandoned += 1);
        }
    }
}
