//! Each quirk as it looks on the wire.

use response_devstack::model::QUIRKS;
use serde_json::{Value, json};

use crate::chat::{Chat, Streamed, asking, plainly};

/// Two calls, the first with arguments of several fragments.
fn two_calls(quirk: &str) -> Value {
    asking(&format!(
        "calculate 1+2+3+4+5 and 6*7*8*9 [[quirk:{quirk}]]"
    ))
}

async fn stream(quirk: &str) -> Streamed {
    Chat::start().streamed(&two_calls(quirk)).await
}

/// One member of each fragment of a call, in order.
fn members<'a>(streamed: &'a Streamed, path: &str) -> Vec<Option<&'a Value>> {
    streamed
        .calls()
        .into_iter()
        .map(|call| call.pointer(path))
        .collect()
}

fn count_some(members: &[Option<&Value>]) -> usize {
    members.iter().filter(|member| member.is_some()).count()
}

#[tokio::test]
async fn ids_indexes_and_names_of_fragments_are_bent() {
    let usual = stream("q7-whole").await;
    assert_eq!(
        members(&usual, "/index"),
        [Some(&json!(0)), Some(&json!(1))]
    );

    let plain = Chat::start()
        .streamed(&asking("calculate 1+2+3+4+5 and 6*7*8*9"))
        .await;
    let fragments = plain.calls().len();
    assert!(fragments > 4, "{fragments}");
    assert_eq!(count_some(&members(&plain, "/id")), 2);
    assert_eq!(count_some(&members(&plain, "/index")), fragments);

    let empty = stream("q1-empty-id").await;
    let ids = members(&empty, "/id");
    assert_eq!(
        ids.iter().filter(|id| **id == Some(&json!(""))).count(),
        fragments - 2
    );
    assert_eq!(members(&empty, "/function/name")[1], Some(&Value::Null));

    assert_eq!(
        members(&stream("q2").await, "/index"),
        [Some(&json!(0)), Some(&json!(0))]
    );
    assert_eq!(
        count_some(&members(&stream("q3-no-index").await, "/index")),
        0
    );
    assert_eq!(count_some(&members(&stream("q3-mixed").await, "/index")), 2);
    let colliding = stream("q3-colliding").await;
    assert!(
        members(&colliding, "/index")
            .iter()
            .all(|index| *index == Some(&json!(0)))
    );
    assert_eq!(count_some(&members(&colliding, "/id")), 2);
    let repeated = stream("q4").await;
    assert_eq!(count_some(&members(&repeated, "/id")), fragments);
    assert_eq!(count_some(&members(&repeated, "/function/name")), fragments);
}

#[tokio::test]
async fn arguments_are_objects_lost_or_malformed() {
    let chat = Chat::start();
    let object = chat.streamed(&two_calls("q5")).await;
    assert_eq!(
        object.calls()[0]["function"]["arguments"]["expression"],
        "1+2+3+4+5"
    );
    assert_eq!(chat.streamed(&two_calls("q7-lost")).await.arguments(), "");
    let (_, whole) = chat.whole(&two_calls("q7-lost")).await;
    let call = &whole["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(call["arguments"], r#"{"expression":"1+2+3+4+5"}"#);
    let table = [
        ("q11-cut", r#"{"value": "#),
        ("q11-spliced", r#"{"expression":"1+1"}{"expression":"1+1"}"#),
        ("q11-trailer", r#"{"expression":"1+1"}<|call|>"#),
        ("q11-quotes", "{'expression':'1+1'}"),
        ("q25-call", r#"{"expressi"#),
    ];
    for (quirk, expected) in table {
        let body = asking(&format!("calculate 1+1 [[quirk:{quirk}]]"));
        assert_eq!(chat.streamed(&body).await.arguments(), expected, "{quirk}");
    }
}

#[tokio::test]
async fn a_call_without_arguments_says_so_in_three_odd_ways() {
    let chat = Chat::start();
    let table = [
        ("q6-empty", Some(json!(""))),
        ("q6-null", Some(Value::Null)),
        ("q6-absent", None),
    ];
    for (quirk, expected) in table {
        let body = asking(&format!("what time is it [[quirk:{quirk}]]"));
        let streamed = chat.streamed(&body).await;
        let function = streamed.calls()[0]["function"].as_object().unwrap().clone();
        assert_eq!(function.get("arguments"), expected.as_ref(), "{quirk}");
    }
}

#[tokio::test]
async fn calls_end_with_odd_finish_reasons() {
    let table = [
        ("q8-stop", json!("stop")),
        ("q8-null", Value::Null),
        ("q8-empty", json!("")),
        ("q8-end-turn", json!("end_turn")),
        ("q8-function-call", json!("function_call")),
        ("q25-call", json!("length")),
    ];
    for (quirk, expected) in table {
        let streamed = stream(quirk).await;
        assert_eq!(streamed.finish(), Some(&expected), "{quirk}");
        assert!(!streamed.calls().is_empty());
    }
}

#[tokio::test]
async fn calls_leak_into_the_text_or_vanish() {
    let chat = Chat::start();
    let leak = async |quirk: &str| {
        let choice = chat
            .message(&format!("calculate 1+1 [[quirk:{quirk}]]"))
            .await;
        assert!(choice["message"].get("tool_calls").is_none(), "{quirk}");
        assert_eq!(choice["finish_reason"], "stop");
        choice["message"]["content"].as_str().unwrap().to_owned()
    };
    let bare = r#"{"arguments":{"expression":"1+1"},"name":"calculator"}"#;
    assert_eq!(leak("q9-bare").await, bare);
    assert_eq!(
        leak("q9-tagged").await,
        format!("<tool_call>\n{bare}\n</tool_call>")
    );
    let tags = "<function=calculator>\n<parameter=expression>\n1+1\n</parameter>\n</function>\n\
                </tool_call>";
    assert_eq!(leak("q9-function").await, tags);
    assert_eq!(leak("q10").await, "");
    let (_, empty) = chat.whole(&plainly("[[quirk:q10]]")).await;
    assert!(empty["usage"]["completion_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn reasoning_comes_in_its_field_or_in_the_text() {
    let chat = Chat::start();
    let think = async |quirk: &str| {
        chat.message(&format!("think, then say hello [[quirk:{quirk}]]"))
            .await["message"]
            .clone()
    };
    assert!(think("q14-reasoning").await["reasoning"].is_string());
    for (quirk, start, end) in [
        ("q14-inline", "<think>The user", "</think>\n\n"),
        ("q14-mm", "<mm:think>The user", "</mm:think>\n\n"),
        ("q14-close", "The user", "</think>\n\n"),
    ] {
        let message = think(quirk).await;
        let text = message["content"].as_str().unwrap();
        assert!(
            text.starts_with(start) && text.contains(end),
            "{quirk}: {text}"
        );
        assert!(message.get("reasoning_content").is_none());
    }
}

#[tokio::test]
async fn ids_are_missing_or_all_the_same() {
    assert_eq!(count_some(&members(&stream("q17-missing").await, "/id")), 0);
    let same = stream("q17-duplicate").await;
    let ids: Vec<_> = members(&same, "/id").into_iter().flatten().collect();
    assert_eq!(ids, [&json!("call_0"), &json!("call_0")]);
}

#[tokio::test]
async fn usage_is_everywhere_nowhere_or_refused() {
    let chat = Chat::start();
    let usage = async |quirk: &str| {
        let mut body = plainly(&format!("say one two three four [[quirk:{quirk}]]"));
        body["stream_options"] = json!({"include_usage": true});
        chat.streamed(&body).await
    };
    let everywhere = usage("q18-every").await;
    let completion = |chunk: &Value| chunk["usage"]["completion_tokens"].as_u64().unwrap();
    let counts: Vec<_> = everywhere.chunks.iter().map(completion).collect();
    assert!(
        counts.is_sorted() && counts.first() < counts.last(),
        "{counts:?}"
    );
    assert!(
        usage("q18-absent")
            .await
            .chunks
            .iter()
            .all(|chunk| chunk.get("usage").is_none())
    );
    let mut body = plainly("x [[quirk:q18-refused]]");
    assert_eq!(chat.whole(&body).await.0, 200);
    body["stream_options"] = json!({});
    assert_eq!(chat.whole(&body).await.0, 400);
}

#[tokio::test]
async fn a_stream_ends_without_its_marks() {
    let chat = Chat::start();
    let end = async |quirk: &str| {
        chat.streamed(&plainly(&format!("say hi [[quirk:{quirk}]]")))
            .await
    };
    let error = end("q19-error").await;
    assert!(error.chunks.last().unwrap()["error"]["message"].is_string() && !error.done);
    let eof = end("q19-eof").await;
    assert!(!eof.done && eof.finish() == Some(&Value::Null) && eof.text() == "hi");
    let no_done = end("q19-no-done").await;
    assert!(!no_done.done && no_done.finish() == Some(&json!("stop")));
    let broken = end("q19-bad-json").await;
    assert!(broken.broken == 1 && !broken.done && broken.text() == "hi");
    assert_eq!(end("q21-doubled").await.text(), "hihi");
    let mut long = plainly("say one two three four five six [[quirk:q25]]");
    let (_, answer) = chat.whole(&long).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    long["max_tokens"] = json!(1000);
    let (_, answer) = chat.whole(&long).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn tool_names_come_back_changed() {
    let table = [
        ("q22-prefix", "functions.calculator"),
        ("q22-case", "CALCULATOR"),
        ("q22-namespace", "tools__calculator"),
    ];
    for (quirk, expected) in table {
        let streamed = stream(quirk).await;
        assert_eq!(
            members(&streamed, "/function/name")[0],
            Some(&json!(expected)),
            "{quirk}"
        );
    }
}

#[tokio::test]
async fn a_strict_server_refuses_what_its_quirk_names() {
    let chat = Chat::start();
    let history = |content: Value, arguments: &str, id: &str| {
        let function = json!({"name": "f", "arguments": arguments});
        json!([
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": content,
             "tool_calls": [{"id": id, "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": id, "content": "1"},
        ])
    };
    let usual = || history(Value::Null, "{}", "call_1");
    let two_systems = json!([
        {"role": "system", "content": "a"}, {"role": "user", "content": "x"},
        {"role": "developer", "content": "b"},
    ]);
    let two_users = json!([{"role": "user", "content": "x"}, {"role": "user", "content": "y"}]);
    let table = [
        ("q12-500", history(Value::Null, "{\"a", "a"), 500),
        ("q12-400", history(Value::Null, "{\"a", "a"), 400),
        ("q12-400", usual(), 200),
        ("q13-null", usual(), 400),
        ("q13-null", history(json!(""), "{}", "a"), 200),
        ("q13-empty", history(json!(""), "{}", "a"), 400),
        ("q13-empty", usual(), 200),
        ("q15", usual(), 400),
        ("q16", usual(), 400),
        ("q16", history(Value::Null, "{}", "abcDEF123"), 200),
        ("q24-first", two_systems, 400),
        ("q24-first", usual(), 200),
        ("q24-alternate", two_users, 400),
        ("q24-alternate", usual(), 200),
    ];
    for (quirk, messages, expected) in table {
        let model = format!("m[[quirk:{quirk}]]");
        let (status, answer) = chat
            .whole(&json!({"model": model, "messages": messages}))
            .await;
        assert_eq!(status, expected, "{quirk}: {answer}");
    }
}

#[tokio::test]
async fn a_schema_that_a_grammar_cannot_express_is_refused() {
    let chat = Chat::start();
    let offends = json!({
        "$schema": "s", "type": "object",
        "properties": {
            "a": {"type": "string", "pattern": "^\\d+$"}, "b": {"type": "array", "minItems": 1},
            "c": {"not": {}},
        },
    });
    for (quirk, expected) in [
        ("q20-pattern", 400),
        ("q20-schema", 502),
        ("q20-not", 500),
        ("q20-min-items", 400),
    ] {
        let mut body = asking(&format!("say hi [[quirk:{quirk}]]"));
        assert_eq!(
            chat.whole(&body).await.0,
            200,
            "{quirk} without the offence"
        );
        body["tools"][0]["function"]["parameters"] = offends.clone();
        assert_eq!(chat.whole(&body).await.0, expected, "{quirk}");
    }
}

#[tokio::test]
async fn every_quirk_can_be_turned_on_by_its_name() {
    let chat = Chat::start();
    for (name, what) in QUIRKS {
        let (status, _) = chat
            .whole(&plainly(&format!("say hi [[quirk:{name}]]")))
            .await;
        assert_eq!(status, 200, "{name}");
        assert!(what.trim().ends_with('.'), "{name}: {what}");
    }
}
