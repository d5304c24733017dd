//! How much one caller may ask, and what it is told of it.

use std::num::NonZeroU32;
use std::time::Duration;

use response_domain::limit::Rate;
use response_engine::policy::Policy;
use response_testkit::script::{TurnScript, text};
use serde_json::{Value, json};

use crate::background::half;
use crate::client::{Call, Open, Reply};
use crate::who::{Known, Strict};
use crate::world::{Plan, World};

/// So many requests in a time in which no test ends.
fn at_most(requests: u32) -> impl FnOnce(&mut Policy) {
    move |policy| {
        policy.owners.requests = Some(Rate {
            amount: NonZeroU32::new(requests).unwrap(),
            window: Duration::from_hours(1_000),
        });
    }
}

fn left(reply: &Reply) -> Option<&str> {
    reply.header("x-ratelimit-remaining")
}

fn error(reply: &Reply) -> (u16, Value) {
    (reply.status, reply.json()["error"]["code"].clone())
}

/// Requests one after another, and how many are left behind each of a hundred.
const COSTS: &[(&str, &str, &str, u16, u32)] = &[
    (
        "POST",
        "/v1/responses",
        r#"{"model":"m","input":"hi"}"#,
        200,
        95,
    ),
    (
        "POST",
        "/v1/responses",
        r#"{"model":"m","input":"hi","stream":true}"#,
        200,
        90,
    ),
    (
        "POST",
        "/openai/v1/responses",
        r#"{"model":"m","input":"hi"}"#,
        200,
        85,
    ),
    ("POST", "/openresponses/v1/responses", "{", 400, 80),
    (
        "POST",
        "/openai/v1/responses/input_tokens",
        r#"{"model":"m","input":"hi"}"#,
        200,
        75,
    ),
    ("POST", "/openai/v1/responses/compact", "[]", 400, 70),
    ("GET", "/v1/responses", "", 200, 69),
    ("HEAD", "/v1/responses", "", 200, 68),
    ("GET", "/v1/responses/resp_1", "", 404, 67),
    ("DELETE", "/openai/v1/responses/resp_1", "", 404, 66),
    ("POST", "/openai/v1/conversations", "{}", 200, 65),
    ("GET", "/openai/v1/responses", "", 426, 64),
];

#[tokio::test]
async fn every_answer_tells_how_many_requests_are_left() {
    let turns = [text("hi"), text("hi"), text("hi"), text("hi")];
    let plan = Plan::new(turns).authenticator(Known("ada"));
    let world = plan.policy(at_most(100)).build().await;
    for (method, path, body, status, remaining) in COSTS {
        let call = Call::new(method, path).body(*body);
        let reply = call.send(&world).await;
        assert_eq!(reply.status, *status, "{method} {path}: {}", reply.text());
        assert_eq!(reply.header("x-ratelimit-limit"), Some("100"), "{path}");
        assert_eq!(left(&reply), Some(remaining.to_string().as_str()), "{path}");
        let reset: u64 = reply.header("x-ratelimit-reset").unwrap().parse().unwrap();
        let whole = u64::from(100 - remaining) * 36_000;
        assert!((whole - 600..=whole).contains(&reset), "{path}: {reset}");
    }
    for path in ["/healthz", "/health/auth", "/nothing", "/openapi.json"] {
        let reply = Call::new("GET", path).send(&world).await;
        assert_eq!(left(&reply), None, "{path} is nobody's");
    }
}

#[tokio::test]
async fn nobody_is_told_of_limits_who_has_none() {
    let plan = Plan::new([text("hi")]).authenticator(Known("guest"));
    let world = plan.policy(at_most(1)).build().await;
    for _ in 0..3 {
        let reply = Call::new("GET", "/v1/responses").send(&world).await;
        assert_eq!((reply.status, left(&reply)), (200, None), "the guest");
    }
    let world = World::new([]).await;
    let reply = Call::new("GET", "/v1/responses").send(&world).await;
    assert_eq!((reply.status, left(&reply)), (200, None), "no limits");
    let plan = Plan::new([]).authenticator(Strict).policy(at_most(1));
    let reply = Call::new("GET", "/v1/responses")
        .send(&plan.build().await)
        .await;
    assert_eq!((reply.status, left(&reply)), (401, None), "nobody");
}

#[tokio::test]
async fn who_asked_too_much_is_told_when_to_come_back_and_others_are_not() {
    for (base, code) in [
        ("/v1", "too_many_requests"),
        ("/openai/v1", "rate_limit_exceeded"),
        ("/openresponses/v1", "rate_limit_exceeded"),
    ] {
        let world = Plan::new([]).policy(at_most(7)).build().await;
        let path = format!("{base}/responses");
        let heavy = |name: &str| {
            let call = Call::new("POST", &path).header("authorization", &format!("Bearer {name}"));
            call.json(&json!({"input": "hi"}))
        };
        assert_eq!(heavy("ada").send(&world).await.status, 400);
        let refused = heavy("ada").send(&world).await;
        assert_eq!(error(&refused), (429, json!(code)), "{base}");
        assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
        assert_eq!(left(&refused), Some("2"), "it took nothing");
        // Three of a seventh of a thousand hours each are missing.
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1_542_000..=1_542_858).contains(&wait), "{wait}");
        let told = format!("try again in {wait}s");
        assert!(refused.text().contains(&told), "{}", refused.text());
        let light = Call::new("GET", &format!("{base}/responses/resp_1"));
        let light = light.header("authorization", "Bearer ada");
        assert_eq!(light.send(&world).await.status, 404, "two are left");
        assert_eq!(heavy("bob").send(&world).await.status, 400);
    }
}

/// A body that never comes is not waited for: who may not ask is told before it is read.
#[tokio::test]
async fn who_is_not_let_in_is_told_before_a_byte_of_the_body_is_read() {
    let limited = Plan::new([]).policy(at_most(4)).build().await;
    let strict = Plan::new([]).authenticator(Strict).build().await;
    for (world, status) in [(&limited, 429), (&strict, 401)] {
        let head = "POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n";
        let mut open = Open::with(world, head.as_bytes()).await;
        open.until("\"}}").await;
        assert_eq!(open.head().await.status, status);
    }
}

fn background(stream: bool) -> Call {
    let ask = json!({"model": "m", "input": "hi", "background": true, "stream": stream});
    Call::new("POST", "/openai/v1/responses").json(&ask)
}

async fn listed(world: &World) -> usize {
    let list = Call::new("GET", "/v1/responses").send(world).await.json();
    list["data"].as_array().unwrap().len()
}

/// Asks until the place that somebody left is free.
async fn until_there_is_room(world: &World, call: impl Fn() -> Call, text: &str) {
    loop {
        let mut open = call().open(world).await;
        if open.head().await.status != 429 {
            return open.until(text).await;
        }
    }
}

#[tokio::test]
async fn who_has_as_many_streams_as_it_may_gets_no_more_and_no_response_either() {
    let plan = Plan::new([]).policy(|policy| policy.owners.streams = NonZeroU32::new(1));
    let world = plan.build().await;
    let mut first = background(true).open(&world).await;
    first.until("response.queued").await;
    let id = first
        .head()
        .await
        .header("x-response-id")
        .unwrap()
        .to_owned();
    let upgrade = || {
        Call::new("GET", "/openai/v1/responses")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    let again = || Call::new("GET", &format!("/v1/responses/{id}?stream=true"));
    for (call, code) in [
        (background(true), "rate_limit_exceeded"),
        (again(), "too_many_streams"),
        (upgrade(), "rate_limit_exceeded"),
    ] {
        let mut open = call.open(&world).await;
        open.until("\"}").await;
        let refused = open.head().await;
        assert_eq!(error(&refused), (429, json!(code)));
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    assert_eq!(listed(&world).await, 1, "what was refused left nothing");
    let other = background(true).header("authorization", "Bearer bob");
    other.open(&world).await.until("response.queued").await;
    drop(first);
    until_there_is_room(&world, again, "response.created").await;
    until_there_is_room(&world, upgrade, "101").await;
    until_there_is_room(&world, || background(true), "response.queued").await;
    assert_eq!(
        background(false).send(&world).await.status,
        200,
        "no stream"
    );
}

#[tokio::test]
async fn what_is_told_once_more_by_its_key_is_a_stream_too() {
    let plan = Plan::new([text("hi")]).policy(|policy| policy.owners.streams = NonZeroU32::new(1));
    let world = plan.build().await;
    let ask = || {
        let call = Call::new("POST", "/v1/responses").header("idempotency-key", "k");
        call.json(&json!({"model": "m", "input": "hi", "stream": true}))
    };
    assert_eq!(ask().send(&world).await.status, 200);
    let stream = background(true).open(&world).await;
    let refused = loop {
        let reply = ask().send(&world).await;
        if reply.status == 429 {
            break reply;
        }
    };
    assert_eq!(error(&refused), (429, json!("too_many_streams")));
    drop(stream);
    until_there_is_room(&world, ask, "response.completed").await;
}

#[tokio::test]
async fn as_many_streams_as_the_server_has_are_an_overload() {
    let plan = Plan::new([]).policy(|policy| policy.streams = 1);
    let world = plan.build().await;
    let mut first = background(true).open(&world).await;
    first.until("response.queued").await;
    let other = background(true).header("authorization", "Bearer bob");
    let refused = other.send(&world).await;
    assert_eq!(error(&refused), (503, json!("overloaded")));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(listed(&world).await, 1);
}

#[tokio::test]
async fn who_has_as_many_runs_or_used_as_many_tokens_as_it_may_is_told_so() {
    let plan = Plan::new([half(), text("hi")]);
    let plan = plan.policy(|policy| policy.owners.runs = NonZeroU32::new(1));
    let world = plan.build().await;
    let ask = || Call::new("POST", "/v1/responses").json(&json!({"model": "m", "input": "hi"}));
    let first = ask().open(&world).await;
    world.model.hanging.notified().await;
    let refused = ask().send(&world).await;
    assert_eq!(error(&refused), (429, json!("too_many_responses")));
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(first);
    until_there_is_room(&world, ask, "completed").await;
    let plan = Plan::new([text("hi"), text("hi")]).policy(|policy| {
        policy.owners.tokens = Some(Rate {
            amount: NonZeroU32::MIN,
            window: Duration::from_hours(1_000),
        });
    });
    let world = plan.build().await;
    assert_eq!(ask().send(&world).await.status, 200, "one is there");
    let refused = ask().send(&world).await;
    assert_eq!(error(&refused), (429, json!("token_limit_reached")));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(wait > 3_600, "{wait}");
}

/// The bytes of a request for a response whose body is as long as this.
fn sized(length: usize) -> Call {
    let body = json!({"model": "m", "input": "hi"}).to_string();
    Call::new("POST", "/v1/responses").body(format!("{body:<length$}"))
}

#[tokio::test]
async fn bodies_that_find_no_room_are_refused_and_leave_it_to_others() {
    let turns = [TurnScript::Hangs(Vec::new()), text("hi"), text("hi")];
    let plan = Plan::new(turns).options(|options| options.body_memory = 1_000);
    let world = plan.build().await;
    let head = "POST /v1/responses HTTP/1.1\r\nhost: x\r\n";
    let announced = format!("{head}content-length: 1001\r\n\r\n");
    let mut pieces = format!("{head}transfer-encoding: chunked\r\n\r\n");
    for _ in 0..11 {
        pieces.extend(["64\r\n", &" ".repeat(100), "\r\n"]);
    }
    for bytes in [announced, pieces] {
        let mut open = Open::with(&world, bytes.as_bytes()).await;
        open.until("\"}}").await;
        let refused = open.head().await;
        assert_eq!(error(&refused), (503, json!("overloaded")));
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.header("connection"), Some("close"));
    }
    // A body that was read takes no room any more, however long its run takes.
    let _run = sized(900).open(&world).await;
    world.model.hanging.notified().await;
    let slowly = sized(900).bytes();
    let (most, rest) = slowly.split_at(slowly.len() - 100);
    let mut slow = Open::with(&world, most).await;
    while sized(900).send(&world).await.status != 503 {}
    assert_eq!(sized(40).send(&world).await.status, 200, "a small one fits");
    slow.send(rest).await;
    slow.until("completed").await;
    assert_eq!(sized(1_000).send(&world).await.status, 200);
}

#[tokio::test]
async fn who_leaves_in_the_middle_of_a_body_leaves_its_room() {
    let turns = [text("hi")];
    let plan = Plan::new(turns).options(|options| options.body_memory = 1_000);
    let world = plan.build().await;
    let slow = Open::with(&world, &sized(900).bytes()[..800]).await;
    while sized(900).send(&world).await.status != 503 {}
    drop(slow);
    while sized(1_000).send(&world).await.status != 200 {}
}
