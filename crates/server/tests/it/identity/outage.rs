//! The provider is away, slow, or says nonsense: A1 of the faults.

use std::time::Duration;

use serde_json::json;

use super::provider::Provider;
use super::stage::{BETWEEN_FETCHES, Stage, gets_in, takes_tokens_of};
use crate::background_postgres::fleet::{pass, until};
use crate::process::{Client, World};

const SOON: Duration = Duration::from_secs(45);

#[tokio::test]
async fn while_the_provider_is_away_known_keys_go_on() {
    let stage = Stage::new().await;
    let ada = stage.caller("ada").await;
    let unused = stage.caller("grace").await;
    gets_in(&ada).await;
    let strangers = stage.provider.strangers(200).await;
    stage.provider.leave().await;
    gets_in(&ada).await;
    // Also a token that was not seen before: its key is known.
    gets_in(&unused).await;
    for token in &strangers {
        is_not_let_in(&stage.service.bearing(token)).await;
    }
    assert_eq!(stage.service.get("readyz").await.status, 200);
    gets_in(&ada).await;
    stage.provider.come_back().await;
    gets_in(&stage.caller("ada").await).await;
}

#[tokio::test]
async fn a_process_that_began_without_the_provider_says_so_and_takes_up_when_it_is_there() {
    let provider = Provider::start().await;
    let token = provider.token("ada", "ES256").await;
    provider.leave().await;
    let mut world = World::new();
    takes_tokens_of(&mut world, &provider);
    let service = world.start().await;
    let ada = service.bearing(&token);
    let answered = ada.get("v1/responses").await;
    assert_eq!(answered.status, 503, "{:#}", answered.body);
    assert_eq!(answered.body["error"]["code"], "authentication_unavailable");
    assert!(answered.headers.get("retry-after").is_some());
    assert!(answered.headers.get("www-authenticate").is_none());
    let told = service.get("health/auth").await;
    assert_eq!(told.status, 503, "{:#}", told.body);
    assert_eq!(service.get("healthz").await.status, 200);
    // What is no token of the provider is refused all the same.
    assert_eq!(service.get("v1/responses").await.status, 401);
    provider.come_back().await;
    until("the keys are known", SOON, async || {
        ada.get("v1/responses").await.status == 200
    })
    .await;
    assert_eq!(service.get("health/auth").await.status, 200);
}

/// A token by a key that nobody knows is refused, or nobody can tell whether it is good: not now, at least.
async fn is_not_let_in(caller: &Client) {
    let answered = caller.get("v1/responses").await;
    assert!([401, 503].contains(&answered.status), "{:#}", answered.body);
}

/// What a provider may answer instead of its keys does no harm to those that are known.
#[tokio::test]
async fn nonsense_instead_of_keys_is_not_believed() {
    let huge = json!({"keys": [{"kty": "RSA", "kid": "x".repeat(700_000)}]}).to_string();
    let nonsense = [
        json!({"status": 500}),
        json!({"status": 302}),
        json!({"text": ""}),
        json!({"text": "<html>"}),
        json!({"text": "{\"keys\":[]}"}),
        json!({"text": "[".repeat(100_000)}),
        json!({"text": huge}),
    ];
    for how in nonsense {
        let stage = Stage::with(&[("AUTH_TOKEN_CACHE", "0")]).await;
        let ada = stage.caller("ada").await;
        gets_in(&ada).await;
        stage.provider.behave(how.clone()).await;
        // By a key that is not known, so that the provider is asked.
        let unknown = stage
            .provider
            .sign(json!({"kid": "new"}), json!({}), "RS256")
            .await;
        is_not_let_in(&stage.service.bearing(&unknown)).await;
        gets_in(&ada).await;
    }
}

/// Whoever waits for the provider holds nobody else up, and does not wait for long.
#[tokio::test]
async fn a_slow_provider_slows_only_those_whose_key_is_not_known() {
    // Somebody is served on and on meanwhile, which is not to be counted.
    let stage = Stage::with(&[("LIMIT_REQUESTS", "0")]).await;
    let ada = stage.caller("ada").await;
    gets_in(&ada).await;
    pass(BETWEEN_FETCHES).await;
    stage.provider.behave(json!({"delay": 60_000})).await;
    let unknown = stage
        .provider
        .sign(json!({"kid": "new"}), json!({}), "RS256")
        .await;
    let unknown = stage.service.bearing(&unknown);
    let mut waits = std::pin::pin!(unknown.get("v1/responses"));
    let mut served = 0;
    let answered = loop {
        tokio::select! {
            answered = &mut waits => break answered,
            _ = gets_in(&ada) => served += 1,
        }
    };
    // Its key may be a new one: nobody can tell.
    assert_eq!(answered.status, 503, "{:#}", answered.body);
    assert!(served > 0);
}
