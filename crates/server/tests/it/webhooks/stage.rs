//! Processes on one PostgreSQL, and a receiver that knows what signs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use response_devstack::receiver::{Received, Receiver, ReceiverOptions, Secret, Signature};
use serde_json::{Value, json};

use crate::background_postgres::fleet::{Fleet, LONG, MARKER, ask_with, until};
use crate::background_postgres::invariants::After;
use crate::process::{Client, Process};

/// Signs what goes to the addresses of requests: thirty-two bytes that nobody may see.
pub(super) const SECRET: &str = "whsec_bWFya2VyLTRmMWQ3YTkwYzMtc2lnbmluZy1zZWNyZXQ=";
/// The same as a program has them in memory.
const SECRET_BYTES: &str = "marker-4f1d7a90c3-signing-secret";

/// What the processes are told unless a test says otherwise. Tries follow each other at once, and every
/// receiver has time.
pub(super) const SETTINGS: [(&str, &str); 4] = [
    ("EGRESS_ALLOW_CIDRS", "127.0.0.0/8"),
    ("WEBHOOK_SECRET", SECRET),
    ("WEBHOOK_RETRY_DELAY", "10ms"),
    ("WEBHOOK_TIMEOUT", "60s"),
];

/// Where responses are worked on and what they tell.
pub(super) struct Stage {
    pub(super) fleet: Fleet,
    pub(super) receiver: Receiver,
}

pub(crate) fn receiver() -> Receiver {
    Receiver::start(&ReceiverOptions {
        secrets: vec![Secret::new(SECRET)],
        ..ReceiverOptions::default()
    })
    .unwrap()
}

/// What has come, once it is as it should be.
pub(super) async fn received(
    receiver: &Receiver,
    is_so: impl FnMut(&[Arc<Received>]) -> bool,
) -> Vec<Arc<Received>> {
    let came = tokio::time::timeout(LONG, receiver.until(is_so)).await;
    came.unwrap_or_else(|_| panic!("it did not come, but {:#?}", lines(receiver)))
}

fn lines(receiver: &Receiver) -> Vec<String> {
    let all = receiver.received();
    all.iter().map(ToString::to_string).collect()
}

/// The event of a response: one, and always the same.
pub(super) fn event_of(id: &str) -> String {
    id.replace("resp_", "evt_")
}

/// The metadata of a request that wants its end told there.
pub(super) fn told_at(url: &str) -> Value {
    json!({"metadata": {"webhook_url": url}})
}

/// The deliveries of a response, as its owner sees them.
pub(super) async fn deliveries(api: &Client, id: &str) -> Vec<Value> {
    let found = api.get(&format!("v1/responses/{id}/deliveries")).await;
    assert_eq!(found.status, 200, "{id}: {:#}", found.body);
    found.body["data"].as_array().unwrap().clone()
}

/// The only delivery of a response, once it arrived or was given up.
pub(super) async fn settled(api: &Client, id: &str) -> Value {
    let mut seen = Value::Null;
    until("the delivery is over", LONG, async || {
        let deliveries = deliveries(api, id).await;
        assert!(deliveries.len() <= 1, "{deliveries:#?}");
        seen = deliveries.into_iter().next().unwrap_or_default();
        seen["status"] == "delivered" || seen["status"] == "given_up"
    })
    .await;
    seen
}

/// What came of each attempt: the status, or the fault.
pub(super) fn outcomes(delivery: &Value) -> Vec<String> {
    let attempts = delivery["attempts"].as_array().unwrap();
    let outcome = |attempt: &Value| match attempt["status_code"].as_u64() {
        Some(status) => status.to_string(),
        None => attempt["error"]["code"].as_str().unwrap().to_owned(),
    };
    attempts.iter().map(outcome).collect()
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with more settings for all processes.
    pub(super) async fn with(settings: &[(&str, &str)]) -> Self {
        let fleet = Fleet::with(&[&SETTINGS, settings].concat()).await;
        fleet.keeps_secret(SECRET_BYTES);
        let stage = Self {
            fleet,
            receiver: receiver(),
        };
        stage.trust(SECRET);
        stage
    }

    /// The receiver gets a secret, and nobody else may have it, with or without what it begins with.
    pub(super) fn trust(&self, secret: &str) {
        self.receiver.trust(Secret::new(secret));
        let key = secret.strip_prefix("whsec_").unwrap_or(secret);
        self.fleet.keeps_secret(key);
    }

    /// An address of the receiver.
    pub(super) fn url(&self, path: &str) -> String {
        self.receiver.url().join(path).unwrap().to_string()
    }

    /// Asks for a background response whose end is told to a path of the receiver; its id.
    pub(super) async fn ask(&self, api: &Client, prompt: &str, path: &str) -> String {
        ask_with(api, prompt, told_at(&self.url(path))).await
    }

    /// The attempts to tell of a response, once there are so many.
    pub(super) async fn attempts(&self, id: &str, at_least: usize) -> Vec<Arc<Received>> {
        let of_it = |all: &[Arc<Received>]| -> Vec<Arc<Received>> {
            let of_it = all.iter().filter(|one| one.response() == id);
            of_it.cloned().collect()
        };
        let all = received(&self.receiver, |all| of_it(all).len() >= at_least).await;
        of_it(&all)
    }

    /// The process that sends a delivery, as the database knows it.
    pub(super) async fn sender(&self, id: &str) -> String {
        let sql = format!("SELECT worker_id FROM webhook_deliveries WHERE response_id = '{id}'");
        let mut sender = None;
        until("somebody sends the delivery", LONG, async || {
            sender = self.fleet.rows::<(Option<String>,)>(&sql).await.pop();
            matches!(sender, Some((Some(_),)))
        })
        .await;
        sender.unwrap().0.unwrap()
    }

    /// Everything that holds after every fault, here and at the receiver.
    pub(super) async fn all_is_well(
        &self,
        api: &mut Process,
        workers: Vec<&mut Process>,
        responses: &[String],
    ) {
        self.all_is_well_without(api, workers, (responses, &[]))
            .await;
    }

    /// The same where some of the responses, the second ones, were deleted.
    pub(super) async fn all_is_well_without(
        &self,
        api: &mut Process,
        workers: Vec<&mut Process>,
        (responses, deleted): (&[String], &[String]),
    ) {
        let after = After {
            fleet: &self.fleet,
            api,
            workers,
            responses,
            deleted,
        };
        after.all_is_well(LONG).await;
        self.what_came_is_right(&self.receiver);
    }

    /// I5, as far as a receiver knows: one event for each response, signed, and nothing that is a secret.
    pub(super) fn what_came_is_right(&self, receiver: &Receiver) {
        let mut bodies = HashMap::new();
        for one in receiver.received() {
            let told = format!("{one}: {:?}", one.seen.headers);
            assert_eq!(one.id(), event_of(&one.response()), "I5: {told}");
            assert_eq!(one.signature, Signature::Verified, "{told}");
            let endpoint = one.seen.header("x-webhook-id").map(str::to_owned);
            let before = bodies.insert((one.id().to_owned(), endpoint), one.seen.body.clone());
            let is_same = before.is_none_or(|before| before == one.seen.body);
            assert!(is_same, "I5: the same event tells something else: {told}");
            let text = format!("{told} {}", String::from_utf8_lossy(&one.seen.body));
            for secret in self.fleet.secrets() {
                assert!(!text.contains(&secret), "I9: {text}");
            }
        }
    }

    /// How many different events came.
    pub(super) fn events(&self) -> usize {
        let received = self.receiver.received();
        let events: HashSet<_> = received.iter().map(|one| one.id()).collect();
        events.len()
    }
}

/// What a receiver must never be sent.
pub(super) fn holds_nothing_of_the_caller(one: &Received) {
    for (name, value) in &one.seen.headers {
        assert!(!value.contains(MARKER), "{name}");
        let belongs_inside = ["authorization", "cookie", "traceparent", "x-request-id"]
            .contains(&name.as_str())
            || ["x-consumer-", "x-user-", "x-forwarded-"]
                .iter()
                .any(|prefix| name.starts_with(prefix));
        assert!(!belongs_inside, "{name}: {value}");
    }
}
