//! A sender that may call this machine, what it sends, and names that lead where a test wants.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use response_domain::id::{EventId, RawId, ResponseId};
use response_domain::ports::webhook::Letter;
use response_domain::time::Timestamp;
use response_domain::webhook::{SigningSecret, WebhookEvent};
use response_egress::{AddressPolicy, Looking, Lookup};
use response_webhook::{HttpSender, Options};

/// How long an attempt may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// The first second of 2026.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

pub(crate) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
pub(crate) const OLD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Public addresses and one of this machine, which stands for a public one.
pub(crate) fn policy() -> AddressPolicy {
    AddressPolicy::PublicOnly {
        allow: vec!["127.0.0.1/32".parse().unwrap()],
        deny: Vec::new(),
    }
}

pub(crate) fn sender_with(policy: AddressPolicy, lookup: Arc<dyn Lookup>) -> HttpSender {
    let options = Options {
        timeout: TIMEOUT,
        policy,
        lookup,
        ..Options::default()
    };
    HttpSender::new(options).unwrap()
}

/// A sender for which every name is this machine's.
pub(crate) fn sender() -> HttpSender {
    sender_with(policy(), Names::leading(&[&["127.0.0.1"]]))
}

/// A callback, unsigned.
pub(crate) fn letter(url: &str) -> Letter {
    let response = RawId::new(0x0193_4d1f_5e7a_7000_8000_0000_0000_0001);
    Letter {
        id: EventId::new(response),
        at: NOW,
        event: WebhookEvent::Completed,
        response: ResponseId::new(response),
        endpoint: None,
        url: url.into(),
        body: br#"{"text":"gr\u00f6\u00dfe \u20ac"}"#.to_vec(),
        secrets: Vec::new(),
    }
}

pub(crate) fn secrets(texts: &[&str]) -> Vec<SigningSecret> {
    let parse = |text: &&str| SigningSecret::parse(text).unwrap();
    texts.iter().map(parse).collect()
}

/// Answers each lookup as a script says, the last for ever.
#[derive(Debug)]
pub(crate) struct Names {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<String>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Addresses(Vec<IpAddr>),
    Unknown,
    Silence,
}

impl Names {
    pub(crate) fn new(answers: Vec<Answer>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into()),
            asked: Mutex::default(),
        })
    }

    pub(crate) fn leading(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Self::new(answers.iter().map(parse).map(Answer::Addresses).collect())
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Lookup for Names {
    fn look_up(&self, name: &str) -> Looking {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = answers.front().unwrap().clone();
        if answers.len() > 1 {
            answers.pop_front();
        }
        Box::pin(async move {
            match answer {
                Answer::Addresses(found) => Ok(found),
                Answer::Unknown => Err(io::Error::other("no such name")),
                Answer::Silence => std::future::pending().await,
            }
        })
    }
}
