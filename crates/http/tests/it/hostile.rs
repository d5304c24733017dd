//! What clients send that mean no good: it costs little, is refused in plain words, and others notice nothing.

use response_testkit::script::text;
use serde_json::json;

use crate::client::{Call, Open};
use crate::world::{Plan, World};

/// The head of a request, and how it is answered; none when the connection just ends. `~` stands for a line's
/// end, `NUL` for a zero, `FF` for a byte that is no UTF-8, and `LONG` for many letters.
const HEADS: &[(&str, Option<u16>)] = &[
    ("GET /v1/responses HTTP/1.1~host: x~x-odd: FF~~", Some(200)),
    (
        "GET /v1/responses HTTP/1.1~host: x~x-request-id: FF~~",
        Some(200),
    ),
    (
        "GET /v1/responses HTTP/1.1~host: x~authorization: Bearer FF~~",
        Some(401),
    ),
    (
        "POST /v1/responses HTTP/1.1~host: x~idempotency-key: FF~content-length: 2~~{}",
        Some(400),
    ),
    (
        "GET /v1/responses HTTP/1.1~host: x~x-odd: aNULb~~",
        Some(400),
    ),
    ("GET /v1/responses HTTP/1.1~host: x~x odd: a~~", Some(400)),
    ("GET /v1/responsesNUL HTTP/1.1~host: x~~", Some(400)),
    ("GET /v1/responses/%00 HTTP/1.1~host: x~~", Some(404)),
    ("GET /v1/responses?limit=%00 HTTP/1.1~host: x~~", Some(400)),
    (
        "GET /v1/responses?limit=%FF&after=%C3%28 HTTP/1.1~host: x~~",
        Some(400),
    ),
    ("GET /v1/responses?a=LONG HTTP/1.1~host: x~~", Some(414)),
    ("GET /v1/responses/LONG HTTP/1.1~host: x~~", Some(414)),
    (
        "GET /LONGLONGLONGLONGLONGLONGLONGLONGLONGLONG HTTP/1.1~host: x~~",
        Some(431),
    ),
    (
        "GET /v1/responses HTTP/1.1~host: x~a: LONGLONGLONGLONGLONGLONGLONGLONGLONGLONG~~",
        Some(431),
    ),
    (
        "POST /v1/responses HTTP/1.1~host: x~content-length: 2~transfer-encoding: chunked~~{}",
        Some(400),
    ),
    (
        "POST /v1/responses HTTP/1.1~host: x~content-length: 2~content-length: 3~~{}",
        Some(400),
    ),
    (
        "POST /v1/responses HTTP/1.1~host: x~content-length: -1~~",
        Some(400),
    ),
    (
        "POST /v1/responses HTTP/1.1~host: x~content-length: +2~~{}",
        Some(400),
    ),
    (
        "POST /v1/responses HTTP/1.1~host: x~content-length: 99999999999999999999~~",
        Some(400),
    ),
    (
        "POST /v1/responses HTTP/1.1~host: x~transfer-encoding: gzip, chunked~~0~~",
        Some(400),
    ),
    (
        "POST /v1/responses HTTP/1.1~host: x~transfer-encoding: chunked~~fffffffffffffffff~",
        Some(400),
    ),
    (
        "POST /v1/responses HTTP/1.1~host: x~transfer-encoding: chunked~~zz~",
        Some(400),
    ),
    ("PRI * HTTP/2.0~~SM~~", Some(400)),
    ("GET http://[::1 HTTP/1.1~host: x~~", Some(400)),
    ("nonsense~~", Some(400)),
];

fn spelt(head: &str) -> Vec<u8> {
    let text = head
        .replace("LONG", &"l".repeat(16_000))
        .replace('~', "\r\n")
        .replace("NUL", "\0");
    let mut bytes = Vec::new();
    let mut parts = text.split("FF");
    bytes.extend(parts.next().unwrap().bytes());
    for part in parts {
        bytes.push(0xff);
        bytes.extend(part.bytes());
    }
    bytes
}

/// How the only request on a connection is answered.
async fn answered(world: &World, bytes: &[u8]) -> Option<u16> {
    let mut open = Open::with(world, bytes).await;
    open.status().await
}

async fn assert_lives(world: &World) {
    let alive = Call::new("GET", "/healthz").send(world).await;
    assert_eq!(alive.status, 200);
}

#[tokio::test]
async fn a_head_that_is_not_as_it_should_be_is_refused_and_others_notice_nothing() {
    let world = World::new([]).await;
    let mut wrong = Vec::new();
    for (head, status) in HEADS {
        let told = answered(&world, &spelt(head)).await;
        if told != *status {
            wrong.push((head, told));
        }
        assert_lives(&world).await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let many = "a: b\r\n".repeat(200);
    let head = format!("GET /v1/responses HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    assert_eq!(answered(&world, head.as_bytes()).await, Some(431));
    assert_lives(&world).await;
}

/// Texts of bodies that are JSON of some kind, and how they are answered.
fn bodies() -> Vec<(String, u16)> {
    let with = |field: &str| format!(r#"{{"model":"m","input":"hi",{field}}}"#);
    let digits = "9".repeat(50_000);
    vec![
        (with(r#""model":"n","model":"m""#), 200),
        (with(r#""input":7,"input":"hi""#), 200),
        (with(r#""temperature":1e999"#), 400),
        (with(r#""temperature":-1e999"#), 400),
        (with(&format!(r#""temperature":{digits}"#)), 400),
        (with(&format!(r#""max_tokens":{digits}"#)), 400),
        (with(r#""max_tokens":1e3"#), 400),
        (with(r#""seed":99999999999999999999"#), 400),
        (with(r#""metadata":{"a":1e999}"#), 200),
        (with(&format!(r#""metadata":{{"a":{digits}}}"#)), 200),
        (with(r#""metadata":{"\u0000":"\u0000"}"#), 200),
        (with(r#""metadata":{"a":1,"a":2}"#), 200),
        (with(r#""temperature":NaN"#), 400),
        (r#"{"model":"m","input":"\u0000"}"#.to_owned(), 200),
        (
            format!(r#"{{"model":"{}","input":"hi"}}"#, "m".repeat(100_000)),
            400,
        ),
    ]
}

#[tokio::test]
async fn a_body_that_is_odd_is_read_as_it_stands_or_refused() {
    let world = World::new([text("hi")]).await;
    let mut wrong = Vec::new();
    for (body, status) in bodies() {
        let reply = Call::new("POST", "/v1/responses")
            .body(body.as_str())
            .send(&world)
            .await;
        if reply.status != status {
            let shown: String = body.chars().take(80).collect();
            wrong.push((
                shown,
                reply.status,
                reply.text().chars().take(200).collect::<String>(),
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_body_of_very_many_values_is_refused_before_it_is_read() {
    let most = 4 * 1024 * 1024;
    let plan = Plan::new([]).options(|options| options.body_bytes = most);
    let world = plan.build().await;
    for piece in ["[],", r#"{"a":0},"#, "0,", r#""","#] {
        for (field, path) in [
            ("input", "/v1/responses"),
            ("metadata", "/v1/responses"),
            ("unknown", "/openai/v1/responses"),
            ("items", "/openai/v1/conversations"),
            ("tools", "/openresponses/v1/responses/input_tokens"),
        ] {
            let many = piece.repeat(600_000.min(most / piece.len() - 100));
            let body = format!(r#"{{"{field}":[{many}0]}}"#);
            let reply = Call::new("POST", path).body(body).send(&world).await;
            let error = &reply.json()["error"];
            assert_eq!(
                (reply.status, &error["code"]),
                (400, &json!("invalid_json"))
            );
            let message = error["message"].as_str().unwrap();
            assert!(message.contains("at most 500000 values"), "{message}");
        }
    }
    assert!(world.model.asked().is_empty());
}

#[tokio::test]
async fn a_body_in_very_many_pieces_is_read_as_one() {
    let world = World::new([text("hi")]).await;
    let body = json!({"model": "m", "input": "h".repeat(5_000)}).to_string();
    let mut bytes = b"POST /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                      transfer-encoding: chunked\r\n\r\n"
        .to_vec();
    for byte in body.bytes() {
        bytes.extend(b"1;a=b\r\n");
        bytes.push(byte);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\nx-trailer: y\r\n\r\n");
    assert_eq!(answered(&world, &bytes).await, Some(200));
}

#[tokio::test]
async fn a_query_of_very_many_parameters_is_read_in_one_go() {
    let world = World::new([]).await;
    let many = "limit=1&".repeat(1_000);
    let reply = Call::new("GET", &format!("/v1/responses?{many}"))
        .send(&world)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let odd = "&=%&%zz=%&".repeat(800);
    let reply = Call::new("GET", &format!("/v1/responses?{odd}"))
        .send(&world)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}
