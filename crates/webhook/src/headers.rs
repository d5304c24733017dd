//! What stands above the body of a delivery. Nothing of the caller, of the request or of this service's
//! inside is among it.

use response_domain::ports::webhook::Letter;
use response_egress::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::sign;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const JAN_EVENT: HeaderName = HeaderName::from_static("x-jan-event");
const JAN_RESPONSE: HeaderName = HeaderName::from_static("x-jan-response-id");
const EVENT_TYPE: HeaderName = HeaderName::from_static("x-event-type");
const EVENT_ID: HeaderName = HeaderName::from_static("x-event-id");
const ENDPOINT: HeaderName = HeaderName::from_static("x-webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-signature");

/// All headers of a letter but those that the client adds to every request.
pub(crate) fn of(letter: &Letter) -> HeaderMap {
    let id = letter.id.to_string();
    let seconds = letter.at.unix_seconds();
    let event = letter.event.as_str();
    let mut headers = HeaderMap::with_capacity(11);
    let mut set = |name: HeaderName, text: String| {
        // Ids, numbers and signatures are visible ASCII: all of them make a value.
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    };
    set(CONTENT_TYPE, "application/json".to_owned());
    set(JAN_EVENT, event.to_owned());
    set(JAN_RESPONSE, letter.response.to_string());
    set(WEBHOOK_TIMESTAMP, seconds.to_string());
    set(TIMESTAMP, seconds.to_string());
    set(EVENT_TYPE, event.to_owned());
    if let Some(endpoint) = letter.endpoint {
        set(ENDPOINT, endpoint.to_string());
    }
    if let Some(signatures) = sign::standard(&id, seconds, &letter.body, &letter.secrets) {
        set(WEBHOOK_SIGNATURE, signatures);
    }
    if let Some(newest) = letter.secrets.first() {
        set(SIGNATURE, sign::ecosystem(seconds, &letter.body, newest));
    }
    set(WEBHOOK_ID, id.clone());
    set(EVENT_ID, id);
    headers
}
