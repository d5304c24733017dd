//! The bodies of requests about webhook endpoints. A name that means nothing here is refused: whoever
//! registers an endpoint finds out at once, and not by what does not arrive.

use std::str::FromStr;

use response_domain::id::EndpointId;
use response_domain::webhook::{EndpointDraft, Payload, WebhookEvent};
use response_engine::endpoints::{OldSecret, Rotation};

use crate::dialect::object::quoted;
use crate::dialect::reading::Reading;
use crate::problem::Problem;

const FIELDS: &[&str; 6] = &["url", "events", "active", "secret", "name", "payload"];
/// A secret is replaced by a request of its own.
const CHANGES: &[&str; 5] = &["url", "events", "active", "name", "payload"];
const ROTATION: &[&str; 2] = &["secret", KEEP_OLD];
const KEEP_OLD: &str = "keep_old_secret_active_for_24_hours";
const TRIAL: &[&str; 1] = &["event"];
const REDELIVERY: &[&str; 1] = &["webhook_id"];

/// What is said of a name that means nothing, among those that do.
fn strange(name: &str, known: &[&str]) -> String {
    match name {
        "headers" => "`headers`: custom headers are not sent".to_owned(),
        "secret" => "`secret` cannot be changed here, only by `rotate_secret`".to_owned(),
        _ => {
            let known = known.join("`, `");
            format!("`{name}` is not known: allowed are `{known}`")
        }
    }
}

fn begin<'a, const N: usize>(
    body: &'a str,
    names: &'static [&'static str; N],
) -> Result<Reading<'a, N>, Problem> {
    Reading::begin_closely(body, names, |name| strange(name, names))
}

/// What a new endpoint is to be.
pub(super) fn draft(body: &str) -> Result<EndpointDraft, Problem> {
    let mut reading = begin(body, FIELDS)?;
    let draft = EndpointDraft {
        secret: reading.text("secret"),
        ..common(&mut reading)
    };
    reading.end()?;
    Ok(draft)
}

/// How an endpoint is to be changed; none when nothing is named.
pub(super) fn change(body: &str) -> Result<Option<EndpointDraft>, Problem> {
    let mut reading = begin(body, CHANGES)?;
    let draft = common(&mut reading);
    let names_one = CHANGES
        .iter()
        .any(|&name| reading.fields.get(name).is_some());
    reading.end()?;
    Ok(names_one.then_some(draft))
}

fn common<const N: usize>(reading: &mut Reading<'_, N>) -> EndpointDraft {
    EndpointDraft {
        name: reading.text("name"),
        url: reading.text("url"),
        events: reading.texts("events"),
        payload: reading.word("payload", "`full` or `thin`", Payload::from_text),
        active: reading.truth("active"),
        secret: None,
    }
}

/// How a secret is to be replaced.
pub(super) fn rotation(body: &str) -> Result<Rotation, Problem> {
    let mut reading = begin(body, ROTATION)?;
    let rotation = Rotation {
        secret: reading.text("secret"),
        old: match reading.truth(KEEP_OLD) {
            Some(true) => OldSecret::SignsForADay,
            Some(false) | None => OldSecret::Dropped,
        },
    };
    reading.end()?;
    Ok(rotation)
}

/// With which event an endpoint is to be tried.
pub(super) fn trial(body: &str) -> Result<WebhookEvent, Problem> {
    const EVENTS: &str = "`response.completed`, `response.failed`, `response.cancelled` or \
                          `response.incomplete`";
    let mut reading = begin(body, TRIAL)?;
    let event = reading.word("event", EVENTS, WebhookEvent::from_text);
    reading.end()?;
    Ok(event.unwrap_or(WebhookEvent::Completed))
}

/// To which endpoint a response is to be told again; none for the address of its request.
pub(super) fn redelivery(body: &str) -> Result<Option<EndpointId>, Problem> {
    let mut reading = begin(body, REDELIVERY)?;
    let id: Option<String> = reading.text("webhook_id");
    reading.end()?;
    let known = |id: String| {
        EndpointId::from_str(&id).map_err(|_no_id| {
            let message = format!("there is no webhook endpoint `{}`", quoted(&id));
            Problem::not_found("webhook_not_found", message).about("webhook_id")
        })
    };
    id.map(known).transpose()
}
