//! Requests about webhooks that are not acceptable, and services that cannot do them.

use response_testkit::vault::TestVault;
use serde_json::{Value, json};

use crate::bad_fields::refused as response_refused;
use crate::client::{Call, Reply};
use crate::layout::laid_out;
use crate::sample::id;
use crate::webhooks::{WEBHOOKS, get, path, register};
use crate::world::{Plan, World};

/// Asserts that `reply` is a refusal about this field, and that its message is fit to be read.
fn assert_refused(reply: &Reply, (code, param): (&str, &str), what: &str) {
    let error = &reply.json()["error"];
    assert_eq!(
        (reply.status, &error["code"], &error["param"]),
        (400, &json!(code), &json!(param)),
        "{what}: {error}"
    );
    let message = error["message"].as_str().unwrap();
    assert!((1..400).contains(&message.len()), "{what}: {message}");
}

const MISSING: &str = "missing_required_parameter";
const INVALID: &str = "invalid_parameter";

#[tokio::test]
async fn a_field_of_an_endpoint_that_is_not_acceptable_is_refused_by_name() {
    let world = World::new([]).await;
    let path = path(&register(&world, &json!({})).await);
    let many = vec!["*"; 33];
    let key = |length: usize| format!("whsec_{}", "A".repeat(length));
    let wrong: Vec<(&str, Value, &str)> = vec![
        ("url", json!(7), "url"),
        ("url", json!(["https://example.com"]), "url"),
        ("url", json!(""), "url"),
        ("url", json!("x".repeat(2_049)), "url"),
        ("events", json!("response.*"), "events"),
        ("events", json!({}), "events"),
        ("events", json!([]), "events"),
        ("events", json!(many), "events"),
        ("events", json!(["*", 7]), "events[1]"),
        ("events", json!(["*", null]), "events[1]"),
        ("events", json!(["message.*"]), "events[0]"),
        ("events", json!(["*", "response.done"]), "events[1]"),
        ("events", json!(["RESPONSE.*"]), "events[0]"),
        ("events", json!([""]), "events[0]"),
        ("events", json!(["x".repeat(9_000)]), "events[0]"),
        ("active", json!("yes"), "active"),
        ("active", json!(1), "active"),
        ("name", json!(7), "name"),
        ("name", json!(""), "name"),
        ("name", json!("x".repeat(257)), "name"),
        ("payload", json!("big"), "payload"),
        ("payload", json!(true), "payload"),
        ("headers", json!({"X-Token": "a"}), "headers"),
        ("url ", json!("https://example.com"), "url "),
        ("id", json!("webhook_1"), "id"),
    ];
    for (field, value, param) in &wrong {
        let fields = json!({ *field: value });
        assert_refused(
            &register(&world, &fields).await,
            (INVALID, param),
            &fields.to_string(),
        );
        let changed = Call::new("PATCH", &path).json(&fields).send(&world).await;
        assert_refused(&changed, (INVALID, param), &fields.to_string());
    }
    for secret in [
        json!(7),
        json!(""),
        json!("short"),
        json!("has a space inside"),
        json!(key(31)),
        json!(key(90)),
        json!("whsec_not base64, for it has spaces!"),
    ] {
        let fields = json!({ "secret": secret });
        let what = fields.to_string();
        assert_refused(&register(&world, &fields).await, (INVALID, "secret"), &what);
        let call = Call::new("POST", &format!("{path}/rotate_secret"));
        let reply = call.json(&fields).send(&world).await;
        assert_refused(&reply, (INVALID, "secret"), &what);
    }
}

#[tokio::test]
async fn what_must_be_there_is_missed_and_what_means_nothing_is_named() {
    let world = World::new([]).await;
    let path = path(&register(&world, &json!({})).await);
    let create = async |body: Value| {
        let call = Call::new("POST", WEBHOOKS).header("x-request-id", "req-7");
        call.json(&body).send(&world).await
    };
    let empty = create(json!({})).await;
    assert_refused(&empty, (MISSING, "url"), "{}");
    let message = empty.json()["error"]["message"].clone();
    assert!(
        message.as_str().unwrap().contains("`events` is required"),
        "all faults are told: {message}"
    );
    assert_refused(
        &create(json!({"url": "https://a.example", "events": null})).await,
        (MISSING, "events"),
        "no events",
    );
    let strange = json!({
        "url": "https://a.example",
        "events": ["*"],
        "headers": {"X-Token": "a"},
        "event": "*",
        "y".repeat(500): 1,
        "nothing": null,
    });
    let reply = create(strange).await;
    assert_eq!(reply.status, 400);
    insta::assert_snapshot!("strange", laid_out(reply.text()));
    for (tail, body, param) in [
        ("", json!({"secret": "sixteen-characters"}), "secret"),
        ("/rotate_secret", json!({"keep_old": true}), "keep_old"),
        (
            "/rotate_secret",
            json!({"keep_old_secret_active_for_24_hours": "yes"}),
            "keep_old_secret_active_for_24_hours",
        ),
        ("/test", json!({"event_type": "*"}), "event_type"),
        ("/test", json!({"event": "*"}), "event"),
        ("/test", json!({"event": 7}), "event"),
    ] {
        let verb = if tail.is_empty() { "PATCH" } else { "POST" };
        let call = Call::new(verb, &format!("{path}{tail}"));
        let reply = call.json(&body).send(&world).await;
        assert_refused(&reply, (INVALID, param), &body.to_string());
    }
    let call = Call::new(
        "POST",
        &format!("/v1/responses/{}/deliveries/redeliver", id(1)),
    );
    let reply = call.json(&json!({"webhook_id": 7})).send(&world).await;
    assert_refused(&reply, (INVALID, "webhook_id"), "redeliver");
}

#[tokio::test]
async fn an_address_that_may_not_be_called_is_refused_where_it_is_named() {
    let world = World::new([]).await;
    let inside = "http://169.254.169.254/latest";
    world.sender.refuse(inside);
    let path = path(&register(&world, &json!({})).await);
    let reply = register(&world, &json!({ "url": inside })).await;
    assert_refused(&reply, (INVALID, "url"), "create");
    let call = Call::new("PATCH", &path).json(&json!({ "url": inside }));
    assert_refused(&call.send(&world).await, (INVALID, "url"), "change");
    for field in ["webhook_url", "webhookUrl"] {
        let param = format!("metadata.{field}");
        let fields = json!({"background": true, "metadata": { field: inside }});
        response_refused(&world, &fields, (400, INVALID, &param)).await;
    }
    let body = json!({
        "model": "m", "input": "hi", "background": true,
        "metadata": { "webhook_url": inside },
    });
    let call = Call::new("POST", "/v1/responses").header("x-request-id", "req-7");
    let reply = call.json(&body).send(&world).await;
    insta::assert_snapshot!("callback-refused", laid_out(reply.text()));
    assert_eq!(world.store.commits(), 0);
    assert!(world.sender.letters().is_empty());
}

#[tokio::test]
async fn an_owner_has_a_hundred_endpoints_and_not_one_more() {
    let world = World::new([]).await;
    for _ in 0..100 {
        assert_eq!(register(&world, &json!({})).await.status, 201);
    }
    let call = Call::new("POST", WEBHOOKS).header("x-request-id", "req-7");
    let body = json!({"url": "https://a.example", "events": ["*"]});
    let reply = call.json(&body).send(&world).await;
    assert_eq!(reply.status, 400);
    insta::assert_snapshot!("full", laid_out(reply.text()));
    let call = Call::new("POST", WEBHOOKS).header("authorization", "Bearer bob");
    assert_eq!(call.json(&body).send(&world).await.status, 201);
    let newest = get(&world, &format!("{WEBHOOKS}?limit=1")).await.json()["first_id"].clone();
    let path = format!("{WEBHOOKS}/{}", newest.as_str().unwrap());
    Call::new("DELETE", &path).send(&world).await;
    assert_eq!(register(&world, &json!({})).await.status, 201);
}

#[tokio::test]
async fn bodies_have_the_limits_of_every_other_request() {
    let plan = Plan::new([]).options(|options| options.body_bytes = 2_000);
    let world = plan.build().await;
    let path = path(&register(&world, &json!({})).await);
    let redeliver = format!("/v1/responses/{}/deliveries/redeliver", id(1));
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(2_000));
    let optional = ["/rotate_secret", "/test"].map(|tail| ("POST", format!("{path}{tail}")));
    let required = [("POST", WEBHOOKS.to_owned()), ("PATCH", path.clone())];
    let all = required
        .iter()
        .chain(&optional)
        .chain([&("POST", redeliver.clone())])
        .cloned()
        .collect::<Vec<_>>();
    for (method, path) in &all {
        for (body, status, code) in [
            (deep.as_str(), 400, "invalid_json"),
            (long.as_str(), 413, "body_too_large"),
            ("{", 400, "invalid_json"),
            ("[]", 400, "invalid_json"),
            ("\"*\"", 400, "invalid_json"),
            (r#"{"name":"\ud800"}"#, 400, "invalid_json"),
        ] {
            let reply = Call::new(method, path).body(body).send(&world).await;
            assert_eq!(
                (reply.status, &reply.json()["error"]["code"]),
                (status, &json!(code)),
                "{method} {path} {body:.20}"
            );
        }
        let call = Call::new(method, path).header("content-type", "text/plain");
        assert_eq!(call.body("{}").send(&world).await.status, 415, "{path}");
    }
    for (method, path) in &required {
        let reply = Call::new(method, path).send(&world).await;
        assert_eq!(reply.status, 400, "{method} {path} needs a body");
    }
}

#[tokio::test]
async fn a_page_that_does_not_exist_is_refused_by_name() {
    let world = World::new([]).await;
    let path = path(&register(&world, &json!({})).await);
    let deliveries = format!("{path}/deliveries");
    for (path, param, values) in [
        (WEBHOOKS, "limit", &["0", "101", "ten", ""][..]),
        (
            WEBHOOKS,
            "after",
            &["webhook_x", "resp_00000000000000000000000000", ""],
        ),
        (&deliveries, "limit", &["0", "101", ""]),
        (
            &deliveries,
            "after",
            &["evt_x", "resp_00000000000000000000000000", ""],
        ),
    ] {
        for value in values {
            let reply = get(&world, &format!("{path}?{param}={value}")).await;
            assert_refused(&reply, (INVALID, param), value);
        }
    }
}

#[tokio::test]
async fn without_a_key_no_endpoint_is_taken() {
    let plan = Plan::new([]).vault(TestVault::with_keys([]));
    let world = plan.build().await;
    let call = Call::new("POST", WEBHOOKS).header("x-request-id", "req-7");
    let body = json!({"url": "https://a.example", "events": ["*"]});
    let reply = call.json(&body).send(&world).await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    assert_eq!(reply.header("retry-after"), None);
    insta::assert_snapshot!("keyless", laid_out(reply.text()));
}

#[tokio::test]
async fn a_secret_that_does_not_open_is_a_fault_of_the_service() {
    let world = World::new([]).await;
    let path = path(&register(&world, &json!({})).await);
    let plan = Plan::new([]).vault(TestVault::with_keys(["another"]));
    let other = plan.beside(&world, 2).build().await;
    let reply = Call::new("POST", &format!("{path}/test"))
        .send(&other)
        .await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (500, &json!("internal"))
    );
    assert!(other.sender.letters().is_empty(), "nothing goes unsigned");
    let call = Call::new("POST", &format!("{path}/rotate_secret"));
    assert_eq!(call.send(&other).await.status, 200, "a new one helps");
    let again = Call::new("POST", &format!("{path}/test"))
        .send(&other)
        .await;
    assert_eq!(again.status, 200);
}
