//! The model's natural behaviour: rules, tools, streams, usage, limits.

use serde_json::{Value, json};

use crate::chat::{Chat, asking, plainly};

const FIVE_CALLS: &str = "Search for the latest AI news, read the top 2 results, then calculate \
                          12*7 and tell me what time it is";

/// Tools as a client would run them.
fn tools(name: &str, arguments: &Value) -> String {
    match name {
        "google_search" => json!({"results": [
            {"title": "Chips get smaller", "link": "http://a.test/", "snippet": "Two nanometres."},
            {"title": "Models get larger", "link": "http://b.test/", "snippet": "Ten trillion."},
        ]})
        .to_string(),
        "scrape" => {
            let title = format!("Page {}", arguments["url"].as_str().unwrap());
            json!({"title": title, "text": "It is so. And more. And yet more."}).to_string()
        }
        "calculator" => "84".to_owned(),
        _ => json!({"time": "2026-11-21T12:00:00+00:00"}).to_string(),
    }
}

#[tokio::test]
async fn the_seeds_first_question_takes_one_search_and_is_answered_from_its_results() {
    let chat = Chat::start();
    let prompt = "Search for the latest AI news and summarize the top 3 results";
    let (rounds, text) = chat.play(asking(prompt), tools).await;
    assert_eq!(
        rounds,
        [[r#"google_search {"q":"latest AI news","num":3}"#]]
    );
    assert!(
        text.contains("1. Chips get smaller - Two nanometres. (http://a.test/)"),
        "{text}"
    );
    assert!(text.contains("2. Models get larger"), "{text}");
}

#[tokio::test]
async fn a_natural_prompt_takes_three_rounds_and_five_calls() {
    let chat = Chat::start();
    let (rounds, text) = chat.play(asking(FIVE_CALLS), tools).await;
    let expected = [
        vec![r#"google_search {"q":"latest AI news","num":2}"#],
        vec![
            r#"scrape {"url":"http://a.test/"}"#,
            r#"scrape {"url":"http://b.test/"}"#,
        ],
        vec![r#"calculator {"expression":"12*7"}"#, "clock {}"],
    ];
    assert_eq!(rounds, expected);
    for part in [
        "Chips get smaller",
        "\"Page http://b.test/\"",
        "12*7 = 84",
        "2026-11-21T12",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn without_parallel_calls_each_comes_in_a_round_of_its_own() {
    let chat = Chat::start();
    let mut body = asking(FIVE_CALLS);
    body["parallel_tool_calls"] = json!(false);
    let (rounds, _) = chat.play(body, tools).await;
    assert_eq!(rounds.iter().map(Vec::len).collect::<Vec<_>>(), [1; 5]);
}

#[tokio::test]
async fn a_search_that_found_nothing_or_failed_is_told_as_it_was() {
    let chat = Chat::start();
    for (result, expected) in [
        (r#"{"results":[]}"#, "A search for \"tides\" found nothing."),
        (
            "the index is down",
            "The search for \"tides\" answered: the index is down",
        ),
    ] {
        let (_, text) = chat
            .play(asking("search for tides"), |_, _| result.to_owned())
            .await;
        assert_eq!(text, expected);
    }
}

#[tokio::test]
async fn tool_choice_is_honoured() {
    let chat = Chat::start();
    let search = "search for tides";
    let call = async |prompt: &str, choice: Value| {
        let mut body = asking(prompt);
        body["tool_choice"] = choice;
        let (status, answer) = chat.whole(&body).await;
        assert_eq!(status, 200, "{answer}");
        answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"].clone()
    };
    assert_eq!(call(search, json!("auto")).await, json!("google_search"));
    assert_eq!(call(search, json!("none")).await, Value::Null);
    assert_eq!(call("hello", json!("auto")).await, Value::Null);
    assert_eq!(
        call("hello", json!("required")).await,
        json!("google_search")
    );
    let named = json!({"type": "function", "function": {"name": "calculator"}});
    assert_eq!(call(search, named).await, json!("calculator"));
}

#[tokio::test]
async fn a_tool_that_gets_what_the_prompt_speaks_of_is_called_once() {
    let chat = Chat::start();
    let mut body = plainly("What's the weather like in Rome?");
    body["tools"] = json!([{"type": "function", "function": {"name": "get_weather", "parameters": {
        "type": "object", "required": ["location"],
        "properties": {"location": {"type": "string"}},
    }}}]);
    let (rounds, text) = chat.play(body.clone(), |_, _| "sunny".to_owned()).await;
    assert_eq!(
        rounds,
        [[r#"get_weather {"location":"What's the weather like in Rome?"}"#]]
    );
    assert!(text.contains("get_weather returned: sunny"), "{text}");
    body["messages"][0]["content"] = json!("What's for dinner?");
    let (rounds, _) = chat.play(body, |_, _| "sunny".to_owned()).await;
    assert!(rounds.is_empty(), "{rounds:?}");
}

#[tokio::test]
async fn an_unknown_tool_that_must_be_called_gets_arguments_of_its_schema() {
    let chat = Chat::start();
    let mut body = plainly("hello");
    body["tool_choice"] = json!("required");
    body["tools"] = json!([{"type": "function", "function": {"name": "odd", "parameters": {
        "type": "object", "required": ["text", "count", "mode", "flag", "list"],
        "properties": {
            "text": {"type": "string"}, "count": {"type": "integer", "minimum": 3},
            "mode": {"enum": ["fast", "slow"]}, "flag": {"type": "boolean"},
            "list": {"type": "array"}, "optional": {"type": "string"},
        },
    }}}]);
    let (_, answer) = chat.whole(&body).await;
    let call = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    let expected = json!({"text": "hello", "count": 3, "mode": "fast", "flag": true, "list": []});
    assert_eq!(arguments, expected);
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let chat = Chat::start();
    for prompt in [
        "Write a haiku about coding",
        "search for tides",
        "think about my name is Ada",
    ] {
        let mut body = asking(prompt);
        let (_, whole) = chat.whole(&body).await;
        body["stream_options"] = json!({"include_usage": true});
        let streamed = chat.streamed(&body).await;
        let message = &whole["choices"][0]["message"];
        assert!(streamed.done);
        assert_eq!(
            streamed.text(),
            message["content"].as_str().unwrap_or_default()
        );
        assert_eq!(
            streamed.finish(),
            Some(&whole["choices"][0]["finish_reason"])
        );
        let usage = &streamed.chunks.last().unwrap()["usage"];
        assert_eq!(*usage, whole["usage"]);
        assert_eq!(streamed.chunks.last().unwrap()["choices"], json!([]));
        if let Some(call) = message["tool_calls"].get(0) {
            assert_eq!(streamed.calls()[0]["id"], call["id"]);
            assert_eq!(
                streamed.arguments(),
                call["function"]["arguments"].as_str().unwrap()
            );
        }
        let reasoning: String = streamed
            .deltas()
            .filter_map(|delta| delta["reasoning_content"].as_str())
            .collect();
        assert_eq!(
            reasoning,
            message["reasoning_content"].as_str().unwrap_or_default()
        );
    }
}

#[tokio::test]
async fn usage_comes_in_a_stream_only_when_it_is_asked_for() {
    let streamed = Chat::start().streamed(&plainly("say hello")).await;
    assert!(
        streamed
            .chunks
            .iter()
            .all(|chunk| chunk.get("usage").is_none())
    );
}

#[tokio::test]
async fn the_same_request_gets_the_same_bytes() {
    let (first, second) = (Chat::start(), Chat::start());
    let body = asking(FIVE_CALLS);
    assert_eq!(first.whole(&body).await, second.whole(&body).await);
}

#[tokio::test]
async fn thinking_is_asked_for_by_word_or_by_effort() {
    let chat = Chat::start();
    let thought = |choice: &Value| choice["message"]["reasoning_content"].is_string();
    assert!(thought(
        &chat.message("Think step by step: what is 2+2").await
    ));
    assert!(!thought(&chat.message("say hello").await));
    let mut body = plainly("say hello");
    body["reasoning_effort"] = json!("low");
    let (_, answer) = chat.whole(&body).await;
    assert!(thought(&answer["choices"][0]), "{answer}");
}

#[tokio::test]
async fn what_was_said_before_is_remembered() {
    let chat = Chat::start();
    let body = json!({"model": "m", "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hello, my name is Ada."}]},
        {"role": "assistant", "content": "Nice to meet you."},
        {"role": "user", "content": "What is my name?"},
    ]});
    let (_, answer) = chat.whole(&body).await;
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        "Your name is Ada."
    );
    let (_, answer) = chat.whole(&plainly("What is my name?")).await;
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        "You have not told me your name."
    );
}

#[tokio::test]
async fn max_tokens_and_stop_cut_the_answer() {
    let chat = Chat::start();
    let mut body = plainly("say one two three four five six seven");
    body["max_tokens"] = json!(3);
    let (_, answer) = chat.whole(&body).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "one two thre");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 3);
    body["max_tokens"] = Value::Null;
    body["stop"] = json!(["five", "three"]);
    let (_, answer) = chat.whole(&body).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "one two ");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_response_format_gives_json() {
    let chat = Chat::start();
    let mut body = plainly("say hello");
    body["response_format"] = json!({"type": "json_object"});
    let (_, answer) = chat.whole(&body).await;
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        r#"{"answer":"hello"}"#
    );
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {
        "type": "object", "required": ["word"], "properties": {"word": {"type": "string"}},
    }}});
    let (_, answer) = chat.whole(&body).await;
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        r#"{"word":"hello"}"#
    );
}

#[tokio::test]
async fn models_and_their_context_can_be_looked_up() {
    let chat = Chat::start();
    let (_, list) = chat.get("v1/models").await;
    assert_eq!(list["data"][0]["id"], "jan-v2-30b");
    let (_, entry) = chat.get("v1/models/catalogs/jan-small-4k").await;
    assert_eq!(entry["context_length"], 4096);
    let (status, entry) = chat.get("v1/models/catalogs/someone/unknown").await;
    assert_eq!(
        (status, &entry["error"]["code"]),
        (404, &json!("model_not_found"))
    );
    assert_eq!(chat.get("healthz").await, (200, json!({"status": "ok"})));
    assert_eq!(chat.get("nowhere").await.0, 404);
}

#[tokio::test]
async fn the_benchmark_models_answer_in_their_fixed_ways() {
    let chat = Chat::start();
    let of = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
    let (_, plain) = chat.whole(&of("bench-plain")).await;
    assert_eq!(plain["choices"][0]["message"]["content"], "A short answer.");
    let mut body = of("bench-stream-64");
    body["stream_options"] = json!({"include_usage": true});
    let streamed = chat.streamed(&body).await;
    let texts = streamed
        .deltas()
        .filter(|delta| delta["content"] == "word ")
        .count();
    assert_eq!((texts, streamed.done), (64, true));
    assert_eq!(streamed.chunks.last().unwrap()["usage"]["total_tokens"], 15);
    let (rounds, text) = chat.play(of("bench-tools-3"), |_, _| "2".to_owned()).await;
    assert_eq!(rounds.len(), 3);
    assert_eq!(text, "A short answer.");
    let mut body = of("bench-slow");
    body["stream"] = json!(true);
    let mut events = chat.send(&body).await.unwrap().events(None, 1 << 16);
    assert!(
        events.next().await.unwrap().is_some(),
        "the first delta comes at once"
    );
}

#[tokio::test]
async fn requests_are_kept_and_their_endings_counted() {
    let chat = Chat::start();
    chat.whole(&plainly("say hello")).await;
    let seen = chat.model.ledger().take();
    assert_eq!(seen[0].path, "/v1/chat/completions");
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(seen[0].json()["messages"][0]["content"], "say hello");
    assert_eq!(chat.model.ledger().traffic().finished, 1);
    let mut body = plainly("[[fail:slow]]");
    body["stream"] = json!(true);
    let inbound = chat.send(&body).await.unwrap();
    assert_eq!(chat.model.ledger().traffic().open(), 1);
    drop(inbound);
    let traffic = chat
        .model
        .ledger()
        .until(|traffic| traffic.abandoned == 1)
        .await;
    assert_eq!(traffic.open(), 0);
}

#[tokio::test]
async fn a_stopped_model_frees_its_port() {
    let chat = Chat::start();
    let port = chat.model.url().port().unwrap();
    chat.model.stop().await;
    std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
}
