//! Webhook endpoints: registered, read, changed, forgotten, tried out.

use std::sync::Arc;
use std::time::Duration;

use response_domain::id::{RawId, WorkerId};
use response_domain::ports::webhook::{DueClaim, WebhookOutbox};
use response_domain::status::Change;
use response_domain::time::Clock;
use response_domain::webhook::{
    Answer, Attempt, Disabled, Effect, GaveUp, Lane, Outcome, SendFault, SigningSecret, Verdict,
};
use response_testkit::sender::status;
use serde_json::{Value, json};

use crate::client::{Call, Reply};
use crate::deliveries::{background, ended};
use crate::layout::{laid_out, timeless};
use crate::world::World;

pub(crate) const WEBHOOKS: &str = "/v1/webhooks";
pub(crate) const URL: &str = "https://example.com/hooks?for=ada";

/// Registers an endpoint with these fields beside what must be there.
pub(crate) async fn register(world: &World, fields: &Value) -> Reply {
    let mut body = json!({"url": URL, "events": ["response.*"]});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    Call::new("POST", WEBHOOKS).json(&body).send(world).await
}

/// The path of an endpoint that was registered.
pub(crate) fn path(reply: &Reply) -> String {
    assert_eq!(reply.status, 201, "{}", reply.text());
    format!("{WEBHOOKS}/{}", reply.json()["id"].as_str().unwrap())
}

pub(crate) async fn get(world: &World, path: &str) -> Reply {
    Call::new("GET", path).send(world).await
}

async fn change(world: &World, path: &str, body: &Value) -> Reply {
    let reply = Call::new("PATCH", path).json(body).send(world).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

#[tokio::test]
async fn an_endpoint_is_registered_and_its_secret_shown_once() {
    let world = World::new([]).await;
    let reply = register(&world, &json!({})).await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        reply.header("location"),
        Some(format!("webhooks/{id}").as_str())
    );
    insta::assert_snapshot!("registered", laid_out(reply.text()));
    let secret = reply.json()["secret"].as_str().unwrap().to_owned();
    let found = get(&world, &path(&reply)).await;
    assert_eq!(found.status, 200);
    assert_eq!(found.header("cache-control"), None);
    assert!(!found.text().contains(&secret));
    insta::assert_snapshot!("found", laid_out(found.text()));
}

#[tokio::test]
async fn what_an_owner_decides_is_kept() {
    let world = World::new([]).await;
    let own = "your-webhook-secret-key";
    let fields = json!({
        "name": "  mine ",
        "url": "http://EXAMPLE.com:8080/a b?x=%20#part",
        "events": ["response.failed", "response.cancelled", "response.failed"],
        "payload": "thin",
        "active": false,
        "secret": own,
    });
    let reply = register(&world, &fields).await;
    let endpoint = reply.json();
    assert_eq!(endpoint["name"], "  mine ");
    assert_eq!(
        endpoint["url"], fields["url"],
        "an owner sees what it wrote"
    );
    assert_eq!(
        endpoint["events"],
        json!(["response.failed", "response.cancelled"])
    );
    assert_eq!(
        (&endpoint["payload"], &endpoint["active"]),
        (&json!("thin"), &json!(false))
    );
    assert_eq!(
        (&endpoint["secret"], &endpoint["secret_hint"]),
        (&json!(own), &json!("-key"))
    );
    assert_eq!(endpoint["disabled_reason"], "by_owner");
    assert!(endpoint["disabled_at"].is_i64());
    let nothing = json!({"name": null, "payload": null, "active": null, "secret": null});
    let usual = register(&world, &nothing).await.json();
    assert_eq!(
        (&usual["name"], &usual["payload"], &usual["active"]),
        (&json!(URL), &json!("full"), &json!(true))
    );
}

#[tokio::test]
async fn endpoints_are_listed_newest_first_a_page_at_a_time() {
    let world = World::new([]).await;
    assert_eq!(
        get(&world, WEBHOOKS).await.text(),
        r#"{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}"#
    );
    let mut ids = Vec::new();
    for number in 0..5 {
        let reply = register(&world, &json!({"name": format!("number {number}")})).await;
        ids.insert(0, reply.json()["id"].clone());
    }
    let mut found = Vec::new();
    let mut query = format!("{WEBHOOKS}?limit=2");
    for _ in 0..3 {
        let page = get(&world, &query).await.json();
        let data = page["data"].as_array().unwrap();
        found.extend(data.iter().map(|entry| entry["id"].clone()));
        assert_eq!(page["first_id"], data[0]["id"]);
        assert_eq!(page["last_id"], data.last().unwrap()["id"]);
        assert_eq!(page["has_more"], found.len() < 5);
        query = format!(
            "{WEBHOOKS}?limit=2&after={}",
            page["last_id"].as_str().unwrap()
        );
    }
    assert_eq!(found, ids);
    let whole = get(&world, WEBHOOKS).await.json();
    let path = format!("{WEBHOOKS}/{}", ids[0].as_str().unwrap());
    assert_eq!(whole["data"][0], get(&world, &path).await.json());
}

#[tokio::test]
async fn a_change_changes_what_it_names_and_nothing_else() {
    let world = World::new([]).await;
    let registered = register(&world, &json!({"name": "mine"})).await;
    let path = path(&registered);
    let before = get(&world, &path).await;
    world.clock.advance(Duration::from_mins(1));
    for nothing in [
        json!({}),
        json!({"url": null, "events": null, "name": null}),
    ] {
        assert_eq!(change(&world, &path, &nothing).await.text(), before.text());
    }
    for (name, value) in [
        ("name", json!("theirs")),
        ("url", json!("https://example.org/")),
        ("events", json!(["*"])),
        ("payload", json!("thin")),
    ] {
        let before = get(&world, &path).await.json();
        let after = change(&world, &path, &json!({ name: value })).await.json();
        let mut expected = before.clone();
        expected[name] = value;
        expected["updated_at"] = json!(1_705_315_860);
        assert_eq!(after, expected, "{name}");
        assert_eq!(get(&world, &path).await.json(), after);
    }
    let off = change(&world, &path, &json!({"active": false})).await;
    insta::assert_snapshot!("switched-off", laid_out(off.text()));
    let on = change(&world, &path, &json!({"active": true})).await.json();
    assert_eq!(
        (
            &on["active"],
            on.get("disabled_at"),
            on.get("disabled_reason")
        ),
        (&json!(true), None, None)
    );
}

#[tokio::test]
async fn a_forgotten_endpoint_is_gone_from_everywhere() {
    let world = World::new([]).await;
    let path = path(&register(&world, &json!({})).await);
    let id = path.rsplit('/').next().unwrap();
    let reply = Call::new("DELETE", &path).send(&world).await;
    assert_eq!(
        (reply.status, reply.text()),
        (
            200,
            format!(r#"{{"id":"{id}","object":"webhook","deleted":true}}"#).as_str()
        )
    );
    for (method, tail) in [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/rotate_secret"),
        ("POST", "/test"),
        ("GET", "/deliveries"),
    ] {
        let call = Call::new(method, &format!("{path}{tail}"));
        let reply = call.json(&json!({})).send(&world).await;
        let code = &reply.json()["error"]["code"];
        assert_eq!(
            (reply.status, code),
            (404, &json!("webhook_not_found")),
            "{method} {tail}"
        );
    }
    assert_eq!(get(&world, WEBHOOKS).await.json()["data"], json!([]));
}

#[tokio::test]
async fn a_secret_is_replaced_and_the_old_one_signs_on_when_it_is_to() {
    let world = World::new([]).await;
    let registered = register(&world, &json!({})).await;
    let path = path(&registered);
    let first = registered.json()["secret"].clone();
    let rotate = async |body: &str| {
        let call = Call::new("POST", &format!("{path}/rotate_secret"));
        let call = if body.is_empty() {
            call
        } else {
            call.body(body)
        };
        let reply = call.send(&world).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        reply.json()["secret"].as_str().unwrap().to_owned()
    };
    let signing = async || -> Vec<String> {
        let call = Call::new("POST", &format!("{path}/test"));
        assert_eq!(call.send(&world).await.status, 200);
        let letter = world.sender.letters().pop().unwrap();
        let texts = letter.secrets.iter().map(SigningSecret::expose);
        texts.map(str::to_owned).collect()
    };
    assert_eq!(signing().await, [first.as_str().unwrap()]);
    let second = rotate("").await;
    assert_ne!(first, second);
    assert_eq!(signing().await, [second]);
    let third = rotate(r#"{"secret": "sixteen-characters"}"#).await;
    assert_eq!(third, "sixteen-characters");
    assert_eq!(signing().await, [third.as_str()]);
    let fourth = rotate(r#"{"keep_old_secret_active_for_24_hours": true}"#).await;
    assert_eq!(signing().await, [fourth.clone(), third]);
    world.clock.advance(Duration::from_hours(24));
    assert_eq!(signing().await, [fourth.as_str()]);
    let shown = get(&world, &path).await.json();
    assert!(fourth.ends_with(shown["secret_hint"].as_str().unwrap()));
}

#[tokio::test]
async fn an_endpoint_is_tried_and_what_came_of_it_told() {
    let world = World::new([]).await;
    let path = path(&register(&world, &json!({"active": false})).await);
    let test = async |body: &str| {
        let call = Call::new("POST", &format!("{path}/test")).body(body);
        let reply = call.send(&world).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply
    };
    world.sender.answer([Ok(Answer {
        status: 418,
        retry_after: None,
        excerpt: "short and stout".into(),
    })]);
    let refused = test(r#"{"event": "response.failed"}"#).await;
    insta::assert_snapshot!("tried-refused", timeless(&laid_out(refused.text())));
    world.sender.answer([Err(SendFault::NameNotFound)]);
    let unheard = test("").await;
    insta::assert_snapshot!("tried-unheard", timeless(&laid_out(unheard.text())));
    let taken = test(r#"{"event": null}"#).await.json();
    assert_eq!(
        (&taken["succeeded"], &taken["status_code"]),
        (&json!(true), &json!(200))
    );
    let letters = world.sender.letters();
    let told: Vec<Value> = letters
        .iter()
        .map(|letter| serde_json::from_slice(&letter.body).unwrap())
        .collect();
    assert_eq!(told[0]["event"], "response.failed");
    assert_eq!(told[1]["event"], "response.completed");
    assert_eq!(told[1]["metadata"], json!({"webhook_test": true}));
    assert!(get(&world, &format!("{path}/deliveries")).await.json()["data"] == json!([]));
}

#[tokio::test]
async fn why_there_was_no_answer_is_told_in_fixed_words() {
    let world = World::new([]).await;
    let path = path(&register(&world, &json!({})).await);
    let mut table = String::new();
    for &fault in SendFault::ALL {
        world.sender.answer([Err(fault)]);
        let call = Call::new("POST", &format!("{path}/test"));
        let tried = call.send(&world).await.json();
        assert_eq!(tried["succeeded"], false);
        assert_eq!(tried.get("status_code"), None);
        assert_eq!(tried["error"]["code"], fault.as_str());
        table.extend([tried["error"].to_string().as_str(), "\n"]);
    }
    insta::assert_snapshot!("faults", table);
}

#[tokio::test]
async fn every_event_is_listed_with_the_payloads_that_tell_of_it() {
    let world = World::new([]).await;
    let reply = get(&world, "/v1/webhook_event_types").await;
    assert_eq!(reply.status, 200);
    insta::assert_snapshot!("event-types", laid_out(reply.text()));
    for kind in reply.json()["data"].as_array().unwrap() {
        let made = register(&world, &json!({"events": [kind["id"]]})).await;
        assert_eq!(made.status, 201, "{kind}");
    }
}

/// Sends what is due and records that it came to this.
pub(crate) async fn attempt(world: &World, answer: Result<Answer, SendFault>, outcome: &Outcome) {
    let claim = DueClaim {
        worker: WorkerId::new(RawId::new(9)),
        lane: Lane::Prompt,
        at_most: 1,
        hold: Duration::from_mins(1),
    };
    let mut due = world.store.claim(&claim).await.unwrap();
    if due.is_empty() {
        let claim = DueClaim {
            lane: Lane::Patient,
            ..claim
        };
        due = world.store.claim(&claim).await.unwrap();
    }
    let due = due.pop().unwrap();
    let attempt = Attempt {
        at: world.clock.now(),
        url: Arc::clone(due.target.url()),
        duration: Duration::from_millis(120),
        answer,
    };
    let record = world.store.record(&due.lease, &attempt, outcome).await;
    record.unwrap();
}

#[tokio::test]
async fn an_endpoint_that_takes_nothing_says_since_when_and_why_it_is_disabled() {
    let world = World::new([]).await;
    let path = path(&register(&world, &json!({})).await);
    ended(&world, background(1, None), Change::Complete).await;
    let fails = Outcome {
        verdict: Verdict::Again(Duration::ZERO),
        effect: Effect::Fails,
    };
    attempt(&world, Err(SendFault::ConnectFailed), &fails).await;
    let failing = get(&world, &path).await.json();
    assert_eq!(failing["failing_since"], 1_705_315_800);
    assert_eq!(failing["active"], true);
    world.clock.advance(Duration::from_secs(5));
    let gone = Outcome {
        verdict: Verdict::GivenUp(GaveUp::Gone),
        effect: Effect::Disable(Disabled::Gone),
    };
    attempt(&world, status(410), &gone).await;
    let disabled = get(&world, &path).await;
    insta::assert_snapshot!("disabled", laid_out(disabled.text()));
    let again = change(&world, &path, &json!({"active": true})).await.json();
    for field in ["disabled_at", "disabled_reason", "failing_since"] {
        assert_eq!(again.get(field), None, "{field}");
    }
}
