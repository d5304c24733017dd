//! JSON that is carried, not understood: text that is known to be valid and is passed on as it came.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use serde_json::value::RawValue;

/// Valid JSON text, cheap to clone; equal when the text is equal.
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// Takes text that a parser already found to be one JSON value.
    pub fn from_raw(raw: Box<RawValue>) -> Self {
        Self(Arc::from(raw))
    }

    /// Checks `text` and takes it as it is.
    pub fn from_text(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self::from_raw)
    }

    /// `{}`.
    pub fn empty_object() -> Self {
        static EMPTY: OnceLock<Json> = OnceLock::new();
        EMPTY
            .get_or_init(|| Self::from_value(&Value::Object(serde_json::Map::new())))
            .clone()
    }

    /// The text of `value`.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "a Value has string keys only, so it always prints"
    )]
    pub fn from_value(value: &Value) -> Self {
        let raw = serde_json::value::to_raw_value(value);
        Self::from_raw(raw.expect("a JSON value prints as JSON"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The raw value, which serialises as the text itself.
    pub fn raw(&self) -> &RawValue {
        &self.0
    }

    /// A tree of it. `Null` only for the text `null`: the text was checked when it came in.
    pub fn to_value(&self) -> Value {
        serde_json::from_str(self.as_str()).unwrap_or(Value::Null)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_to_the_letter() {
        let text = r#"{"b": 1.50, "a": [ 1,2 ]}"#;
        let json = Json::from_text(text.to_owned()).unwrap();
        assert_eq!(json.as_str(), text);
        assert!(Json::from_text("{".to_owned()).is_err());
        assert_eq!(Json::empty_object().as_str(), "{}");
    }
}
