//! Responses over a WebSocket, spoken to by a client that others wrote.

use futures::{SinkExt, StreamExt};
use response_domain::ports::llm::LlmErrorKind;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{BASES, RESPONSES, data, get, post, request, said};
use crate::background::half;
use crate::client::{Call, Open};
use crate::shapes::assert_shape;
use crate::world::{Plan, World};

/// A client on its connection.
struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn at(world: &World, path: &str) -> Self {
        let mut request = format!("ws://localhost{path}")
            .into_client_request()
            .unwrap();
        let headers = request.headers_mut();
        headers.insert("authorization", "Bearer ada".parse().unwrap());
        headers.insert("x-request-id", "req-7".parse().unwrap());
        let (socket, answer) = client_async(request, world.connect().await).await.unwrap();
        assert_eq!(answer.headers()["x-request-id"], "req-7");
        Self(socket)
    }

    async fn new(world: &World) -> Self {
        Self::at(world, RESPONSES).await
    }

    async fn send(&mut self, message: impl Into<Message>) {
        self.0.send(message.into()).await.unwrap();
    }

    /// Asks for a response with these fields.
    async fn ask(&mut self, fields: &Value) {
        let mut body = request(fields);
        body["type"] = json!("response.create");
        self.send(body.to_string()).await;
    }

    /// The next text, as it came.
    async fn text(&mut self) -> String {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return text.as_str().to_owned(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?} instead of a text"),
            }
        }
    }

    async fn next(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Everything up to the end of a response, or a refusal.
    async fn turn(&mut self) -> Vec<Value> {
        let mut told = Vec::new();
        loop {
            let event = self.next().await;
            let kind = event["type"].as_str().unwrap().to_owned();
            told.push(event);
            let is_last = ["completed", "failed", "incomplete"]
                .iter()
                .any(|end| kind == format!("response.{end}"));
            if is_last || kind == "error" {
                return told;
            }
        }
    }

    /// The response of a turn, once it has ended.
    async fn response(&mut self) -> Value {
        let last = self.turn().await.pop().unwrap();
        assert_ne!(last["type"], "error", "{last}");
        last["response"].clone()
    }

    /// The code and the field of a refusal, which must have the shape that clients know.
    async fn refusal(&mut self) -> (Value, String, Value) {
        let told = self.turn().await;
        let [only] = told.as_slice() else {
            panic!("{told:?} is no refusal");
        };
        let error = &only["error"];
        assert_shape("OpenAiError", &json!({"error": error}));
        assert!(error["message"].is_string(), "{only}");
        let code = error["code"].as_str().unwrap().to_owned();
        (only["status"].clone(), code, error["param"].clone())
    }

    /// How the server ends the connection, after what else it says.
    async fn close(mut self) -> CloseCode {
        loop {
            if let Message::Close(frame) = self.0.next().await.unwrap().unwrap() {
                assert!(self.0.next().await.is_none(), "it is closed");
                return frame.unwrap().code;
            }
        }
    }
}

#[tokio::test]
async fn a_response_is_told_as_its_stream_would_tell_it() {
    let world = || async {
        let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
        let turns = [calls(&[("clock", "{}")]), text("Noon it is.")];
        Plan::new(turns).tools(tools).build().await
    };
    let wish = json!({
        "tools": [{"type": "mcp", "server_label": "default", "require_approval": "never"}],
    });
    for base in BASES {
        let path = format!("{base}/responses");
        let mut streamed = request(&wish);
        streamed["stream"] = json!(true);
        let stream = data(&post(&world().await, &path, &streamed).await);
        let world = world().await;
        let mut client = Client::at(&world, &path).await;
        client.ask(&wish).await;
        for frame in &stream {
            assert_eq!(client.text().await, *frame);
        }
        let last: Value = serde_json::from_str(stream.last().unwrap()).unwrap();
        let id = last["response"]["id"].as_str().unwrap();
        let found = get(&world, &format!("{path}/{id}")).await.json();
        assert_eq!(found, last["response"]);
    }
}

#[tokio::test]
async fn requests_are_answered_one_after_another() {
    let world = World::new([text("one"), text("two"), text("three")]).await;
    let mut client = Client::new(&world).await;
    for _ in 0..3 {
        client.ask(&json!({"store": false})).await;
    }
    for expected in ["one", "two", "three"] {
        let told = client.turn().await;
        for (number, event) in told.iter().enumerate() {
            assert_eq!(event["sequence_number"], number);
            assert_shape("OpenAiStreamEvent", event);
        }
        assert_eq!(said(&told.last().unwrap()["response"]), expected);
    }
    let ids: Vec<_> = world
        .model
        .contexts()
        .iter()
        .map(|it| it.request_id.to_string())
        .collect();
    assert_eq!(ids, ["req-7.1", "req-7.2", "req-7.3"]);
    assert_eq!(world.store.commits(), 0);
}

#[tokio::test]
async fn what_is_not_stored_is_continued_on_its_own_connection_only() {
    let world = World::new([text("Ada."), text("Ada!"), text("still Ada")]).await;
    let mut client = Client::new(&world).await;
    client
        .ask(&json!({"store": false, "input": "I am Ada."}))
        .await;
    let first = client.response().await["id"].clone();
    let go_on = |id: &Value| json!({"store": false, "input": "Who?", "previous_response_id": id});
    let lost = || {
        let code = "previous_response_not_found".to_owned();
        (json!(400), code, json!("previous_response_id"))
    };
    let mut other = Client::new(&world).await;
    other.ask(&go_on(&first)).await;
    assert_eq!(other.refusal().await, lost());
    client.ask(&go_on(&first)).await;
    let second = client.response().await;
    assert_eq!(second["previous_response_id"], first);
    client.ask(&go_on(&first)).await;
    assert_eq!(client.refusal().await, lost(), "the last one is remembered");
    client.ask(&go_on(&second["id"])).await;
    assert_eq!(said(&client.response().await), "still Ada");
    let turn = world.model.asked().pop().unwrap();
    assert_eq!(
        crate::input::lines(&turn),
        [
            r#"user: "I am Ada.""#,
            r#"assistant: "Ada.""#,
            r#"user: "Who?""#,
            r#"assistant: "Ada!""#,
            r#"user: "Who?""#,
        ]
    );
}

#[tokio::test]
async fn what_fails_to_be_continued_is_forgotten_and_what_is_stored_is_not() {
    let broken = TurnScript::BreaksOff(Vec::new(), LlmErrorKind::Broken);
    let turns = [text("one"), text("two"), broken, text("three")];
    let world = World::new(turns).await;
    let mut client = Client::new(&world).await;
    let alone = json!([{"type": "function_call_output", "call_id": "c", "output": "x"}]);
    let lost = "previous_response_not_found";
    client.ask(&json!({"store": false})).await;
    let passing = client.response().await["id"].clone();
    let wrong = json!({"store": false, "input": alone, "previous_response_id": passing});
    client.ask(&wrong).await;
    assert_eq!(client.refusal().await.0, json!(400));
    let go_on = |id: &Value| json!({"store": false, "previous_response_id": id});
    client.ask(&go_on(&passing)).await;
    assert_eq!(client.refusal().await.1, lost);

    client.ask(&json!({"store": true})).await;
    let stored = client.response().await["id"].clone();
    client.ask(&go_on(&stored)).await;
    let failed = client.response().await;
    assert_eq!(failed["status"], "failed");
    client.ask(&go_on(&stored)).await;
    assert_eq!(
        said(&client.response().await),
        "three",
        "the store knows it"
    );
    client.ask(&go_on(&failed["id"])).await;
    assert_eq!(client.refusal().await.1, lost);
}

#[tokio::test]
async fn a_request_that_is_only_warmed_up_is_what_the_next_one_builds_on() {
    for base in BASES {
        let world = World::new([text("warmed")]).await;
        let mut client = Client::at(&world, &format!("{base}/responses")).await;
        let wish = json!({"generate": false, "store": false, "input": "I am Ada."});
        client.ask(&wish).await;
        let told = client.turn().await;
        let kinds: Vec<&Value> = told.iter().map(|event| &event["type"]).collect();
        assert_eq!(
            kinds,
            [
                "response.created",
                "response.in_progress",
                "response.completed"
            ]
        );
        let warm = told[2]["response"].clone();
        assert_shape("OpenAiResponse", &warm);
        assert_eq!(warm["output"], json!([]));
        assert_eq!(world.model.asked().len(), 0);
        let go_on = |fields: Value| {
            let mut wish = fields;
            wish["previous_response_id"] = warm["id"].clone();
            wish
        };
        client
            .ask(&go_on(json!({"input": "Who?", "store": false})))
            .await;
        let next = client.response().await;
        assert_eq!(said(&next), "warmed");
        let turn = world.model.asked().pop().unwrap();
        assert_eq!(
            crate::input::lines(&turn),
            [r#"user: "I am Ada.""#, r#"user: "Who?""#]
        );
        assert_eq!(world.store.commits(), 0);
    }
}

/// Messages that are not acceptable, and their status, code and field.
const REFUSED: &str = r#"
    { => 400 invalid_json null
    [] => 400 invalid_json null
     => 400 invalid_json null
    DEEP => 400 invalid_json null
    {"type": "response.create", "model": "\ud83d"} => 400 invalid_json null
    {} => 400 invalid_value type
    {"model": "m", "input": "hi"} => 400 invalid_value type
    {"type": "response.cancel"} => 400 invalid_value type
    {"type": "response.create"} => 400 missing_required_parameter model
    {"type": "response.create", "model": "m", "input": 7} => 400 invalid_type input
    {"type": "response.create", "model": "m", "input": "hi", "generate": 7} => 400 invalid_value generate
    {"type": "response.create", "model": "m", "input": "hi", "background": true} => 400 unsupported_parameter background
    {"type": "response.create", "model": "m", "input": "hi", "background": 1} => 400 invalid_type background
    {"type": "response.create", "model": "m", "input": "hi", "previous_response_id": "resp_1"} => 400 previous_response_not_found previous_response_id
    {"type": "response.create", "model": "m", "input": "hi", "conversation": "conv_1"} => 404 invalid_request_error conversation
    {"type": "response.create", "model": "m", "input": [{"id": "msg_1"}]} => 404 invalid_request_error input
"#;

#[tokio::test]
async fn a_refusal_is_a_message_and_the_connection_goes_on() {
    let world = World::new([text("hi")]).await;
    let mut client = Client::new(&world).await;
    let deep = "[".repeat(65) + &"]".repeat(65);
    for line in REFUSED.lines().filter(|line| line.contains("=>")) {
        let (message, expected) = line.trim_start_matches("    ").split_once(" => ").unwrap();
        client.send(message.replace("DEEP", &deep)).await;
        let (status, code, field) = client.refusal().await;
        let told = format!("{status} {code} {}", field.as_str().unwrap_or("null"));
        assert_eq!(told, expected, "{line}");
    }
    client.send(Message::binary(b"{}".to_vec())).await;
    assert_eq!(client.refusal().await.1, "invalid_message");
    for fields in [
        json!({"stream": false}),
        json!({"stream": true, "background": false, "stream_options": null}),
    ] {
        client.ask(&fields).await;
        assert_eq!(said(&client.response().await), "hi");
    }
}

#[tokio::test]
async fn a_run_that_fails_is_told_and_the_connection_goes_on() {
    let turns = [
        TurnScript::Refuses(LlmErrorKind::Unavailable),
        TurnScript::Panics,
        text("hi"),
    ];
    let world = World::new(turns).await;
    let mut client = Client::new(&world).await;
    for _ in 0..2 {
        client.ask(&json!({})).await;
        let failed = client.response().await;
        assert_eq!(failed["status"], "failed");
        assert_shape("OpenAiResponse", &failed);
    }
    client.ask(&json!({})).await;
    assert_eq!(said(&client.response().await), "hi");
}

#[tokio::test]
async fn a_client_that_closes_or_is_gone_stops_the_model() {
    for is_polite in [true, false] {
        let world = World::new([half()]).await;
        let mut client = Client::new(&world).await;
        client.ask(&json!({})).await;
        world.model.hanging.notified().await;
        if is_polite {
            client.0.close(None).await.unwrap();
            while client.0.next().await.is_some() {}
        }
        drop(client);
        world.model.dropped.notified().await;
    }
}

#[tokio::test]
async fn a_question_whether_the_server_is_there_is_answered_while_a_model_thinks() {
    let world = World::new([half()]).await;
    let mut client = Client::new(&world).await;
    client.ask(&json!({})).await;
    world.model.hanging.notified().await;
    client.send(Message::Ping(b"here?"[..].into())).await;
    loop {
        match client.0.next().await.unwrap().unwrap() {
            Message::Pong(bytes) => break assert_eq!(bytes, b"here?"[..]),
            Message::Text(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_silent_connection_is_asked_whether_its_client_is_there() {
    let plan = Plan::new([]);
    let plan = plan.options(|options| options.heartbeat = std::time::Duration::from_millis(5));
    let world = plan.build().await;
    let mut client = Client::new(&world).await;
    // More often than a client that does not answer is asked.
    for _ in 0..10 {
        let asked = client.0.next().await.unwrap().unwrap();
        assert!(matches!(asked, Message::Ping(_)), "{asked:?}");
    }
}

#[tokio::test]
async fn more_requests_than_may_wait_are_refused_in_their_turn() {
    let world = World::new([half(), text("hi")]).await;
    let mut client = Client::new(&world).await;
    client.ask(&json!({})).await;
    world.model.hanging.notified().await;
    for _ in 0..10 {
        client.ask(&json!({"store": false})).await;
    }
    let created = client.next().await;
    let id = created["response"]["id"].as_str().unwrap();
    let stop = Call::new("POST", &format!("/v1/responses/{id}/cancel"));
    assert_eq!(stop.send(&world).await.status, 200);
    assert_eq!(client.response().await["status"], "cancelled");
    for _ in 0..8 {
        assert_eq!(said(&client.response().await), "hi");
    }
    for _ in 0..2 {
        let (status, code, _) = client.refusal().await;
        assert_eq!((status, code.as_str()), (json!(429), "rate_limit_exceeded"));
    }
    client.ask(&json!({"store": false})).await;
    assert_eq!(said(&client.response().await), "hi");
}

#[tokio::test]
async fn a_client_that_does_not_listen_is_left() {
    let world = World::new([half()]).await;
    let mut client = Client::new(&world).await;
    client.ask(&json!({})).await;
    world.model.hanging.notified().await;
    for _ in 0..100 {
        // The server may have left already.
        let sent = client.0.send(Message::text("{}")).await;
        if sent.is_err() {
            break;
        }
    }
    world.model.dropped.notified().await;
    assert_eq!(client.close().await, CloseCode::Policy);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_before_it_has_come() {
    let world = Plan::new([text("hi")])
        .options(|options| options.body_bytes = 1_000)
        .build()
        .await;
    let mut client = Client::new(&world).await;
    let whole = request(&json!({"type": "response.create"})).to_string();
    client.send(format!("{whole:<1000}")).await;
    assert_eq!(said(&client.response().await), "hi");
    client.send(" ".repeat(1_001)).await;
    let (status, code, _) = client.refusal().await;
    assert_eq!((status, code.as_str()), (json!(413), "body_too_large"));
    assert_eq!(client.close().await, CloseCode::Size);
}

/// The head of an upgrade, with these lines besides.
fn upgrade(lines: &str) -> String {
    format!("GET {RESPONSES} HTTP/1.1\r\nhost: x\r\n{lines}\r\n")
}

const GOOD: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// What comes on a connection after its upgrade, when these bytes were sent.
async fn raw(world: &World, bytes: &[u8]) -> Vec<u8> {
    let mut open = Open::with(world, upgrade(GOOD).as_bytes()).await;
    let head = open.head().await;
    assert_eq!(head.status, 101);
    assert_eq!(
        head.header("sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    open.send(bytes).await;
    open.end().await.body
}

#[tokio::test]
async fn what_is_not_the_protocol_ends_the_connection() {
    let world = World::new([]).await;
    let close = |code: u16, why: &str| {
        let length = u8::try_from(2 + why.len()).unwrap();
        [&[0x88, length], &code.to_be_bytes()[..], why.as_bytes()].concat()
    };
    let unmasked = b"\x81\x02hi";
    let protocol = close(1002, "this is not the WebSocket protocol");
    assert_eq!(raw(&world, unmasked).await, protocol);
    let not_text = b"\x81\x81\x00\x00\x00\x00\xff";
    assert_eq!(
        raw(&world, not_text).await,
        close(1007, "the text is not UTF-8")
    );
    let goodbye = b"\x88\x80\x00\x00\x00\x00";
    assert_eq!(raw(&world, goodbye).await, close(1000, ""));
}

#[tokio::test]
async fn what_is_no_upgrade_is_told_what_one_is() {
    let world = World::new([]).await;
    let without = |name: &str| {
        let lines = GOOD.split_inclusive("\r\n");
        let kept: String = lines.filter(|line| !line.starts_with(name)).collect();
        upgrade(&kept)
    };
    for (head, status) in [
        (upgrade("connection: close\r\n"), 426),
        (without("upgrade"), 426),
        (without("sec-websocket-version"), 426),
        (upgrade(&GOOD.replace("13", "12")), 426),
        (without("sec-websocket-key"), 400),
        (upgrade(&GOOD.replace("dGhl", "****")), 400),
    ] {
        let mut open = Open::with(&world, head.as_bytes()).await;
        open.until("\"}}").await;
        let reply = open.head().await;
        assert_eq!(reply.status, status, "{head}");
        assert_eq!(reply.json()["error"]["code"], "websocket_required");
        let version = (status == 426).then_some("13");
        assert_eq!(reply.header("sec-websocket-version"), version);
    }
}

#[tokio::test]
async fn a_process_that_ends_closes_its_connections_once_they_are_idle() {
    let world = World::new([half()]).await;
    let idle = Client::new(&world).await;
    let mut busy = Client::new(&world).await;
    busy.ask(&json!({})).await;
    world.model.hanging.notified().await;
    world.engine.drain();
    assert_eq!(idle.close().await, CloseCode::Away);
    let created = busy.next().await;
    let id = created["response"]["id"].as_str().unwrap();
    busy.ask(&json!({})).await;
    let stop = Call::new("POST", &format!("/v1/responses/{id}/cancel"));
    assert_eq!(stop.send(&world).await.status, 200);
    assert_eq!(busy.response().await["status"], "cancelled");
    let (status, code, _) = busy.refusal().await;
    assert_eq!((status, code.as_str()), (json!(503), "overloaded"));
    assert_eq!(busy.close().await, CloseCode::Away);
}
