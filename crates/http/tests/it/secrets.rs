//! Whose endpoints and deliveries are whose, and who sees a secret.

use std::collections::BTreeSet;

use response_domain::id::EventId;
use response_domain::status::Change;
use serde_json::{Value, json};

use crate::client::Call;
use crate::deliveries::{background, ended, taken};
use crate::sample::id;
use crate::webhook_requests::{every_request, send_as};
use crate::webhooks::{WEBHOOKS, attempt, get, register};
use crate::who::Strict;
use crate::world::{Plan, World};

/// A world in which Ada has an endpoint that was told of a response; the id of the endpoint.
async fn world() -> (World, String, String) {
    let world = World::new([]).await;
    let made = register(&world, &json!({})).await.json();
    ended(
        &world,
        background(1, Some("https://example.org/told")),
        Change::Complete,
    )
    .await;
    attempt(&world, response_testkit::sender::status(200), &taken()).await;
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    let (endpoint, secret) = (text("id"), text("secret"));
    (world, endpoint, secret)
}

#[tokio::test]
async fn endpoints_and_deliveries_of_somebody_else_do_not_exist() {
    let (world, endpoint, _) = world().await;
    let unknown = format!("webhook_{}", "0".repeat(26));
    let path = format!("{WEBHOOKS}/{endpoint}");
    let before = get(&world, &path).await;
    let nonsense = ["webhook_nonsense", "%00"].map(|id| every_request(id, id_of_nobody()));
    let others = nonsense.iter();
    let missing = every_request(&unknown, id_of_nobody());
    for (place, request) in every_request(&endpoint, id(1)).iter().enumerate() {
        // Whoever lists or registers gets his own.
        if !request.1.contains(&endpoint) && !request.1.contains(&id(1).to_string()) {
            continue;
        }
        let foreign = send_as(&world, "bob", request).await;
        assert_eq!(foreign.status, 404, "{request:?}: {}", foreign.text());
        for other in others.clone().chain([&missing]) {
            let request = &other[place];
            let reply = send_as(&world, "bob", request).await;
            assert_eq!(reply.status, 404, "{request:?}: {}", reply.text());
            // A name in a body is refused with the name.
            if request.2.get("webhook_id").is_none() && !request.1.contains("/deliveries/") {
                assert_eq!(reply.text(), foreign.text(), "{request:?}");
            }
        }
    }
    for path in [WEBHOOKS, "/openai/v1/webhook_endpoints"] {
        let call = Call::new("GET", path).header("authorization", "Bearer bob");
        assert_eq!(call.send(&world).await.json()["data"], json!([]));
    }
    let after = get(&world, &path).await;
    assert_eq!(after.text(), before.text(), "nothing of it has changed");
    assert!(world.sender.letters().is_empty());
    let list = get(&world, &format!("{path}/deliveries")).await.json();
    assert_eq!(
        list["data"][0]["event_id"],
        json!(EventId::of(id(1)).to_string())
    );
}

fn id_of_nobody() -> response_domain::id::ResponseId {
    id(77)
}

#[tokio::test]
async fn whoever_brings_no_credential_is_told_nothing() {
    let world = Plan::new([]).authenticator(Strict).build().await;
    let unknown = format!("webhook_{}", "0".repeat(26));
    let types = ["/v1/webhook_event_types", "/openai/v1/webhook_event_types"];
    let types = types.map(|path| ("GET".to_owned(), path.to_owned(), Value::Null));
    for (method, path, _) in every_request(&unknown, id_of_nobody()).iter().chain(&types) {
        let reply = Call::new(method, path).body("{").send(&world).await;
        assert_eq!(reply.status, 401, "{method} {path}: {}", reply.text());
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{path}");
    }
}

/// Every text in a value.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.insert(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[tokio::test]
async fn a_secret_is_in_the_answers_that_make_it_and_in_no_other() {
    let (world, endpoint, secret) = world().await;
    let mut secrets = BTreeSet::from([secret]);
    let mut shown = 0;
    // A second round meets what the first one left.
    for _ in 0..2 {
        let requests = every_request(&endpoint, id(1));
        let kept = requests.iter().filter(|(method, ..)| method != "DELETE");
        for request in kept {
            let reply = send_as(&world, "ada", request).await;
            assert!(reply.status < 300, "{request:?}: {}", reply.text());
            let mut found = BTreeSet::new();
            texts(&reply.json(), &mut found);
            let makes_one = request.1.ends_with("rotate_secret")
                || (request.0 == "POST"
                    && [WEBHOOKS, "/openai/v1/webhook_endpoints"].contains(&request.1.as_str()));
            let fresh: Vec<String> = found
                .iter()
                .filter(|text| text.starts_with("whsec_"))
                .cloned()
                .collect();
            assert_eq!(fresh.len(), usize::from(makes_one), "{request:?}");
            let no_store = makes_one.then_some("no-store");
            assert_eq!(reply.header("cache-control"), no_store, "{request:?}");
            assert!(secrets.is_disjoint(&found), "{request:?} repeats a secret");
            shown += fresh.len();
            secrets.extend(fresh);
        }
    }
    assert_eq!((shown, secrets.len()), (8, 9), "each was shown once");
    let path = format!("/v1/responses/{}", id(1));
    for tail in ["", "/events", "/input_items", "/deliveries"] {
        let reply = get(&world, &format!("{path}{tail}")).await;
        assert!(!reply.text().contains("whsec_"), "{tail}");
    }
    for letter in world.sender.letters() {
        let body = String::from_utf8(letter.body).unwrap();
        assert!(!body.contains("whsec_"), "{body}");
    }
    for request in every_request(&endpoint, id(1)) {
        if request.0 == "DELETE" {
            let reply = send_as(&world, "ada", &request).await;
            assert!(!reply.text().contains("whsec_"), "{}", reply.text());
        }
    }
}
