//! What happens on the way: clients that leave, bodies that are too long or too slow, silence.

use std::time::Duration;

use response_domain::ports::llm::Delta;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};
use serde_json::json;

use crate::client::{Call, Open, Reply};
use crate::world::{Plan, World};

fn ask(stream: bool) -> Call {
    let ask = json!({"model": "m", "input": "hi", "stream": stream});
    Call::new("POST", "/v1/responses").json(&ask)
}

fn code(reply: &Reply) -> String {
    reply.json()["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_model() {
    for streams in [false, true] {
        let half = vec![vec![Delta::Text("Once upon".into())]];
        let world = World::new([TurnScript::Hangs(half)]).await;
        let open = ask(streams).open(&world).await;
        world.model.hanging.notified().await;
        drop(open);
        world.model.dropped.notified().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_tool() {
    for streams in [false, true] {
        let tools = ScriptedTools::new([("clock", ToolScript::Hangs)]);
        let turns = [calls(&[("clock", "{}")])];
        let world = Plan::new(turns).tools(tools).build().await;
        let open = ask(streams).open(&world).await;
        world.tools.begun.notified().await;
        drop(open);
        world.tools.dropped.notified().await;
    }
}

#[tokio::test]
async fn a_silent_stream_shows_that_it_lives() {
    let plan = Plan::new([TurnScript::Hangs(Vec::new())]);
    let plan = plan.options(|options| options.heartbeat = Duration::from_millis(5));
    let world = plan.build().await;
    let mut open = ask(true).open(&world).await;
    open.until("\r\n: heartbeat\n\n\r\n").await;
    drop(open);
    world.model.dropped.notified().await;
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_has_come() {
    let world = Plan::new([text("hi")])
        .options(|options| options.body_bytes = 1_000)
        .build()
        .await;
    let head = "POST /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let announced = |length: &str| format!("{head}content-length: {length}\r\n\r\n");
    // A body in pieces does not say how long it will be.
    let mut pieces = format!("{head}transfer-encoding: chunked\r\n\r\n");
    for _ in 0..11 {
        pieces.extend(["64\r\n", &" ".repeat(100), "\r\n"]);
    }
    for bytes in [announced("1001"), announced("99999999999999"), pieces] {
        let mut open = Open::with(&world, bytes.as_bytes()).await;
        open.until("\"}}").await;
        let reply = open.head().await;
        assert_eq!(
            (reply.status, code(&reply).as_str()),
            (413, "body_too_large")
        );
        assert_eq!(reply.header("connection"), Some("close"));
    }
}

/// The server waits a second for a client that has more to say than it is listened to.
#[tokio::test]
async fn a_body_that_nobody_reads_is_given_up_with_its_connection() {
    let world = World::new([]).await;
    let head = "POST /nothing HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    let reply = Open::with(&world, head.as_bytes()).await.end().await;
    assert_eq!(
        (reply.status, reply.header("connection")),
        (404, Some("close"))
    );
}

#[tokio::test]
async fn a_body_in_pieces_is_read_as_one() {
    let world = World::new([text("hi")]).await;
    let head = "POST /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let mut open = Open::with(&world, head.as_bytes()).await;
    for piece in ["{\"model\":", "\"m\",\"input\":\"h", "i\"}"] {
        let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
        open.send(chunk.as_bytes()).await;
    }
    open.send(b"0\r\n\r\n").await;
    let reply = open.end().await;
    assert_eq!(
        (reply.status, reply.json()["input"].as_str()),
        (200, Some("hi"))
    );
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let plan = Plan::new([]).options(|options| options.body_timeout = Duration::from_millis(20));
    let world = plan.build().await;
    let head = "POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    let mut open = Open::with(&world, head.as_bytes()).await;
    open.until("\"}}").await;
    let reply = open.head().await;
    assert_eq!(
        (reply.status, code(&reply).as_str()),
        (408, "request_timeout")
    );
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let world = World::new([text("hi")]).await;
    let mut open = Call::new("GET", "/nothing").open(&world).await;
    open.until("route_not_found").await;
    open.send(&Call::new("POST", "/v1/responses").json(&json!({})).bytes())
        .await;
    open.until("missing_required_parameter").await;
    open.send(&ask(false).bytes()).await;
    open.until("\"status\":\"completed\"").await;
    open.send(&ask(true).bytes()).await;
    open.until("event: response.completed").await;
    open.until("\r\n0\r\n\r\n").await;
    open.send(&Call::new("GET", "/healthz").bytes()).await;
    open.until(r#"{"status":"ok"}"#).await;
}

#[tokio::test]
async fn the_head_of_an_answer_can_be_had_alone() {
    let world = World::new([]).await;
    for path in ["/healthz", "/readyz", "/v1/responses", "/openapi.json"] {
        let whole = Call::new("GET", path).send(&world).await;
        let head = Call::new("HEAD", path).send(&world).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(
            head.header("content-length"),
            Some(whole.body.len().to_string().as_str())
        );
    }
}
