//! A schema as it is walked: which draft it is of, where its references lead, and what of it nobody can check
//! here.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A schema, read.
#[derive(Debug)]
pub(super) struct Schema {
    root: Value,
    pub(super) draft: Draft,
    /// Whether it says of a part that addresses in it begin somewhere else.
    has_bases: bool,
    gaps: Vec<Gap>,
}

/// What differs among the drafts of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draft {
    /// 4, 6 and 7: what stands beside a reference does not count.
    Old,
    /// 2019-09.
    Nineteen,
    /// 2020-12, and whatever is not said to be another.
    Latest,
}

/// What of a schema cannot be used for a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Gap {
    #[error("it refers to another document, and none is ever fetched")]
    Elsewhere,
    #[error("it refers to a part by a name and not by its place")]
    Named,
    #[error("it depends on what other parts looked at")]
    Unevaluated,
}

impl Schema {
    pub(super) fn new(root: Value) -> Self {
        let draft = Draft::of(&root);
        let mut schema = Self {
            draft,
            has_bases: false,
            gaps: Vec::new(),
            root: Value::Null,
        };
        schema.look(&root, true);
        schema.root = root;
        schema
    }

    pub(super) fn root(&self) -> &Value {
        &self.root
    }

    pub(super) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// The part that a reference means, when it is certain which that is.
    pub(super) fn part(&self, reference: &str) -> Option<&Value> {
        let pointer = reference.strip_prefix('#')?;
        if self.has_bases {
            return None;
        }
        self.root.pointer(&decoded(pointer)?)
    }

    /// Looks at everything once; what only looks like a keyword is taken for one, to be on the safe side.
    fn look(&mut self, value: &Value, is_root: bool) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.look(value, false)),
            Value::Object(object) => {
                self.look_at(object, is_root);
                object.values().for_each(|value| self.look(value, false));
            }
            _ => {}
        }
    }

    fn look_at(&mut self, object: &Map<String, Value>, is_root: bool) {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let has = |name: &str| object.contains_key(name);
        if !is_root && (text("$id").is_some() || (self.draft == Draft::Old && text("id").is_some()))
        {
            self.has_bases = true;
        }
        if let Some(reference) = text("$ref") {
            match reference.strip_prefix('#') {
                None => self.has_gap(Gap::Elsewhere),
                Some("") => {}
                Some(place) if place.starts_with('/') => {}
                Some(_) => self.has_gap(Gap::Named),
            }
        }
        if text("$dynamicRef").is_some() || text("$recursiveRef").is_some() {
            self.has_gap(Gap::Named);
        }
        if has("unevaluatedProperties") || has("unevaluatedItems") {
            self.has_gap(Gap::Unevaluated);
        }
    }

    fn has_gap(&mut self, gap: Gap) {
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }
}

impl Draft {
    fn of(root: &Value) -> Self {
        let said = root.get("$schema").and_then(Value::as_str);
        match said {
            Some(draft) if draft.contains("draft-0") => Self::Old,
            Some(draft) if draft.contains("2019-09") => Self::Nineteen,
            _ => Self::Latest,
        }
    }
}

/// A pointer with its percent signs resolved; none when they make no text.
fn decoded(pointer: &str) -> Option<Cow<'_, str>> {
    if !pointer.contains('%') {
        return Some(Cow::Borrowed(pointer));
    }
    let mut bytes = Vec::with_capacity(pointer.len());
    let mut rest = pointer.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_leads_to_its_place_or_nowhere() {
        let schema =
            Schema::new(json!({"$id": "http://x/y", "$defs": {"a b": {"x": 1}, "c/d": {"x": 2}}}));
        for (reference, found) in [
            ("#", true),
            ("#/$defs/a b", true),
            ("#/$defs/a%20b", true),
            ("#/%24defs/c~1d", true),
            ("#/$defs/none", false),
            ("#/$defs/a%2", false),
            ("#/$defs/a%zz", false),
            ("#/$defs/%ff", false),
            ("#named", false),
            ("y#/$defs/c~1d", false),
            ("http://127.0.0.1:1/", false),
            ("", false),
        ] {
            assert_eq!(schema.part(reference).is_some(), found, "{reference}");
        }
        let moved = json!({"$defs": {"a": {"$id": "http://x/z", "$defs": {"b": {}}}, "b": {}}});
        assert!(Schema::new(moved).part("#/$defs/b").is_none());
    }

    #[test]
    fn what_cannot_be_checked_is_known_beforehand() {
        let gaps = |schema: Value| Schema::new(schema).gaps().to_vec();
        assert_eq!(gaps(json!({"$ref": "#/$defs/a", "$id": "http://x"})), []);
        for outside in [
            "http://127.0.0.1:1/x",
            "file:///etc/hostname",
            "other.json#/a",
        ] {
            let schema = json!({"properties": {"a": {"$ref": outside}, "b": {"$ref": outside}}});
            assert_eq!(gaps(schema), [Gap::Elsewhere], "{outside}");
        }
        assert_eq!(gaps(json!({"$dynamicRef": "#a"})), [Gap::Named]);
        assert_eq!(gaps(json!({"not": {"$ref": "#a"}})), [Gap::Named]);
        assert_eq!(gaps(json!({"unevaluatedItems": false})), [Gap::Unevaluated]);
    }
}
