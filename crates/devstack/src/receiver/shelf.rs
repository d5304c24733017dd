//! What came: the latest deliveries, each with what its signatures are worth and which attempt it is.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::reaction::Reaction;
use super::signature::{Secret, Signature, fits_platform, fits_standard};
use crate::ledger::Seen;

/// How much of deliveries is kept together, in bytes of their bodies.
const ROOM: usize = 64 << 20;

/// The longest of the texts of a line, in characters.
const LONGEST: usize = 80;

/// A delivery that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Counted from 1, over all that came.
    pub number: u64,
    /// When it came.
    pub at: SystemTime,
    /// The request as it was.
    pub seen: Seen,
    /// What its signatures are worth.
    pub signature: Signature,
    /// Which attempt of the same `webhook-id` at the same address this is, among those that are kept.
    pub attempt: u32,
    /// What it is answered with, in a word or two.
    pub answer: String,
}

impl Received {
    /// The `webhook-id`: the same at every attempt.
    pub fn id(&self) -> &str {
        self.seen.header("webhook-id").unwrap_or_default()
    }

    /// The event, as the headers or else the body name it.
    pub fn event(&self) -> String {
        self.told("x-jan-event", &["/event", "/type"])
    }

    /// The response that it tells of, as the headers or else the body name it.
    pub fn response(&self) -> String {
        self.told("x-jan-response-id", &["/data/id", "/id"])
    }

    /// Whether `webhook-signature` has a signature by this secret.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        fits_standard(&self.seen, &Secret::new(secret))
    }

    /// Whether `X-Signature` is one by this secret.
    pub fn has_platform_signature_of(&self, secret: &str) -> bool {
        fits_platform(&self.seen, &Secret::new(secret))
    }

    fn told(&self, header: &str, fields: &[&str]) -> String {
        if let Some(value) = self.seen.header(header) {
            return value.to_owned();
        }
        let body = self.seen.json();
        let found = fields
            .iter()
            .find_map(|field| body.pointer(field)?.as_str());
        found.unwrap_or("-").to_owned()
    }

    pub(super) fn time(&self) -> String {
        DateTime::<Utc>::from(self.at).to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    pub(super) fn json(&self) -> Value {
        let headers = self.seen.headers.iter();
        let headers: serde_json::Map<_, _> = headers
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let body = match self.seen.json() {
            Value::Null => json!(String::from_utf8_lossy(&self.seen.body)),
            body => body,
        };
        let mut told = json!({
            "number": self.number, "at": self.time(), "path": self.seen.path,
            "event": self.event(), "response_id": self.response(), "webhook_id": self.id(),
            "signature": self.signature.as_str(), "attempt": self.attempt,
            "answer": self.answer, "headers": headers, "body": body,
        });
        if let Signature::Wrong(why) = self.signature
            && let Some(told) = told.as_object_mut()
        {
            told.insert("why".to_owned(), json!(why));
        }
        told
    }
}

/// One line: time, address, event, response, event id, signature, attempt, answer.
impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |text: &str| -> String {
            let text = text.chars().filter(|c| !c.is_control());
            text.take(LONGEST).collect()
        };
        write!(
            f,
            "{} {} {} {} {} {}",
            self.time(),
            plain(&self.seen.path),
            plain(&self.event()),
            plain(&self.response()),
            plain(self.seen.header("webhook-id").unwrap_or("-")),
            self.signature.as_str(),
        )?;
        if let Signature::Wrong(why) = self.signature {
            write!(f, " ({why})")?;
        }
        write!(f, ", attempt {}, answer {}", self.attempt, self.answer)
    }
}

/// The latest deliveries; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    keep: usize,
    book: Arc<Mutex<Book>>,
    /// How many came.
    count: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Book {
    count: u64,
    bytes: usize,
    received: Vec<Arc<Received>>,
}

impl Shelf {
    pub(super) fn keeping(keep: usize) -> Self {
        Self {
            keep,
            book: Arc::default(),
            count: watch::Sender::default(),
        }
    }

    /// Puts a delivery to the others. What it is answered with may depend on which attempt it is.
    pub(super) fn put(
        &self,
        seen: Seen,
        secrets: &[Secret],
        react: impl FnOnce(u32) -> Reaction,
    ) -> (Arc<Received>, Reaction) {
        let at = now();
        let unix = at.duration_since(SystemTime::UNIX_EPOCH);
        let unix = unix.unwrap_or(Duration::ZERO).as_secs();
        let signature = Signature::of(&seen, secrets, unix);
        let mut book = self.lock();
        let attempt = book.attempts(&seen).saturating_add(1);
        let reaction = react(attempt);
        book.count += 1;
        let received = Arc::new(Received {
            number: book.count,
            at,
            seen,
            signature,
            attempt,
            answer: reaction.told(),
        });
        book.keep(Arc::clone(&received), self.keep);
        self.count.send_replace(book.count);
        (received, reaction)
    }

    /// What is kept, oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Received>> {
        self.lock().received.clone()
    }

    /// What is kept, which is forgotten.
    pub(super) fn take(&self) -> Vec<Arc<Received>> {
        let mut book = self.lock();
        book.bytes = 0;
        std::mem::take(&mut book.received)
    }

    /// Waits until what is kept is as the condition wants it.
    pub(super) async fn until(
        &self,
        mut condition: impl FnMut(&[Arc<Received>]) -> bool,
    ) -> Vec<Arc<Received>> {
        let mut count = self.count.subscribe();
        loop {
            let all = self.all();
            if condition(&all) {
                return all;
            }
            // The sender lives in this shelf, so the wait cannot end for the want of one.
            let _ = count.changed().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// How often the same was sent to the same address before.
    fn attempts(&self, seen: &Seen) -> u32 {
        let id = seen.header("webhook-id").filter(|id| !id.is_empty());
        let mut before = self.received.iter().rev();
        let is_same = |before: &&Arc<Received>| {
            before.seen.path == seen.path && before.seen.header("webhook-id") == id
        };
        let last = id.and_then(|_| before.find(is_same));
        last.map_or(0, |last| last.attempt)
    }

    /// Keeps one more, and of the oldest as many as there is room for.
    fn keep(&mut self, received: Arc<Received>, at_most: usize) {
        self.bytes += received.seen.body.len();
        self.received.push(received);
        let mut drop = self.received.len().saturating_sub(at_most);
        let mut bytes = self.bytes;
        for (index, received) in self.received.iter().enumerate() {
            if index >= drop && bytes <= ROOM {
                break;
            }
            bytes -= received.seen.body.len();
            drop = drop.max(index + 1);
        }
        self.bytes = bytes;
        self.received.drain(..drop);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the stand-in stands outside the house, where the clock on the wall is the time"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn put(shelf: &Shelf, path: &str, id: &str, body: &[u8]) -> Arc<Received> {
        let seen = Seen {
            method: "POST".to_owned(),
            path: path.to_owned(),
            headers: vec![("webhook-id".to_owned(), id.to_owned())],
            body: Bytes::copy_from_slice(body),
        };
        shelf.put(seen, &[], |_| Reaction::status(200)).0
    }

    #[test]
    fn attempts_are_counted_by_id_and_address() {
        let shelf = Shelf::keeping(10);
        let attempt = |path, id| put(&shelf, path, id, b"{}").attempt;
        assert_eq!(attempt("/a", "evt_1"), 1);
        assert_eq!(attempt("/a", "evt_2"), 1);
        assert_eq!(attempt("/b", "evt_1"), 1);
        assert_eq!(attempt("/a", "evt_1"), 2);
        assert_eq!(attempt("/a", "evt_1"), 3);
        assert_eq!((attempt("/a", ""), attempt("/a", "")), (1, 1));
    }

    #[test]
    fn the_oldest_make_room_by_number_and_by_bytes() {
        let numbers = |shelf: &Shelf| -> Vec<u64> {
            shelf.all().iter().map(|received| received.number).collect()
        };
        let shelf = Shelf::keeping(2);
        for _ in 0..3 {
            put(&shelf, "/", "evt_1", b"{}");
        }
        assert_eq!(numbers(&shelf), [2, 3]);
        assert_eq!((shelf.take().len(), shelf.all().len()), (2, 0));
        let shelf = Shelf::keeping(10);
        let half = vec![b'x'; ROOM / 2 + 1];
        put(&shelf, "/", "evt_1", b"{}");
        put(&shelf, "/", "evt_1", &half);
        put(&shelf, "/", "evt_1", &half);
        assert_eq!(numbers(&shelf), [3]);
        put(&shelf, "/", "evt_1", b"{}");
        assert_eq!(numbers(&shelf), [3, 4]);
        let none = Shelf::keeping(0);
        put(&none, "/", "evt_1", b"{}");
        assert_eq!(numbers(&none), [0; 0]);
    }

    #[test]
    fn a_delivery_is_one_line_whatever_is_in_it() {
        let shelf = Shelf::keeping(1);
        let body = br#"{"type":"response.completed\n","data":{"id":"resp_1"}}"#;
        let line = put(&shelf, "/webhook", "evt_1", body).to_string();
        let (_, rest) = line.split_once(' ').unwrap();
        assert_eq!(
            rest,
            "/webhook response.completed resp_1 evt_1 unsigned, attempt 1, answer 200"
        );
        let body = b"{\"type\":\"a\\nb\"}";
        let line = put(&shelf, "/webhook", "evt_1", body).to_string();
        assert!(line.contains(" ab - evt_1 "), "{line}");
    }
}
