//! Deliveries of webhooks as JSON, with their attempts.

use std::sync::Arc;

use response_domain::id::{EndpointId, EventId, ResponseId};
use response_domain::webhook::{Attempt, DeliveryState, GaveUp, SendFault, WebhookDelivery};
use serde::{Serialize, Serializer};

use super::words;
use crate::dialect::{Id, attempt};

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    object: &'static str,
    event_id: Id<EventId>,
    event: &'static str,
    response_id: Id<ResponseId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<Id<EndpointId>>,
    url: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_up_at: Option<i64>,
    created_at: i64,
    attempts: Attempts<'a>,
}

impl<'a> Shape<'a> {
    pub(super) fn of(delivery: &'a WebhookDelivery) -> Self {
        let key = &delivery.key;
        let mut shape = Self {
            object: "webhook_delivery",
            event_id: Id(EventId::of(key.response)),
            event: delivery.event.as_str(),
            response_id: Id(key.response),
            webhook_id: key.endpoint.map(Id),
            url: &delivery.url,
            status: words::delivery(&delivery.state),
            reason: None,
            next_attempt_at: None,
            delivered_at: None,
            given_up_at: None,
            created_at: delivery.created.unix_seconds(),
            attempts: Attempts(&delivery.attempts),
        };
        match delivery.state {
            DeliveryState::Pending { due } => shape.next_attempt_at = Some(due.unix_seconds()),
            DeliveryState::Delivered { at } => shape.delivered_at = Some(at.unix_seconds()),
            DeliveryState::GivenUp { at, why } => {
                shape.given_up_at = Some(at.unix_seconds());
                shape.reason = Some(GaveUp::as_str(why));
            }
        }
        shape
    }
}

struct Attempts<'a>(&'a [Attempt]);

impl Serialize for Attempts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbered = (1_u32..).zip(self.0);
        serializer.collect_seq(numbered.map(|(number, attempt)| Numbered {
            number,
            outcome: Outcome::of(attempt),
        }))
    }
}

#[derive(Serialize)]
struct Numbered<'a> {
    number: u32,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

/// What came of one attempt.
#[derive(Serialize)]
pub(super) struct Outcome<'a> {
    at: i64,
    url: &'a str,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_excerpt: Option<&'a Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
    succeeded: bool,
}

/// Why there was no answer.
#[derive(Serialize)]
struct Fault {
    code: &'static str,
    message: &'static str,
}

impl<'a> Outcome<'a> {
    pub(super) fn of(attempt: &'a Attempt) -> Self {
        let answer = attempt.answer.as_ref();
        let excerpt = answer.map(|answer| &answer.excerpt).ok();
        let fault = |fault: &SendFault| Fault {
            code: fault.as_str(),
            message: attempt::sentence(*fault),
        };
        Self {
            at: attempt.at.unix_seconds(),
            url: &attempt.url,
            duration_ms: u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX),
            status_code: answer.map(|answer| answer.status).ok(),
            response_excerpt: excerpt.filter(|excerpt| !excerpt.is_empty()),
            error: answer.err().map(fault),
            succeeded: attempt.is_taken(),
        }
    }
}
