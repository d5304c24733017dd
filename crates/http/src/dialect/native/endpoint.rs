//! Webhook endpoints as JSON, and what came of trying one.

use response_domain::id::EndpointId;
use response_domain::time::Timestamp;
use response_domain::webhook::{
    Disabled, Endpoint, EndpointState, EventPattern, SigningSecret, WebhookEvent,
};
use serde::{Serialize, Serializer};

use super::delivery::Outcome;
use super::words;
use crate::dialect::{Id, Trial};

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    id: Id<EndpointId>,
    object: &'static str,
    name: &'a str,
    url: &'a str,
    events: Patterns<'a>,
    active: bool,
    payload: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    secret_hint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

struct Patterns<'a>(&'a [EventPattern]);

impl Serialize for Patterns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|pattern| pattern.as_str()))
    }
}

impl<'a> Shape<'a> {
    pub(super) fn of(endpoint: &'a Endpoint, secret: Option<&'a SigningSecret>) -> Self {
        let spec = &endpoint.spec;
        let disabled = match endpoint.state {
            EndpointState::Active => None,
            EndpointState::Disabled { at, why } => Some((at, why)),
        };
        Self {
            id: Id(endpoint.id),
            object: "webhook",
            name: &spec.name,
            url: &spec.url,
            events: Patterns(&spec.events),
            active: disabled.is_none(),
            payload: spec.payload.as_str(),
            secret: secret.map(SigningSecret::expose),
            secret_hint: &endpoint.secrets.hint,
            disabled_at: disabled.map(|(at, _)| at.unix_seconds()),
            disabled_reason: disabled.map(|(_, why)| Disabled::as_str(why)),
            failing_since: endpoint.failing_since.map(Timestamp::unix_seconds),
            created_at: endpoint.created.unix_seconds(),
            updated_at: endpoint.updated.unix_seconds(),
        }
    }
}

/// What came of a made-up event.
#[derive(Serialize)]
pub(super) struct Tried<'a> {
    object: &'static str,
    webhook_id: Id<EndpointId>,
    event: &'static str,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

impl<'a> Tried<'a> {
    pub(super) fn of(trial: &'a Trial) -> Self {
        Self {
            object: "webhook.test",
            webhook_id: Id(trial.endpoint),
            event: trial.event.as_str(),
            outcome: Outcome::of(&trial.attempt),
        }
    }
}

/// Every event there is.
#[derive(Serialize)]
pub(super) struct EventTypes {
    object: &'static str,
    data: Vec<EventType>,
    first_id: Option<&'static str>,
    last_id: Option<&'static str>,
    has_more: bool,
}

#[derive(Serialize)]
struct EventType {
    id: &'static str,
    object: &'static str,
    description: &'static str,
    payloads: Vec<&'static str>,
}

impl EventTypes {
    pub(super) fn all() -> Self {
        let kind = |event: &WebhookEvent| EventType {
            id: event.as_str(),
            object: "webhook_event_type",
            description: words::event(*event),
            payloads: words::payloads(*event)
                .iter()
                .map(|payload| payload.as_str())
                .collect(),
        };
        let data: Vec<EventType> = WebhookEvent::ALL.iter().map(kind).collect();
        Self {
            object: "list",
            first_id: data.first().map(|kind| kind.id),
            last_id: data.last().map(|kind| kind.id),
            data,
            has_more: false,
        }
    }
}
