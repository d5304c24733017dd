//! JSON arrays that a server sends, of which no more is kept than is used: an entry of two bytes would cost
//! many times that.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The first entries of an array, at most `MOST`. The rest is counted.
#[derive(Debug)]
pub(crate) struct Few<'a, const MOST: usize> {
    pub(crate) kept: Vec<&'a RawValue>,
    pub(crate) more: usize,
}

impl<'de: 'a, 'a, const MOST: usize> Deserialize<'de> for Few<'a, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Entries::<MOST>)
    }
}

struct Entries<const MOST: usize>;

impl<'de, const MOST: usize> Visitor<'de> for Entries<MOST> {
    type Value = Few<'de, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut few = Few {
            kept: Vec::new(),
            more: 0,
        };
        while few.kept.len() < MOST {
            match entries.next_element()? {
                Some(entry) => few.kept.push(entry),
                None => return Ok(few),
            }
        }
        while entries.next_element::<IgnoredAny>()?.is_some() {
            few.more += 1;
        }
        Ok(few)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_counted_and_not_kept() {
        for (text, kept, more) in [
            ("[]", 0, 0),
            ("[1, [2]]", 2, 0),
            ("[1,2,3]", 3, 0),
            (r#"[1,2,3,{"a":[]},"5"]"#, 3, 2),
        ] {
            let few: Few<'_, 3> = serde_json::from_str(text).unwrap();
            assert_eq!((few.kept.len(), few.more), (kept, more), "{text}");
        }
        for text in ["{}", "[1,2,3,4,", "[1,2,3,4 5]", "null"] {
            assert!(serde_json::from_str::<Few<'_, 3>>(text).is_err(), "{text}");
        }
    }
}
