//! The provider's keys change while the process runs: A1 of the faults.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::stage::{BETWEEN_FETCHES, Stage, gets_in, is_turned_away};
use crate::background_postgres::fleet::{pass, until};

/// Many tokens by a key that is not known yet make one question to the provider, and none is refused. What is
/// published besides, and must not check signatures, does not.
#[tokio::test]
async fn new_keys_are_taken_without_a_restart_and_without_a_refusal() {
    let stage = Stage::new().await;
    let before = stage.caller("ada").await;
    gets_in(&before).await;
    let known = stage.provider.fetches().await;
    let secret =
        json!({"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256", "use": "sig"});
    stage.provider.publish(json!([secret])).await;
    stage.provider.behave(json!({"delay": 300})).await;
    pass(BETWEEN_FETCHES).await;
    stage.provider.rotate().await;
    let mut crowd = vec![before];
    for _ in 0..50 {
        crowd.push(stage.caller("grace").await);
    }
    futures::future::join_all(crowd.iter().map(gets_in)).await;
    assert_eq!(stage.provider.fetches().await, known + 1);
    let header = json!({"alg": "HS256", "kid": "shared"});
    let sign = stage.provider.sign(header, json!({}), "HMAC with secret");
    let token = sign.await;
    is_turned_away(
        &stage.service.bearing(&token),
        "invalid_token",
        "a published secret",
    )
    .await;
}

/// A flood of made-up keys does not become one at the provider.
#[tokio::test]
async fn ten_thousand_unknown_keys_ask_the_provider_hardly_once() {
    let stage = Stage::new().await;
    let ada = stage.caller("ada").await;
    gets_in(&ada).await;
    let known = stage.provider.fetches().await;
    let begun = Instant::now();
    let tokens = stage.provider.strangers(10_000).await;
    for some in tokens.chunks(200) {
        let asked = some.iter().map(async |token| {
            let answered = stage.service.bearing(token).get("v1/responses").await;
            assert_eq!(answered.status, 401, "{:#}", answered.body);
        });
        futures::future::join_all(asked).await;
    }
    let most = 1 + begun.elapsed().as_secs() / 30;
    let fetches = stage.provider.fetches().await - known;
    assert!(
        fetches <= most,
        "{fetches} questions in {:?}",
        begun.elapsed()
    );
    // Whoever has a good token has not noticed.
    gets_in(&ada).await;
}

/// Somebody who forges tokens cannot keep the next key out: it comes in with the next question that is due. Keys
/// that are no longer published are no longer taken from then on.
#[tokio::test]
async fn a_new_key_comes_in_also_behind_a_flood_and_a_withdrawn_one_goes() {
    let stage = Stage::with(&[("AUTH_TOKEN_CACHE", "0")]).await;
    let before = stage.caller("ada").await;
    gets_in(&before).await;
    for token in stage.provider.strangers(50).await {
        stage.service.bearing(&token).get("v1/responses").await;
    }
    stage.provider.drop_keys().await;
    let after = stage.caller("ada").await;
    until(
        "the new key is known",
        Duration::from_secs(45),
        async || {
            let answered = after.get("v1/responses").await;
            assert!([200, 401].contains(&answered.status), "{:#}", answered.body);
            answered.status == 200
        },
    )
    .await;
    is_turned_away(&before, "invalid_token", "a withdrawn key").await;
}
