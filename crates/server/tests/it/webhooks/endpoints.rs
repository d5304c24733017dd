//! Registered endpoints, through the API and at the receiver.

use response_devstack::receiver::{Reaction, Signature};
use serde_json::{Value, json};

use super::stage::{Stage, deliveries, event_of, holds_nothing_of_the_caller, outcomes};
use crate::background_postgres::fleet::{LONG, ask, until};
use crate::process::Client;

/// Registers an endpoint; what is answered, with its secret.
async fn register(stage: &Stage, api: &Client, path: &str, more: Value) -> Value {
    let mut draft = json!({"url": stage.url(path), "events": ["response.*"]});
    draft
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let made = api.post("v1/webhooks", draft).await;
    assert_eq!(made.status, 201, "{:#}", made.body);
    stage.trust(text(&made.body, "secret"));
    made.body
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

/// The delivery of a response to an endpoint, once it is over.
async fn settled_at(api: &Client, id: &str, endpoint: &str) -> Value {
    let mut seen = Value::Null;
    until("the delivery is over", LONG, async || {
        let all = deliveries(api, id).await;
        let to_it = |one: &Value| one["webhook_id"] == endpoint;
        seen = all.into_iter().find(to_it).unwrap_or_default();
        ["delivered", "given_up"]
            .iter()
            .any(|status| seen["status"] == *status)
    })
    .await;
    seen
}

async fn post(api: &Client, path: &str, body: Value) -> Value {
    let answer = api.post(path, body).await;
    assert!(
        [200, 201, 202].contains(&answer.status),
        "{path}: {:#}",
        answer.body
    );
    answer.body
}

#[tokio::test]
async fn an_endpoint_is_told_with_its_own_secret_beside_the_address_of_the_request() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let made = register(&stage, &api, "mine", json!({"name": "mine"})).await;
    let (endpoint, secret) = (text(&made, "id"), text(&made, "secret"));
    // Once shown, never again.
    let found = api.get(&format!("v1/webhooks/{endpoint}")).await.body;
    assert_eq!(found.get("secret"), None, "{found:#}");
    assert!(secret.ends_with(text(&found, "secret_hint")));
    let listed = api.get("v1/webhooks").await.body;
    assert_eq!(listed["data"], json!([found]));

    let id = stage.ask(&api, "say hello", "webhook").await;
    let came = stage.attempts(&id, 2).await;
    let at = |path: &str| came.iter().find(|one| one.seen.path == path).unwrap();
    let (own, other) = (at("/mine"), at("/webhook"));
    assert!(own.is_signed_with(secret) && own.has_platform_signature_of(secret));
    assert!(!other.is_signed_with(secret) && other.signature == Signature::Verified);
    assert_eq!(own.seen.header("x-webhook-id"), Some(endpoint));
    assert_eq!(other.seen.header("x-webhook-id"), None);
    assert_eq!(own.seen.body, other.seen.body);
    assert_eq!(own.id(), other.id());
    holds_nothing_of_the_caller(own);
    assert_eq!(outcomes(&settled_at(&api, &id, endpoint).await), ["200"]);
    stage.all_is_well(&mut api, vec![&mut worker], &[id]).await;
}

#[tokio::test]
async fn what_was_told_is_told_again_on_request_as_the_same_event() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let made = register(&stage, &api, "mine", json!({})).await;
    let endpoint = text(&made, "id");
    let id = stage.ask(&api, "say hello", "webhook").await;
    stage.attempts(&id, 2).await;
    assert_eq!(outcomes(&settled_at(&api, &id, endpoint).await), ["200"]);
    let log = format!("v1/webhooks/{endpoint}/deliveries");
    let kept = api.get(&log).await.body;
    assert_eq!(kept["data"][0]["event_id"], event_of(&id), "{kept:#}");
    post(
        &api,
        &format!("{log}/{}/redeliver", event_of(&id)),
        json!({}),
    )
    .await;
    let came = stage.attempts(&id, 3).await;
    assert_eq!((&*came[2].seen.path, came[2].attempt), ("/mine", 2));
    assert_eq!(
        outcomes(&settled_at(&api, &id, endpoint).await),
        ["200", "200"]
    );
    let again = format!("v1/responses/{id}/deliveries/redeliver");
    post(&api, &again, json!({})).await;
    let came = stage.attempts(&id, 4).await;
    assert_eq!((&*came[3].seen.path, came[3].attempt), ("/webhook", 2));
    assert!(came.iter().all(|one| one.id() == event_of(&id)));
    stage.all_is_well(&mut api, vec![&mut worker], &[id]).await;
}

#[tokio::test]
async fn an_endpoint_can_be_tried_and_is_told_nothing_once_it_is_not_wanted() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let made = register(&stage, &api, "mine", json!({})).await;
    let path = format!("v1/webhooks/{}", text(&made, "id"));
    stage
        .receiver
        .next("mine", [Reaction::status(200), Reaction::status(500)]);
    for (succeeded, status) in [(true, 200), (false, 500)] {
        let tried = post(&api, &format!("{path}/test"), json!({})).await;
        assert_eq!(
            (&tried["succeeded"], &tried["status_code"]),
            (&json!(succeeded), &json!(status)),
            "{tried:#}"
        );
    }
    let tests = stage.receiver.received();
    assert!(
        tests
            .iter()
            .all(|one| one.is_signed_with(text(&made, "secret")))
    );
    assert_eq!(tests.len(), 2, "a test is not repeated");

    let off = api.patch(&path, json!({"active": false})).await.body;
    assert_eq!(off["active"], false, "{off:#}");
    let unheard = stage.ask(&api, "say nothing", "webhook").await;
    stage.attempts(&unheard, 1).await;
    assert_eq!(deliveries(&api, &unheard).await.len(), 1);
    let gone = api.delete(&path).await;
    assert_eq!(gone.status, 200, "{:#}", gone.body);
    assert_eq!(api.get(&path).await.status, 404);
    let told = stage.ask(&api, "say bye", "webhook").await;
    stage.attempts(&told, 1).await;
    stage
        .all_is_well(&mut api, vec![&mut worker], &[unheard, told])
        .await;
    assert_eq!(stage.receiver.received().len(), 4);
}

#[tokio::test]
async fn a_secret_that_is_rotated_while_a_try_is_pending_and_the_one_before_both_sign() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let made = register(&stage, &api, "mine", json!({})).await;
    let endpoint = text(&made, "id").to_owned();
    let path = format!("v1/webhooks/{endpoint}");
    // It wants to be left alone for an hour, in which the secret is rotated.
    let busy = Reaction::status(503).retry_after("3600");
    stage.receiver.next("mine", [busy]);
    let id = ask(&api, "say hello").await;
    stage.attempts(&id, 1).await;
    until("the attempt is recorded", LONG, async || {
        let deliveries = deliveries(&api, &id).await;
        deliveries[0]["attempts"][0]["status_code"] == 503
    })
    .await;
    let keep = json!({"keep_old_secret_active_for_24_hours": true});
    let rotated = post(&api, &format!("{path}/rotate_secret"), keep).await;
    stage.trust(text(&rotated, "secret"));
    let (old, new) = (text(&made, "secret"), text(&rotated, "secret"));
    assert_ne!(old, new);
    // The hour need not be over.
    let again = format!("{path}/deliveries/{}/redeliver", event_of(&id));
    post(&api, &again, json!({})).await;
    let came = stage.attempts(&id, 2).await;
    assert!(came[0].is_signed_with(old) && !came[0].is_signed_with(new));
    assert!(came[1].is_signed_with(old) && came[1].is_signed_with(new));
    assert!(came[1].has_platform_signature_of(new));
    assert_eq!(
        outcomes(&settled_at(&api, &id, &endpoint).await),
        ["503", "200"]
    );
    // Without the grace only the latest signs.
    let last = post(&api, &format!("{path}/rotate_secret"), json!({})).await;
    stage.trust(text(&last, "secret"));
    let later = ask(&api, "say bye").await;
    let came = stage.attempts(&later, 1).await;
    let signs = [old, new, text(&last, "secret")].map(|secret| came[0].is_signed_with(secret));
    assert_eq!(signs, [false, false, true]);
    stage
        .all_is_well(&mut api, vec![&mut worker], &[id, later])
        .await;
}

#[tokio::test]
async fn an_endpoint_that_says_it_is_gone_is_disabled_and_may_be_enabled_again() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let made = register(&stage, &api, "mine", json!({})).await;
    let endpoint = text(&made, "id").to_owned();
    let path = format!("v1/webhooks/{endpoint}");
    stage.receiver.next("mine", [Reaction::status(410)]);
    let id = ask(&api, "say hello").await;
    stage.fleet.gives_up(&id, "receiver_gone");
    let delivery = settled_at(&api, &id, &endpoint).await;
    assert_eq!(
        (outcomes(&delivery), text(&delivery, "reason")),
        (vec!["410".to_owned()], "receiver_gone")
    );
    let found = api.get(&path).await.body;
    assert_eq!(
        (&found["active"], text(&found, "disabled_reason")),
        (&json!(false), "gone")
    );
    let unheard = stage.ask(&api, "say nothing", "webhook").await;
    stage.attempts(&unheard, 1).await;
    assert_eq!(deliveries(&api, &unheard).await.len(), 1);
    let on = api.patch(&path, json!({"active": true})).await.body;
    assert_eq!(
        (&on["active"], on.get("disabled_reason")),
        (&json!(true), None),
        "{on:#}"
    );
    let heard = ask(&api, "say bye").await;
    assert_eq!(
        outcomes(&settled_at(&api, &heard, &endpoint).await),
        ["200"]
    );
    stage
        .all_is_well(&mut api, vec![&mut worker], &[id, unheard, heard])
        .await;
}

#[tokio::test]
async fn an_endpoint_that_took_nothing_for_five_days_is_disabled() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let made = register(&stage, &api, "mine", json!({})).await;
    let endpoint = text(&made, "id").to_owned();
    stage.receiver.then("mine", Some(Reaction::status(500)));
    stage
        .fleet
        .run(
            "UPDATE webhook_endpoints SET failing_since = clock_timestamp() - interval '121 hours'",
        )
        .await;
    let id = ask(&api, "say hello").await;
    stage.fleet.gives_up(&id, "endpoint_disabled");
    let delivery = settled_at(&api, &id, &endpoint).await;
    assert_eq!(
        text(&delivery, "reason"),
        "endpoint_disabled",
        "{delivery:#}"
    );
    let found = api.get(&format!("v1/webhooks/{endpoint}")).await.body;
    assert_eq!(
        (&found["active"], text(&found, "disabled_reason")),
        (&json!(false), "failing")
    );
    stage.all_is_well(&mut api, vec![&mut worker], &[id]).await;
}

#[tokio::test]
async fn an_endpoint_of_the_other_dialect_is_told_in_its_words() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let draft = json!({
        "name": "thin", "url": stage.url("thin"),
        "event_types": ["response.completed", "response.incomplete"],
    });
    let made = api.post("openai/v1/webhook_endpoints", draft).await;
    assert_eq!(
        (made.status, &made.body["object"]),
        (200, &json!("webhook_endpoint")),
        "{:#}",
        made.body
    );
    let secret = text(&made.body, "signing_secret").to_owned();
    stage.trust(&secret);
    let id = ask(&api, "say hello").await;
    let came = stage.attempts(&id, 1).await;
    assert!(came[0].is_signed_with(&secret));
    let told = came[0].seen.json();
    let created = told["created_at"].clone();
    assert!(created.is_i64());
    assert_eq!(
        told,
        json!({
            "id": event_of(&id), "object": "event", "created_at": created,
            "type": "response.completed", "data": {"id": id},
        })
    );
    // Both dialects see the same endpoints.
    let listed = api.get("v1/webhooks").await.body;
    assert_eq!(
        (&listed["data"][0]["id"], &listed["data"][0]["payload"]),
        (&made.body["id"], &json!("thin"))
    );
    stage.all_is_well(&mut api, vec![&mut worker], &[id]).await;
}
