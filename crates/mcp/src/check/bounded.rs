//! No schema and no arguments cost more than the budget, whatever they are made for.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::check::agrees::{any_schema, any_value};

const BUDGET: Budget = Budget(50_000);

fn cost(schema: &Value, value: &Value) -> (Result<Fit, Spent>, usize) {
    Check::new(&Json::from_value(schema)).measured(value, BUDGET)
}

/// Definitions that each refer to the next `times` times, under this keyword.
fn chain(length: usize, times: usize, keyword: &str) -> Value {
    let mut parts = Map::new();
    for number in 0..length {
        let next = json!({"$ref": format!("#/$defs/d{}", number + 1)});
        parts.insert(format!("d{number}"), json!({keyword: vec![next; times]}));
    }
    parts.insert(format!("d{length}"), json!({"type": "object"}));
    json!({"$ref": "#/$defs/d0", "$defs": parts})
}

/// One in the other, `depth` times.
fn nested(depth: usize, wrap: impl Fn(Value) -> Value, inner: Value) -> Value {
    (0..depth).fold(inner, |inner, _| wrap(inner))
}

type Bomb = (&'static str, Value, Value);

fn bombs() -> Vec<Bomb> {
    let (bombs, small) = (doublings().into_iter().chain(many()), small_ones());
    bombs.chain(patterns()).chain(small).collect()
}

/// Small schemas that double with every step.
fn doublings() -> Vec<Bomb> {
    let deep = nested(60, |inner| json!({ "a": inner }), json!(1));
    let twice = json!([{"$ref": "#"}, {"$ref": "#"}]);
    let turns = json!({"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}});
    vec![
        ("all of twice the next", chain(60, 2, "allOf"), json!({})),
        ("any of twice the next", chain(60, 2, "anyOf"), json!(1)),
        ("one of twice the next", chain(60, 2, "oneOf"), json!({})),
        ("wide references", chain(5, 400, "allOf"), json!({})),
        ("itself", json!({"$ref": "#"}), json!({})),
        ("itself twice", json!({ "allOf": twice }), json!({})),
        ("not itself", json!({"not": {"$ref": "#"}}), json!({})),
        (
            "itself in turns",
            json!({"$ref": "#/$defs/a", "$defs": turns}),
            json!({}),
        ),
        (
            "twice for each level",
            json!({"additionalProperties": {"allOf": twice}}),
            deep,
        ),
    ]
}

/// Much against much.
fn many() -> Vec<Bomb> {
    let long: Vec<u32> = (0..5_000).collect();
    let others: Vec<u32> = (5_000..9_000).collect();
    let names: Map<String, Value> = (0..2_000).map(|n| (format!("name{n}"), json!(n))).collect();
    let patterns: Map<String, Value> = (0..300)
        .map(|n| (format!("(x+)*{n}$"), json!({})))
        .collect();
    let unlike = |n| json!({"a": n, "b": "x".repeat(20)});
    let unlike: Vec<Value> = (0..3_000).map(unlike).collect();
    let unique = json!({"items": {"$ref": "#"}, "uniqueItems": true});
    let by_pattern = json!({"patternProperties": patterns, "additionalProperties": false});
    vec![
        (
            "many against many",
            json!({"items": {"enum": long}}),
            json!(long),
        ),
        (
            "contains",
            json!({"contains": {"enum": others}}),
            json!(long),
        ),
        ("unique", unique, json!([unlike.clone(), unlike])),
        ("names and patterns", by_pattern, json!(names)),
        (
            "property names",
            json!({"propertyNames": {"pattern": "^(n|a|na)*m$"}}),
            json!(names),
        ),
        (
            "a large constant",
            json!({"items": {"const": long}}),
            json!(vec![long.clone(); 20]),
        ),
        (
            "long texts",
            json!({"items": {"minLength": 1}}),
            json!(vec!["ä".repeat(10_000); 40]),
        ),
    ]
}

fn patterns() -> Vec<Bomb> {
    let pattern = |pattern: &str| json!({ "pattern": pattern });
    let brackets = format!("{}{}", "(".repeat(250), ")".repeat(250));
    vec![
        (
            "one that goes back",
            pattern("^(a+)+$"),
            json!(format!("{}!", "a".repeat(100_000))),
        ),
        (
            "looks around",
            pattern("^(?=(a+)+$)(a|aa)+$"),
            json!(format!("{}!", "a".repeat(60))),
        ),
        (
            "a large one",
            pattern("(\\p{L}{50}){50}"),
            json!("é".repeat(50_000)),
        ),
        ("escapes", pattern(&"\\d\\w\\s\\cA".repeat(56)), json!("x")),
        ("letters", pattern(&"[\\p{L}\\W]".repeat(50)), json!("x")),
        ("brackets", pattern(&brackets), json!("x")),
    ]
}

/// Those that only look dear, or cost much in a step.
fn small_ones() -> Vec<Bomb> {
    let deep = nested(60, |inner| json!({ "a": inner }), json!(1));
    let again =
        |inner: Value| json!({"anyOf": [inner.clone(), inner], "unevaluatedProperties": false});
    let turns = |inner: Value| json!({"if": inner.clone(), "then": inner.clone(), "else": inner});
    let doubt = json!([
        9_007_199_254_740_992.0,
        9_007_199_254_740_993_i64,
        9_007_199_254_740_993_i64
    ]);
    vec![
        (
            "unevaluated in each other",
            nested(9, again, json!({"required": ["x"]})),
            json!({}),
        ),
        (
            "conditions in each other",
            nested(7, turns, json!({"type": "null"})),
            json!({}),
        ),
        ("unique in doubt", json!({"uniqueItems": true}), doubt),
        (
            "tiny multiples",
            json!({"items": {"multipleOf": 1e-308}}),
            json!([1e308, 5e-324, u64::MAX, -1]),
        ),
        (
            "a long reference",
            json!({"$ref": format!("#{}", "/a~1".repeat(20_000))}),
            json!({}),
        ),
        (
            "percent signs",
            json!({"$ref": format!("#/{}", "%25".repeat(30_000))}),
            json!({}),
        ),
        (
            "a deep value",
            json!({"properties": {"a": {"$ref": "#"}}, "maxProperties": 1}),
            deep,
        ),
    ]
}

#[test]
fn whatever_a_schema_is_made_for_its_check_ends_within_the_budget() {
    for (name, schema, value) in bombs() {
        let (_, steps) = cost(&schema, &value);
        assert!(steps <= BUDGET.0, "{name}: {steps}");
    }
}

#[test]
fn a_check_that_costs_too_much_is_given_up_and_says_so() {
    for (name, schema, value) in doublings() {
        let check = Check::new(&Json::from_value(&schema));
        assert_eq!(check.find(&value, BUDGET), Finding::Spent, "{name}");
    }
}

#[test]
fn what_people_write_costs_little() {
    let schema = json!({"type": "object", "required": ["title", "items"], "additionalProperties": false, "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\w -]+$"},
        "items": {"type": "array", "maxItems": 100, "items": {"$ref": "#/$defs/item"}}},
        "$defs": {"item": {"type": "object", "required": ["id", "kind"], "properties": {
            "id": {"type": "integer", "minimum": 1}, "kind": {"enum": ["a", "b", "c"]},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}}});
    let items: Vec<Value> = (1..=100)
        .map(|id| json!({"id": id, "kind": "b", "note": null}))
        .collect();
    let (fit, steps) = cost(
        &schema,
        &json!({"title": "A list of a hundred", "items": items}),
    );
    assert_eq!(fit, Ok(Fit::Yes));
    assert!(steps < 10_000, "{steps}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_budget_is_never_passed(schema in any_schema(), value in any_value(), budget in 0..3_000_usize) {
        let check = Check::new(&Json::from_value(&schema));
        let (fit, steps) = check.measured(&value, Budget(budget));
        prop_assert!(steps <= budget);
        // With more it comes to the same, unless it was given up.
        let (whole, _) = check.measured(&value, BUDGET);
        if let (Ok(fit), Ok(whole)) = (fit, whole) {
            prop_assert_eq!(fit, whole);
        }
    }

    #[test]
    fn nothing_that_is_no_schema_does_harm(schema in any_value(), value in any_value()) {
        let (_, steps) = cost(&schema, &value);
        prop_assert!(steps <= BUDGET.0);
    }

    #[test]
    fn no_pattern_does_harm(pattern in "\\PC{0,30}|([a-c\\\\()\\[\\]{}*+?|^$.,0-9dwscxpLu-]){0,40}", text in "\\PC{0,60}") {
        let (_, steps) = cost(&json!({"pattern": pattern}), &json!(text));
        prop_assert!(steps <= BUDGET.0);
    }
}
