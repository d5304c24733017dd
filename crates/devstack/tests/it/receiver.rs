//! The receiver of webhooks as senders and people see it.

use std::time::Duration;

use response_devstack::receiver::{
    Body, Deaf, Deafness, Reaction, Receiver, ReceiverOptions, Secret, Show, Signature,
};
use response_egress::{EgressError, Inbound, Method, Outbound};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::chat::{client, deadline};

fn start() -> Receiver {
    Receiver::start(&ReceiverOptions::default()).unwrap()
}

async fn post(receiver: &Receiver, path: &str) -> Result<Inbound, EgressError> {
    post_until(receiver, path, deadline()).await
}

async fn post_until(
    receiver: &Receiver,
    path: &str,
    deadline: Instant,
) -> Result<Inbound, EgressError> {
    let url = receiver.url().join(path).unwrap();
    let body = json!({"id": "resp_1", "event": "response.completed"});
    let mut outbound = Outbound::post(&url)
        .json(body.to_string())
        .deadline(deadline);
    for (name, value) in [("webhook-id", "evt_1"), ("x-jan-response-id", "resp_1")] {
        outbound = outbound.header(name.parse().unwrap(), value.parse().unwrap());
    }
    client().send(outbound).await
}

async fn status(receiver: &Receiver, path: &str) -> u16 {
    post(receiver, path).await.unwrap().status().as_u16()
}

async fn ask(receiver: &Receiver, method: &str, path: &str, body: &str) -> (u16, String) {
    let url = receiver.url().join(path).unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let outbound = Outbound::new(method, &url).body(body.to_owned());
    let inbound = client().send(outbound.deadline(deadline())).await.unwrap();
    let status = inbound.status().as_u16();
    let text = inbound.text_capped(1 << 20, deadline()).await.unwrap();
    (status, text)
}

#[tokio::test]
async fn what_comes_to_any_path_is_kept_and_shown() {
    let (tell, told) = std::sync::mpsc::channel();
    let receiver = Receiver::start(&ReceiverOptions {
        show: Some(Show::to(move |received| {
            let _ = tell.send(received.to_string());
        })),
        ..ReceiverOptions::default()
    })
    .unwrap();
    for path in ["webhook", "webhooks/responses", "webhook?a=<b>", ""] {
        assert_eq!(status(&receiver, path).await, 200, "{path}");
    }
    let all = receiver.until(|all| all.len() == 4).await;
    let paths: Vec<_> = all.iter().map(|one| one.seen.path.as_str()).collect();
    assert_eq!(
        paths,
        ["/webhook", "/webhooks/responses", "/webhook?a=%3Cb%3E", "/"]
    );
    let first = &all[0];
    assert_eq!((first.id(), first.attempt), ("evt_1", 1));
    assert_eq!(
        (first.event(), first.response()),
        ("response.completed".into(), "resp_1".into())
    );
    assert_eq!(first.signature, Signature::Unsigned);
    assert_eq!(told.try_iter().count(), 4);

    let (_, shown) = ask(&receiver, "GET", "received", "").await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["count"], 4);
    let oldest = &shown["received"][3];
    assert_eq!(oldest["body"]["event"], "response.completed");
    assert_eq!(oldest["headers"]["webhook-id"], "evt_1");
    assert_eq!(
        (&oldest["signature"], &oldest["answer"]),
        (&json!("unsigned"), &json!("200"))
    );
    let (_, page) = ask(&receiver, "GET", "", "").await;
    assert!(
        page.contains("/webhooks/responses response.completed resp_1 evt_1 unsigned"),
        "{page}"
    );
    assert_eq!(ask(&receiver, "GET", "webhook", "").await.0, 405);
    assert_eq!(
        ask(&receiver, "DELETE", "received", "").await,
        (200, r#"{"forgotten":4}"#.into())
    );
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn signatures_are_checked_with_the_secrets_that_it_knows_at_the_time() {
    let receiver = start();
    let signed = async || {
        let url = receiver.url().join("webhook").unwrap();
        let mut outbound = Outbound::post(&url).json("{}").deadline(deadline());
        for (name, value) in [
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", "1649367553"),
            ("webhook-signature", "v1,c29tZXRoaW5nIGVsc2U="),
        ] {
            outbound = outbound.header(name.parse().unwrap(), value.parse().unwrap());
        }
        client().send(outbound).await.unwrap();
        receiver.take()[0].signature
    };
    assert_eq!(signed().await, Signature::Unchecked);
    assert_eq!(ask(&receiver, "PUT", "secrets", " \n").await.0, 400);
    assert_eq!(
        ask(&receiver, "PUT", "secrets", "whsec_AAAA\n").await.0,
        204
    );
    assert!(matches!(signed().await, Signature::Wrong(_)));
    receiver.trust(Secret::new("another"));
    assert!(matches!(signed().await, Signature::Wrong(_)));
}

#[tokio::test]
async fn a_path_is_answered_as_ordered_and_then_as_usual() {
    let receiver = start();
    let busy = Reaction::status(429).retry_after("7");
    receiver.next("a", [Reaction::status(500), busy]);
    receiver.then("/b", Some(Reaction::redirect("http://127.0.0.1:1/")));
    assert_eq!(status(&receiver, "a").await, 500);
    let busy = post(&receiver, "a").await.unwrap();
    assert_eq!(
        (busy.status().as_u16(), busy.header("retry-after")),
        (429, Some("7"))
    );
    assert_eq!(status(&receiver, "a").await, 200);
    for _ in 0..2 {
        let redirect = post(&receiver, "b").await.unwrap();
        assert_eq!(redirect.status().as_u16(), 307);
        assert_eq!(redirect.header("location"), Some("http://127.0.0.1:1/"));
    }
    receiver.then("/b", None);
    assert_eq!(status(&receiver, "b").await, 200);
    let attempts: Vec<_> = receiver.received().iter().map(|one| one.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 1, 2, 3]);
    assert_eq!(status(&receiver, "c?status=503&times=1").await, 503);
    assert_eq!(status(&receiver, "c?status=503&times=1").await, 200);
    assert_eq!(status(&receiver, "c?status=nonsense").await, 400);
}

#[tokio::test]
async fn what_is_held_was_received_and_is_answered_when_it_is_released() {
    let receiver = start();
    receiver.hold("a");
    let mut held = Box::pin(post(&receiver, "a"));
    tokio::select! {
        _ = &mut held => panic!("it was answered"),
        _ = receiver.until(|all| all.len() == 1) => {}
    }
    assert_eq!(status(&receiver, "b").await, 200);
    assert_eq!(receiver.ledger().traffic().open(), 1);
    receiver.release("a");
    assert_eq!(held.await.unwrap().status().as_u16(), 200);
    assert_eq!(status(&receiver, "a").await, 200);
}

/// How an answer breaks off: whether there were headers, and what is wrong with the rest.
async fn broken(receiver: &Receiver, body: Body) -> (Option<u16>, Option<EgressError>) {
    receiver.next("a", [Reaction::status(201).with(body.clone())]);
    let soon = || Instant::now() + Duration::from_millis(300);
    let patience = match body {
        Body::Silence => soon(),
        _ => deadline(),
    };
    match post_until(receiver, "a", patience).await {
        Err(error) => (None, Some(error)),
        Ok(inbound) => {
            let status = inbound.status().as_u16();
            let patience = match body {
                Body::Hang | Body::Drip => soon(),
                _ => deadline(),
            };
            let rest = inbound.bytes_up_to(1 << 20, patience).await;
            (Some(status), rest.err())
        }
    }
}

#[tokio::test]
async fn answers_break_off_wherever_it_is_ordered() {
    let receiver = start();
    let late = |error: &Option<EgressError>| matches!(error, Some(EgressError::Timeout(_)));
    for body in [Body::Hang, Body::Drip] {
        let (status, error) = broken(&receiver, body.clone()).await;
        assert!(
            status == Some(201) && late(&error),
            "{body:?}: {status:?} {error:?}"
        );
    }
    let (status, error) = broken(&receiver, Body::Endless).await;
    assert!(
        status == Some(201) && error.is_none(),
        "{status:?} {error:?}"
    );
    let (status, error) = broken(&receiver, Body::Cut).await;
    assert!(
        status == Some(201) && error.is_some() && !late(&error),
        "{error:?}"
    );
    let (status, error) = broken(&receiver, Body::Silence).await;
    assert!(status.is_none() && late(&error), "{status:?} {error:?}");
    let (status, error) = broken(&receiver, Body::Slam).await;
    assert!(status.is_none() && !late(&error), "{status:?} {error:?}");
    receiver.ledger().until(|traffic| traffic.open() == 0).await;
}

#[tokio::test]
async fn a_deaf_port_hears_no_word() {
    let deaf = Deaf::open(Deafness::ToWords).unwrap();
    let client = client();
    let mut answer = Box::pin(client.send(Outbound::post(deaf.url()).json("{}")));
    while deaf.connections() == 0 {
        let some_time = tokio::time::timeout(Duration::from_millis(5), &mut answer).await;
        assert!(some_time.is_err(), "{some_time:?}");
    }
}

#[tokio::test]
async fn a_deaf_port_hears_no_connection() {
    let deaf = Deaf::open(Deafness::ToConnections).unwrap();
    let soon = Instant::now() + Duration::from_millis(300);
    let client = client();
    let answer = client.send(Outbound::post(deaf.url()).json("{}").deadline(soon));
    let error = answer.await.unwrap_err();
    assert!(matches!(error, EgressError::Timeout(_)), "{error:?}");
    assert_eq!(deaf.connections(), 1, "only the one that takes up the room");
}
