//! How many tokens a model takes: what the server's catalogue says of it, or its list of models; kept for
//! a while, asked for once however many want to know.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use response_egress::header::HeaderMap;
use response_egress::{EgressClient, Outbound, StatusCode, Url};
use serde_json::value::RawValue;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::endpoint::Endpoints;
use crate::wire::{Number, Text};

/// How long both questions together may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it is kept that nobody knows.
const UNKNOWN_FOR: Duration = Duration::from_mins(1);
/// The longest catalogue that is read.
const LONGEST: usize = 8 << 20;
/// How many models are kept: any caller may name any.
const MOST: usize = 1_024;
/// How many models can be asked for at a time. Two that share a place wait for each other.
const PLACES: usize = 16;

/// What is known of the models of one server.
#[derive(Debug)]
pub(crate) struct Catalogue {
    known: RwLock<HashMap<Arc<str>, Known>>,
    asking: [Mutex<()>; PLACES],
    hasher: RandomState,
    keep: Duration,
    fallback: u32,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    /// None when the server does not say.
    tokens: Option<u32>,
    until: Instant,
}

/// What a server answered.
enum Word {
    Tokens(u32),
    Silence,
    /// It did not want to tell this caller.
    Denied,
}

/// How the server is asked.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) egress: &'a EgressClient,
    pub(crate) endpoints: &'a Endpoints,
    pub(crate) headers: HeaderMap,
    /// Whether the headers carry a credential of the caller's own.
    pub(crate) callers_own: bool,
}

impl Catalogue {
    pub(crate) fn new(keep: Duration, fallback: u32) -> Self {
        Self {
            known: RwLock::default(),
            asking: Default::default(),
            hasher: RandomState::new(),
            keep,
            fallback,
        }
    }

    /// The tokens that `model` takes, if that is known without asking.
    pub(crate) fn peek(&self, model: &str) -> Option<u32> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(model)?.tokens
    }

    /// The tokens that `model` takes, when they are fresh: the fallback if it is fresh that nobody knows.
    pub(crate) fn fresh(&self, model: &str) -> Option<u32> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(model)?;
        (Instant::now() < known.until).then(|| known.tokens.unwrap_or(self.fallback))
    }

    /// The tokens that `model` takes; asks the server.
    pub(crate) async fn ask(&self, model: &str, question: Question<'_>) -> u32 {
        if self.keep.is_zero() {
            return self.inquire(model, &question).await;
        }
        let hash = self.hasher.hash_one(model);
        let place = usize::try_from(hash % PLACES as u64).unwrap_or(0);
        let Some(place) = self.asking.get(place) else {
            return self.fallback;
        };
        let _asking = place.lock().await;
        match self.fresh(model) {
            Some(tokens) => tokens,
            None => self.inquire(model, &question).await,
        }
    }

    async fn inquire(&self, model: &str, question: &Question<'_>) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        let word = match question.described(model, deadline).await {
            Word::Tokens(tokens) => Word::Tokens(tokens),
            first => match (question.listed(model, deadline).await, first) {
                (Word::Silence, Word::Denied) => Word::Denied,
                (second, _) => second,
            },
        };
        // What was known before is better than a guess.
        let before = self.peek(model);
        let (tokens, keep) = match word {
            Word::Tokens(tokens) => (Some(tokens), self.keep),
            // One caller's refused credential says nothing for the others.
            Word::Denied if question.callers_own => return before.unwrap_or(self.fallback),
            Word::Denied | Word::Silence => (before, self.keep.min(UNKNOWN_FOR)),
        };
        if tokens.is_none() {
            tracing::debug!(
                model,
                "the model server does not say how many tokens it takes"
            );
        }
        self.remember(model, tokens, Instant::now() + keep);
        tokens.unwrap_or(self.fallback)
    }

    fn remember(&self, model: &str, tokens: Option<u32>, until: Instant) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(model) {
            let now = Instant::now();
            known.retain(|_, known| now < known.until);
            if known.len() >= MOST {
                known.clear();
            }
        }
        known.insert(Arc::from(model), Known { tokens, until });
    }
}

impl Question<'_> {
    /// What the catalogue says of the model.
    async fn described(&self, model: &str, deadline: Instant) -> Word {
        #[derive(serde::Deserialize)]
        struct Described<'a> {
            #[serde(flatten)]
            lengths: Lengths,
            #[serde(borrow, default)]
            data: Option<&'a RawValue>,
        }
        let url = self.endpoints.catalogue(model);
        self.read(&url, deadline, |body| {
            let described: Described<'_> = serde_json::from_slice(body).ok()?;
            let inner = described.data.map(RawValue::get);
            let inner = || serde_json::from_str::<Lengths>(inner?).ok()?.tokens();
            described.lengths.tokens().or_else(inner)
        })
        .await
    }

    /// What the list of models says of it.
    async fn listed(&self, model: &str, deadline: Instant) -> Word {
        #[derive(serde::Deserialize)]
        struct List<'a> {
            #[serde(borrow)]
            data: Vec<&'a RawValue>,
        }
        #[derive(serde::Deserialize)]
        struct Named<'a> {
            #[serde(borrow, default)]
            id: Text<'a>,
        }
        self.read(&self.endpoints.models, deadline, |body| {
            let list: List<'_> = serde_json::from_slice(body).ok()?;
            let mut entries = list.data.iter().map(|entry| entry.get());
            let entry = entries.find(|entry| {
                let named: Result<Named<'_>, _> = serde_json::from_str(entry);
                named.is_ok_and(|named| named.id.as_str() == model)
            })?;
            serde_json::from_str::<Lengths>(entry).ok()?.tokens()
        })
        .await
    }

    async fn read(
        &self,
        url: &Url,
        deadline: Instant,
        tokens: impl FnOnce(&[u8]) -> Option<u32>,
    ) -> Word {
        let outbound = Outbound::get(url)
            .headers(self.headers.clone())
            .deadline(deadline);
        let Ok(inbound) = self.egress.send(outbound).await else {
            return Word::Silence;
        };
        match inbound.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Word::Denied,
            _ => return Word::Silence,
        }
        let body = inbound.bytes_capped(LONGEST, deadline).await;
        let found = body.ok().and_then(|body| tokens(&body));
        found.map_or(Word::Silence, Word::Tokens)
    }
}

/// The names that servers have for it.
#[derive(Debug, serde::Deserialize)]
struct Lengths {
    #[serde(default)]
    context_length: Number,
    #[serde(default)]
    max_model_len: Number,
    #[serde(default)]
    context_window: Number,
    #[serde(default)]
    max_context_length: Number,
}

impl Lengths {
    fn tokens(&self) -> Option<u32> {
        let names = [
            self.context_length,
            self.max_model_len,
            self.context_window,
            self.max_context_length,
        ];
        let told = names
            .into_iter()
            .map(Number::count)
            .find(|count| *count > 0)?;
        Some(u32::try_from(told).unwrap_or(u32::MAX))
    }
}
