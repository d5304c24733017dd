//! Tokens of the provider, and forgeries of them: A1 of the faults.

use serde_json::{Value, json};

use super::forgeries::forgeries;
use super::stage::{Stage, are_one, are_strangers, body, gets_in, is_turned_away};
use crate::process::{Answer, Client};
use crate::wire::{Wire, address};

#[tokio::test]
async fn a_token_of_any_allowed_algorithm_gets_in_as_its_subject() {
    let stage = Stage::new().await;
    let mut all = Vec::new();
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let token = stage.provider.token("ada", algorithm).await;
        let caller = stage.service.bearing(&token);
        gets_in(&caller).await;
        // Providers that have not heard of RFC 9068 say otherwise what kind of token it is.
        for kind in [
            Value::Null,
            json!("JWT"),
            json!("at+jwt"),
            json!("application/at+jwt"),
        ] {
            let header = json!({"typ": kind});
            let token = stage.provider.sign(header, json!({}), algorithm).await;
            gets_in(&stage.service.bearing(&token)).await;
        }
        all.push(caller);
    }
    let grace = stage.caller("grace").await;
    for one in &all[1..] {
        are_one(&all[0], one).await;
    }
    are_strangers(&all[0], &grace).await;
}

/// Everything that is one's own is not there for another: the same answer as for what never was.
#[tokio::test]
async fn what_is_anothers_is_not_there() {
    let stage = Stage::new().await;
    let (ada, grace) = (stage.caller("ada").await, stage.caller("grace").await);
    let id = gets_in(&ada).await;
    let conversation = ada.post("openai/v1/conversations", json!({})).await;
    let conversation = conversation.body["id"].as_str().unwrap().to_owned();
    let queued = ada
        .create(json!({"model": "m", "input": "[[fail:hang]]", "background": true}))
        .await;
    assert_eq!(queued.status, 201, "{:#}", queued.body);
    let queued = queued.body["id"].as_str().unwrap().to_owned();
    for dialect in ["v1", "openai/v1"] {
        for id in [&id, &queued] {
            is_not_there(&grace, dialect, ("responses", "input_items"), id).await;
        }
        cannot_be_named(&grace, dialect, "previous_response_id", &id).await;
        cannot_be_named(&grace, dialect, "conversation", &conversation).await;
    }
    is_not_there(
        &grace,
        "openai/v1",
        ("conversations", "items"),
        &conversation,
    )
    .await;
    // Nothing of that did anything.
    for id in [&id, &queued] {
        let found = ada.get(&format!("v1/responses/{id}")).await;
        assert_eq!(found.status, 200);
        assert_ne!(found.body["status"], "cancelled");
    }
    ada.post(&format!("v1/responses/{queued}/cancel"), json!({}))
        .await;
}

/// An id of the same kind that nothing ever had.
fn never(own: &str) -> String {
    let (prefix, _) = own.split_once('_').unwrap();
    format!("{prefix}_01m7zzzzzzzzzzzzzzzzzzzzzz")
}

/// What is told, without what has to differ.
fn told(answer: &Answer, id: &str) -> (u16, String) {
    let mut body = answer.body.to_string().replace(id, "ID");
    if let Some(request) = answer.headers.get("x-request-id") {
        body = body.replace(request.to_str().unwrap(), "REQUEST");
    }
    (answer.status, body)
}

async fn is_not_there(caller: &Client, dialect: &str, (kind, items): (&str, &str), own: &str) {
    let mut seen = Vec::new();
    for id in [own.to_owned(), never(own)] {
        let path = format!("{dialect}/{kind}/{id}");
        seen.push([
            told(&caller.get(&path).await, &id),
            told(&caller.get(&format!("{path}/{items}")).await, &id),
            told(&caller.get(&format!("{path}?stream=true")).await, &id),
            told(
                &caller.post(&format!("{path}/cancel"), json!({})).await,
                &id,
            ),
            told(&caller.delete(&path).await, &id),
        ]);
    }
    assert_eq!(seen[0], seen[1], "{dialect} {kind}");
    let is_missing = seen[0].iter().all(|(status, _)| *status == 404);
    assert!(is_missing, "{dialect} {kind}: {seen:#?}");
}

async fn cannot_be_named(caller: &Client, dialect: &str, field: &str, own: &str) {
    let mut seen = Vec::new();
    for id in [own.to_owned(), never(own)] {
        let mut body = body();
        body[field] = json!(id);
        let asked = caller.post(&format!("{dialect}/responses"), body).await;
        seen.push(told(&asked, &id));
    }
    assert_eq!(seen[0], seen[1], "{dialect} {field}");
    assert!(
        [400, 404].contains(&seen[0].0),
        "{dialect} {field}: {}",
        seen[0].1
    );
}

#[tokio::test]
async fn every_forgery_is_turned_away_in_the_same_words() {
    let stage = Stage::new().await;
    gets_in(&stage.caller("ada").await).await;
    let before = stage.world.model.ledger().traffic().started;
    for (told, header, claims, by) in forgeries(stage.provider.issuer()) {
        let token = stage.provider.sign(header, claims, by).await;
        is_turned_away(&stage.service.bearing(&token), "invalid_token", told).await;
    }
    let long = json!({"padding": "x".repeat(9_000)});
    let long = stage.provider.sign(json!({}), long, "RS256").await;
    is_turned_away(&stage.service.bearing(&long), "invalid_token", "too long").await;
    let expired = json!({"exp": {"in": -60}});
    let expired = stage.provider.sign(json!({}), expired, "RS256").await;
    is_turned_away(&stage.service.bearing(&expired), "token_expired", "expired").await;
    // Whoever forges a token that is also too old learns nothing of its age.
    let both = json!({"exp": {"in": -60}});
    let both = stage
        .provider
        .sign(json!({}), both, "a stranger's RSA")
        .await;
    is_turned_away(
        &stage.service.bearing(&both),
        "invalid_token",
        "expired and forged",
    )
    .await;
    assert_eq!(stage.world.model.ledger().traffic().started, before);
    // Nobody asked for the keys that the forgeries told of, and hardly for others.
    assert!(stage.provider.fetches().await <= 3);
    gets_in(&stage.caller("ada").await).await;
}

/// A clock may be a little off.
#[tokio::test]
async fn a_little_of_time_is_forgiven() {
    let stage = Stage::new().await;
    for claims in [
        json!({"exp": {"in": -10}}),
        json!({"nbf": {"in": 15}}),
        json!({"iat": {"in": 15}}),
        json!({"aud": ["billing", "account"]}),
        json!({"iat": null}),
    ] {
        let token = stage.provider.sign(json!({}), claims, "ES256").await;
        gets_in(&stage.service.bearing(&token)).await;
    }
}

/// What is no token at all, and what is changed on the way.
#[tokio::test]
async fn damaged_tokens_and_other_texts_are_turned_away() {
    let stage = Stage::new().await;
    let token = stage.provider.token("ada", "ES256").await;
    let others = stage.provider.token("grace", "ES256").await;
    for (told, text) in damaged(&token, &others) {
        is_turned_away(&stage.service.bearing(&text), "invalid_token", told).await;
    }
    is_turned_away(&stage.service, "missing_credentials", "nothing").await;
    for scheme in ["Basic YWRhOmFkYQ==", "Token x", "Bearer"] {
        let caller = stage.service.with("authorization", scheme);
        let answered = caller.get("v1/responses").await;
        assert_eq!(answered.status, 401, "{scheme}: {:#}", answered.body);
    }
    // A token is no key, whatever header it comes in; but what is no token in one place is none in the other.
    is_turned_away(
        &stage.service.with("x-api-key", "ada"),
        "invalid_token",
        "a key",
    )
    .await;
    gets_in(&stage.service.bearing(&token)).await;
}

fn damaged(token: &str, others: &str) -> Vec<(&'static str, String)> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("{token}");
    };
    let others: Vec<&str> = others.split('.').collect();
    vec![
        ("half a token", format!("{header}.{claims}")),
        ("four parts", format!("{token}.{signature}")),
        (
            "five parts",
            format!("{header}.{claims}.{signature}.{claims}.{header}"),
        ),
        (
            "another's claims",
            format!("{header}.{}.{signature}", others[1]),
        ),
        (
            "another's signature",
            format!("{header}.{claims}.{}", others[2]),
        ),
        ("no claims", format!("{header}..{signature}")),
        ("no header", format!(".{claims}.{signature}")),
        ("padding", format!("{token}==")),
        (
            "standard base64",
            format!("{}.{claims}.{signature}", header.replace('J', "+")),
        ),
        ("a text", "ada".to_owned()),
        ("dots", "..".to_owned()),
        (
            "a key that nobody gave out",
            "sk_live_0123456789".to_owned(),
        ),
        (
            "a key of our own shape",
            format!("sk_ra_{}", "0".repeat(59)),
        ),
        ("much of a text", "x.".repeat(4_000)),
    ]
}

/// Before a connection becomes a `WebSocket`, its caller must be known.
#[tokio::test]
async fn a_socket_is_not_opened_for_a_stranger() {
    let stage = Stage::new().await;
    let good = stage.provider.token("ada", "ES256").await;
    let forged = stage.provider.sign(json!({}), json!({}), "zeros").await;
    for (token, status) in [(good, "101"), (forged, "401")] {
        let mut wire = Wire::open(address(&stage)).await;
        let head = format!(
            "GET /openai/v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        wire.send(head.as_bytes()).await;
        wire.until(&format!("HTTP/1.1 {status}")).await;
    }
}

/// What needs no caller asks for none, and tells nothing of any.
#[tokio::test]
async fn health_and_the_document_are_for_everybody() {
    let stage = Stage::new().await;
    for path in ["healthz", "readyz", "health/auth", "openapi.json"] {
        assert_eq!(stage.service.get(path).await.status, 200, "{path}");
    }
}
