//! The load: clients that ask for responses of every kind, and follow, cancel, delete or forget them, while
//! the processes that they talk to come and go. What they saw is kept for the verdict.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::client::{After, Answer, Frame, Trouble, call, read};
use super::errand::{Errand, Fate, Kind};

/// How long a client waits for the end of its response: killed workers, restarts and the queue before it
/// included.
const PATIENCE: Duration = Duration::from_mins(4);
/// Before the next try, when there was no answer.
const AGAIN: Duration = Duration::from_millis(200);

/// The load, and what came of it.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) api: SocketAddr,
    seed: u64,
    next: AtomicU64,
    is_over: AtomicBool,
    records: Mutex<BTreeMap<u64, Record>>,
}

/// Whether a response was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Made {
    Accepted(String),
    /// There was no answer, or one that says that the database is away: it may have been.
    Unknown,
}

/// What was seen of one response.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) number: u64,
    pub(super) kind: Kind,
    pub(super) fate: Fate,
    pub(super) sign: String,
    pub(super) made: Made,
    /// The first status in which it had ended.
    pub(super) ended: Option<String>,
    /// A deletion was asked for.
    pub(super) deleted: bool,
    pub(super) frames: Vec<Frame>,
    pub(super) findings: Vec<String>,
}

impl Record {
    /// The id, when it was accepted.
    pub(super) fn id(&self) -> Option<&str> {
        match &self.made {
            Made::Accepted(id) => Some(id),
            Made::Unknown => None,
        }
    }

    fn finds(&mut self, what: impl Into<String>) {
        self.findings.push(what.into());
    }

    /// Notes a status in which the response stands. An end stays.
    fn sees(&mut self, status: &str) -> bool {
        if !has_ended(status) {
            if let Some(ended) = &self.ended {
                let what = format!("was {ended} and is {status} again");
                self.finds(what);
            }
            return false;
        }
        match &self.ended {
            Some(ended) if ended != status => {
                let what = format!("was {ended} and is {status}");
                self.finds(what);
            }
            Some(_) => {}
            None => self.ended = Some(status.to_owned()),
        }
        true
    }
}

/// Whether a status is an end.
pub(super) fn has_ended(status: &str) -> bool {
    matches!(status, "completed" | "failed" | "cancelled" | "incomplete")
}

impl Load {
    pub(super) fn new(api: SocketAddr, seed: u64) -> Self {
        Self {
            api,
            seed,
            next: AtomicU64::new(1),
            is_over: AtomicBool::new(false),
            records: Mutex::default(),
        }
    }

    /// How many were asked for.
    pub(super) fn asked(&self) -> usize {
        self.records().len()
    }

    /// Whether nobody asks any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// What was seen of all responses.
    pub(super) fn seen(&self) -> Vec<Record> {
        self.records().values().cloned().collect()
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<u64, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs so many clients until a moment, and waits for what they began.
pub(super) async fn run(load: &Arc<Load>, clients: u16, until: Instant) {
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let load = Arc::clone(load);
        running.spawn(async move {
            while Instant::now() < until {
                let number = load.next.fetch_add(1, Ordering::Relaxed);
                let record = Client::of(&load, number).go().await;
                load.records().insert(number, record);
            }
        });
    }
    while running.join_next().await.is_some() {}
    load.is_over.store(true, Ordering::Relaxed);
}

/// One client with one response.
struct Client {
    api: SocketAddr,
    errand: Errand,
    record: Record,
    until: Instant,
}

impl Client {
    fn of(load: &Load, number: u64) -> Self {
        let errand = Errand::of(load.seed, number);
        let record = Record {
            number,
            kind: errand.kind,
            fate: errand.fate,
            sign: errand.sign(),
            made: Made::Unknown,
            ended: None,
            deleted: false,
            frames: Vec::new(),
            findings: Vec::new(),
        };
        Self {
            api: load.api,
            errand,
            record,
            until: Instant::now() + PATIENCE,
        }
    }

    async fn go(mut self) -> Record {
        self.record.made = self.create().await;
        let Some(id) = self.record.id().map(str::to_owned) else {
            return self.record;
        };
        let path = format!("/v1/responses/{id}");
        match self.errand.fate {
            Fate::Leave => {}
            Fate::Watch => self.watch(&path).await,
            Fate::Follow => self.follow(&id).await,
            Fate::Cancel(after) => {
                sleep(after).await;
                self.cancel(&path).await;
            }
            Fate::Delete(after) => {
                sleep(after).await;
                self.delete(&path).await;
            }
        }
        self.record
    }

    /// Asks until somebody hears it. What left without an answer is not asked again: it may have been
    /// accepted.
    async fn create(&mut self) -> Made {
        let request = self.errand.request();
        while Instant::now() < self.until {
            match call(self.api, "POST", "/v1/responses", Some(&request)).await {
                Err(Trouble::NotSent) => sleep(AGAIN).await,
                Err(Trouble::Lost) => return Made::Unknown,
                Ok(answer) if answer.status == 201 => {
                    if answer.text("status") != "queued" {
                        let what = format!("was created as {:?}", answer.text("status"));
                        self.record.finds(what);
                    }
                    return Made::Accepted(answer.text("id").to_owned());
                }
                Ok(answer) => {
                    if answer.status != 503 {
                        self.strange("a create", &answer);
                    }
                    sleep(AGAIN).await;
                    return Made::Unknown;
                }
            }
        }
        Made::Unknown
    }

    async fn watch(&mut self, path: &str) {
        while Instant::now() < self.until {
            match call(self.api, "GET", path, None).await {
                Ok(answer) if answer.status == 200 => {
                    if self.record.sees(answer.text("status")) {
                        return;
                    }
                }
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => return self.strange("a look", &answer),
                Err(_trouble) => {}
            }
            sleep(Duration::from_millis(self.errand.dice.u64(100..500))).await;
        }
        self.record
            .finds(format!("has not ended after {PATIENCE:?}"));
    }

    async fn follow(&mut self, id: &str) {
        while Instant::now() < self.until {
            let span = Duration::from_millis(self.errand.dice.u64(100..6_000));
            let last = self.record.frames.last().map(|frame| frame.number);
            let after = match last {
                None => After::Nothing,
                Some(last) if self.errand.dice.bool() => After::Parameter(last),
                Some(last) => After::Header(last),
            };
            match read(self.api, id, after, span).await {
                Ok((200, frames)) => {
                    if self.takes(frames) {
                        return;
                    }
                }
                Ok((503, _)) | Err(_) => sleep(AGAIN).await,
                Ok((status, _)) => {
                    return self
                        .record
                        .finds(format!("a stream after {last:?} was answered {status}"));
                }
            }
        }
        self.record
            .finds(format!("its stream has not ended after {PATIENCE:?}"));
    }

    /// Notes frames that must go on where the others ended; answers whether the last was the end.
    fn takes(&mut self, frames: Vec<Frame>) -> bool {
        for frame in frames {
            let expected = self.record.frames.last().map_or(0, |last| last.number + 1);
            if frame.number != expected {
                let what = format!("frame {} came where {expected} was to come", frame.number);
                self.record.finds(what);
            }
            self.record.frames.push(frame);
        }
        let status = self
            .record
            .frames
            .last()
            .and_then(|last| last.event.strip_prefix("response."));
        let ended = status.filter(|status| has_ended(status)).map(str::to_owned);
        ended.is_some_and(|ended| self.record.sees(&ended))
    }

    async fn cancel(&mut self, path: &str) {
        let path = format!("{path}/cancel");
        while Instant::now() < self.until {
            match call(self.api, "POST", &path, None).await {
                Ok(answer) if answer.status == 200 => {
                    if !self.record.sees(answer.text("status")) {
                        self.strange("a cancel", &answer);
                    }
                    return;
                }
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => return self.strange("a cancel", &answer),
                Err(_trouble) => {}
            }
            sleep(AGAIN).await;
        }
        self.record.finds("could not be cancelled");
    }

    async fn delete(&mut self, path: &str) {
        self.record.deleted = true;
        let mut tries = 0;
        while Instant::now() < self.until {
            tries += 1;
            match call(self.api, "DELETE", path, None).await {
                Ok(answer) if answer.status == 200 => return,
                // The one before was done, and its answer lost.
                Ok(answer) if answer.status == 404 && tries > 1 => return,
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => return self.strange("a delete", &answer),
                Err(_trouble) => {}
            }
            sleep(AGAIN).await;
        }
        self.record.finds("could not be deleted");
    }

    fn strange(&mut self, what: &str, answer: &Answer) {
        let text: String = answer.body.to_string().chars().take(300).collect();
        self.record
            .finds(format!("{what} was answered {}: {text}", answer.status));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client::of(&Load::new(SocketAddr::from(([127, 0, 0, 1], 1)), 7), 1)
    }

    fn frame(number: u64, event: &str) -> Frame {
        Frame {
            event: event.to_owned(),
            number,
            data: String::new(),
        }
    }

    #[test]
    fn an_end_that_changes_is_found() {
        let mut client = client();
        assert!(!client.record.sees("queued"));
        assert!(client.record.sees("completed"));
        assert!(client.record.findings.is_empty());
        client.record.sees("cancelled");
        client.record.sees("in_progress");
        assert_eq!(client.record.findings.len(), 2);
    }

    #[test]
    fn a_frame_that_is_missing_or_comes_twice_is_found() {
        let mut client = client();
        assert!(!client.takes(vec![frame(0, "response.created"), frame(1, "x")]));
        assert!(client.takes(vec![frame(2, "response.completed")]));
        assert!(client.record.findings.is_empty());
        client.takes(vec![frame(2, "response.completed")]);
        assert_eq!(client.record.findings.len(), 1);
    }
}
