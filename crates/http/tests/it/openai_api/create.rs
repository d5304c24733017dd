//! Responses of the foreground: waited for, or read along.

use response_testkit::script::{ScriptedTools, ToolScript, calls, text};
use serde_json::{Value, json};

use super::{BASES, RESPONSES, ask, data, get, path, post, request, said};
use crate::client::Call;
use crate::shapes::assert_shape;
use crate::world::{Plan, World};

#[tokio::test]
async fn a_response_is_waited_for_and_found_as_it_was_told() {
    for base in BASES {
        let world = World::new([text("Once upon a time.")]).await;
        let path = format!("{base}/responses");
        let reply = post(&world, &path, &request(&json!({}))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("location"), None);
        assert_eq!(reply.header("openai-version"), Some("2020-10-01"));
        let took = reply.header("openai-processing-ms").unwrap();
        assert!(took.parse::<u64>().unwrap() < 60_000, "{took}");
        assert!(reply.header("x-request-id").is_some());
        let response = reply.json();
        assert_shape("OpenAiResponse", &response);
        assert_eq!(said(&response), "Once upon a time.");
        assert_eq!(reply.header("x-response-id"), response["id"].as_str());
        let path = format!("{path}/{}", response["id"].as_str().unwrap());
        for query in ["", "?beta=true", "?include[]=a&include%5B%5D=b&include=c"] {
            let found = get(&world, &format!("{path}{query}")).await;
            assert_eq!((found.status, found.text()), (200, reply.text()), "{query}");
        }
        let head = Call::new("HEAD", &path).send(&world).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
}

#[tokio::test]
async fn what_one_dialect_made_another_shows() {
    let world = World::new([text("hi")]).await;
    let native = json!({"model": "m", "input": "hi"});
    let native = post(&world, "/v1/responses", &native).await.json();
    let id = native["id"].as_str().unwrap();
    let shown = get(&world, &format!("{RESPONSES}/{id}")).await;
    assert_eq!(shown.status, 200);
    assert_shape("OpenAiResponse", &shown.json());
    assert_eq!(said(&shown.json()), "hi");
    let theirs = ask(&world, &json!({})).await.json();
    let id = theirs["id"].as_str().unwrap();
    let shown = get(&world, &format!("/v1/responses/{id}")).await;
    assert_eq!((shown.status, &shown.json()["output"]), (200, &json!("hi")));
    assert_eq!(shown.header("openai-version"), None);
}

#[tokio::test]
async fn a_response_is_read_along_as_its_client_knows_it() {
    for base in BASES {
        let turns = [calls(&[("clock", "{}")]), text("Noon it is.")];
        let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
        let world = Plan::new(turns).tools(tools).build().await;
        let wish = json!({
            "stream": true,
            "tools": [{"type": "mcp", "server_label": "default", "require_approval": "never"}],
        });
        let reply = post(&world, &format!("{base}/responses"), &request(&wish)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("content-type"), Some("text/event-stream"));
        assert_eq!(reply.header("x-accel-buffering"), Some("no"));
        assert!(reply.header("cache-control").unwrap().contains("no-cache"));
        let data = data(&reply);
        for (number, text) in data.iter().enumerate() {
            let event: Value = serde_json::from_str(text).unwrap();
            assert_eq!(event["sequence_number"], number);
            assert_shape("OpenAiStreamEvent", &event);
        }
        let last: Value = serde_json::from_str(data.last().unwrap()).unwrap();
        assert_eq!(last["type"], "response.completed");
        assert_eq!(said(&last["response"]), "Noon it is.");
        let id = reply.header("x-response-id").unwrap();
        let found = get(&world, &format!("{base}/responses/{id}")).await;
        assert_eq!(found.json(), last["response"]);
    }
}

#[tokio::test]
async fn a_silent_stream_shows_that_it_lives() {
    let plan = Plan::new([crate::background::half()]);
    let plan = plan.options(|options| options.heartbeat = std::time::Duration::from_millis(5));
    let world = plan.build().await;
    let call = Call::new("POST", RESPONSES).json(&request(&json!({"stream": true})));
    let mut open = call.open(&world).await;
    open.until("\r\n: ping\n\n\r\n").await;
    drop(open);
    world.model.dropped.notified().await;
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_model() {
    for streams in [false, true] {
        let world = World::new([crate::background::half()]).await;
        let call = Call::new("POST", RESPONSES).json(&request(&json!({"stream": streams})));
        let open = call.open(&world).await;
        world.model.hanging.notified().await;
        drop(open);
        world.model.dropped.notified().await;
    }
}

#[tokio::test]
async fn a_response_continues_what_was_said_before() {
    let world = World::new([text("Ada.")]).await;
    let first = ask(&world, &json!({"input": "I am Ada."})).await;
    let id = first.json()["id"].clone();
    let wish = json!({"input": "Who am I?", "previous_response_id": id});
    let second = ask(&world, &wish).await;
    assert_eq!(second.status, 200, "{}", second.text());
    assert_eq!(second.json()["previous_response_id"], id);
    let turn = world.model.asked().pop().unwrap();
    assert_eq!(
        crate::input::lines(&turn),
        [
            r#"user: "I am Ada.""#,
            r#"assistant: "Ada.""#,
            r#"user: "Who am I?""#
        ]
    );
    assert_eq!(get(&world, &path(&second)).await.text(), second.text());
}
