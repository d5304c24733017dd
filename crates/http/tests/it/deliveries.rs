//! What was sent to whom: shown to its owner, and sent once more when that is asked for.

use std::time::Duration;

use response_domain::failure::FailureCode;
use response_domain::id::EventId;
use response_domain::response::Response;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::Change;
use response_domain::webhook::{Answer, Effect, GaveUp, Outcome, SendFault, Verdict};
use response_testkit::script::text;
use response_testkit::sender::status;
use serde_json::{Value, json};

use crate::background::{follow, path as response_path, worker};
use crate::bad_fields::ask;
use crate::client::{Call, Reply};
use crate::layout::laid_out;
use crate::sample::{accepted, failed, id, json as raw, put, spec, then};
use crate::webhooks::{URL, attempt, get, path, register};
use crate::world::World;

const CALLBACK: &str = "https://example.org/told";

/// A background response of this number, whose end is to be told to an address.
pub(crate) fn background(number: u16, callback: Option<&str>) -> Response {
    let metadata = callback.map_or_else(|| json!({}), |url| json!({ "webhook_url": url }));
    let spec = ResponseSpec {
        delivery: Delivery::Background,
        metadata: raw(&metadata.to_string()),
        ..spec()
    };
    accepted(number, spec)
}

/// It runs and ends so.
pub(crate) async fn ended(world: &World, response: Response, change: Change) -> Response {
    let response = then(then(response, Change::Start), change);
    put(world, &response).await;
    response
}

pub(crate) fn taken() -> Outcome {
    Outcome {
        verdict: Verdict::Delivered,
        effect: Effect::Works,
    }
}

fn again(pause: u64) -> Outcome {
    Outcome {
        verdict: Verdict::Again(Duration::from_secs(pause)),
        effect: Effect::Fails,
    }
}

fn given_up() -> Outcome {
    Outcome {
        verdict: Verdict::GivenUp(GaveUp::Spent),
        effect: Effect::Fails,
    }
}

fn of(number: u16) -> String {
    format!("/v1/responses/{}/deliveries", id(number))
}

async fn post(world: &World, path: &str, body: &str) -> Reply {
    let call = Call::new("POST", path).header("x-request-id", "req-7");
    let call = if body.is_empty() {
        call
    } else {
        call.body(body)
    };
    call.send(world).await
}

#[tokio::test]
async fn a_delivery_is_shown_from_its_first_attempt_to_its_last() {
    let world = World::new([]).await;
    world.clock.advance(Duration::from_secs(6));
    ended(&world, background(1, Some(CALLBACK)), Change::Complete).await;
    let reply = get(&world, &of(1)).await;
    assert_eq!(
        reply.header("x-response-id"),
        Some(id(1).to_string().as_str())
    );
    insta::assert_snapshot!("pending", laid_out(reply.text()));
    let busy = Answer {
        status: 500,
        retry_after: None,
        excerpt: "try \"later\"".into(),
    };
    attempt(&world, Ok(busy), &again(2)).await;
    world.clock.advance(Duration::from_secs(2));
    attempt(&world, Err(SendFault::TimedOut), &again(2)).await;
    insta::assert_snapshot!("tried-twice", laid_out(get(&world, &of(1)).await.text()));
    world.clock.advance(Duration::from_secs(2));
    attempt(&world, status(204), &taken()).await;
    insta::assert_snapshot!("delivered", laid_out(get(&world, &of(1)).await.text()));
    ended(
        &world,
        background(2, Some(CALLBACK)),
        failed(FailureCode::ModelError),
    )
    .await;
    attempt(&world, Err(SendFault::NotAllowed), &given_up()).await;
    insta::assert_snapshot!("given-up", laid_out(get(&world, &of(2)).await.text()));
}

#[tokio::test]
async fn the_address_of_the_request_comes_first_and_then_the_endpoints() {
    let world = World::new([]).await;
    let full = register(&world, &json!({})).await;
    let thin = register(&world, &json!({"payload": "thin"})).await;
    register(&world, &json!({"events": ["response.failed"]})).await;
    register(&world, &json!({"active": false})).await;
    ended(&world, background(1, Some(CALLBACK)), Change::Complete).await;
    let list = get(&world, &of(1)).await.json();
    let ids: Vec<&Value> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|delivery| &delivery["webhook_id"])
        .collect();
    assert_eq!(
        ids,
        [&Value::Null, &full.json()["id"], &thin.json()["id"]],
        "who wanted to hear of it"
    );
    let event = EventId::of(id(1)).to_string();
    for delivery in list["data"].as_array().unwrap() {
        assert_eq!(
            delivery["event_id"],
            json!(event),
            "one event, whoever is told"
        );
    }
    let urls: Vec<&Value> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["url"])
        .collect();
    assert_eq!(urls, [CALLBACK, URL, URL]);
}

#[tokio::test]
async fn a_response_that_tells_nobody_has_no_deliveries() {
    let world = World::new([]).await;
    let empty = r#"{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}"#;
    put(&world, &background(1, Some(CALLBACK))).await;
    assert_eq!(get(&world, &of(1)).await.text(), empty, "it has not ended");
    ended(&world, background(2, None), Change::Complete).await;
    assert_eq!(get(&world, &of(2)).await.text(), empty, "nobody asked");
    let foreground = then(accepted(3, spec()), Change::Complete);
    put(&world, &foreground).await;
    assert_eq!(
        get(&world, &of(3)).await.text(),
        empty,
        "its caller was told"
    );
    let missing = get(&world, &of(4)).await;
    assert_eq!(
        (missing.status, &missing.json()["error"]["code"]),
        (404, &json!("response_not_found"))
    );
}

#[tokio::test]
async fn deliveries_to_an_endpoint_are_listed_newest_first_a_page_at_a_time() {
    let world = World::new([]).await;
    let path = path(&register(&world, &json!({})).await);
    for number in 1..=5 {
        ended(&world, background(number, Some(CALLBACK)), Change::Complete).await;
    }
    let events = |list: &Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap();
        let event = |entry: &Value| entry["event_id"].as_str().unwrap().to_owned();
        data.iter().map(event).collect()
    };
    let mut found = Vec::new();
    let mut query = format!("{path}/deliveries?limit=2");
    for _ in 0..3 {
        let page = get(&world, &query).await.json();
        found.extend(events(&page));
        let last = page["last_id"].as_str().unwrap();
        assert_eq!(Some(last), found.last().map(String::as_str));
        assert_eq!(page["has_more"], found.len() < 5);
        query = format!("{path}/deliveries?limit=2&after={last}");
    }
    let newest_first: Vec<String> = (1..=5)
        .rev()
        .map(|number| EventId::of(id(number)).to_string())
        .collect();
    assert_eq!(found, newest_first);
}

#[tokio::test]
async fn what_arrived_or_was_given_up_is_sent_again_under_its_id() {
    let world = World::new([]).await;
    let endpoint = path(&register(&world, &json!({})).await);
    let webhook = endpoint.rsplit('/').next().unwrap().to_owned();
    world.clock.advance(Duration::from_secs(6));
    ended(&world, background(1, Some(CALLBACK)), Change::Complete).await;
    attempt(&world, status(200), &taken()).await;
    attempt(&world, status(200), &taken()).await;
    let event = EventId::of(id(1)).to_string();
    let states = async || -> Vec<Value> {
        let list = get(&world, &of(1)).await.json();
        let data = list["data"].as_array().unwrap();
        data.iter().map(|it| it["status"].clone()).collect()
    };
    assert_eq!(states().await, ["delivered", "delivered"]);
    let callback = format!("{}/redeliver", of(1));
    let reply = post(&world, &callback, "").await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("x-response-id"),
        Some(id(1).to_string().as_str())
    );
    insta::assert_snapshot!("redelivered", laid_out(reply.text()));
    assert_eq!(states().await, ["pending", "delivered"]);
    attempt(&world, status(500), &given_up()).await;
    for body in ["{}", r#"{"webhook_id": null}"#, " \n"] {
        assert_eq!(
            post(&world, &callback, body).await.json()["status"],
            "pending"
        );
        attempt(&world, status(500), &given_up()).await;
    }
    let named = format!(r#"{{"webhook_id": "{webhook}"}}"#);
    let reply = post(&world, &callback, &named).await.json();
    assert_eq!(reply["webhook_id"], json!(webhook));
    assert_eq!(states().await, ["given_up", "pending"]);
    attempt(&world, status(200), &taken()).await;
    let path = format!("{endpoint}/deliveries/{event}/redeliver");
    let reply = post(&world, &path, "").await;
    assert_eq!(
        (reply.status, &reply.json()["status"]),
        (200, &json!("pending"))
    );
    assert_eq!(
        reply.json()["attempts"].as_array().unwrap().len(),
        2,
        "what was tried stays"
    );
}

#[tokio::test]
async fn what_was_never_sent_is_not_sent_again() {
    let world = World::new([]).await;
    let endpoint = path(&register(&world, &json!({"active": false})).await);
    let webhook = endpoint.rsplit('/').next().unwrap().to_owned();
    ended(&world, background(1, None), Change::Complete).await;
    let event = EventId::of(id(1)).to_string();
    let unknown = EventId::of(id(9)).to_string();
    let named = format!(r#"{{"webhook_id": "{webhook}"}}"#);
    for (path, body) in [
        (format!("{}/redeliver", of(1)), ""),
        (format!("{}/redeliver", of(1)), named.as_str()),
        (format!("{}/redeliver", of(9)), ""),
        (format!("{endpoint}/deliveries/{event}/redeliver"), ""),
        (format!("{endpoint}/deliveries/{unknown}/redeliver"), ""),
        (format!("{endpoint}/deliveries/evt_x/redeliver"), ""),
        (format!("{endpoint}/deliveries/{}/redeliver", id(1)), ""),
    ] {
        let reply = post(&world, &path, body).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!("no-delivery", laid_out(reply.text()));
        }
        assert_eq!(reply.status, 404, "{path}");
    }
    let nonsense = r#"{"webhook_id": "nonsense"}"#;
    let reply = post(&world, &format!("{}/redeliver", of(1)), nonsense).await;
    let error = &reply.json()["error"];
    assert_eq!(
        (reply.status, &error["code"], &error["param"]),
        (404, &json!("webhook_not_found"), &json!("webhook_id"))
    );
}

#[tokio::test]
async fn a_run_in_the_background_is_told_in_the_payload_of_each_receiver() {
    let world = World::new([]).await;
    let thin = json!({"payload": "thin", "url": "https://example.com/thin"});
    register(&world, &thin).await;
    register(&world, &json!({})).await;
    let metadata = json!({"webhook_url": CALLBACK, "user_id": "user_123"});
    let asked = json!({"background": true, "metadata": metadata});
    let reply = ask(&world, &asked).await;
    assert_eq!(reply.status, 201);
    let path = response_path(&reply);
    let _worker = worker(&world, [text("Noon.")]).build().await;
    follow(&world, &path).await;
    let shown = get(&world, &path).await.json();
    let event = format!("evt_{}", &shown["id"].as_str().unwrap()["resp_".len()..]);
    let letters = world.sender.sent(3).await;
    for letter in &letters {
        let body: Value = serde_json::from_slice(&letter.body).unwrap();
        assert_eq!(letter.id.to_string(), event);
        if &*letter.url == "https://example.com/thin" {
            assert_eq!(body["id"], json!(event));
            assert_eq!(body["data"], json!({"id": shown["id"]}));
            continue;
        }
        for field in ["id", "status", "output", "metadata", "queued_at"] {
            assert_eq!(body[field], shown[field], "{field}");
        }
        assert_eq!(body["event"], "response.completed");
    }
}
