//! Keys that another service vouches for.

use serde_json::json;

use super::provider::Provider;
use super::stage::{are_one, are_strangers, gets_in, is_turned_away, takes_tokens_of};
use super::validator::Validator;
use crate::process::{Process, World};

async fn stage(cache: &str) -> (World, Validator, Process) {
    let validator = Validator::start().await;
    let mut world = World::new();
    world.set("AUTH_ENABLED", "true");
    world.set("AUTH_API_KEY_URL", &validator.url());
    world.set("AUTH_KEY_CACHE", cache);
    let service = world.start().await;
    (world, validator, service)
}

#[tokio::test]
async fn a_key_that_another_service_knows_gets_in_as_whom_it_says() {
    let (world, validator, service) = stage("30s").await;
    validator.knows(
        "sk_live_ada",
        200,
        json!({"user_id": "ada", "email": "ada@example.org"}),
    );
    validator.knows(
        "sk_live_ada_2",
        200,
        json!({"subject": "ada", "user_id": "7"}),
    );
    validator.knows("sk_live_grace", 200, json!({"id": "grace"}));
    let ada = service.with("x-api-key", "sk_live_ada");
    let other = service.bearing("sk_live_ada_2");
    let grace = service.bearing("sk_live_grace");
    are_one(&ada, &other).await;
    are_strangers(&ada, &grace).await;
    // It is the platform's key, so the model server sees it as it came.
    let seen = world.model.ledger().seen();
    let first = &seen[0];
    assert!(
        first.header("x-api-key") == Some("sk_live_ada")
            || first.header("authorization") == Some("Bearer sk_live_ada"),
        "{:?}",
        first.headers
    );
    // Each was asked about once, however often it came.
    let mut asked = validator.asked();
    asked.sort();
    assert_eq!(asked, ["sk_live_ada", "sk_live_ada_2", "sk_live_grace"]);
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_turned_away_and_asked_about_once() {
    let (_world, validator, service) = stage("30s").await;
    for status in [401, 403, 404] {
        let key = format!("sk_live_{status}");
        validator.knows(&key, status, json!({}));
        is_turned_away(&service.bearing(&key), "invalid_token", &key).await;
        is_turned_away(&service.with("x-api-key", &key), "invalid_token", &key).await;
        let asked = validator.asked().iter().filter(|one| **one == key).count();
        assert_eq!(asked, 1, "{key}");
    }
    // What is no such key at all is not even asked about.
    let before = validator.asked().len();
    for text in ["ada", "sk-live-ada", "SK_LIVE"] {
        is_turned_away(&service.with("x-api-key", text), "invalid_token", text).await;
    }
    assert_eq!(validator.asked().len(), before);
}

#[tokio::test]
async fn an_answer_that_says_nothing_lets_nobody_in() {
    let (_world, validator, service) = stage("30s").await;
    for (key, status, answer) in [
        ("sk_a", 200, json!({})),
        ("sk_b", 200, json!([])),
        ("sk_c", 200, json!("ada")),
        ("sk_d", 200, json!({"user_id": ""})),
        ("sk_e", 200, json!({"user_id": 7})),
        ("sk_f", 500, json!({"user_id": "ada"})),
        ("sk_g", 302, json!({"user_id": "ada"})),
        ("sk_h", 204, json!({"user_id": "ada"})),
        ("sk_i", 429, json!({"user_id": "ada"})),
    ] {
        validator.knows(key, status, answer.clone());
        let answered = service.bearing(key).get("v1/responses").await;
        assert_eq!(
            answered.status, 503,
            "{status} {answer}: {:#}",
            answered.body
        );
        assert_eq!(answered.body["error"]["code"], "authentication_unavailable");
        assert!(answered.headers.get("retry-after").is_some());
    }
}

#[tokio::test]
async fn a_key_that_is_taken_back_is_refused_when_its_answer_is_old() {
    let (_world, validator, service) = stage("0s").await;
    validator.knows("sk_live_ada", 200, json!({"user_id": "ada"}));
    let ada = service.bearing("sk_live_ada");
    gets_in(&ada).await;
    validator.knows("sk_live_ada", 401, json!({}));
    is_turned_away(&ada, "invalid_token", "taken back").await;
}

/// Whoever has a token and a key is one owner, as long as both say the same.
#[tokio::test]
async fn a_token_and_a_key_of_one_person_are_one_owner() {
    let validator = Validator::start().await;
    let provider = Provider::start().await;
    let mut world = World::new();
    takes_tokens_of(&mut world, &provider);
    world.set("AUTH_API_KEY_URL", &validator.url());
    let service = world.start().await;
    validator.knows("sk_live_ada", 200, json!({"subject": "ada"}));
    validator.knows("sk_live_guest", 200, json!({"subject": "guest"}));
    let token = service.bearing(&provider.token("ada", "ES256").await);
    are_one(&token, &service.bearing("sk_live_ada")).await;
    are_strangers(&token, &service.bearing("sk_live_guest")).await;
}
