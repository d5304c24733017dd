//! A sender of webhooks that obeys: it answers as it was told, holds attempts until they are released, and
//! keeps every letter.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use response_domain::ports::webhook::{Letter, NotAllowed, WebhookSender};
use response_domain::webhook::{Answer, SendFault};
use tokio::sync::watch;

/// What comes of an attempt.
pub type Reply = Result<Answer, SendFault>;

/// A receiver's answer of this status.
pub fn status(status: u16) -> Reply {
    Ok(Answer {
        status,
        retry_after: None,
        excerpt: Arc::from(""),
    })
}

/// A receiver's answer of this status, which asks to be left alone for so long.
pub fn busy(status: u16, retry_after: Duration) -> Reply {
    Ok(Answer {
        status,
        retry_after: Some(retry_after),
        excerpt: Arc::from(""),
    })
}

/// Where an answer is looked up.
#[derive(Debug, Default)]
struct Script {
    /// The next answers of an address, and the one that follows them always.
    by_url: BTreeMap<Arc<str>, (VecDeque<Reply>, Option<Reply>)>,
    /// The next answers to whoever has none of its own.
    anybody: VecDeque<Reply>,
    refused: BTreeSet<Arc<str>>,
}

impl Script {
    fn next(&mut self, url: &str) -> Reply {
        if self.refused.contains(url) {
            return Err(SendFault::NotAllowed);
        }
        if let Some((row, always)) = self.by_url.get_mut(url)
            && let Some(reply) = row.pop_front().or_else(|| always.clone())
        {
            return reply;
        }
        self.anybody.pop_front().unwrap_or_else(|| status(200))
    }
}

/// A sender that obeys. Whoever was told nothing else answers 200.
#[derive(Debug, Default)]
pub struct ScriptedSender {
    script: Mutex<Script>,
    letters: watch::Sender<Vec<Letter>>,
    answered: watch::Sender<usize>,
    held: watch::Sender<BTreeSet<Arc<str>>>,
}

impl ScriptedSender {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next attempts, to whoever has no answers of its own, are answered so, in this order.
    pub fn answer(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script().anybody.extend(replies);
    }

    /// The next attempts to this address are answered so, in this order.
    pub fn answer_at(&self, url: &str, replies: impl IntoIterator<Item = Reply>) {
        let mut script = self.script();
        let (row, _) = script.by_url.entry(url.into()).or_default();
        row.extend(replies);
    }

    /// All attempts to this address are answered so, once those that were told before are.
    pub fn always_at(&self, url: &str, reply: Reply) {
        let mut script = self.script();
        let (_, always) = script.by_url.entry(url.into()).or_default();
        *always = Some(reply);
    }

    /// Attempts to this address get no answer until it is released.
    pub fn hold(&self, url: &str) {
        self.held.send_modify(|held| {
            held.insert(url.into());
        });
    }

    /// Answers the attempts to this address, those that wait and those that come.
    pub fn release(&self, url: &str) {
        self.held.send_modify(|held| {
            held.remove(url);
        });
    }

    /// This address is not admitted, and nothing is sent to it.
    pub fn refuse(&self, url: &str) {
        self.script().refused.insert(url.into());
    }

    /// All letters so far, also those that are held or were refused, in the order in which they came.
    pub fn letters(&self) -> Vec<Letter> {
        self.letters.borrow().clone()
    }

    /// Those to this address.
    pub fn letters_to(&self, url: &str) -> Vec<Letter> {
        let letters = self.letters.borrow();
        letters
            .iter()
            .filter(|it| &*it.url == url)
            .cloned()
            .collect()
    }

    /// How many attempts have got their answer.
    pub fn answered(&self) -> usize {
        *self.answered.borrow()
    }

    /// Waits until there have been this many letters in all, and answers them.
    pub async fn sent(&self, count: usize) -> Vec<Letter> {
        let mut letters = self.letters.subscribe();
        let enough = letters.wait_for(|letters| letters.len() >= count).await;
        enough.map(|letters| letters.clone()).unwrap_or_default()
    }

    /// Waits until there have been this many letters to an address, and answers them.
    pub async fn sent_to(&self, url: &str, count: usize) -> Vec<Letter> {
        let mut letters = self.letters.subscribe();
        let enough = |letters: &Vec<Letter>| {
            let fitting = letters.iter().filter(|it| &*it.url == url);
            fitting.count() >= count
        };
        // The sender lives as long as this borrow of it.
        let _seen = letters.wait_for(enough).await;
        self.letters_to(url)
    }
}

#[async_trait]
impl WebhookSender for ScriptedSender {
    async fn send(&self, letter: Letter) -> Reply {
        let url = Arc::clone(&letter.url);
        let reply = self.script().next(&url);
        self.letters.send_modify(|letters| letters.push(letter));
        let mut held = self.held.subscribe();
        // The sender lives as long as this borrow of it.
        let _released = held.wait_for(|held| !held.contains(&url)).await;
        self.answered.send_modify(|count| *count += 1);
        reply
    }

    fn origin(&self, url: &str) -> Box<str> {
        let path = url
            .match_indices('/')
            .nth(2)
            .map_or(url.len(), |(at, _)| at);
        url.get(..path).unwrap_or(url).into()
    }

    fn admit(&self, url: &str) -> Result<(), NotAllowed> {
        if self.script().refused.contains(url) {
            return Err(NotAllowed(format!("`{url}` may not be called")));
        }
        Ok(())
    }
}
