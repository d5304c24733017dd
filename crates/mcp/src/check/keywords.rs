//! What each keyword allows, value by value.

use serde_json::{Value, json};

use super::*;

/// Enough for anything that a person writes.
const AMPLE: Budget = Budget(100_000);

fn fit(schema: &Value, value: &Value) -> Fit {
    let check = Check::new(&Json::from_value(schema));
    let (fit, steps) = check.measured(value, AMPLE);
    fit.unwrap_or_else(|_spent| panic!("{schema} {value}: {steps} steps"))
}

fn complaint(schema: &Value, value: &Value) -> String {
    let check = Check::new(&Json::from_value(schema));
    match check.find(value, AMPLE) {
        Finding::Unfit(text) => text,
        other => panic!("{schema} {value}: {other:?}"),
    }
}

/// Schemas, each with values that fit and values that do not.
fn hold(rows: impl IntoIterator<Item = (Value, Value, Value)>) {
    for (schema, fitting, unfit) in rows {
        for value in fitting.as_array().unwrap() {
            assert_eq!(fit(&schema, value), Fit::Yes, "{schema} {value}");
        }
        for value in unfit.as_array().unwrap() {
            assert_eq!(fit(&schema, value), Fit::No, "{schema} {value}");
        }
    }
}

/// A schema of the seventh draft.
fn seventh(mut schema: Value) -> Value {
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema
}

#[test]
fn types_and_values_are_what_they_are_said_to_be() {
    let pair = json!({"a": 1, "b": 2});
    let options = json!([1, "a", [1, {"x": 2.0}]]);
    hold([
        (json!(true), json!([1, null]), json!([])),
        (json!(false), json!([]), json!([1, null, {}])),
        (
            json!({"type": "integer"}),
            json!([1, -1, 2.0]),
            json!([1.5, "1", null]),
        ),
        (
            json!({"type": ["string", "null"]}),
            json!(["", null]),
            json!([0, false, [], {}]),
        ),
        (
            json!({"type": "boolean"}),
            json!([true]),
            json!([0, "true"]),
        ),
        (
            json!({"enum": options}),
            json!([1.0, "a", [1, {"x": 2}]]),
            json!([2, "b", [1]]),
        ),
        (
            json!({"const": pair}),
            json!([{"b": 2, "a": 1}]),
            json!([{"a": 1}, {"a": 1, "c": 2}]),
        ),
    ]);
}

#[test]
fn numbers_and_texts_are_within_their_limits() {
    hold([
        (
            json!({"minimum": 1, "maximum": 3.5}),
            json!([1, 3.5, "0"]),
            json!([0, 4, 0.9]),
        ),
        (
            json!({"exclusiveMinimum": 1, "exclusiveMaximum": 3}),
            json!([2]),
            json!([1, 3]),
        ),
        (
            json!({"minimum": 1, "exclusiveMinimum": true}),
            json!([1.1]),
            json!([1]),
        ),
        (
            json!({"multipleOf": 5}),
            json!([10, 0, -5]),
            json!([1, 7.5]),
        ),
        (
            json!({"minLength": 2, "maxLength": 3}),
            json!(["äö", "abc", 1]),
            json!(["ä", "abcd"]),
        ),
        (
            json!({"pattern": "^a+$"}),
            json!(["a", 1]),
            json!(["b", "ab"]),
        ),
        (
            json!({"pattern": "^\\d+$"}),
            json!(["12"]),
            json!(["x", ""]),
        ),
    ]);
}

#[test]
fn arrays_hold_what_they_may() {
    let texts = json!({"prefixItems": [{"type": "string"}], "items": false});
    let old = json!({"items": [{"type": "string"}], "additionalItems": {"type": "null"}});
    let few = json!({"contains": {"type": "null"}, "minContains": 0, "maxContains": 1});
    hold([
        (
            json!({"items": {"type": "string"}}),
            json!([[], ["a"], 1]),
            json!([[1], ["a", 2]]),
        ),
        (texts, json!([[], ["a"]]), json!([[1], ["a", 2]])),
        (
            seventh(old),
            json!([["a"], ["a", null]]),
            json!([[1], ["a", 2]]),
        ),
        (
            json!({"minItems": 1, "maxItems": 2}),
            json!([[1], [1, 2]]),
            json!([[], [1, 2, 3]]),
        ),
        (
            json!({"uniqueItems": true}),
            json!([[], [1, "1", [1], {"a": 1}, {"a": 2}], [0, false], [1, true]]),
            json!([[1, 1.0], [0.0, -0.0], [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [[], []]]),
        ),
        (
            json!({"contains": {"type": "null"}}),
            json!([[1, null]]),
            json!([[], [1]]),
        ),
        (few, json!([[], [null]]), json!([[null, null]])),
    ]);
}

#[test]
fn objects_hold_what_they_may() {
    let all = json!({"properties": {"a": {}}, "patternProperties": {"^x": {"type": "integer"}},
        "additionalProperties": {"type": "string"}});
    let schemas = json!({"dependentSchemas": {"a": {"required": ["b"]}}});
    let old = json!({"dependencies": {"a": ["b"], "c": {"minProperties": 2}}});
    hold([
        (
            json!({"required": ["a", "b"]}),
            json!([{"a": 1, "b": 2}, 1]),
            json!([{"a": 1}, {}]),
        ),
        (
            json!({"properties": {"a": {"type": "null"}}}),
            json!([{}, {"a": null, "b": 1}]),
            json!([{"a": 1}]),
        ),
        (
            all,
            json!([{"a": [], "x1": 1, "b": "s"}]),
            json!([{"x1": "s"}, {"b": 1}]),
        ),
        (
            json!({"additionalProperties": false}),
            json!([{}]),
            json!([{"a": 1}]),
        ),
        (
            json!({"minProperties": 1, "maxProperties": 1}),
            json!([{"a": 1}]),
            json!([{}, {"a": 1, "b": 1}]),
        ),
        (
            json!({"propertyNames": {"maxLength": 1}}),
            json!([{"a": 1}]),
            json!([{"ab": 1}]),
        ),
        (
            json!({"dependentRequired": {"a": ["b"]}}),
            json!([{"b": 1}, {"a": 1, "b": 1}]),
            json!([{"a": 1}]),
        ),
        (schemas, json!([{}]), json!([{"a": 1}])),
        (
            seventh(old),
            json!([{"a": 1, "b": 1}]),
            json!([{"a": 1}, {"c": 1}]),
        ),
    ]);
}

#[test]
fn schemas_combine_as_they_say() {
    let turns =
        json!({"if": {"type": "integer"}, "then": {"minimum": 1}, "else": {"type": "string"}});
    let beside = json!({"$ref": "#/$defs/a", "maximum": 5, "$defs": {"a": {"minimum": 1}}});
    let itself = json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": false});
    hold([
        (
            json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}),
            json!([1, 2]),
            json!([0, 3]),
        ),
        (
            json!({"anyOf": [{"type": "null"}, {"minimum": 5}]}),
            json!([null, 5, "x"]),
            json!([4]),
        ),
        (
            json!({"oneOf": [{"minimum": 1}, {"minimum": 5}]}),
            json!([3]),
            json!([0, 7]),
        ),
        (json!({"not": {"type": "null"}}), json!([1]), json!([null])),
        (turns, json!([1, "a"]), json!([0, null])),
        (beside.clone(), json!([3]), json!([0, 7])),
        // In the old drafts nothing beside a reference counts.
        (seventh(beside), json!([3, 7]), json!([0])),
        (
            itself,
            json!([{"next": {"next": {}}}]),
            json!([{"next": {"next": 1}}, {"next": {"other": 1}}]),
        ),
    ]);
}

#[test]
fn what_cannot_be_told_is_not_held_against_anybody() {
    let unknown = [
        json!({"$ref": "http://127.0.0.1:1/schema.json"}),
        json!({"$ref": "file:///etc/hostname"}),
        json!({"$ref": "#/nowhere"}),
        json!({"$ref": "#name", "$defs": {"a": {"$anchor": "name"}}}),
        json!({"$dynamicRef": "#name"}),
        json!({"not": {"$ref": "#/nowhere"}}),
        json!({"if": {"$ref": "#/nowhere"}, "then": false, "else": false}),
        json!({"oneOf": [{"type": "string"}, {"$ref": "#/nowhere"}]}),
        json!({"anyOf": [false, {"$ref": "#/nowhere"}]}),
        json!({"pattern": "^(?=a)"}),
        json!({"pattern": "(a)\\1"}),
        json!({"pattern": "("}),
        json!({"minLength": 1.5}),
        json!({"pattern": "(\\w{400}){400}"}),
        json!({"pattern": "a".repeat(2_000)}),
        json!({"pattern": 5}),
        json!({"type": "text"}),
        json!({"type": 3}),
        json!({"minLength": "2"}),
        json!({"anyOf": {}}),
        json!(3),
        json!({"allOf": [3]}),
    ];
    for schema in unknown {
        assert_eq!(fit(&schema, &json!("abc")), Fit::Unknown, "{schema}");
    }
    for schema in [
        json!({"unevaluatedProperties": false}),
        json!({"required": "a"}),
        json!({"properties": []}),
        json!({"patternProperties": {"(?!b)": false}}),
        json!({"patternProperties": {"(?!b)": {}}, "additionalProperties": false}),
    ] {
        assert_eq!(fit(&schema, &json!({"a": 1})), Fit::Unknown, "{schema}");
    }
    // What a digit is beyond ASCII differs from one language to the next.
    assert_eq!(fit(&json!({"pattern": "^\\d$"}), &json!("١")), Fit::Unknown);
    // What is certain is held against it all the same.
    let both = json!({"$ref": "http://127.0.0.1:1/x", "type": "object"});
    assert_eq!(fit(&both, &json!("abc")), Fit::No);
}

fn shop() -> Value {
    json!({"type": "object", "required": ["q", "r"], "additionalProperties": false, "properties": {
        "q": {"type": "string", "maxLength": 1, "pattern": "^a$"},
        "r": {"type": ["integer", "null"], "exclusiveMaximum": 10},
        "kind": {"enum": ["news", "web"]}, "one": {"const": "x"}, "many": {"enum": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]},
        "when": {"anyOf": [{"type": "integer"}, {"type": "object", "required": ["at"]}]},
        "list": {"type": "array", "items": {"type": "integer"}, "uniqueItems": true, "minItems": 2},
        "a/b~": {"not": {}}}})
}

#[test]
fn a_complaint_names_the_place_and_what_is_allowed() {
    let schema = shop();
    let cases = [
        (
            json!({"q": "bb", "r": 1}),
            "/q: this value has more than 1 character\n- /q: this value does not match the pattern \"^a$\"",
        ),
        (json!({"q": "a"}), "the whole: \"r\" is a required property"),
        (
            json!({"q": "a", "r": "1"}),
            "/r: this value is not of types \"integer\", \"null\"",
        ),
        (
            json!({"q": "a", "r": 10}),
            "/r: this value is not less than 10",
        ),
        (
            json!({"q": "a", "r": 1, "kind": "x"}),
            "/kind: this value is not one of \"news\" or \"web\"",
        ),
        (
            json!({"q": "a", "r": 1, "many": 0}),
            "not one of 1, 2, 3, 4, 5, 6, 7, 8 or 2 others",
        ),
        (
            json!({"q": "a", "r": 1, "one": "y"}),
            "/one: only \"x\" is allowed",
        ),
        (
            json!({"q": "a", "r": 1, "when": {}}),
            "/when: this value fits none of what is allowed here (this value is not of type \"integer\"; or \"at\" is a required property)",
        ),
        (
            json!({"q": "a", "r": 1, "list": [1, "2"]}),
            "/list/1: this value is not of type \"integer\"",
        ),
        (
            json!({"q": "a", "r": 1, "list": [1, 1]}),
            "/list: this value has the same item twice",
        ),
        (
            json!({"q": "a", "r": 1, "list": [1]}),
            "/list: this value has less than 2 items",
        ),
        (json!({"q": "a", "r": 1, "a/b~": 1}), "/a~1b~0: "),
        (
            json!({"q": "a", "r": 1, "x": 1, "y": 1}),
            "(\'x\', \'y\' were unexpected)",
        ),
    ];
    for (value, expected) in cases {
        let told = complaint(&schema, &value);
        assert!(told.contains(expected), "{told}");
        assert!(
            told.starts_with("They do not fit the tool's schema:\n- "),
            "{told}"
        );
    }
}

#[test]
fn a_complaint_is_short_and_repeats_nothing_of_the_arguments() {
    let schema = json!({"items": {"enum": ["x".repeat(5_000)]}});
    let told = complaint(&schema, &json!(vec!["s3cret"; 50]));
    assert_eq!(told.lines().count(), 7, "{told}");
    assert!(told.ends_with("\n- and more"));
    assert!(told.len() < 1_500 && !told.contains("s3cret"), "{told}");
    let three = complaint(&schema, &json!(["a", "b", "c"]));
    assert_eq!(three.lines().count(), 4, "{three}");
}
