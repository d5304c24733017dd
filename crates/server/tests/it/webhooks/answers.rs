//! What receivers answer, and when they are asked again.

use std::time::Duration;

use response_devstack::receiver::{Body, Deaf, Deafness, Reaction};
use serde_json::{Value, json};

use super::stage::{Stage, outcomes, receiver, settled, told_at};
use crate::background_postgres::fleet::{LONG, ask_with, ended, look};

/// How a receiver answers, and what the log of the delivery tells afterwards: what came of each attempt, and
/// why it was given up.
struct Case {
    first: Vec<Reaction>,
    then: Reaction,
    attempts: &'static [&'static str],
    why: Option<&'static str>,
}

fn delivered(then: Reaction, attempts: &'static [&'static str]) -> Case {
    Case {
        first: Vec::new(),
        then,
        attempts,
        why: None,
    }
}

fn given_up(then: Reaction, attempts: &'static [&'static str]) -> Case {
    Case {
        why: Some("attempts_spent"),
        ..delivered(then, attempts)
    }
}

fn cases(elsewhere: &str) -> Vec<Case> {
    let ok = || Reaction::status(200);
    vec![
        Case {
            first: vec![Reaction::status(500), Reaction::status(503)],
            ..delivered(ok(), &["500", "503", "200"])
        },
        delivered(Reaction::status(204), &["204"]),
        given_up(Reaction::status(500), &["500"; 3]),
        given_up(Reaction::status(404), &["404"; 3]),
        given_up(Reaction::redirect(elsewhere), &["307"; 3]),
        Case {
            why: Some("receiver_gone"),
            ..delivered(Reaction::status(410), &["410"])
        },
        given_up(ok().with(Body::Slam), &["broken_off"; 3]),
        // Who says 200 has it, whatever becomes of the rest.
        delivered(ok().with(Body::Drip), &["200"]),
        delivered(ok().with(Body::Endless), &["200"]),
        delivered(ok().with(Body::Hang), &["200"]),
        delivered(ok().with(Body::Cut), &["200"]),
        given_up(Reaction::status(500).with(Body::Drip), &["500"; 3]),
    ]
}

#[tokio::test]
async fn every_answer_counts_for_what_it_is() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    // Each has an address of its own, so that none is tried less often because another one fails.
    let mut under_way = Vec::new();
    for case in cases(&stage.url("elsewhere")) {
        let receiver = receiver();
        receiver.next("webhook", case.first.clone());
        receiver.then("webhook", Some(case.then.clone()));
        let url = receiver.url().join("webhook").unwrap();
        let id = ask_with(&api, "say hello", told_at(url.as_str())).await;
        if let Some(why) = case.why {
            stage.fleet.gives_up(&id, why);
        }
        under_way.push((case, receiver, id));
    }
    for (case, receiver, id) in &under_way {
        let delivery = settled(&api, id).await;
        assert_eq!(outcomes(&delivery), case.attempts, "{:?}", case.then);
        assert_eq!(delivery["reason"].as_str(), case.why, "{delivery:#}");
        assert_eq!(
            receiver.received().len(),
            case.attempts.len(),
            "{:?}",
            case.then
        );
        stage.what_came_is_right(receiver);
        // The response has its answer all the same.
        let response = look(&api, id).await;
        assert_eq!(response["output"], "hello", "{response:#}");
    }
    let elsewhere = stage.receiver.ledger().traffic().started;
    assert_eq!(elsewhere, 0, "who was sent elsewhere did not go");
    let responses: Vec<_> = under_way.into_iter().map(|(_, _, id)| id).collect();
    stage
        .all_is_well(&mut api, vec![&mut worker], &responses)
        .await;
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_left() {
    let settings = [("WEBHOOK_TIMEOUT", "1s"), ("WEBHOOK_MAX_RETRIES", "1")];
    let stage = Stage::with(&settings).await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let silent = Reaction::status(200).with(Body::Silence);
    stage.receiver.then("silent", Some(silent));
    let to_words = Deaf::open(Deafness::ToWords).unwrap();
    let to_connections = Deaf::open(Deafness::ToConnections).unwrap();
    let secure = format!("https://{}/webhook", to_words.address());
    let mut responses = Vec::new();
    for url in [
        stage.url("silent"),
        to_words.url().to_string(),
        to_connections.url().to_string(),
        secure,
    ] {
        let id = ask_with(&api, "say hello", told_at(&url)).await;
        let delivery = settled(&api, &id).await;
        assert_eq!(outcomes(&delivery), ["timed_out"], "{delivery:#}");
        let took = delivery["attempts"][0]["duration_ms"].as_u64().unwrap();
        assert!(took >= 900, "{delivery:#}");
        stage.fleet.gives_up(&id, "attempts_spent");
        responses.push(id);
    }
    stage
        .all_is_well(&mut api, vec![&mut worker], &responses)
        .await;
}

#[tokio::test]
async fn who_is_not_there_is_tried_as_often_as_the_settings_say() {
    let stage = Stage::with(&[("WEBHOOK_MAX_RETRIES", "5")]).await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    // A port that was free a moment ago, and that nobody is given meanwhile: it is bound, and not listened on.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/webhook", socket.local_addr().unwrap());
    let id = ask_with(&api, "say hello", told_at(&url)).await;
    stage.fleet.gives_up(&id, "attempts_spent");
    let delivery = settled(&api, &id).await;
    assert_eq!(outcomes(&delivery), ["connect_failed"; 5], "{delivery:#}");
    assert_eq!(ended(&api, &id, LONG).await["output"], "hello");
    stage.all_is_well(&mut api, vec![&mut worker], &[id]).await;
}

#[tokio::test]
async fn whoever_asks_to_be_left_alone_is_left_alone_for_so_long() {
    let settings = [
        ("WEBHOOK_RETRY_DELAY", "300ms"),
        ("WEBHOOK_RETRY_BACKOFF", "2"),
        ("WEBHOOK_MAX_RETRIES", "4"),
    ];
    let stage = Stage::with(&settings).await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let busy = Reaction::status(429).retry_after("2");
    stage
        .receiver
        .next("webhook", [500, 503].map(Reaction::status));
    stage.receiver.next("webhook", [busy]);
    let id = stage.ask(&api, "say hello", "webhook").await;
    let came = stage.attempts(&id, 4).await;
    let pauses: Vec<Duration> = came
        .windows(2)
        .map(|two| two[1].at.duration_since(two[0].at).unwrap_or_default())
        .collect();
    // By the settings the last one would be 1.2 s.
    for (pause, least) in pauses.iter().zip([300, 600, 2_000]) {
        assert!(*pause >= Duration::from_millis(least), "{pauses:?}");
    }
    let times: Vec<_> = came
        .iter()
        .map(|one| one.seen.header("webhook-timestamp"))
        .collect();
    assert_ne!(
        times[0], times[3],
        "each attempt is signed with its own time"
    );
    let delivery = settled(&api, &id).await;
    assert_eq!(outcomes(&delivery), ["500", "503", "429", "200"]);
    stage.all_is_well(&mut api, vec![&mut worker], &[id]).await;
}

#[tokio::test]
async fn only_the_events_that_were_asked_for_are_told() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let only = |events: Value| json!({"metadata": {"webhookUrl": stage.url("webhook"), "webhook_events": events}});
    let failures = only(json!(["response.failed"]));
    let unwanted = ask_with(&api, "say hello", failures.clone()).await;
    let wanted = ask_with(&api, "[[status:400]]", failures).await;
    let all = ask_with(&api, "say bye", only(json!("response.*"))).await;
    for id in [&wanted, &all] {
        stage.attempts(id, 1).await;
    }
    assert_eq!(ended(&api, &unwanted, LONG).await["status"], "completed");
    let found = api
        .get(&format!("v1/responses/{unwanted}/deliveries"))
        .await;
    assert_eq!(found.body["data"], json!([]), "{:#}", found.body);
    stage
        .all_is_well(&mut api, vec![&mut worker], &[wanted, all])
        .await;
    assert_eq!(stage.receiver.received().len(), 2);
}
