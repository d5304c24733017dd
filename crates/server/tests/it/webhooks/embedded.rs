//! Webhooks of one process with its own database.

use response_devstack::Listen;
use response_devstack::receiver::{Deaf, Deafness, Receiver, ReceiverOptions, Secret, Signature};
use serde_json::{Value, json};

use super::stage::{SECRET, SETTINGS, event_of, outcomes, received, receiver, settled, told_at};
use crate::background_postgres::fleet::{LONG, MARKER, ask_with, ended, until};
use crate::process::{Process, World};

fn world() -> World {
    let mut world = World::new();
    for (name, value) in SETTINGS {
        world.set(name, value);
    }
    world
}

async fn start(world: &World) -> Process {
    world.start().await.with_bearer(MARKER)
}

/// None of these stands in a file of the process.
fn holds_none_of(world: &World, secrets: &[&str]) {
    let mut files = 0;
    for file in std::fs::read_dir(world.data()).unwrap() {
        let path = file.unwrap().path();
        let held = std::fs::read(&path).unwrap();
        for secret in secrets {
            let is_there = held
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!is_there, "I9: {} holds a secret", path.display());
        }
        files += 1;
    }
    assert!(files > 0, "the database is not where it was looked for");
}

#[tokio::test]
async fn a_process_alone_tells_what_it_ended() {
    let (world, receiver) = (world(), receiver());
    let service = start(&world).await;
    let url = receiver.url().join("webhook").unwrap();
    let id = ask_with(&service, "say hello", told_at(url.as_str())).await;
    let failed = ask_with(&service, "[[status:400]]", told_at(url.as_str())).await;
    received(&receiver, |all| all.len() == 2).await;
    let draft = json!({"url": url, "events": ["*"], "payload": "thin"});
    let made = service.post("v1/webhooks", draft).await;
    assert_eq!(made.status, 201, "{:#}", made.body);
    let secret = made.body["secret"].as_str().unwrap();
    receiver.trust(Secret::new(secret));
    let last = ask_with(&service, "say bye", json!({})).await;
    let came = received(&receiver, |all| all.len() == 3).await;
    for id in [&id, &failed, &last] {
        let of_it = came.iter().filter(|one| one.id() == event_of(id));
        assert_eq!(of_it.count(), 1, "{came:#?}");
    }
    assert!(came.iter().all(|one| one.signature == Signature::Verified));
    let told = came
        .iter()
        .find(|one| one.response() == id)
        .unwrap()
        .seen
        .json();
    let response = ended(&service, &id, LONG).await;
    for field in [
        "id",
        "status",
        "output",
        "usage",
        "metadata",
        "completed_at",
    ] {
        assert_eq!(told[field], response[field], "{field}");
    }
    let delivery = settled(&service, &id).await;
    assert_eq!(
        (outcomes(&delivery), &delivery["reason"]),
        (vec!["200".to_owned()], &Value::Null)
    );
    service.kill().await;
    holds_none_of(
        &world,
        &[&secret["whsec_".len()..], &SECRET["whsec_".len()..], MARKER],
    );
}

#[tokio::test]
async fn what_a_process_could_not_tell_before_it_died_it_tells_after_its_start() {
    let world = world();
    let service = start(&world).await;
    let deaf = Deaf::open(Deafness::ToWords).unwrap();
    let address = deaf.address();
    let url = format!("http://{address}/webhook");
    let id = ask_with(&service, "say hello", told_at(&url)).await;
    until("it is called", LONG, async || deaf.connections() == 1).await;
    service.kill().await;
    drop(deaf);
    let receiver = Receiver::start(&ReceiverOptions {
        listen: Listen::on(address.port()),
        secrets: vec![Secret::new(SECRET)],
        ..ReceiverOptions::default()
    })
    .unwrap();
    let service = start(&world).await;
    let came = received(&receiver, |all| !all.is_empty()).await;
    assert_eq!(came[0].id(), event_of(&id));
    assert_eq!(outcomes(&settled(&service, &id).await), ["200"]);
    assert_eq!(receiver.received().len(), 1);
}
