//! What a model can be made to say besides plain text: forms, refusals, what it saw and what it was asked.

use serde_json::{Value, json};

use crate::chat::{Chat, asking, plainly};

/// As a client library writes the type of an answer.
fn weather() -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "weather", "strict": true, "schema": {
        "type": "object",
        "properties": {
            "sky": {"enum": ["clear", "cloudy"], "type": "string"},
            "degrees": {"type": "integer"},
            "place": {"$ref": "#/$defs/Place"},
            "warning": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["sky", "degrees", "place", "warning"],
        "additionalProperties": false,
        "$defs": {"Place": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
        }},
    }}})
}

fn content(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"]
        .as_str()
        .unwrap_or_default()
}

fn with_parts(parts: &Value) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": parts}]})
}

#[tokio::test]
async fn an_answer_fits_its_schema_or_is_given_to_the_letter() {
    let chat = Chat::start();
    let mut body = plainly("say hello");
    body["response_format"] = weather();
    let (_, answer) = chat.whole(&body).await;
    let value: Value = serde_json::from_str(content(&answer)).unwrap();
    let expected =
        json!({"sky": "clear", "degrees": 1, "place": {"name": "hello"}, "warning": "hello"});
    assert_eq!(value, expected);
    assert_eq!(chat.streamed(&body).await.text(), content(&answer));
    let own = r#"{"sky":"cloudy","degrees":-3,"place":{"name":"Ulm"},"warning":null}"#;
    let mut body = plainly(&format!("say {own}"));
    body["response_format"] = weather();
    let (_, answer) = chat.whole(&body).await;
    assert_eq!(content(&answer), own);
}

#[tokio::test]
async fn a_refusal_stands_where_the_format_has_it() {
    let chat = Chat::start();
    let body = asking("[[refuse]] Search for tides.");
    let (_, answer) = chat.whole(&body).await;
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["refusal"], "I cannot help with that.");
    assert_eq!(message["content"], Value::Null);
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let streamed = chat.streamed(&body).await;
    let refusal: String = streamed
        .deltas()
        .filter_map(|delta| delta["refusal"].as_str())
        .collect();
    assert_eq!(refusal, "I cannot help with that.");
    assert_eq!(streamed.text(), "");
}

#[tokio::test]
async fn a_finish_reason_and_cached_tokens_are_as_ordered() {
    let chat = Chat::start();
    let body = plainly("say hello [[finish:content_filter cached:2]]");
    let (_, answer) = chat.whole(&body).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "content_filter");
    assert_eq!(content(&answer), "hello");
    let details = &answer["usage"]["prompt_tokens_details"];
    assert_eq!(details["cached_tokens"], 2);
    assert_eq!(
        chat.streamed(&body).await.finish(),
        Some(&json!("content_filter"))
    );
}

#[tokio::test]
async fn what_is_no_text_is_told_by_type_and_length() {
    let chat = Chat::start();
    let table = [
        (
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}),
            "a picture (image/png, 3 bytes, detail low)",
        ),
        (
            json!({"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}),
            "a picture at https://example.com/cat.png",
        ),
        (
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AP8="}}),
            "the file \"a.pdf\" (application/pdf, 2 bytes)",
        ),
        (
            json!({"type": "file", "file": {"filename": "n.md", "file_data": "data:text/markdown;base64,SGVsbG8="}}),
            "the file \"n.md\" (text/markdown, 5 bytes) that says \"Hello\"",
        ),
        (
            json!({"type": "file", "file": {"file_id": "file-1"}}),
            "the file file-1",
        ),
        (
            json!({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}),
            "something of type input_audio",
        ),
    ];
    for (part, seen) in &table {
        let body = with_parts(&json!([{"type": "text", "text": "Look"}, part]));
        let (_, answer) = chat.whole(&body).await;
        let expected = format!("It came with 1 attachment: {seen}.");
        assert!(content(&answer).contains(&expected), "{answer}");
    }
    let all: Vec<_> = table.iter().map(|(part, _)| part.clone()).collect();
    let (_, answer) = chat.whole(&with_parts(&json!(all))).await;
    assert!(
        content(&answer).contains("It came with 6 attachments: a picture"),
        "{answer}"
    );
}

#[tokio::test]
async fn parts_of_the_wrong_form_are_refused() {
    let chat = Chat::start();
    let tool = |content: &Value| {
        json!({"model": "m", "messages": [
            {"role": "user", "content": "Look"},
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "a", "content": content},
        ]})
    };
    let picture = json!([{"type": "image_url", "image_url": {"url": "x"}}]);
    let refused = [
        with_parts(&json!([{"type": "input_text", "text": "x"}])),
        with_parts(&json!([{"type": "file", "file": {"filename": "a", "file_data": "AAAA"}}])),
        with_parts(&json!([{"type": "file", "file": {"file_data": "data:text/plain,a"}}])),
        with_parts(&json!([{"type": "file", "file": {}}])),
        with_parts(&json!([{"type": "image_url"}])),
        with_parts(&json!([{"type": "text"}])),
        tool(&picture),
    ];
    for body in refused {
        let (status, answer) = chat.whole(&body).await;
        assert_eq!(status, 400, "{body}: {answer}");
    }
    let (status, _) = chat
        .whole(&tool(&json!([{"type": "text", "text": "x"}])))
        .await;
    assert_eq!(status, 200);
    let file = json!([
        {"type": "text", "text": "Read [[quirk:q39]]"},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]);
    let (status, answer) = chat.whole(&with_parts(&file)).await;
    assert_eq!(status, 400);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Unsupported chat content part type: 'file'"),
        "{message}"
    );
}

#[tokio::test]
async fn what_tools_returned_besides_text_is_no_new_question() {
    let chat = Chat::start();
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": r#"Draw it. [[call:draw {"what":"a cat"}]]"#},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "call00001", "type": "function",
             "function": {"name": "draw", "arguments": r#"{"what":"a cat"}"#}},
        ]},
        {"role": "tool", "tool_call_id": "call00001", "content": "done"},
        {"role": "user", "content": [
            {"type": "text", "text": "The call call00001 of the tool `draw` returned:"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]},
    ], "tools": [{"type": "function", "function": {"name": "draw"}}]});
    let (_, answer) = chat.whole(&body).await;
    assert_eq!(
        content(&answer),
        "draw returned: done\n\nIt came with 1 attachment: a picture (image/png, 3 bytes)."
    );
}

#[tokio::test]
async fn calls_of_the_clients_own_functions_come_side_by_side() {
    let chat = Chat::start();
    let prompt = r#"[[call:lookup {"word":"tea"}]] [[call:add {"a":1}]] [[call:clock {}]] Go."#;
    let streamed = chat.streamed(&asking(prompt)).await;
    let names: Vec<_> = streamed
        .calls()
        .iter()
        .filter_map(|call| call["function"]["name"].as_str())
        .collect();
    assert_eq!(names, ["lookup", "add", "clock"]);
}

#[tokio::test]
async fn the_request_itself_can_be_the_answer() {
    let chat = Chat::start();
    let mut body = asking("[[echo:tool_choice]]");
    body["tool_choice"] = json!("none");
    let (_, answer) = chat.whole(&body).await;
    assert_eq!(content(&answer), r#""none""#);
    let (_, answer) = chat.whole(&asking("[[echo:seed]]")).await;
    assert_eq!(content(&answer), "null");
    let body = plainly("[[echo]]");
    let (_, answer) = chat.whole(&body).await;
    let told: Value = serde_json::from_str(content(&answer)).unwrap();
    assert_eq!(told, body);
}

#[tokio::test]
async fn reasoning_can_be_ordered_and_a_limit_counts_it() {
    let chat = Chat::start();
    let mut body = plainly("say hello [[think]]");
    let (_, answer) = chat.whole(&body).await;
    assert!(answer["choices"][0]["message"]["reasoning_content"].is_string());
    let reasoning = answer["usage"]["completion_tokens_details"]["reasoning_tokens"].clone();
    for (limit, text) in [
        (json!(1), ""),
        (reasoning.clone(), ""),
        (json!(1_000), "hello"),
    ] {
        body["max_tokens"] = limit.clone();
        let (_, answer) = chat.whole(&body).await;
        assert_eq!(content(&answer), text, "{limit}");
        let is_cut = answer["choices"][0]["finish_reason"] == "length";
        assert_eq!(is_cut, text.is_empty());
        if is_cut {
            assert_eq!(answer["usage"]["completion_tokens"], limit);
        }
    }
}

#[tokio::test]
async fn a_limit_cuts_calls() {
    let chat = Chat::start();
    let mut body = asking("search for tides");
    let table = [
        (1, None),
        (13, Some(r#"{"q""#)),
        (50, Some(r#"{"q":"tides"}"#)),
    ];
    for (limit, arguments) in table {
        body["max_tokens"] = json!(limit);
        let (_, answer) = chat.whole(&body).await;
        let choice = &answer["choices"][0];
        let call = &choice["message"]["tool_calls"][0]["function"];
        assert_eq!(call["arguments"].as_str(), arguments, "{limit}");
        let finish = if limit < 50 { "length" } else { "tool_calls" };
        assert_eq!(choice["finish_reason"], finish, "{limit}");
    }
}

#[tokio::test]
async fn a_conversation_is_compacted_into_notes_that_are_remembered_from() {
    let chat = Chat::start();
    let body = json!({"model": "m", "messages": [
        {"role": "system", "content": "You compact conversations."},
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Nice to meet you."},
        {"role": "user", "content": "Compact the conversation so far."},
    ]});
    let (_, answer) = chat.whole(&body).await;
    let notes = content(&answer);
    assert_eq!(
        notes,
        "Notes of the conversation:\n- user: My name is Ada.\n- assistant: Nice to meet you."
    );
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": format!("What was said so far:\n{notes}")},
        {"role": "user", "content": "What is my name?"},
    ]});
    let (_, answer) = chat.whole(&body).await;
    assert_eq!(content(&answer), "Your name is Ada.");
}
