//! What a request becomes: what the model is asked, and what of the request is shown again.

use response_domain::item::{ItemBody, Part};
use response_domain::ports::llm::ModelTurn;
use response_domain::spec::{ToolChoice, ToolFailure, ToolSelection};
use response_testkit::script::{ScriptedTools, ToolScript, calls, text};
use serde_json::json;

use crate::client::{Call, Reply};
use crate::layout::laid_out;
use crate::world::{Plan, World};

pub(crate) async fn ask(world: &World, body: impl Into<Vec<u8>>) -> Reply {
    Call::new("POST", "/v1/responses")
        .body(body)
        .send(world)
        .await
}

/// What the model is asked when the request is `{"model":"m", …}` with these fields.
async fn asked(fields: &str) -> ModelTurn {
    let world = World::new([text("hi")]).await;
    let reply = ask(&world, format!(r#"{{"model":"m",{fields}}}"#)).await;
    assert_eq!(reply.status, 200, "{fields}: {}", reply.text());
    world.model.asked().remove(0)
}

/// The transcript, a line an item.
pub(crate) fn lines(turn: &ModelTurn) -> Vec<String> {
    let part = |part: &Part| match part {
        Part::Text(text) => format!("{text:?}"),
        Part::Image { url, detail } => format!("<image {url} {detail:?}>"),
        Part::File(file) => format!("<file {file:?}>"),
        Part::Refusal(text) => format!("<refusal {text:?}>"),
        Part::Other(json) => format!("<other {}>", json.as_str()),
    };
    let line = |body: &ItemBody| match body {
        ItemBody::Message(message) => {
            let parts: Vec<_> = message.content.iter().map(part).collect();
            format!("{}: {}", message.role.as_str(), parts.join(" "))
        }
        ItemBody::Reasoning(reasoning) => format!("reasoning: {:?}", reasoning.text),
        ItemBody::FunctionCall(call) => {
            format!(
                "{} calls {} {:?}",
                call.call_id.0, call.name, call.arguments
            )
        }
        ItemBody::FunctionCallOutput(output) => {
            format!("{} answers {:?}", output.call_id.0, output.output)
        }
        other => format!("{other:?}"),
    };
    turn.transcript
        .iter()
        .map(|item| line(&item.body))
        .collect()
}

/// Input as it is sent, and what the model gets to read.
const INPUTS: &[(&str, &[&str])] = &[
    (r#""Hello""#, &[r#"user: "Hello""#]),
    (
        r#""nul \u0000, \ud83d\ude00, \"quoted\" ü""#,
        &["user: \"nul \\0, 😀, \\\"quoted\\\" ü\""],
    ),
    (
        r#"{"role":"system","content":"Be."}"#,
        &[r#"system: "Be.""#],
    ),
    (
        r#"{ "task": "sum",  "of": [1, 2.50] }"#,
        &[r#"user: "{ \"task\": \"sum\",  \"of\": [1, 2.50] }""#],
    ),
    (
        r#"[{"role":"developer","content":"a"},{"type":"message","role":"assistant","content":"b"},
                {"type":null,"role":"user","content":[{"type":"text","text":"c"},{"type":"input_text","text":"d"},
                {"type":"output_text","text":"e"}]}]"#,
        &[
            r#"developer: "a""#,
            r#"assistant: "b""#,
            r#"user: "c" "d" "e""#,
        ],
    ),
    (
        r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},
                {"type":"input_image","image_url":"jan_123","detail":"high"},{"type":"image_url","image_url":"jan_4"},
                {"type":"input_image","file_id":"file_5"},{"type":"input_file","file_data":"x"}]}]"#,
        &[concat!(
            r#"user: <image https://x/y.png Some("low")> <image jan_123 Some("high")> <image jan_4 None> "#,
            r#"<other {"type":"input_image","file_id":"file_5"}> <other {"type":"input_file","file_data":"x"}>"#
        )],
    ),
    (
        r#"[{"role":"user","content":"time?"},
                {"type":"function_call","call_id":"c1","name":"clock","arguments":"{\"a\": 1}"},
                {"type":"function_call","call_id":"c2","name":"clock","arguments":{"a": 1}},
                {"type":"function_call","call_id":"c3","name":"clock"},
                {"type":"function_call_output","call_id":"c1","output":"noon"},
                {"type":"function_call_output","call_id":"c2","output":{"time": 12}},
                {"type":"function_call_output","call_id":"c3","output":[{"type":"input_text","text":"no"},{"type":"text","text":"on"}]}]"#,
        &[
            r#"user: "time?""#,
            r#"c1 calls clock "{\"a\": 1}""#,
            r#"c2 calls clock "{\"a\": 1}""#,
            r#"c3 calls clock "{}""#,
            r#"c1 answers "noon""#,
            r#"c2 answers "{\"time\": 12}""#,
            r#"c3 answers "noon""#,
        ],
    ),
    (
        r#"[{"role":"user","content":"a"},{"type":"reasoning","text":"hm"},{"role":"assistant","content":"b"},
                {"role":"user","content":"c"}]"#,
        &[
            r#"user: "a""#,
            r#"reasoning: "hm""#,
            r#"assistant: "b""#,
            r#"user: "c""#,
        ],
    ),
];

#[tokio::test]
async fn input_in_every_form_reaches_the_model() {
    for (input, expected) in INPUTS {
        let turn = asked(&format!(r#""input":{input}"#)).await;
        assert_eq!(lines(&turn), *expected, "{input}");
        assert_eq!(turn.spec.input.as_str(), *input, "kept as it came");
    }
}

#[tokio::test]
async fn every_field_reaches_the_run() {
    let turn = asked(
        r#""input":"hi","system_prompt":"Be brief.","temperature":0.3,"top_p":1,"max_tokens":100,
        "presence_penalty":-2,"frequency_penalty":2.0,"seed":-5,"stop":["a", "b"],
        "response_format":{"type": "json_object"},"parallel_tool_calls":false,"reasoning_effort":"low",
        "tools":[],"tool_choice":"auto","max_tool_depth":3,"tool_failure":"report","store":true,
        "metadata":{"a":1},"user":"u","stream":false,"background":false,"unknown":[[[]]]"#,
    )
    .await;
    let spec = &turn.spec;
    let controls = &spec.controls;
    assert_eq!(spec.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(
        (controls.temperature, controls.top_p, controls.max_tokens),
        (Some(0.3), Some(1.0), Some(100))
    );
    assert_eq!(
        (controls.presence_penalty, controls.frequency_penalty),
        (Some(-2.0), Some(2.0))
    );
    assert_eq!(controls.seed, Some(-5));
    let json = |json: &Option<response_domain::json::Json>| {
        json.as_ref().map(|json| json.as_str().to_owned())
    };
    assert_eq!(json(&controls.stop).as_deref(), Some(r#"["a", "b"]"#));
    assert_eq!(
        json(&controls.response_format).as_deref(),
        Some(r#"{"type": "json_object"}"#)
    );
    assert_eq!(controls.parallel_tool_calls, Some(false));
    assert_eq!(controls.reasoning_effort.as_deref(), Some("low"));
    assert_eq!(spec.tools, ToolSelection::Nothing);
    assert_eq!(spec.max_rounds, 3);
    assert_eq!(spec.tool_failure, ToolFailure::Report);
    assert_eq!(spec.metadata.as_str(), r#"{"a":1}"#);
    assert_eq!(spec.user.as_deref(), Some("u"));
}

#[tokio::test]
async fn null_is_absent_the_last_of_two_counts_and_names_may_be_escaped() {
    let fields = [
        "system_prompt",
        "temperature",
        "top_p",
        "max_tokens",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "stop",
        "response_format",
        "parallel_tool_calls",
        "reasoning_effort",
        "tools",
        "tool_choice",
        "max_tool_depth",
        "tool_failure",
        "stream",
        "background",
        "store",
        "conversation",
        "previous_response_id",
        "metadata",
        "user",
    ];
    let nulls: Vec<_> = fields
        .iter()
        .map(|field| format!(r#""{field}":null"#))
        .collect();
    let with_nulls = asked(&format!(r#""input":"hi",{}"#, nulls.join(","))).await;
    let without = asked(r#""input":"hi""#).await;
    assert_eq!(with_nulls.spec, without.spec);
    let turn =
        asked(r#""input":7,"user":"a","user":"b","store":false,"store":null,"in\u0070ut":"hi""#)
            .await;
    assert_eq!(lines(&turn), [r#"user: "hi""#]);
    assert_eq!(turn.spec.user.as_deref(), Some("b"));
}

#[tokio::test]
async fn tools_and_choices_in_every_form() {
    let nested = r#"{"type":"function","function":{"name":"clock","description":"Tells.","parameters":{"type": "object"},"strict":true}}"#;
    let flat = r#"{"type":"function","name":"clock","description":"Tells.","parameters":{"type": "object"}}"#;
    let untyped =
        r#"{"function":{"name":"clock","description":"Tells.","parameters":{"type": "object"}}}"#;
    let tools = || ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    for tool in [nested, flat, untyped] {
        let world = Plan::new([text("hi")]).tools(tools()).build().await;
        let reply = ask(
            &world,
            format!(r#"{{"model":"m","input":"hi","tools":[{tool}]}}"#),
        )
        .await;
        assert_eq!(reply.status, 200, "{tool}");
        let offered = world.model.asked()[0].tools[0].clone();
        assert_eq!(
            (
                &*offered.name,
                offered.description.as_deref(),
                offered.parameters.as_str()
            ),
            ("clock", Some("Tells."), r#"{"type": "object"}"#)
        );
    }
    let clock = || ToolChoice::Named("clock".into());
    for (choice, expected) in [
        (r#""auto""#, ToolChoice::Auto),
        (r#""none""#, ToolChoice::None),
        (r#""required""#, ToolChoice::Required),
        (r#"{"type":"auto"}"#, ToolChoice::Auto),
        (
            r#"{"type":"auto","function":{"name":"x"}}"#,
            ToolChoice::Auto,
        ),
        (r#"{"type":"none"}"#, ToolChoice::None),
        (r#"{"type":"required"}"#, ToolChoice::Required),
        (
            r#"{"type":"required","function":{"name":"clock"}}"#,
            clock(),
        ),
        (
            r#"{"type":"function","function":{"name":"clock"}}"#,
            clock(),
        ),
        (r#"{"type":"function","name":"clock"}"#, clock()),
        (r#"{"function":{"name":"clock"}}"#, clock()),
    ] {
        let world = Plan::new([text("hi")]).tools(tools()).build().await;
        let body = format!(r#"{{"model":"m","input":"hi","tool_choice":{choice}}}"#);
        assert_eq!(ask(&world, body).await.status, 200, "{choice}");
        assert_eq!(
            world.model.asked()[0].spec.tool_choice,
            expected,
            "{choice}"
        );
    }
}

#[tokio::test]
async fn a_body_may_have_any_json_media_type_or_none() {
    let world = World::new([text("hi")]).await;
    let body = "\u{FEFF}{\"model\":\"m\",\"input\":\"hi\"}";
    for media in [
        None,
        Some("application/json"),
        Some("Application/JSON; charset=utf-8"),
        Some("application/vnd.api+json"),
    ] {
        let call = Call::new("POST", "/v1/responses").body(body);
        let call = match media {
            Some(media) => call.header("content-type", media),
            None => call,
        };
        let call = call.header("content-encoding", "identity");
        assert_eq!(call.send(&world).await.status, 200, "{media:?}");
    }
}

#[tokio::test]
async fn what_the_model_was_sent_can_be_listed_and_sent_again() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let turns = [calls(&[("clock", "{\"zone\": 1}")]), text("It is noon.")];
    let world = Plan::new(turns).tools(tools).build().await;
    let input = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [
            {"type": "text", "text": "nul \u{0}"},
            {"type": "image_url", "image_url": {"url": "jan_1", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "x"}},
        ]},
        {"type": "reasoning", "text": "hm"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "time?"},
    ]);
    let body = json!({"model": "m", "input": input}).to_string();
    let reply = ask(&world, body).await.json();
    let path = format!(
        "/v1/responses/{}/input_items",
        reply["id"].as_str().unwrap()
    );
    let list = Call::new("GET", &path).send(&world).await;
    insta::assert_snapshot!(laid_out(list.text()));
    let again = json!({"model": "m", "input": list.json()["data"]}).to_string();
    assert_eq!(ask(&world, again).await.status, 200);
    let asked = world.model.asked();
    assert_eq!(lines(asked.last().unwrap()), lines(&asked[1]));
}
