//! A process that wants to know who calls, a provider that says so, and what one sees of another.

use std::ops::Deref;
use std::time::Duration;

use serde_json::{Value, json};

use super::provider::Provider;
use crate::process::{Answer, Client, Process, World};

/// A provider is not asked for its keys again before, because of a key that nobody knows; and a little more.
pub(super) const BETWEEN_FETCHES: Duration = Duration::from_secs(31);

/// A process, and whom it asks about callers.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) provider: Provider,
    pub(super) service: Process,
}

impl Stage {
    /// A process that takes the provider's tokens.
    pub(super) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with more settings.
    pub(super) async fn with(settings: &[(&str, &str)]) -> Self {
        let provider = Provider::start().await;
        let mut world = World::new();
        takes_tokens_of(&mut world, &provider);
        for (name, value) in settings {
            world.set(name, value);
        }
        let service = world.start().await;
        Self {
            world,
            provider,
            service,
        }
    }

    /// The client of the provider of this name, as it calls the process.
    pub(super) async fn caller(&self, name: &str) -> Client {
        let token = self.provider.token(name, "RS256").await;
        self.service.bearing(&token)
    }
}

impl Deref for Stage {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.service
    }
}

pub(super) fn takes_tokens_of(world: &mut World, provider: &Provider) {
    world.set("AUTH_ENABLED", "true");
    world.set("AUTH_ISSUER", provider.issuer());
}

/// What is asked for where only the caller matters.
pub(super) fn body() -> Value {
    json!({"model": "bench-plain", "input": "hi", "tools": []})
}

/// Somebody gets in, and an answer that is kept: its id.
pub(super) async fn gets_in(caller: &Client) -> String {
    let answer = caller.create(body()).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    answer.body["id"].as_str().unwrap().to_owned()
}

/// Both see the same responses: they are one owner.
pub(super) async fn are_one(one: &Client, other: &Client) {
    for (asks, looks) in [(one, other), (other, one)] {
        let id = gets_in(asks).await;
        let found = looks.get(&format!("v1/responses/{id}")).await;
        assert_eq!(found.status, 200, "{:#}", found.body);
    }
}

/// None sees anything of the other.
pub(super) async fn are_strangers(one: &Client, other: &Client) {
    for (asks, looks) in [(one, other), (other, one)] {
        let id = gets_in(asks).await;
        let found = looks.get(&format!("v1/responses/{id}")).await;
        assert_eq!(found.status, 404, "{:#}", found.body);
    }
}

/// Somebody is turned away in the words of both dialects, and told what is wanted instead.
pub(super) async fn is_turned_away(caller: &Client, code: &str, told: &str) {
    for (dialect, words) in [
        ("v1", ("authentication_error", code)),
        ("openai/v1", ("invalid_request_error", "invalid_api_key")),
    ] {
        let path = format!("{dialect}/responses");
        let asked = caller.post(&path, body()).await;
        is_refused(&asked, words, &format!("{told}, POST {path}"));
        let looked = caller.get(&format!("{path}/resp_none")).await;
        is_refused(&looked, words, &format!("{told}, GET {path}"));
    }
}

fn is_refused(answer: &Answer, (kind, code): (&str, &str), told: &str) {
    assert_eq!(answer.status, 401, "{told}: {:#}", answer.body);
    let error = &answer.body["error"];
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!(kind), &json!(code)),
        "{told}"
    );
    assert!(error["message"].is_string(), "{told}");
    let wanted = answer.headers.get("www-authenticate");
    let wanted = wanted.unwrap_or_else(|| panic!("{told}: {:?}", answer.headers));
    assert!(wanted.to_str().unwrap().starts_with("Bearer"), "{told}");
}
