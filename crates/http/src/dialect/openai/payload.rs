//! The thin payload of a webhook: that a response ended, to be fetched by whoever wants more.

use response_domain::id::{EventId, ResponseId};
use response_domain::time::Timestamp;
use response_domain::webhook::WebhookEvent;
use serde::Serialize;

use crate::dialect::Id;

#[derive(Serialize)]
pub(crate) struct Shape {
    id: Id<EventId>,
    object: &'static str,
    created_at: i64,
    r#type: &'static str,
    data: Subject,
}

#[derive(Serialize)]
struct Subject {
    id: Id<ResponseId>,
}

impl Shape {
    pub(crate) fn of(event: WebhookEvent, response: ResponseId, ended: Timestamp) -> Self {
        Self {
            id: Id(EventId::of(response)),
            object: "event",
            created_at: ended.unix_seconds(),
            r#type: event.as_str(),
            data: Subject { id: Id(response) },
        }
    }
}
