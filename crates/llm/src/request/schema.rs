//! Tools as they are offered. A schema is passed on as it is where servers take it; `$schema` is left
//! out, which no server needs and some fail on, and what is missing of an object schema is added.

use std::fmt;
use std::sync::Arc;

use memchr::memmem;
use response_domain::tool::ToolSpec;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// The tools of a request.
pub(super) struct Tools<'a> {
    tools: &'a [Arc<ToolSpec>],
    plain: bool,
}

impl<'a> Tools<'a> {
    /// With `plain`, schemas say no more than what every grammar can hold.
    pub(super) fn new(tools: &'a [Arc<ToolSpec>], plain: bool) -> Self {
        Self { tools, plain }
    }
}

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Tool<'a> {
            r#type: &'static str,
            function: Function<'a>,
        }
        #[derive(serde::Serialize)]
        struct Function<'a> {
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<&'a str>,
            parameters: Parameters<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            strict: Option<bool>,
        }
        serializer.collect_seq(self.tools.iter().map(|tool| Tool {
            r#type: "function",
            function: Function {
                name: &tool.name,
                description: tool.description.as_deref(),
                parameters: Parameters {
                    schema: tool.parameters.raw(),
                    plain: self.plain,
                },
                // What is left of a schema can no longer be followed to the letter.
                strict: tool.strict.filter(|_| !self.plain),
            },
        }))
    }
}

struct Parameters<'a> {
    schema: &'a RawValue,
    plain: bool,
}

impl Serialize for Parameters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.schema.get();
        if self.plain {
            let tree = serde_json::from_str(text).unwrap_or(Value::Null);
            return plain(&tree, 0).serialize(serializer);
        }
        let has = |key: &str| memmem::find(text.as_bytes(), key.as_bytes()).is_some();
        if has("\"properties\"") && has("\"type\"") && !has("\"$schema\"") {
            return self.schema.serialize(serializer);
        }
        let Ok(Fields(fields)) = serde_json::from_str(text) else {
            return json!({"type": "object", "properties": {}}).serialize(serializer);
        };
        let mut map = serializer.serialize_map(None)?;
        let given = |key: &str| fields.iter().any(|(name, _)| name == key);
        if !given("type") {
            map.serialize_entry("type", "object")?;
        }
        for (name, value) in fields.iter().filter(|(name, _)| name != "$schema") {
            map.serialize_entry(name, value)?;
        }
        if !given("properties") {
            map.serialize_entry("properties", &Map::new())?;
        }
        map.end()
    }
}

/// The fields of an object, in order, each value as it is written.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// Deeper than this a schema says nothing any more.
const DEEPEST: usize = 16;

/// What is left of a schema for a server whose grammar cannot hold all of it: types, properties, items,
/// enums and descriptions. The arguments are still checked against the whole schema when they come.
fn plain(schema: &Value, depth: usize) -> Value {
    let Value::Object(fields) = schema else {
        return if depth == 0 {
            json!({"type": "object", "properties": {}})
        } else {
            json!({})
        };
    };
    if depth > DEEPEST {
        return json!({});
    }
    let mut kept = Map::new();
    for key in ["description", "enum", "required"] {
        if let Some(value) = fields.get(key) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(value) = fields.get("const") {
        kept.insert("enum".to_owned(), json!([value]));
    }
    let one_type = match fields.get("type") {
        Some(Value::Array(types)) => types.iter().find(|one| *one != "null"),
        one => one,
    };
    let is_object = depth == 0 || fields.contains_key("properties");
    let one_type = one_type.cloned().or(is_object.then(|| json!("object")));
    kept.extend(one_type.map(|one| ("type".to_owned(), one)));
    match fields.get("properties") {
        Some(Value::Object(properties)) => {
            let properties = properties
                .iter()
                .map(|(name, schema)| (name.clone(), plain(schema, depth + 1)));
            kept.insert("properties".to_owned(), Value::Object(properties.collect()));
        }
        _ if depth == 0 => {
            kept.insert("properties".to_owned(), json!({}));
        }
        _ => {}
    }
    if let Some(items) = fields.get("items") {
        kept.insert("items".to_owned(), plain(items, depth + 1));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(Value::Array(choices)) = fields.get(key) {
            let choices = choices.iter().map(|schema| plain(schema, depth + 1));
            kept.insert("anyOf".to_owned(), choices.collect());
        }
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(schema: &str, plain: bool) -> String {
        let schema: Box<RawValue> = serde_json::from_str(schema).unwrap();
        let parameters = Parameters {
            schema: &schema,
            plain,
        };
        serde_json::to_string(&parameters).unwrap()
    }

    #[test]
    fn a_schema_that_servers_take_is_passed_on_to_the_letter() {
        let schema =
            r#"{"type": "object", "properties": {"a": {"type": "string", "pattern": "\\d"}}}"#;
        assert_eq!(written(schema, false), schema);
    }

    #[test]
    fn what_servers_fail_on_is_left_out_and_what_they_miss_is_added() {
        let cases = [
            ("{}", r#"{"type":"object","properties":{}}"#),
            (
                r#"{"type":"object"}"#,
                r#"{"type":"object","properties":{}}"#,
            ),
            ("true", r#"{"properties":{},"type":"object"}"#),
            (
                r#"{"$schema":"x","type":"object","properties":{"b":{},"a":{}},"additionalProperties":false}"#,
                r#"{"type":"object","properties":{"b":{},"a":{}},"additionalProperties":false}"#,
            ),
            (
                r#"{"properties":{"q":{"minLength":1}}}"#,
                r#"{"type":"object","properties":{"q":{"minLength":1}}}"#,
            ),
        ];
        for (schema, expected) in cases {
            assert_eq!(written(schema, false), expected, "{schema}");
        }
    }

    #[test]
    fn a_plain_schema_keeps_types_and_drops_what_grammars_choke_on() {
        let schema = r##"{"$schema":"x","title":"T","not":{},"properties":{
            "at":{"type":["null","string"],"pattern":"\\d+","format":"date"},
            "tags":{"type":"array","minItems":2,"items":{"$ref":"#/$defs/Tag"}},
            "kind":{"const":"a"},"either":{"oneOf":[{"type":"string"},{"type":"integer"}]},
            "any":true},"required":["at"],"additionalProperties":{"not":{}}}"##;
        let expected: Value = serde_json::from_str(
            r#"{"type":"object","required":["at"],"properties":{
                "at":{"type":"string"},"tags":{"type":"array","items":{}},"kind":{"enum":["a"]},
                "either":{"anyOf":[{"type":"string"},{"type":"integer"}]},"any":{}}}"#,
        )
        .unwrap();
        let plain: Value = serde_json::from_str(&written(schema, true)).unwrap();
        assert_eq!(plain, expected);
        let deep = format!(
            "{}{}",
            r#"{"items":"#.repeat(100),
            "{}".to_owned() + &"}".repeat(100)
        );
        assert!(written(&deep, true).len() < 400);
    }
}
