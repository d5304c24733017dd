//! Requests that go wrong before a field is looked at, on every route.

use serde_json::json;

use crate::client::{Call, Open, Reply};
use crate::layout::laid_out;
use crate::sample;
use crate::who::Strict;
use crate::world::{Plan, World};

/// Every refusal has the same envelope.
fn assert_is_refused(reply: &Reply, (status, code): (u16, &str), what: &str) {
    let error = &reply.json()["error"];
    assert_eq!(
        (reply.status, &error["code"]),
        (status, &json!(code)),
        "{what}"
    );
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(
        error["request_id"].as_str(),
        reply.header("x-request-id"),
        "{what}"
    );
    for field in ["message", "type", "code", "param", "request_id"] {
        assert!(error.get(field).is_some(), "{what} lacks {field}");
    }
}

async fn post(world: &World, body: &[u8]) -> Reply {
    let call = Call::new("POST", "/v1/responses").header("content-type", "application/json");
    call.body(body).send(world).await
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let world = World::new([]).await;
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"model":"m","input":"hi","metadata":{{"a":{open}{close}}}}}"#)
    };
    let (too_deep, far_too_deep) = (deep(63), deep(20_000));
    let bodies: &[(&[u8], &str)] = &[
        (b"", "needs a body"),
        (b" \r\n", "needs a body"),
        (b"\xEF\xBB\xBF", "needs a body"),
        (b"{", "line 1 column 1"),
        (b"{\"model\":\"m\",\n\"input\":}", "line 2 column 9"),
        (b"{\"model\":\"m\" \"input\":\"a\"}", "not valid JSON"),
        (b"{\"model\":\"m\"} {}", "not valid JSON"),
        (b"{\"model\":\"m\x01\"}", "not valid JSON"),
        (b"{'model':'m'}", "not valid JSON"),
        (b"model=m&input=a", "not valid JSON"),
        (b"null", "must be a JSON object"),
        (b"[]", "must be a JSON object"),
        (b"\"hi\"", "must be a JSON object"),
        (b"7", "must be a JSON object"),
        (b"{\"model\":\"\xFF\"}", "not UTF-8 at byte 10"),
        (b"{\"input\":\"\\ud800\"}", "half of a surrogate pair"),
        (b"{\"input\":\"\\x\"}", "not valid JSON"),
        (too_deep.as_bytes(), "nest at most 64 deep"),
        (far_too_deep.as_bytes(), "nest at most 64 deep"),
    ];
    for (body, hint) in bodies {
        let shown = String::from_utf8_lossy(body.get(..40).unwrap_or(body));
        let reply = post(&world, body).await;
        assert_is_refused(&reply, (400, "invalid_json"), &shown);
        let message = reply.json()["error"]["message"].clone();
        assert!(
            message.as_str().unwrap().contains(hint),
            "{shown}: {message}"
        );
    }
    let missing = Call::new("POST", "/v1/responses").send(&world).await;
    assert_is_refused(&missing, (400, "invalid_json"), "no body at all");
    let deep_enough = post(&world, deep(62).as_bytes()).await;
    assert_eq!(deep_enough.status, 200);
}

#[tokio::test]
async fn a_body_of_another_kind_is_refused() {
    let world = World::new([]).await;
    let body = r#"{"model":"m","input":"hi"}"#;
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "application/jsonp"),
        ("content-type", ""),
        ("content-type", "ü"),
        ("content-encoding", "gzip"),
    ] {
        let call = Call::new("POST", "/v1/responses").header(name, value);
        let reply = call.body(body).send(&world).await;
        assert_is_refused(&reply, (415, "unsupported_media_type"), value);
    }
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_refused() {
    let world = World::new([]).await;
    for (method, path) in [
        ("GET", "/nothing"),
        ("POST", "/v1"),
        ("GET", "/v1/responses/"),
        ("GET", "/v1/responses/a/b"),
        ("GET", "/v1/responses/a/cancel/"),
        ("GET", "/V1/responses"),
        ("GET", "//v1/responses"),
        ("DELETE", "/v1/conversations"),
        ("PATCH", "/openai/v2/responses"),
        ("GET", "/v1/%2e%2e/healthz"),
    ] {
        let reply = Call::new(method, path).send(&world).await;
        assert_is_refused(&reply, (404, "route_not_found"), path);
    }
    let call = Call::new("GET", "/nothing").header("x-request-id", "req-7");
    insta::assert_snapshot!(laid_out(call.send(&world).await.text()));
}

#[tokio::test]
async fn a_method_that_the_path_does_not_take_is_refused() {
    let world = World::new([]).await;
    let one = format!("/v1/responses/{}", sample::id(1));
    for (method, path, allowed) in [
        ("PUT", "/v1/responses".to_owned(), "POST, GET, HEAD"),
        ("DELETE", "/v1/responses".to_owned(), "POST, GET, HEAD"),
        ("OPTIONS", "/v1/responses".to_owned(), "POST, GET, HEAD"),
        ("POST", one.clone(), "GET, HEAD, DELETE"),
        ("PATCH", one.clone(), "GET, HEAD, DELETE"),
        ("GET", format!("{one}/cancel"), "POST"),
        ("POST", format!("{one}/input_items"), "GET, HEAD"),
        ("POST", format!("{one}/events"), "GET, HEAD"),
        ("POST", "/healthz".to_owned(), "GET, HEAD"),
        ("BREW", "/readyz".to_owned(), "GET, HEAD"),
        ("POST", "/".to_owned(), "GET, HEAD"),
    ] {
        let reply = Call::new(method, &path).send(&world).await;
        assert_is_refused(&reply, (405, "method_not_allowed"), &path);
        assert_eq!(reply.header("allow"), Some(allowed), "{path}");
    }
}

/// Nobody is asked who sent it: what a head may be is the same for all.
#[tokio::test]
async fn a_head_that_is_too_long_is_refused_before_anything_else() {
    let world = Plan::new([]).authenticator(Strict).build().await;
    let at = |path: &str, length: usize| {
        let path = format!("{path}?after=");
        path.clone() + &"a".repeat(length - path.len())
    };
    for path in ["/v1/responses", "/openai/v1/responses", "/nothing"] {
        let reply = Call::new("GET", &at(path, 8193)).send(&world).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"]),
            (414, &json!("uri_too_long")),
            "{path}"
        );
        let told = error["message"].as_str().unwrap();
        assert!(
            told.contains("8192 bytes") && !told.contains("aaa"),
            "{told}"
        );
        let reply = Call::new("GET", &at(path, 8192)).send(&world).await;
        assert_ne!(reply.status, 414, "{path}");

        let call = |length: usize| Call::new("GET", path).header("x-long", &"a".repeat(length));
        let reply = call(33_000).send(&world).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"]),
            (431, &json!("headers_too_large")),
            "{path}"
        );
        let told = error["message"].as_str().unwrap();
        assert!(
            told.contains("32768 bytes") && !told.contains("aaa"),
            "{told}"
        );
        let reply = call(32_000).send(&world).await;
        assert_ne!(reply.status, 431, "{path}");
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_acceptable_is_refused_by_name() {
    let world = World::new([]).await;
    sample::put(&world, &sample::accepted(1, sample::spec())).await;
    let items = format!("/v1/responses/{}/input_items", sample::id(1));
    let list = "/v1/responses".to_owned();
    for (path, param, values) in [
        (
            &list,
            "limit",
            &["0", "101", "-1", "ten", "", "1e1", "99999999999"][..],
        ),
        (&items, "limit", &["0", "101", ""]),
        (&items, "order", &["up", "ASC", ""]),
        (
            &items,
            "after",
            &["item_x", "resp_00000000000000000000000000", ""],
        ),
        (&list, "after", &["resp_x", "item_x", ""]),
        (&list, "status", &["done", "incomplete", "COMPLETED", ""]),
        (&list, "background", &["1", "yes", ""]),
        (&list, "conversation", &["conv_x", "%ff", ""]),
    ] {
        for value in values {
            let reply = Call::new("GET", &format!("{path}?{param}={value}"))
                .send(&world)
                .await;
            assert_is_refused(&reply, (400, "invalid_parameter"), value);
            assert_eq!(reply.json()["error"]["param"], param, "{value}");
        }
    }
    for query in ["limit=%31", "unknown=1", "limit=0&limit=1", "&&=&a", "%%%"] {
        let reply = Call::new("GET", &format!("{list}?{query}"))
            .send(&world)
            .await;
        assert_eq!(reply.status, 200, "{query}");
    }
}

#[tokio::test]
async fn an_id_that_is_none_names_nothing() {
    let world = World::new([]).await;
    let long = "x".repeat(5_000);
    for id in [
        "x",
        "resp_",
        "resp_x",
        "conv_0",
        "%00",
        "%ff",
        "..%2f",
        "%C3%BC",
        long.as_str(),
    ] {
        let bytes =
            format!("GET /v1/responses/{id} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let reply = Open::with(&world, bytes.as_bytes()).await.end().await;
        assert_is_refused(&reply, (404, "response_not_found"), id);
    }
}

#[tokio::test]
async fn a_sane_request_id_comes_back_and_any_other_is_replaced() {
    let world = World::new([]).await;
    let long = "a".repeat(128);
    for id in ["a", "A-1_b.c", long.as_str()] {
        for path in ["/healthz", "/nothing", "/v1/responses/x"] {
            let call = Call::new("GET", path).header("x-request-id", id);
            assert_eq!(call.send(&world).await.header("x-request-id"), Some(id));
        }
    }
    let longer = "a".repeat(129);
    for id in ["", "a b", "a/b", "ü", "a\"", longer.as_str()] {
        let call = Call::new("GET", "/nothing").header("x-request-id", id);
        let reply = call.send(&world).await;
        let made = reply.header("x-request-id").unwrap();
        assert!(made.starts_with("req_") && made.len() == 30, "{made}");
        assert_eq!(reply.json()["error"]["request_id"], made);
    }
    let one = Call::new("GET", "/healthz").send(&world).await;
    let other = Call::new("GET", "/healthz").send(&world).await;
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}
