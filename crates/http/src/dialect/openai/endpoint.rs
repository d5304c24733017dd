//! Webhook endpoints as OpenAI's clients know them. They name each event they want; an endpoint that was
//! registered elsewhere with a pattern shows the events that it covers. Fields that mean nothing here are
//! passed over: the clients keep adding some.

use std::sync::Arc;

use response_domain::id::EndpointId;
use response_domain::spec::FaultKind;
use response_domain::webhook::{Endpoint, EndpointDraft, SigningSecret, WebhookEvent};
use response_engine::endpoints::{OldSecret, Rotation};
use serde::Serialize;

use crate::dialect::object::{Faults, quoted};
use crate::dialect::reading::Reading;
use crate::dialect::{Id, Trial, attempt};
use crate::problem::Problem;

const FIELDS: &[&str; 3] = &["name", "url", EVENT_TYPES];
const EVENT_TYPES: &str = "event_types";
const ROTATION: &[&str; 1] = &[KEEP_OLD];
const KEEP_OLD: &str = "keep_old_secret_active_for_24_hours";
const TRIAL: &[&str; 1] = &["event_type"];
const EVENTS: &str =
    "`response.completed`, `response.failed`, `response.cancelled` or `response.incomplete`";

/// What a new endpoint is to be.
pub(super) fn draft(body: &str) -> Result<EndpointDraft, Problem> {
    let mut reading = Reading::begin(body, FIELDS)?;
    for &field in FIELDS {
        reading.require(field);
    }
    let draft = fields(&mut reading);
    reading.end()?;
    Ok(draft)
}

/// How an endpoint is to be changed; none when nothing is named.
pub(super) fn change(body: &str) -> Result<Option<EndpointDraft>, Problem> {
    let mut reading = Reading::begin(body, FIELDS)?;
    let draft = fields(&mut reading);
    let names_one = FIELDS
        .iter()
        .any(|&name| reading.fields.get(name).is_some());
    reading.end()?;
    Ok(names_one.then_some(draft))
}

fn fields(reading: &mut Reading<'_, 3>) -> EndpointDraft {
    let events: Option<Vec<String>> = reading.texts(EVENT_TYPES);
    EndpointDraft {
        name: reading.text("name"),
        url: reading.text("url"),
        events: events.map(|names| known(&names, &mut reading.faults)),
        ..EndpointDraft::default()
    }
}

/// The events of these names, each once. A pattern is none of them.
fn known(names: &[String], faults: &mut Faults) -> Vec<Arc<str>> {
    let mut events: Vec<Arc<str>> = Vec::new();
    if names.is_empty() {
        let message = format!("`{EVENT_TYPES}` must name at least one event: {EVENTS}");
        faults.add(EVENT_TYPES, FaultKind::Invalid, message);
    }
    for (index, name) in names.iter().enumerate() {
        match WebhookEvent::from_text(name).map(WebhookEvent::as_str) {
            Some(event) if events.iter().any(|known| &**known == event) => {}
            Some(event) => events.push(event.into()),
            None => {
                let field = format!("{EVENT_TYPES}[{index}]");
                let name = quoted(name);
                let message = format!("`{field}` must be {EVENTS}, not `{name}`");
                faults.add(&field, FaultKind::Invalid, message);
            }
        }
    }
    events
}

/// How a secret is to be replaced.
pub(super) fn rotation(body: &str) -> Result<Rotation, Problem> {
    let mut reading = Reading::begin(body, ROTATION)?;
    let old = match reading.truth(KEEP_OLD) {
        Some(true) => OldSecret::SignsForADay,
        Some(false) | None => OldSecret::Dropped,
    };
    reading.end()?;
    Ok(Rotation { secret: None, old })
}

/// With which event an endpoint is to be tried.
pub(super) fn trial(body: &str) -> Result<WebhookEvent, Problem> {
    let mut reading = Reading::begin(body, TRIAL)?;
    reading.require("event_type");
    let event = reading.word("event_type", EVENTS, WebhookEvent::from_text);
    reading.end()?;
    Ok(event.unwrap_or(WebhookEvent::Completed))
}

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    id: Id<EndpointId>,
    object: &'static str,
    created_at: i64,
    updated_at: i64,
    name: &'a str,
    url: &'a str,
    event_types: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret: Option<&'a str>,
    signing_secret_hint: String,
}

impl<'a> Shape<'a> {
    pub(super) fn of(endpoint: &'a Endpoint, secret: Option<&'a SigningSecret>) -> Self {
        let spec = &endpoint.spec;
        let is_wanted =
            |event: &WebhookEvent| spec.events.iter().any(|pattern| pattern.covers(*event));
        let wanted = WebhookEvent::ALL.iter().copied().filter(is_wanted);
        Self {
            id: Id(endpoint.id),
            object: "webhook_endpoint",
            created_at: endpoint.created.unix_seconds(),
            updated_at: endpoint.updated.unix_seconds(),
            name: &spec.name,
            url: &spec.url,
            event_types: wanted.map(WebhookEvent::as_str).collect(),
            signing_secret: secret.map(SigningSecret::expose),
            signing_secret_hint: format!("…{}", endpoint.secrets.hint),
        }
    }
}

/// What an endpoint answered to a made-up event.
#[derive(Serialize)]
pub(super) struct Tried {
    object: &'static str,
    event_type: &'static str,
    status_code: u16,
    success: bool,
    webhook_endpoint_id: Id<EndpointId>,
}

impl Tried {
    /// Whatever an endpoint answers is a success, its status says the rest; that it did not answer is a
    /// problem.
    pub(super) fn of(trial: &Trial) -> Result<Self, Problem> {
        let answer = trial.attempt.answer.as_ref().map_err(|fault| {
            let why = attempt::sentence(*fault);
            Problem::bad_request(
                fault.as_str(),
                format!("The endpoint did not answer. {why}"),
            )
        })?;
        Ok(Self {
            object: "webhook_endpoint.test",
            event_type: trial.event.as_str(),
            status_code: answer.status,
            success: true,
            webhook_endpoint_id: Id(trial.endpoint),
        })
    }
}

/// Every event there is.
#[derive(Serialize)]
pub(super) struct EventTypes {
    object: &'static str,
    data: Vec<&'static str>,
}

impl EventTypes {
    pub(super) fn all() -> Self {
        let all = WebhookEvent::ALL.iter().copied();
        Self {
            object: "list",
            data: all.map(WebhookEvent::as_str).collect(),
        }
    }
}
