//! Objects of JSON in which no member stands twice: two readers of such a one could read different things.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// An object. What stands deeper in it is not looked at.
#[derive(Debug)]
pub(crate) struct Object(Map<String, Value>);

impl Object {
    /// The object that these bytes are, and nothing besides.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// What this member is, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The text that this member is: `None` when it is not there, an error when it is something else.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, NotText> {
        self.get(name)
            .map(|value| value.as_str().ok_or(NotText))
            .transpose()
    }
}

/// A member that should be text is not.
#[derive(Debug)]
pub(crate) struct NotText;

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(Object(members))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_and_nothing_else_is() {
        let deep = |depth: usize| format!(r#"{{"a":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
        for good in [
            "{}",
            r#" {"a":1} "#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":1,"A":2}"#,
            &deep(100),
        ] {
            assert!(Object::read(good.as_bytes()).is_some(), "{good:.40}");
        }
        for odd in [
            "",
            "null",
            "[]",
            r#"[["a",1]]"#,
            "\"{}\"",
            "{",
            "{}{}",
            "{} x",
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":1e999}"#,
            r#"{"a":"\ud800"}"#,
            "\u{feff}{}",
            &deep(5000),
        ] {
            assert!(Object::read(odd.as_bytes()).is_none(), "{odd:.40}");
        }
        assert!(Object::read(b"{\"a\":\"\xff\"}").is_none());
    }

    #[test]
    fn text_is_text_or_absent() {
        let object = Object::read(br#"{"a":"b","c":null,"d":1}"#).unwrap();
        assert_eq!(object.text("a").unwrap(), Some("b"));
        assert_eq!(object.text("x").unwrap(), None);
        assert!(object.text("c").is_err() && object.text("d").is_err());
    }
}
