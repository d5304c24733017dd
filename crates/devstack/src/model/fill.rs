//! A value that a JSON Schema allows, the same each time: for arguments of tools that no rule knows,
//! and for answers that have to have a form.

use serde_json::{Map, Value, json};

/// From this depth on, what may be left out is: a schema may hold itself.
const DEEP: usize = 8;
/// Deeper than this nothing is filled in.
const DEEPEST: usize = 32;

/// A value for the schema; a text that may be any is `text`.
pub(super) fn fill(schema: &Value, text: &str) -> Value {
    Filler { root: schema, text }.value(schema, 0)
}

struct Filler<'a> {
    root: &'a Value,
    text: &'a str,
}

impl Filler<'_> {
    fn value(&self, schema: &Value, depth: usize) -> Value {
        if depth > DEEPEST {
            return Value::Null;
        }
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
            let found = self.root.pointer(pointer.trim_start_matches('#'));
            return found.map_or(Value::Null, |schema| self.value(schema, depth + 1));
        }
        if let Some(only) = schema.get("const") {
            return only.clone();
        }
        if let Some(first) = list(schema, "enum").and_then(<[Value]>::first) {
            return first.clone();
        }
        if let Some(choices) = list(schema, "anyOf").or_else(|| list(schema, "oneOf")) {
            return self.choice(choices, depth);
        }
        if let Some(all) = list(schema, "allOf") {
            return self.merged(schema, all, depth);
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "integer" | "number" => number(schema),
            "boolean" => json!(true),
            "null" => Value::Null,
            _ => Value::String(self.string(schema)),
        }
    }

    /// The first that is not null, or, deep down, null where that is one of them.
    fn choice(&self, choices: &[Value], depth: usize) -> Value {
        let is_null = |choice: &&Value| kind(choice) == "null";
        if depth > DEEP && choices.iter().any(|choice| is_null(&choice)) {
            return Value::Null;
        }
        let chosen = choices.iter().find(|choice| !is_null(choice));
        chosen.map_or(Value::Null, |choice| self.value(choice, depth + 1))
    }

    /// What all schemas want, one after another.
    fn merged(&self, schema: &Value, all: &[Value], depth: usize) -> Value {
        let mut whole = Map::new();
        let own = schema.get("properties").map(|_| self.object(schema, depth));
        let parts = all.iter().map(|part| self.value(part, depth + 1));
        for part in parts.chain(own) {
            match part {
                Value::Object(fields) => whole.extend(fields),
                other => return other,
            }
        }
        Value::Object(whole)
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let names = list(schema, "required").unwrap_or_default();
        let field = |name: &str| {
            let schema = schema.get("properties").and_then(|all| all.get(name));
            let value = self.value(schema.unwrap_or(&Value::Null), depth + 1);
            (name.to_owned(), value)
        };
        let fields = names.iter().filter_map(Value::as_str).map(field);
        Value::Object(fields.collect())
    }

    fn array(&self, schema: &Value, depth: usize) -> Value {
        let first = list(schema, "prefixItems").unwrap_or_default();
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let least = usize::try_from(least)
            .unwrap_or(usize::MAX)
            .clamp(first.len(), 100);
        let rest = schema.get("items").unwrap_or(&Value::Null);
        let schemas = first.iter().chain(std::iter::repeat(rest)).take(least);
        schemas
            .map(|schema| self.value(schema, depth + 1))
            .collect()
    }

    fn string(&self, schema: &Value) -> String {
        let format = schema.get("format").and_then(Value::as_str);
        if let Some((_, example)) = FORMATS.iter().find(|(name, _)| Some(*name) == format) {
            return (*example).to_owned();
        }
        let length = |key: &str| {
            let length = schema.get(key).and_then(Value::as_u64)?;
            usize::try_from(length).ok()
        };
        let mut text = self.text.to_owned();
        if let Some((end, _)) = length("maxLength").and_then(|most| text.char_indices().nth(most)) {
            text.truncate(end);
        }
        let missing =
            length("minLength").map_or(0, |least| least.saturating_sub(text.chars().count()));
        text.extend(std::iter::repeat_n('.', missing.min(10_000)));
        text
    }
}

/// A text of each form that schemas name.
const FORMATS: [(&str, &str); 9] = [
    ("date-time", "2026-01-01T00:00:00Z"),
    ("date", "2026-01-01"),
    ("time", "00:00:00Z"),
    ("duration", "P1D"),
    ("email", "ada@example.com"),
    ("hostname", "example.com"),
    ("ipv4", "192.0.2.1"),
    ("uri", "https://example.com/"),
    ("uuid", "00000000-0000-4000-8000-000000000001"),
];

fn list<'a>(schema: &'a Value, key: &str) -> Option<&'a [Value]> {
    schema.get(key)?.as_array().map(Vec::as_slice)
}

/// The type of a value; the first that is not null, where there are several.
fn kind(schema: &Value) -> &str {
    let told = match schema.get("type") {
        Some(Value::Array(all)) => all.iter().find(|one| *one != "null").or(all.first()),
        one => one,
    };
    let shown = ["properties", "items"]
        .into_iter()
        .find(|key| schema.get(key).is_some());
    match (told.and_then(Value::as_str), shown) {
        (Some(told), _) => told,
        (None, Some("properties")) => "object",
        (None, Some(_)) => "array",
        (None, None) => "string",
    }
}

/// The least number that is allowed, but 1 where it is.
fn number(schema: &Value) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let step = bound("multipleOf").filter(|step| *step > 0.0);
    let mut number = bound("minimum").unwrap_or_else(|| step.unwrap_or(1.0));
    if let Some(above) = bound("exclusiveMinimum")
        && number <= above
    {
        number = above + step.unwrap_or(1.0);
    }
    if let Some(step) = step {
        number = (number / step).ceil() * step;
    }
    number = bound("maximum").map_or(number, |most| number.min(most));
    if let Some(below) = bound("exclusiveMaximum")
        && number >= below
    {
        number = below - step.unwrap_or(1.0);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number within the range is meant"
    )]
    let whole = number.trunc() as i64;
    if number.fract() == 0.0 {
        json!(whole)
    } else {
        json!(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_its_schema_allows() {
        let table = [
            (json!({}), json!("hi")),
            (json!(true), json!("hi")),
            (json!({"type": "string", "maxLength": 1}), json!("h")),
            (json!({"type": "string", "minLength": 4}), json!("hi..")),
            (
                json!({"type": "string", "format": "date"}),
                json!("2026-01-01"),
            ),
            (json!({"type": ["null", "integer"], "minimum": 3}), json!(3)),
            (
                json!({"type": "integer", "exclusiveMinimum": 3, "multipleOf": 4}),
                json!(4),
            ),
            (json!({"type": "integer", "maximum": -2}), json!(-2)),
            (json!({"type": "number", "minimum": 0.5}), json!(0.5)),
            (json!({"const": {"a": 1}}), json!({"a": 1})),
            (json!({"enum": ["x", "y"]}), json!("x")),
            (
                json!({"anyOf": [{"type": "null"}, {"type": "boolean"}]}),
                json!(true),
            ),
            (json!({"anyOf": [{"type": "null"}]}), Value::Null),
            (
                json!({"type": "array", "items": {"type": "null"}}),
                json!([]),
            ),
            (
                json!({"type": "array", "prefixItems": [{"const": 1}], "minItems": 2, "items": {"const": 2}}),
                json!([1, 2]),
            ),
            (
                json!({"allOf": [
                    {"properties": {"a": {"const": 1}}, "required": ["a"]},
                    {"properties": {"b": {"const": 2}}, "required": ["b"]},
                ]}),
                json!({"a": 1, "b": 2}),
            ),
            (
                json!({
                    "properties": {"kind": {"$ref": "#/$defs/Kind"}, "unasked": {}},
                    "required": ["kind", "open"],
                    "$defs": {"Kind": {"enum": ["small"]}},
                }),
                json!({"kind": "small", "open": "hi"}),
            ),
            (json!({"$ref": "#/nowhere"}), Value::Null),
        ];
        for (schema, expected) in table {
            assert_eq!(fill(&schema, "hi"), expected, "{schema}");
        }
    }

    #[test]
    fn a_schema_that_holds_itself_comes_to_an_end() {
        let node = json!({
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
            "required": ["next"],
        });
        let mut depth = 0;
        let mut value = &fill(&node, "");
        while let Some(next) = value.get("next") {
            value = next;
            depth += 1;
        }
        assert!(value.is_null() && depth > 1, "{value} at {depth}");
        let endless = json!({"properties": {"next": {"$ref": "#"}}, "required": ["next"]});
        assert!(fill(&endless, "").to_string().len() < 1_000);
    }
}
