//! What a server says of a tool besides what it does: hints, such as that it only reads. They are the
//! server's word and nothing more.

use std::borrow::Cow;

use response_domain::json::Json;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::clean::clean;

/// How long the annotations of a tool may be; longer ones are left out.
const MAX_ANNOTATIONS: usize = 4 * 1024;

/// The annotations of a tool.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    /// The server's own object, cleaned; none when there is none, or nothing that can be kept.
    pub(crate) object: Option<Json>,
    /// Whether it says that calling twice is as good as calling once.
    pub(crate) says_safe: bool,
}

impl Annotations {
    /// Reads them. What cannot be read says nothing, and costs the tool nothing.
    pub(crate) fn read(raw: Option<&RawValue>) -> Self {
        let Some(raw) = raw.filter(|raw| raw.get().len() <= MAX_ANNOTATIONS) else {
            return Self::default();
        };
        let Ok(Value::Object(given)) = serde_json::from_str(raw.get()) else {
            return Self::default();
        };
        let says = |hint: &str| given.get(hint) == Some(&Value::Bool(true));
        let says_safe = says("readOnlyHint") || says("idempotentHint");
        let cleaned = cleaned_object(&given);
        let object = if cleaned == given {
            Json::from_raw(raw.to_owned())
        } else {
            Json::from_value(&Value::Object(cleaned))
        };
        Self {
            object: Some(object),
            says_safe,
        }
    }
}

fn cleaned_object(object: &Map<String, Value>) -> Map<String, Value> {
    let members = object.iter();
    members
        .map(|(name, value)| (clean(name).into_owned(), cleaned(value)))
        .collect()
}

fn cleaned(value: &Value) -> Value {
    match value {
        Value::String(text) => match clean(text) {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        },
        Value::Array(values) => values.iter().map(cleaned).collect(),
        Value::Object(object) => Value::Object(cleaned_object(object)),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Annotations {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        Annotations::read(Some(&raw))
    }

    fn shown(text: &str) -> Option<String> {
        let object = read(text).object;
        object.map(|object| object.as_str().to_owned())
    }

    #[test]
    fn an_object_is_kept_to_the_letter_and_nothing_else_is_kept() {
        let kept = r#"{ "title":"Búsqueda", "readOnlyHint" : true, "x":[1.50,{"y":null}] }"#;
        assert_eq!(shown(kept).as_deref(), Some(kept));
        for text in [
            "null",
            "true",
            "[]",
            r#""readOnlyHint""#,
            r#"{"a":"\ud800"}"#,
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
        let long = format!(
            r#"{{"readOnlyHint":true,"x":"{}"}}"#,
            "x".repeat(MAX_ANNOTATIONS)
        );
        assert_eq!(shown(&long), None);
        assert!(!read(&long).says_safe);
        assert!(Annotations::read(None).object.is_none());
    }

    #[test]
    fn text_in_it_is_cleaned_wherever_it_stands() {
        let given = r#"{"title":"a\u001b[1mb\u202ec","x":{"\u200ek":["\u0007d"]}}"#;
        let expected = r#"{"title":"abc","x":{"k":["d"]}}"#;
        assert_eq!(shown(given).as_deref(), Some(expected));
    }

    #[test]
    fn only_a_plain_yes_is_a_hint() {
        for (text, says_safe) in [
            (r#"{"readOnlyHint":true}"#, true),
            (r#"{"readOnlyHint":false,"idempotentHint":true}"#, true),
            (r#"{"readOnlyHint":"true"}"#, false),
            (r#"{"readOnlyHint":1,"idempotentHint":null}"#, false),
            ("{}", false),
        ] {
            assert_eq!(read(text).says_safe, says_safe, "{text}");
        }
    }
}
