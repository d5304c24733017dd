//! Reading along: whole streams, to the letter.

use response_domain::ports::llm::{Delta, LlmErrorKind};
use response_domain::response::Finish;
use response_domain::usage::Usage;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, text};
use serde_json::{Value, json};

use crate::client::{Call, Reply};
use crate::layout::timeless;
use crate::world::{Plan, World};

/// The answer to a request for a stream.
async fn stream(world: &World, body: &str) -> Reply {
    let call = Call::new("POST", "/v1/responses").header("content-type", "application/json");
    call.body(body).send(world).await
}

const ASK: &str = r#"{"model":"m","input":"hi","stream":true}"#;

/// The name, the number and the data of each frame, which must be well made.
fn frames(reply: &Reply) -> Vec<(String, Value)> {
    let id = reply.header("x-response-id").unwrap();
    let read = |(number, frame): (usize, &str)| {
        let lines: Vec<&str> = frame.split('\n').collect();
        let [event, number_line, data, "", ""] = lines[..] else {
            panic!("not a frame: {frame:?}")
        };
        let name = event.strip_prefix("event: ").unwrap();
        assert_eq!(number_line, format!("id: {number}"));
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], name);
        assert_eq!(data["sequence_number"], number);
        assert_eq!(data["id"], id);
        assert_eq!(data.get("error").filter(|error| error.is_object()), None);
        (name.to_owned(), data)
    };
    reply.frames().into_iter().enumerate().map(read).collect()
}

fn names(frames: &[(String, Value)]) -> Vec<&str> {
    frames.iter().map(|(name, _)| name.as_str()).collect()
}

fn call(slot: u32, name: &str, arguments: &str) -> Delta {
    Delta::Call {
        slot,
        name: Some(name.into()),
        arguments: arguments.into(),
    }
}

fn long_run() -> Plan {
    let tools = ScriptedTools::new([
        ("clock", ToolScript::Answers("noon\n\"sharp\"")),
        ("search", ToolScript::Answers("nothing")),
    ]);
    let turns = [
        TurnScript::Says(vec![
            vec![Delta::Reasoning("Hm, \u{2028}".into())],
            vec![Delta::Reasoning("time.".into())],
            vec![
                Delta::Text("Let me ".into()),
                Delta::Text("look.\r\n".into()),
            ],
            vec![
                call(0, "clock", "{\n  \"zone\": \"UTC\"\r\n}"),
                call(1, "clokc", "{broken"),
            ],
            vec![Delta::Finish(Finish::ToolCalls)],
            vec![Delta::Usage(Usage {
                prompt: 10,
                completion: 5,
                ..Usage::default()
            })],
        ]),
        text("It is noon \u{0}."),
    ];
    Plan::new(turns).tools(tools)
}

#[tokio::test]
async fn a_whole_stream() {
    let world = long_run().build().await;
    let body = "{\"model\":\"m\",\n\"input\":[\r\n{\"role\":\"user\",\"content\":\"hi\"}\n],\n\
                \"metadata\":{\r\n\"a\":1},\n\"stream\":true}";
    let reply = stream(&world, body).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(
        reply.header("cache-control"),
        Some("no-cache, no-transform")
    );
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
    assert_eq!(reply.header("content-encoding"), None);
    frames(&reply);
    insta::assert_snapshot!(timeless(reply.text()));
}

#[tokio::test]
async fn a_stream_ends_with_the_response_as_it_is_stored() {
    let world = long_run().build().await;
    let reply = stream(&world, ASK).await;
    let frames = frames(&reply);
    let (name, last) = frames.last().unwrap();
    let path = format!("/v1/responses/{}", last["id"].as_str().unwrap());
    let stored = Call::new("GET", &path).send(&world).await.json();
    assert_eq!(
        (name.as_str(), &last["response"]),
        ("response.completed", &stored)
    );
}

#[tokio::test]
async fn a_failure_is_told_in_the_stream() {
    let half = vec![vec![Delta::Text("Once upon".into())]];
    let turns = [TurnScript::BreaksOff(half, LlmErrorKind::Broken)];
    let reply = stream(&World::new(turns).await, ASK).await;
    assert_eq!(reply.status, 200);
    let frames = frames(&reply);
    assert_eq!(
        names(&frames),
        [
            "response.created",
            "response.in_progress",
            "response.output_text.delta",
            "response.output_text.done",
            "response.failed",
        ]
    );
    let (_, last) = frames.last().unwrap();
    assert_eq!(last["response"]["error"]["code"], "model_error");
    insta::assert_snapshot!(reply.frames().last().unwrap());
}

#[tokio::test]
async fn a_model_that_refuses_is_told_in_the_stream() {
    let turns = [TurnScript::Refuses(LlmErrorKind::Unavailable)];
    let reply = stream(&World::new(turns).await, ASK).await;
    assert_eq!(
        names(&frames(&reply)),
        [
            "response.created",
            "response.in_progress",
            "response.failed"
        ]
    );
}

#[tokio::test]
async fn a_run_that_breaks_is_told_in_the_stream() {
    let reply = stream(&World::new([TurnScript::Panics]).await, ASK).await;
    let frames = frames(&reply);
    let (name, last) = frames.last().unwrap();
    assert_eq!(name, "response.failed");
    assert_eq!(last["response"]["error"]["code"], "internal");
}

#[tokio::test]
async fn a_limit_on_tools_is_told_as_a_failure() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let turns = [response_testkit::script::calls(&[("clock", "{}")])];
    let world = Plan::new(turns).tools(tools).build().await;
    let body = r#"{"model":"m","input":"hi","stream":true,"max_tool_depth":1}"#;
    let reply = stream(&world, body).await;
    let frames = frames(&reply);
    let (name, last) = frames.last().unwrap();
    assert_eq!(name, "response.failed");
    assert_eq!(last["response"]["error"]["code"], "max_depth_exceeded");
}

#[tokio::test]
async fn a_cancelled_stream_says_so() {
    let half = vec![vec![Delta::Text("Once upon".into())]];
    let world = World::new([TurnScript::Hangs(half)]).await;
    let call = Call::new("POST", "/v1/responses").header("connection", "close");
    let mut open = call.body(ASK).open(&world).await;
    let id = open
        .head()
        .await
        .header("x-response-id")
        .unwrap()
        .to_owned();
    open.until("Once upon").await;
    let cancel = Call::new("POST", &format!("/v1/responses/{id}/cancel"));
    let cancelled = cancel.send(&world).await;
    let reply = open.end().await;
    assert_eq!(cancelled.json()["status"], "cancelled");
    let frames = frames(&reply);
    let (name, last) = frames.last().unwrap();
    assert_eq!(name, "response.cancelled");
    assert_eq!(last["response"], cancelled.json());
    assert_eq!(last["response"]["output"], "Once upon");
}

#[tokio::test]
async fn a_fault_found_before_the_first_frame_is_a_plain_error() {
    let world = World::new([]).await;
    for (fields, status) in [
        (json!({"temperature": 3}), 400),
        (
            json!({"tools": [{"type": "function", "function": {"name": "x"}}]}),
            400,
        ),
        (json!({"conversation": "conv_nothing"}), 404),
        (json!({"background": true}), 400),
    ] {
        let mut ask = json!({"model": "m", "input": "hi", "stream": true});
        ask.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let reply = stream(&world, &ask.to_string()).await;
        assert_eq!(reply.status, status, "{fields}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
}
