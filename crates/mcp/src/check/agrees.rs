//! The check means what schemas mean: where it is sure, the plain validator says the same.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// Values with few names and few leaves, so that schemas often speak of them.
pub(super) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..4_i64).prop_map(Value::from),
        prop_oneof![Just(0.5), Just(1.0), Just(-2.5), Just(1e300)].prop_map(Value::from),
        "[ab1]{0,3}|äö".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc]|[$]ref|type|items", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn kind() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        "null", "boolean", "number", "integer", "string", "array", "object",
    ])
    .prop_map(Value::from)
}

/// What is said without other schemas.
fn plain() -> impl Strategy<Value = (&'static str, Value)> {
    let small = || (0..4_u64).prop_map(Value::from);
    let number = || {
        prop_oneof![
            (-3..4_i64).prop_map(Value::from),
            Just(json!(0.5)),
            Just(json!(1.5))
        ]
    };
    let names = || prop::collection::btree_set("[abc]", 0..3).prop_map(|names| json!(names));
    let pattern = prop::sample::select(vec![
        "^a", "b$", "^[ab]+$", "1", "^.{2}$", "\\d", "(?=a)", "^(a|b)*$",
    ]);
    prop_oneof![
        kind().prop_map(|kind| ("type", kind)),
        prop::collection::btree_set("null|string|array|object|integer", 1..3)
            .prop_map(|kinds| ("type", json!(kinds))),
        prop::collection::vec(any_value(), 1..4).prop_map(|options| ("enum", json!(options))),
        any_value().prop_map(|value| ("const", value)),
        number().prop_map(|limit| ("minimum", limit)),
        number().prop_map(|limit| ("maximum", limit)),
        number().prop_map(|limit| ("exclusiveMinimum", limit)),
        number().prop_map(|limit| ("exclusiveMaximum", limit)),
        prop_oneof![Just(json!(1)), Just(json!(2)), Just(json!(0.5))]
            .prop_map(|of| ("multipleOf", of)),
        small().prop_map(|limit| ("minLength", limit)),
        small().prop_map(|limit| ("maxLength", limit)),
        pattern.prop_map(|pattern| ("pattern", json!(pattern))),
        small().prop_map(|limit| ("minItems", limit)),
        small().prop_map(|limit| ("maxItems", limit)),
        any::<bool>().prop_map(|unique| ("uniqueItems", json!(unique))),
        small().prop_map(|limit| ("minProperties", limit)),
        small().prop_map(|limit| ("maxProperties", limit)),
        small().prop_map(|limit| ("minContains", limit)),
        small().prop_map(|limit| ("maxContains", limit)),
        names().prop_map(|names| ("required", names)),
        names().prop_map(|names| ("dependentRequired", json!({"a": names}))),
        prop::sample::select(vec![
            "#",
            "#/$defs/a",
            "#/$defs/b",
            "#/$defs/none",
            "other.json"
        ])
        .prop_map(|reference| ("$ref", json!(reference))),
    ]
}

fn object(said: Vec<(&'static str, Value)>) -> Value {
    Value::Object(
        said.into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn part() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        8 => prop::collection::vec(plain(), 0..4).prop_map(object),
        1 => any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..3);
        let named = |names: &'static str| {
            prop::collection::btree_map(names, inner.clone(), 0..3).prop_map(|parts| json!(parts))
        };
        let keyword = prop::sample::select(vec![
            "not",
            "if",
            "then",
            "else",
            "items",
            "contains",
            "additionalProperties",
            "propertyNames",
        ]);
        let with_parts = prop_oneof![
            (keyword, inner.clone()),
            (
                prop::sample::select(vec!["allOf", "anyOf", "oneOf", "prefixItems"]),
                several.prop_map(Value::from)
            ),
            (Just("properties"), named("[abc]")),
            (Just("patternProperties"), named("\\^a|b\\$|[(][?]!a[)]")),
            (Just("dependentSchemas"), named("[abc]")),
            (Just("unevaluatedProperties"), inner),
        ];
        (
            prop::collection::vec(plain(), 0..3),
            prop::collection::vec(with_parts, 0..3),
        )
            .prop_map(|(plain, parts)| object(plain.into_iter().chain(parts).collect()))
    })
}

/// A schema with parts that it may refer to.
pub(super) fn any_schema() -> impl Strategy<Value = Value> {
    (part(), part(), part()).prop_map(|(root, a, b)| {
        let mut root = match root {
            Value::Object(root) => root,
            other => Map::from_iter([("not".to_owned(), other)]),
        };
        root.insert("$defs".to_owned(), json!({"a": a, "b": b}));
        Value::Object(root)
    })
}

/// What the plain validator says; nothing when it cannot take the schema.
fn plainly(schema: &Value, value: &Value) -> Option<bool> {
    let validator = jsonschema::options().offline().build(schema).ok()?;
    Some(validator.is_valid(value))
}

/// Without what leads back to where it is or doubles itself: what those mean is nobody's to say, and the
/// plain validator has no end to it.
fn is_plain(schema: &Value) -> bool {
    let (_, steps) =
        Check::new(&Json::from_value(schema)).measured(&json!({"a": [1], "b": "a"}), Budget(2_000));
    steps < 2_000 && !schema.to_string().contains("#\"") && {
        let parts = schema["$defs"].to_string();
        !parts.contains("$ref")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn where_it_is_sure_the_plain_validator_says_the_same(schema in any_schema(), values in prop::collection::vec(any_value(), 6)) {
        if !is_plain(&schema) {
            return Ok(());
        }
        for value in &values {
            let Some(expected) = plainly(&schema, value) else { continue };
            let (fit, _) = Check::new(&Json::from_value(&schema)).measured(value, Budget(100_000));
            match fit {
                Ok(Fit::Yes) => prop_assert!(expected, "fits: {schema} {value}"),
                Ok(Fit::No) => prop_assert!(!expected, "does not fit: {schema} {value}"),
                Ok(Fit::Unknown) | Err(Spent) => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn patterns_mean_the_same(
        pattern in "([\\^]|)([ab1._ é-]|\\\\[dwsDWSbB./-]|\\[\\^?([ab1.&-]|\\\\[dwsDWS]){1,3}\\]|[(]a[|]b[)]|[ab1][*+?]){0,5}([$]|)",
        text in "[ab1._ é\\-\t]{0,6}",
    ) {
        let schema = json!({"pattern": pattern});
        let value = json!(text);
        // In brackets, because the plain validator has short cuts for plain patterns, and one of them leads
        // astray: it lets `-1` pass for `^-1+a*1+$`.
        let in_brackets = json!({"pattern": format!("(?:{pattern})")});
        if let Some(expected) = plainly(&in_brackets, &value) {
            let (fit, _) = Check::new(&Json::from_value(&schema)).measured(&value, Budget(100_000));
            if let Ok(Fit::Yes | Fit::No) = fit {
                prop_assert_eq!(fit == Ok(Fit::Yes), expected, "{} {:?}", pattern, text);
            }
        }
    }
}

#[test]
fn it_is_sure_of_most_of_what_the_plain_validator_can_say() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut sure, mut said) = (0, 0);
    for _ in 0..400 {
        let schema = any_schema().new_tree(&mut runner).unwrap().current();
        let value = any_value().new_tree(&mut runner).unwrap().current();
        if !is_plain(&schema) || plainly(&schema, &value).is_none() {
            continue;
        }
        said += 1;
        let (fit, _) = Check::new(&Json::from_value(&schema)).measured(&value, Budget(100_000));
        sure += usize::from(matches!(fit, Ok(Fit::Yes | Fit::No)));
    }
    assert!(said > 100, "{said}");
    assert!(sure * 10 > said * 8, "{sure} of {said}");
}
