//! Registered endpoints: what is kept, who sees it, when the secret is shown.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::id::{EndpointId, RawId};
use response_domain::webhook::{
    Disabled, Endpoint, EndpointDraft, EndpointState, Payload, SendFault, WebhookEvent,
};
use response_engine::endpoints::{ENDPOINTS, OldSecret, Rotation};
use response_engine::error::EndpointError;
use response_testkit::script::text;
use response_testkit::sender::status;
use response_testkit::vault::TestVault;

use crate::webhooks::endpoint_at;
use crate::world::{Plan, World, ada};

const URL: &str = "https://receiver.example/hook";

async fn world() -> World {
    Plan::new([text("Done.")]).running().build().await
}

fn owner() -> OwnerId {
    ada().owner
}

fn fields(error: EndpointError) -> Vec<String> {
    match error {
        EndpointError::Refused(faults) => faults.0.into_iter().map(|it| it.field).collect(),
        other => panic!("{other:?}"),
    }
}

impl World {
    async fn registered(&self) -> Endpoint {
        let draft = endpoint_at(URL, &["response.*"]);
        let made = self
            .engine
            .register_endpoint(&owner(), draft, Payload::Full)
            .await;
        made.unwrap().endpoint
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_kept_with_its_secret_sealed() {
    let world = world().await;
    let draft = endpoint_at(URL, &["response.failed"]);
    let made = world
        .engine
        .register_endpoint(&owner(), draft, Payload::Thin)
        .await
        .unwrap();
    let found = world
        .engine
        .endpoint(&owner(), made.endpoint.id)
        .await
        .unwrap();
    assert_eq!(found, made.endpoint);
    assert_eq!(&*found.secrets.hint, made.secret.hint());
    let sealed = String::from_utf8_lossy(&found.secrets.current.bytes).into_owned();
    assert!(!sealed.contains(made.secret.expose()));
    assert_eq!(found.state, EndpointState::Active);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_endpoint_does_not_exist() {
    let world = world().await;
    let id = world.registered().await.id;
    let bob = OwnerId::new("bob");
    let engine = &world.engine;
    let rotation = Rotation {
        secret: None,
        old: OldSecret::Dropped,
    };
    let nothing = EndpointDraft::default;
    assert!(matches!(
        engine.endpoint(&bob, id).await,
        Err(EndpointError::NotFound)
    ));
    assert!(matches!(
        engine.change_endpoint(&bob, id, nothing()).await,
        Err(EndpointError::NotFound)
    ));
    assert!(matches!(
        engine.rotate_secret(&bob, id, rotation).await,
        Err(EndpointError::NotFound)
    ));
    let event = WebhookEvent::Completed;
    assert!(matches!(
        engine.test_endpoint(&bob, id, event).await,
        Err(EndpointError::NotFound)
    ));
    let deliveries = engine.endpoint_deliveries(&bob, id, 10, None).await;
    assert!(matches!(deliveries, Err(EndpointError::NotFound)));
    assert!(matches!(
        engine.forget_endpoint(&bob, id).await,
        Err(EndpointError::NotFound)
    ));
    assert!(
        engine
            .endpoints(&bob, 10, None)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
    assert_eq!(
        engine
            .endpoints(&owner(), 10, None)
            .await
            .unwrap()
            .entries
            .len(),
        1
    );
    assert!(world.sender.letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_acceptable_is_told_by_its_field_and_nothing_is_kept() {
    let world = world().await;
    world.sender.refuse("http://10.0.0.1/");
    let cases = [
        (EndpointDraft::default(), vec!["url", "events"]),
        (endpoint_at("http://10.0.0.1/", &["*"]), vec!["url"]),
        (endpoint_at(URL, &["message.*"]), vec!["events[0]"]),
        (
            EndpointDraft {
                secret: Some("short".into()),
                ..endpoint_at(URL, &["*"])
            },
            vec!["secret"],
        ),
    ];
    for (draft, expected) in cases {
        let refused = world
            .engine
            .register_endpoint(&owner(), draft, Payload::Full)
            .await;
        assert_eq!(fields(refused.unwrap_err()), expected);
    }
    assert!(
        world
            .engine
            .endpoints(&owner(), 10, None)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn an_owner_has_only_so_many() {
    let world = world().await;
    for _ in 0..ENDPOINTS {
        world.registered().await;
    }
    let draft = endpoint_at(URL, &["*"]);
    let refused = world
        .engine
        .register_endpoint(&owner(), draft.clone(), Payload::Full)
        .await;
    assert!(matches!(
        refused,
        Err(EndpointError::Full { at_most: ENDPOINTS })
    ));
    let bob = OwnerId::new("bob");
    assert!(
        world
            .engine
            .register_endpoint(&bob, draft, Payload::Full)
            .await
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_keeps_what_it_does_not_name_and_switches_on_and_off() {
    let world = world().await;
    let before = world.registered().await;
    let ada = owner();
    let change = |draft| world.engine.change_endpoint(&ada, before.id, draft);
    let active = |active| EndpointDraft {
        active: Some(active),
        ..EndpointDraft::default()
    };
    let off = change_ok(change(active(false))).await;
    assert!(matches!(
        off.state,
        EndpointState::Disabled {
            why: Disabled::ByOwner,
            ..
        }
    ));
    assert_eq!((&off.spec, &off.secrets), (&before.spec, &before.secrets));
    let on = change_ok(change(active(true))).await;
    assert_eq!(on.state, EndpointState::Active);
    let moved = EndpointDraft {
        url: Some("https://elsewhere.example".into()),
        ..EndpointDraft::default()
    };
    let moved = change_ok(change(moved)).await;
    assert_eq!(&*moved.spec.url, "https://elsewhere.example");
    assert_eq!(moved.spec.events, before.spec.events);
    assert_eq!(moved.revision, 3);
}

async fn change_ok(change: impl Future<Output = Result<Endpoint, EndpointError>>) -> Endpoint {
    change.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_signs_beside_the_old_one_for_a_day_or_at_once_alone() {
    let world = world().await;
    let id = world.registered().await.id;
    let event = WebhookEvent::Failed;
    let ada = owner();
    let rotate = |secret: Option<&str>, old| {
        let secret = secret.map(Arc::from);
        world
            .engine
            .rotate_secret(&ada, id, Rotation { secret, old })
    };
    let second = rotate(None, OldSecret::SignsForADay).await.unwrap().secret;
    world
        .engine
        .test_endpoint(&owner(), id, event)
        .await
        .unwrap();
    let third = rotate(Some("a-secret-that-i-made-up"), OldSecret::Dropped)
        .await
        .unwrap()
        .secret;
    world
        .engine
        .test_endpoint(&owner(), id, event)
        .await
        .unwrap();
    let letters = world.sender.letters();
    assert_eq!(letters[0].secrets.len(), 2);
    assert_eq!(letters[0].secrets[0], second);
    assert_eq!(letters[1].secrets, [third]);
    let weak = rotate(Some("weak"), OldSecret::Dropped).await;
    assert_eq!(fields(weak.unwrap_err()), ["secret"]);
}

#[tokio::test(start_paused = true)]
async fn a_test_says_what_came_of_it_also_when_the_endpoint_is_off() {
    let world = world().await;
    let id = world.registered().await.id;
    let off = EndpointDraft {
        active: Some(false),
        ..EndpointDraft::default()
    };
    world
        .engine
        .change_endpoint(&owner(), id, off)
        .await
        .unwrap();
    world
        .sender
        .answer([status(503), Err(SendFault::NotAllowed)]);
    let event = WebhookEvent::Cancelled;
    let first = world
        .engine
        .test_endpoint(&owner(), id, event)
        .await
        .unwrap();
    let second = world
        .engine
        .test_endpoint(&owner(), id, event)
        .await
        .unwrap();
    assert_eq!(
        (first.answer, second.answer),
        (status(503), Err(SendFault::NotAllowed))
    );
    let letters = world.sender.letters();
    assert_ne!(letters[0].id, letters[1].id);
    assert_eq!(letters[0].endpoint, Some(id));
    let kept = world
        .engine
        .endpoint_deliveries(&owner(), id, 10, None)
        .await
        .unwrap();
    assert!(kept.entries.is_empty(), "a test is no delivery");
}

#[tokio::test(start_paused = true)]
async fn without_a_key_there_are_no_endpoints() {
    let mut plan = Plan::new([text("Done.")]);
    plan.vault = TestVault::with_keys([]);
    let world = plan.build().await;
    let draft = endpoint_at(URL, &["*"]);
    let refused = world
        .engine
        .register_endpoint(&owner(), draft, Payload::Full)
        .await;
    assert!(matches!(refused, Err(EndpointError::NoKey)));
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_is_gone() {
    let world = world().await;
    let id = world.registered().await.id;
    world.engine.forget_endpoint(&owner(), id).await.unwrap();
    let again = world.engine.forget_endpoint(&owner(), id).await;
    assert!(matches!(again, Err(EndpointError::NotFound)));
    let unknown = EndpointId::new(RawId::new(7));
    assert!(matches!(
        world.engine.endpoint(&owner(), unknown).await,
        Err(EndpointError::NotFound)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_replaced_secret_that_does_not_open_any_more_keeps_the_newest_from_nothing() {
    let mut plan = Plan::new([text("Done.")]);
    plan.vault = TestVault::with_keys(["lost"]);
    let before = plan.build().await;
    let id = before.registered().await.id;
    let beside = |world: &World, keys: [&'static str; 2]| {
        let mut plan = Plan::new([text("Done.")]).beside(world);
        plan.vault = TestVault::with_keys(keys);
        plan
    };
    let between = beside(&before, ["kept", "lost"]).build().await;
    let rotation = Rotation {
        secret: Some("a-secret-that-i-made-up".into()),
        old: OldSecret::SignsForADay,
    };
    let rotated = between.engine.rotate_secret(&owner(), id, rotation).await;
    let secret = rotated.unwrap().secret;
    let after = beside(&between, ["kept", "other"]).build().await;
    let event = WebhookEvent::Completed;
    let tried = after.engine.test_endpoint(&owner(), id, event).await;
    assert_eq!(tried.unwrap().answer, status(200));
    assert_eq!(after.sender.letters()[0].secrets, [secret]);
}

#[tokio::test(start_paused = true)]
async fn changes_at_the_same_moment_all_come_through() {
    let world = world().await;
    let id = world.registered().await.id;
    let owner = owner();
    let changes = (0..60).map(|number: u32| {
        let draft = EndpointDraft {
            name: Some(number.to_string().into()),
            ..EndpointDraft::default()
        };
        world.engine.change_endpoint(&owner, id, draft)
    });
    for changed in futures::future::join_all(changes).await {
        changed.unwrap();
    }
    let found = world.engine.endpoint(&owner, id).await.unwrap();
    assert_eq!(found.revision, 60);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_tests_are_under_way_at_once() {
    let world = world().await;
    let id = world.registered().await.id;
    world.sender.hold(URL);
    let (owner, event) = (owner(), WebhookEvent::Completed);
    let tests = (0..70).map(|_| world.engine.test_endpoint(&owner, id, event));
    let all = async {
        let all = futures::future::join_all(tests).await;
        let refused = all
            .iter()
            .filter(|it| matches!(it, Err(EndpointError::TooManyTests)));
        (refused.count(), all.iter().filter(|it| it.is_ok()).count())
    };
    let release = async {
        world.sender.sent(64).await;
        world.sender.release(URL);
    };
    let ((refused, done), ()) = tokio::join!(all, release);
    assert_eq!((refused, done), (6, 64));
    assert!(world.engine.test_endpoint(&owner, id, event).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_changes_nothing_is_not_written_and_a_test_speaks_the_words_of_the_payload() {
    let world = world().await;
    let before = world.registered().await;
    let same = EndpointDraft {
        active: Some(true),
        ..endpoint_at(URL, &["response.*"])
    };
    let after = world
        .engine
        .change_endpoint(&owner(), before.id, same)
        .await;
    assert_eq!(after.unwrap(), before);
    let event = WebhookEvent::Incomplete;
    let tried = world.engine.test_endpoint(&owner(), before.id, event).await;
    assert!(tried.unwrap().is_taken());
    assert_eq!(world.sender.letters()[0].event, WebhookEvent::Completed);
}
