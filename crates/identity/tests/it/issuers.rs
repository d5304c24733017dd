//! Issuers whose server is away, slow, or not what it should be; and those that say where their keys are.

use std::time::Duration;

use response_domain::caller::Credential;
use response_domain::ports::auth::{AuthError, Authenticator};
use response_identity::{Issuer, KeySet};
use serde_json::json;
use tokio::time::Instant;

use crate::server::{Answer, Server};
use crate::signer::{Signer, set};
use crate::world::{ISSUER, KEYS, World, until};

const DOCUMENT: &str = "/realms/jan/.well-known/openid-configuration";

#[tokio::test]
async fn without_keys_nobody_can_tell_and_readiness_says_so() {
    let world = World::new().await;
    world.server.say(KEYS, 503, "", "down");
    let token = world.token(|_| {});
    assert_eq!(world.word(&token).await, "(unavailable)");
    let missing = world.identity.readiness().await.unwrap_err();
    assert_eq!(
        missing,
        format!(
            "no keys of {ISSUER} since 2024-01-15T10:50:00+00:00: the server answered with status 503 \
             Service Unavailable"
        )
    );
    let outcome = world
        .identity
        .authenticate(Credential::bearer(token.clone()).into())
        .await;
    let Err(AuthError::Unavailable { retry_after, cause }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(retry_after > Duration::ZERO);
    assert_eq!(cause.to_string(), missing);
    // What cannot be good in any case is refused in any case.
    let foreign = world.token(|claims| claims["iss"] = json!("https://evil.example"));
    assert_eq!(world.word(&foreign).await, "(issuer)");
    assert_eq!(world.server.asked(), 1);
}

#[tokio::test]
async fn a_server_that_is_away_at_the_start_is_found_when_it_is_back() {
    let world = World::new().await;
    let keys = set(&[&world.signer]);
    world.server.say(KEYS, 500, "", "");
    world.identity.start();
    until(|| world.server.asked() == 1).await;
    assert_eq!(world.word(&world.token(|_| {})).await, "(unavailable)");
    // Its pauses grow from a second to half a minute.
    let mut tried = 1;
    for pause in [1, 2, 4, 8, 16, 30, 30] {
        world.pass(Duration::from_millis(pause * 1000 - 100)).await;
        assert_eq!(world.server.asked(), tried, "before {pause} s");
        world.pass(Duration::from_millis(200)).await;
        tried += 1;
        until(|| world.server.asked() == tried).await;
        settle(&world).await;
    }
    world.server.json(KEYS, &keys);
    world.pass(Duration::from_secs(30)).await;
    until(|| world.server.asked() == tried + 1).await;
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
    assert_eq!(world.identity.readiness().await, Ok(()));
}

/// Waits until no fetch is under way: a token waits for one that is.
async fn settle(world: &World) {
    world.word(&world.token(|_| {})).await;
}

#[tokio::test]
async fn answers_that_are_no_keys_are_not_taken() {
    let world = World::new().await;
    let good = set(&[&world.signer]).to_string();
    let elsewhere = Server::start().await;
    elsewhere.json(KEYS, &set(&[&world.signer]));
    let location = format!("location: {}\r\n", elsewhere.url(KEYS));
    let long = |length: usize| format!("{good}{}", " ".repeat(length - good.len()));
    for (status, headers, body) in [
        (
            200,
            "content-type: text/html\r\n",
            "<html>Sign in</html>".to_owned(),
        ),
        (200, "", String::new()),
        (200, "", "{}".into()),
        (200, "", r#"{"keys":[]}"#.into()),
        (200, "", r#"{"keys":{}}"#.into()),
        (200, "", r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#.into()),
        (200, "", format!("[{good}]")),
        (200, "", good[..good.len() - 1].into()),
        (200, "", "[".repeat(100_000)),
        (200, "", long(512 * 1024 + 1)),
        (204, "", good.clone()),
        (301, location.as_str(), good.clone()),
        (302, location.as_str(), String::new()),
        (307, location.as_str(), String::new()),
        (404, "", good.clone()),
        (500, "", good.clone()),
    ] {
        world.server.say(KEYS, status, headers, &body);
        let outcome = world.word(&world.token(|_| {})).await;
        assert_eq!(outcome, "(unavailable)", "{status} {headers} {body:.40}");
        world.pass(Duration::from_secs(30)).await;
    }
    world
        .server
        .put(KEYS, Answer::Bytes(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()));
    assert_eq!(world.word(&world.token(|_| {})).await, "(unavailable)");
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(elsewhere.asked(), 0, "nobody goes where a redirect leads");
    world.server.say(KEYS, 200, "", &long(512 * 1024));
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_waited_for_five_seconds() {
    let world = World::new().await;
    world.server.put(KEYS, Answer::Silence);
    let before = Instant::now();
    tokio::time::pause();
    assert_eq!(world.word(&world.token(|_| {})).await, "(unavailable)");
    let waited = before.elapsed().as_secs();
    assert!((4..=6).contains(&waited), "{waited}");
}

#[tokio::test]
async fn nothing_of_a_servers_answer_is_told_to_callers() {
    let world = World::new().await;
    world.server.say(KEYS, 500, "", "s3cret");
    let outcome = world
        .identity
        .authenticate(Credential::bearer(world.token(|_| {})).into())
        .await;
    let error = outcome.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("s3cret"));
    let ready = world.identity.readiness().await.unwrap_err();
    assert!(!ready.contains("s3cret"));
}

/// A world whose issuer says where its keys are.
async fn discovering() -> (World, Server, String) {
    let server = Server::start().await;
    let issuer = server.url("/realms/jan").to_string();
    let world = World::with(|tokens| {
        tokens.issuers = vec![Issuer {
            name: issuer.clone(),
            keys: KeySet::Discovered,
        }];
    })
    .await;
    (world, server, issuer)
}

#[tokio::test]
async fn keys_are_found_where_the_issuer_says_they_are() {
    let (world, server, issuer) = discovering().await;
    server.json(
        DOCUMENT,
        &json!({ "issuer": issuer, "jwks_uri": world.server.url(KEYS), "token_endpoint": "x" }),
    );
    let token = |signer: &Signer| {
        let mut claims = world.claims();
        claims["iss"] = json!(issuer);
        signer.token(&claims)
    };
    assert_eq!(world.word(&token(&world.signer)).await, "ada");
    // They may move.
    let second = Signer::new("second");
    server.json("/keys", &set(&[&second]));
    server.json(
        DOCUMENT,
        &json!({ "issuer": issuer, "jwks_uri": server.url("/keys") }),
    );
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(world.word(&token(&second)).await, "ada");
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_is_not_believed() {
    let (world, server, issuer) = discovering().await;
    let keys = world.server.url(KEYS);
    let mut token = world.claims();
    token["iss"] = json!(issuer);
    let token = world.signer.token(&token);
    for document in [
        json!({ "issuer": ISSUER, "jwks_uri": keys }),
        json!({ "issuer": format!("{issuer}/"), "jwks_uri": keys }),
        json!({ "jwks_uri": keys }),
        json!({ "issuer": issuer }),
        json!({ "issuer": issuer, "jwks_uri": "file:///etc/passwd" }),
        json!({ "issuer": issuer, "jwks_uri": "certs" }),
        json!([]),
    ] {
        server.json(DOCUMENT, &document);
        assert_eq!(world.word(&token).await, "(unavailable)", "{document}");
        world.pass(Duration::from_secs(30)).await;
    }
    assert_eq!(world.server.asked(), 0);
    let missing = world.identity.readiness().await.unwrap_err();
    assert!(
        missing.starts_with(&format!("no keys of {issuer} since ")),
        "{missing}"
    );
}
