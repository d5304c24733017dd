//! Whatever goes wrong under these paths is told in the one shape that their clients read.

use std::time::Duration;

use response_domain::ports::llm::LlmErrorKind;
use response_http::HostedTools;
use response_testkit::script::{TurnScript, text};
use serde_json::{Value, json};

use super::{BASES, RESPONSES, ask, post, request};
use crate::client::{Call, Open, Reply};
use crate::shapes::assert_shape;
use crate::trouble::Away;
use crate::who::Strict;
use crate::world::{Plan, World};

/// Asserts that it is told as it must be, and answers the type and the code.
fn told(reply: &Reply) -> (u16, Value, Value) {
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(reply.header("x-request-id").is_some());
    let body = reply.json();
    assert_shape("OpenAiError", &body);
    let error = body["error"].as_object().unwrap();
    let mut names: Vec<&String> = error.keys().collect();
    names.sort();
    assert_eq!(names, ["code", "message", "param", "type"]);
    assert_eq!(body.as_object().unwrap().len(), 1);
    (reply.status, error["type"].clone(), error["code"].clone())
}

#[tokio::test]
async fn what_leads_nowhere_or_is_no_request_is_told_in_the_same_shape() {
    let world = Plan::new([text("hi")])
        .options(|options| options.body_bytes = 1_000)
        .build()
        .await;
    let id = crate::sample::id(1);
    for base in BASES {
        let post = |body: &str| Call::new("POST", &format!("{base}/responses")).body(body);
        let at = |method: &str, tail: &str| Call::new(method, &format!("{base}{tail}"));
        let deep = "[".repeat(65) + &"]".repeat(65);
        for (call, status, code) in [
            (at("GET", "/nothing"), 404, "unknown_url"),
            (at("GET", ""), 404, "unknown_url"),
            (at("POST", "/responses/x/y"), 404, "unknown_url"),
            (at("PUT", "/responses"), 405, "method_not_allowed"),
            (at("PATCH", "/responses/x"), 405, "method_not_allowed"),
            (at("GET", "/responses/x/cancel"), 405, "method_not_allowed"),
            (at("PUT", "/conversations/x"), 405, "method_not_allowed"),
            (at("GET", "/responses"), 426, "websocket_required"),
            (post(""), 400, "invalid_json"),
            (post("{"), 400, "invalid_json"),
            (post("[]"), 400, "invalid_json"),
            (post(&deep), 400, "invalid_json"),
            (post(r#"{"model": "\ud83d"}"#), 400, "invalid_json"),
            (post(&" ".repeat(1_001)), 413, "body_too_large"),
            (
                post("{}").header("content-type", "text/plain"),
                415,
                "unsupported_media_type",
            ),
            (
                post("{}").header("content-encoding", "gzip"),
                415,
                "unsupported_media_type",
            ),
        ] {
            let request = json!("invalid_request_error");
            let expected = (status, request, json!(code));
            assert_eq!(told(&call.send(&world).await), expected, "{code}");
        }
        for tail in ["", "/input_items", "?stream=true"] {
            for id in [id.to_string(), "resp_1".to_owned(), "x".to_owned()] {
                let reply = at("GET", &format!("/responses/{id}{tail}"))
                    .send(&world)
                    .await;
                let nameless = (404, json!("invalid_request_error"), Value::Null);
                assert_eq!(told(&reply), nameless, "{id}{tail}");
            }
        }
    }
    let allowed = Call::new("PATCH", RESPONSES).send(&world).await;
    assert_eq!(allowed.header("allow"), Some("POST, GET, HEAD"));
    assert_eq!(
        Call::new("GET", "/openresponses/v1/webhook_endpoints")
            .send(&world)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_credential_that_is_not_good_is_refused_everywhere() {
    let world = Plan::new([text("hi")]).authenticator(Strict).build().await;
    for base in BASES {
        for (method, tail) in [
            ("POST", "/responses"),
            ("GET", "/responses"),
            ("POST", "/responses/input_tokens"),
            ("POST", "/responses/compact"),
            ("GET", "/responses/x"),
            ("DELETE", "/responses/x"),
            ("POST", "/responses/x/cancel"),
            ("GET", "/responses/x/input_items"),
            ("POST", "/conversations"),
            ("GET", "/conversations/x"),
            ("POST", "/conversations/x"),
            ("DELETE", "/conversations/x"),
            ("GET", "/conversations/x/items"),
            ("POST", "/conversations/x/items"),
            ("GET", "/conversations/x/items/y"),
            ("DELETE", "/conversations/x/items/y"),
        ] {
            let call = || Call::new(method, &format!("{base}{tail}"));
            for call in [call(), call().header("authorization", "Bearer forged")] {
                let reply = call.send(&world).await;
                let expected = (
                    401,
                    json!("invalid_request_error"),
                    json!("invalid_api_key"),
                );
                assert_eq!(told(&reply), expected, "{method} {tail}");
                assert!(reply.header("www-authenticate").is_some());
            }
        }
    }
}

#[tokio::test]
async fn a_panic_and_a_database_in_trouble_are_told_and_nothing_of_the_inside() {
    let world = World::new([]).await;
    let call = Call::new("GET", &format!("{RESPONSES}/x")).header("authorization", "Bearer panics");
    let panicked = told(&call.send(&world).await);
    assert_eq!(panicked, (500, json!("server_error"), Value::Null));
    let id = crate::sample::id(1);
    let away = Plan::new([]).front(Away::at_commits()).build().await;
    let continuing = request(&json!({"previous_response_id": id.to_string()}));
    for call in [
        Call::new("POST", RESPONSES).json(&continuing),
        Call::new("POST", &format!("{RESPONSES}/input_tokens")).json(&continuing),
        Call::new("POST", &format!("{RESPONSES}/compact")).json(&continuing),
        Call::new("GET", &format!("{RESPONSES}/{id}")),
        Call::new("GET", &format!("{RESPONSES}/{id}?stream=true")),
        Call::new("DELETE", &format!("{RESPONSES}/{id}")),
        Call::new("POST", &format!("{RESPONSES}/{id}/cancel")),
        Call::new("GET", &format!("{RESPONSES}/{id}/input_items")),
    ] {
        let reply = call.send(&away).await;
        let expected = (503, json!("server_error"), json!("database_unavailable"));
        assert_eq!(told(&reply), expected);
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert!(!reply.text().contains("postgres"), "{}", reply.text());
    }
}

#[tokio::test]
async fn a_run_that_failed_is_an_error_to_whoever_waited() {
    for (kind, status, code) in [
        (LlmErrorKind::ModelNotFound, 404, "model_not_found"),
        (
            LlmErrorKind::RateLimited { retry_after: None },
            429,
            "rate_limit_exceeded",
        ),
        (LlmErrorKind::Unavailable, 502, "model_unavailable"),
    ] {
        let world = World::new([TurnScript::Refuses(kind)]).await;
        let reply = ask(&world, &json!({})).await;
        let (told_status, _, told_code) = told(&reply);
        assert_eq!((told_status, told_code), (status, json!(code)));
        assert!(reply.header("x-response-id").is_some());
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let plan = Plan::new([]).options(|options| options.body_timeout = Duration::from_millis(20));
    let world = plan.build().await;
    let head = format!("POST {RESPONSES} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{");
    let mut open = Open::with(&world, head.as_bytes()).await;
    open.until("\"}}").await;
    let (status, _, code) = told(&open.head().await);
    assert_eq!((status, code), (408, json!("request_timeout")));
}

#[tokio::test]
async fn whoever_uses_a_conversation_that_is_not_there_learns_so() {
    let world = World::new([text("hi")]).await;
    for id in ["conv_01hqr8v9k2x3f4g5h6j7k8m9n0", "conv_1", "mine"] {
        let reply = post(&world, RESPONSES, &request(&json!({"conversation": id}))).await;
        assert_eq!(
            told(&reply),
            (404, json!("invalid_request_error"), Value::Null)
        );
        assert_eq!(reply.json()["error"]["param"], "conversation");
    }
}

#[tokio::test]
async fn tools_of_others_are_passed_over_or_refused_as_the_operator_has_it() {
    let wish = json!({"tools": [{"type": "web_search"}]});
    let lenient = World::new([text("hi")]).await;
    assert_eq!(ask(&lenient, &wish).await.status, 200);
    let plan = Plan::new([text("hi")]);
    let strict = plan.options(|options| options.hosted_tools = HostedTools::Refuse);
    let reply = ask(&strict.build().await, &wish).await;
    let expected = (
        400,
        json!("invalid_request_error"),
        json!("unsupported_value"),
    );
    assert_eq!(told(&reply), expected);
    assert_eq!(reply.json()["error"]["param"], "tools[0].type");
}
