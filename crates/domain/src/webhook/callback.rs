//! The address in the metadata of a request.

use std::sync::Arc;

use serde_json::Value;

use super::EventPattern;
use crate::json::Json;
use crate::spec::Fault;

/// The longest address, in bytes.
pub(super) const URL_LENGTH: usize = 2048;

/// Where a request wants its end to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// The field it stands in.
    pub field: &'static str,
    /// The address, as it was written.
    pub url: Arc<str>,
    /// Which ends are to be told; never empty.
    pub events: Vec<EventPattern>,
}

impl Callback {
    /// Reads `webhook_url` (or `webhookUrl`) and `webhook_events` of a metadata object. `null` and an empty
    /// text are no address. The events are a list of patterns, or one text of them with commas between;
    /// absent they are all.
    pub fn of(metadata: &Json) -> Result<Option<Self>, Vec<Fault>> {
        // Most metadata names none, and need not be read for that. A name may be written with escapes.
        let text = metadata.as_str();
        if !text.contains("webhook") && !text.contains("\\u") {
            return Ok(None);
        }
        let metadata = metadata.to_value();
        let given = |name: &str| metadata.get(name).filter(|value| !is_nothing(value));
        let url = given("webhook_url").map(|url| ("metadata.webhook_url", url));
        let named = url.or_else(|| Some(("metadata.webhookUrl", given("webhookUrl")?)));
        let Some((field, url)) = named else {
            return Ok(None);
        };
        let mut faults = Vec::new();
        match url {
            Value::String(url) if url.len() > URL_LENGTH => faults.push(Fault::invalid(
                field,
                format!(
                    "`{field}` may have at most {URL_LENGTH} bytes, not {}",
                    url.len()
                ),
            )),
            Value::String(_) => {}
            _ => faults.push(Fault::invalid(
                field,
                format!("`{field}` must be a text: an http or https URL"),
            )),
        }
        let events =
            given("webhook_events").map_or_else(|| Ok(vec![EventPattern::Every]), patterns);
        match (url, events) {
            (Value::String(url), Ok(events)) if faults.is_empty() => Ok(Some(Self {
                field,
                url: url.as_str().into(),
                events,
            })),
            (_, events) => {
                faults.extend(events.err());
                Err(faults)
            }
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

fn patterns(value: &Value) -> Result<Vec<EventPattern>, Fault> {
    const FIELD: &str = "metadata.webhook_events";
    let texts: Option<Vec<&str>> = match value {
        Value::String(text) => Some(text.split(',').map(str::trim).collect()),
        Value::Array(all) => all.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let texts = texts.filter(|texts| !texts.is_empty()).ok_or_else(|| {
        Fault::invalid(
            FIELD,
            format!(
                "`{FIELD}` must be a list of names of events, at least one, such as `[\"response.completed\"]`"
            ),
        )
    })?;
    let read = texts.into_iter().map(str::parse).collect::<Result<_, _>>();
    read.map_err(|unknown: super::UnknownPattern| {
        Fault::invalid(FIELD, format!("`{FIELD}`: {unknown}"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::WebhookEvent;
    use super::*;

    fn read(text: &str) -> Result<Option<Callback>, Vec<Fault>> {
        Callback::of(&Json::from_text(text.to_owned()).unwrap())
    }

    #[test]
    fn what_names_no_address_is_no_callback() {
        for text in [
            "{}",
            r#"{"user_id":"u"}"#,
            r#"{"webhook_url":null}"#,
            r#"{"webhook_url":""}"#,
            r#"{"webhook_events":["nonsense"]}"#,
            r#"{"note":"webhook"}"#,
        ] {
            assert_eq!(read(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn both_names_are_read_and_events_narrow() {
        let only = EventPattern::Only;
        for (text, events) in [
            (r#"{"webhook_url":"http://a/b"}"#, vec![EventPattern::Every]),
            (r#"{"webhookUrl":"http://a/b"}"#, vec![EventPattern::Every]),
            (
                r#"{"\u0077ebhook_url":"http://a/b"}"#,
                vec![EventPattern::Every],
            ),
            (
                r#"{"webhook_url":"http://a/b","webhookUrl":"http://c"}"#,
                vec![EventPattern::Every],
            ),
            (
                r#"{"webhook_url":"","webhookUrl":"http://a/b"}"#,
                vec![EventPattern::Every],
            ),
            (
                r#"{"webhook_url":"http://a/b","webhook_events":["response.failed","response.*"]}"#,
                vec![only(WebhookEvent::Failed), EventPattern::EveryResponse],
            ),
            (
                r#"{"webhook_url":"http://a/b","webhook_events":"response.failed, response.cancelled"}"#,
                vec![only(WebhookEvent::Failed), only(WebhookEvent::Cancelled)],
            ),
            (
                r#"{"webhook_url":"http://a/b","webhook_events":null}"#,
                vec![EventPattern::Every],
            ),
        ] {
            let callback = read(text).unwrap().unwrap();
            assert_eq!(&*callback.url, "http://a/b", "{text}");
            assert_eq!(callback.events, events, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_field() {
        let long = format!(r#"{{"webhook_url":"http://{}"}}"#, "a".repeat(URL_LENGTH));
        for (text, fields) in [
            (r#"{"webhook_url":5}"#, vec!["metadata.webhook_url"]),
            (
                r#"{"webhookUrl":["http://a"]}"#,
                vec!["metadata.webhookUrl"],
            ),
            (&long, vec!["metadata.webhook_url"]),
            (
                r#"{"webhook_url":"http://a","webhook_events":[]}"#,
                vec!["metadata.webhook_events"],
            ),
            (
                r#"{"webhook_url":"http://a","webhook_events":[5]}"#,
                vec!["metadata.webhook_events"],
            ),
            (
                r#"{"webhook_url":"http://a","webhook_events":{}}"#,
                vec!["metadata.webhook_events"],
            ),
            (
                r#"{"webhook_url":"http://a","webhook_events":["done"]}"#,
                vec!["metadata.webhook_events"],
            ),
            (
                r#"{"webhook_url":true,"webhook_events":"done"}"#,
                vec!["metadata.webhook_url", "metadata.webhook_events"],
            ),
        ] {
            let faults = read(text).unwrap_err();
            let told: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(told, fields, "{text}");
        }
    }
}
