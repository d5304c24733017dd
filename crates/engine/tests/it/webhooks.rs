//! Ends that are told: sent once they are written, again until they arrive, and never in anybody's way.

use std::time::Duration;

use response_domain::id::{EndpointId, EventId, RawId, ResponseId, WorkerId};
use response_domain::json::Json;
use response_domain::ports::webhook::Letter;
use response_domain::spec::Draft;
use response_domain::status::Status;
use response_domain::webhook::{
    DeliveryKey, DeliveryState, Disabled, EndpointDraft, EndpointState, GaveUp, Payload, SendFault,
    SigningSecret, WebhookDelivery, WebhookEvent,
};
use response_engine::error::{CreateError, EndpointError};
use response_testkit::script::{TurnScript, text};
use response_testkit::sender::{busy, status};
use tokio::time::Instant;

use crate::world::{Plan, World, ada, but, pass, settle};

const URL: &str = "https://receiver.example/hook";
const SECOND: Duration = Duration::from_secs(1);

/// A request whose end is told to this address.
pub(crate) fn telling(url: &str) -> Draft {
    let metadata = serde_json::json!({ "webhook_url": url });
    but(|draft| draft.metadata = Some(Json::from_value(&metadata)))
}

pub(crate) fn endpoint_at(url: &str, events: &[&str]) -> EndpointDraft {
    EndpointDraft {
        url: Some(url.into()),
        events: Some(events.iter().map(|&text| text.into()).collect()),
        ..EndpointDraft::default()
    }
}

fn sending() -> Plan {
    Plan::new((0..40).map(|_| text("Done.")))
        .workers(2)
        .running()
}

fn key(response: ResponseId, endpoint: Option<EndpointId>) -> DeliveryKey {
    DeliveryKey { response, endpoint }
}

impl World {
    async fn delivery(&self, key: DeliveryKey) -> WebhookDelivery {
        let all = self.engine.deliveries(&ada().owner, key.response).await;
        let mut all = all.unwrap().into_iter();
        all.find(|delivery| delivery.key == key).unwrap()
    }

    async fn register(&self, url: &str, events: &[&str]) -> EndpointId {
        let draft = endpoint_at(url, events);
        let made = self
            .engine
            .register_endpoint(&ada().owner, draft, Payload::Thin)
            .await;
        made.unwrap().endpoint.id
    }
}

fn body(letter: &Letter) -> serde_json::Value {
    serde_json::from_slice(&letter.body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_end_is_told_at_once_and_the_attempt_written_down() {
    let world = sending().build().await;
    let begun = Instant::now();
    let queued = world.enqueue(telling(URL)).await;
    let letters = world.sender.sent(1).await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waited for a poll");
    let letter = &letters[0];
    assert_eq!(letter.id, EventId::of(queued.id));
    assert_eq!((&*letter.url, letter.event), (URL, WebhookEvent::Completed));
    assert_eq!((letter.response, letter.endpoint), (queued.id, None));
    assert!(letter.secrets.is_empty());
    assert_eq!(body(letter)["status"], "completed");
    settle().await;
    let delivery = world.delivery(key(queued.id, None)).await;
    assert!(matches!(delivery.state, DeliveryState::Delivered { .. }));
    assert_eq!(delivery.attempts.len(), 1);
    pass(60).await;
    assert_eq!(world.sender.letters().len(), 1, "once is enough");
}

#[tokio::test(start_paused = true)]
async fn failures_and_cancellations_are_told_and_a_foreground_end_is_not() {
    let world = Plan::new([
        text("Unused."),
        TurnScript::Panics,
        TurnScript::Hangs(vec![]),
    ])
    .workers(1)
    .running()
    .build()
    .await;
    world.answer(telling(URL)).await;
    let failed = world.enqueue(telling(URL)).await;
    let letters = world.sender.sent(1).await;
    assert_eq!(
        (letters[0].response, letters[0].event),
        (failed.id, WebhookEvent::Failed)
    );
    let runs = world.enqueue(telling(URL)).await;
    let waits = world.enqueue(telling(URL)).await;
    settle().await;
    for (count, id) in [(2, waits.id), (3, runs.id)] {
        world.engine.cancel(&ada().owner, id).await.unwrap();
        let letters = world.sender.sent(count).await;
        let last = letters.last().unwrap();
        assert_eq!((last.response, last.event), (id, WebhookEvent::Cancelled));
    }
    settle().await;
    assert_eq!(world.sender.letters().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_arrive_is_tried_again_after_the_pause_that_settings_say() {
    let world = sending().build().await;
    world.sender.answer([status(500), Err(SendFault::TimedOut)]);
    let begun = Instant::now();
    let queued = world.enqueue(telling(URL)).await;
    let letters = world.sender.sent(3).await;
    let (took, pauses) = (begun.elapsed(), 4 * SECOND);
    assert!((pauses..pauses + SECOND / 2).contains(&took), "{took:?}");
    assert!(letters.iter().all(|letter| letter.id == letters[0].id));
    assert!(letters.is_sorted_by(|before, after| before.at < after.at));
    settle().await;
    let delivery = world.delivery(key(queued.id, None)).await;
    assert!(matches!(delivery.state, DeliveryState::Delivered { .. }));
    let answers: Vec<_> = delivery
        .attempts
        .iter()
        .map(|it| it.answer.clone())
        .collect();
    assert_eq!(
        answers,
        [status(500), Err(SendFault::TimedOut), status(200)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_fails_is_given_up_and_the_response_stays_as_it_is() {
    let world = sending().build().await;
    world.sender.always_at(URL, status(404));
    let queued = world.enqueue(telling(URL)).await;
    world.sender.sent(3).await;
    pass(600).await;
    assert_eq!(world.sender.letters().len(), 3);
    let delivery = world.delivery(key(queued.id, None)).await;
    let why = GaveUp::Spent;
    assert!(matches!(delivery.state, DeliveryState::GivenUp { why: is, .. } if is == why));
    let response = world.engine.get(&ada().owner, queued.id).await.unwrap();
    assert_eq!(*response.status(), Status::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_asks_for_time_gets_it() {
    let world = sending().build().await;
    world.sender.answer([busy(429, 30 * SECOND)]);
    let begun = Instant::now();
    world.enqueue(telling(URL)).await;
    world.sender.sent(2).await;
    let took = begun.elapsed();
    // It is found by the look that comes next, at most a tenth longer than the interval away.
    assert!((30 * SECOND..33 * SECOND).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_while_it_sends_is_followed_by_another_with_the_same_id() {
    let world = sending().build().await;
    world.sender.hold(URL);
    let queued = world.enqueue(telling(URL)).await;
    world.sender.sent(1).await;
    world
        .engine
        .shut_down(std::future::ready(()), Duration::ZERO)
        .await;
    let other = sending_beside(&world).build().await;
    let letters = other.sender.sent(2).await;
    assert_eq!(letters[0].id, letters[1].id);
    other.sender.release(URL);
    settle().await;
    let delivery = other.delivery(key(queued.id, None)).await;
    assert!(matches!(delivery.state, DeliveryState::Delivered { .. }));
    assert_eq!(delivery.attempts.len(), 1, "the other one came to nothing");
}

/// Another process on the same store.
fn sending_beside(world: &World) -> Plan {
    let plan = Plan::new([text("Unused.")]).workers(2).running();
    plan.beside(world)
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_process_had_claimed_is_sent_when_that_is_noticed() {
    let world = sending().build().await;
    world.sender.hold(URL);
    let queued = world.enqueue(telling(URL)).await;
    world.sender.sent(1).await;
    // It neither answers nor gives a sign of life any more.
    world.store.forget_worker(WorkerId::new(RawId::new(1)));
    let other = sending_beside(&world).build().await;
    let letters = other.sender.sent(2).await;
    assert_eq!(
        (letters[1].id, letters[1].response),
        (letters[0].id, queued.id)
    );
}

#[tokio::test(start_paused = true)]
async fn endpoints_are_told_in_their_own_words_and_with_their_own_secret() {
    let world = sending().policy(|policy| {
        policy.webhooks.secrets =
            vec![SigningSecret::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap()];
    });
    let world = world.build().await;
    let made = world
        .engine
        .register_endpoint(
            &ada().owner,
            endpoint_at("https://own.example", &["response.*"]),
            Payload::Thin,
        )
        .await
        .unwrap();
    let deaf = world
        .register("https://deaf.example", &["response.failed"])
        .await;
    let queued = world.enqueue(telling(URL)).await;
    world.sender.sent(2).await;
    settle().await;
    let to_endpoint = &world.sender.letters_to("https://own.example")[0];
    assert_eq!(to_endpoint.secrets, [made.secret]);
    assert_eq!(to_endpoint.endpoint, Some(made.endpoint.id));
    assert_eq!(body(to_endpoint)["body"], "thin");
    let callback = &world.sender.letters_to(URL)[0];
    assert_eq!(callback.secrets.len(), 1);
    assert_eq!(callback.id, to_endpoint.id);
    let all = world
        .engine
        .deliveries(&ada().owner, queued.id)
        .await
        .unwrap();
    let to: Vec<_> = all.iter().map(|delivery| delivery.key.endpoint).collect();
    assert_eq!(to, [None, Some(made.endpoint.id)]);
    let none = world
        .engine
        .endpoint_deliveries(&ada().owner, deaf, 10, None)
        .await;
    assert!(none.unwrap().entries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_gone_is_sent_nothing_more() {
    let world = sending().build().await;
    let id = world.register(URL, &["*"]).await;
    world.sender.answer([status(410)]);
    let first = world.enqueue(but(|_| {})).await;
    world.sender.sent(1).await;
    settle().await;
    let endpoint = world.engine.endpoint(&ada().owner, id).await.unwrap();
    assert!(matches!(
        endpoint.state,
        EndpointState::Disabled {
            why: Disabled::Gone,
            ..
        }
    ));
    world.enqueue(but(|_| {})).await;
    pass(60).await;
    assert_eq!(world.sender.letters().len(), 1);
    let again = world
        .engine
        .redeliver(&ada().owner, key(first.id, Some(id)))
        .await;
    assert!(matches!(
        again.unwrap().state,
        DeliveryState::Pending { .. }
    ));
    pass(5).await;
    let delivery = world.delivery(key(first.id, Some(id))).await;
    let why = GaveUp::EndpointDisabled;
    assert!(matches!(delivery.state, DeliveryState::GivenUp { why: is, .. } if is == why));
    assert_eq!(world.sender.letters().len(), 1, "it is disabled");
}

#[tokio::test(start_paused = true)]
async fn a_redelivery_has_the_same_id_and_begins_the_schedule_anew() {
    let world = sending().build().await;
    world.sender.always_at(URL, status(500));
    let queued = world.enqueue(telling(URL)).await;
    world.sender.sent(3).await;
    pass(10).await;
    world
        .engine
        .redeliver(&ada().owner, key(queued.id, None))
        .await
        .unwrap();
    let letters = world.sender.sent(6).await;
    assert!(
        letters
            .iter()
            .all(|letter| letter.id == EventId::of(queued.id))
    );
    pass(60).await;
    let delivery = world.delivery(key(queued.id, None)).await;
    assert_eq!(delivery.attempts.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_was_tried_a_hundred_times_is_not_sent_again() {
    let world = sending().policy(|policy| policy.webhooks.callback.attempts = 100);
    let world = world.build().await;
    world.sender.always_at(URL, status(500));
    let queued = world.enqueue(telling(URL)).await;
    pass(300).await;
    assert_eq!(world.sender.letters().len(), 100);
    let again = world
        .engine
        .redeliver(&ada().owner, key(queued.id, None))
        .await;
    let error = again.unwrap_err();
    assert!(matches!(
        error,
        EndpointError::TriedEnough { attempts: 100 }
    ));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_an_endpoint_that_was_switched_off_is_given_up_without_a_try() {
    let world = sending().build().await;
    let id = world.register(URL, &["*"]).await;
    world.sender.hold(URL);
    let first = world.enqueue(but(|_| {})).await;
    world.sender.sent(1).await;
    world.sender.answer_at(URL, [status(500)]);
    let off = EndpointDraft {
        active: Some(false),
        ..EndpointDraft::default()
    };
    let changed = world.engine.change_endpoint(&ada().owner, id, off).await;
    changed.unwrap();
    world
        .engine
        .shut_down(std::future::ready(()), Duration::ZERO)
        .await;
    let other = sending_beside(&world).build().await;
    other.sender.release(URL);
    pass(10).await;
    assert_eq!(
        other.sender.letters().len(),
        1,
        "the one that was under way"
    );
    let delivery = other.delivery(key(first.id, Some(id))).await;
    let why = GaveUp::EndpointDisabled;
    assert!(matches!(delivery.state, DeliveryState::GivenUp { why: is, .. } if is == why));
}

#[tokio::test(start_paused = true)]
async fn a_live_receiver_does_not_wait_for_those_that_hang() {
    let world = sending().build().await;
    for number in 0..20 {
        let dead = format!("https://dead-{number}.example/");
        world.sender.hold(&dead);
        world.enqueue(telling(&dead)).await;
    }
    world.sender.sent(20).await;
    let begun = Instant::now();
    world.enqueue(telling(URL)).await;
    world.sender.sent_to(URL, 1).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_address_takes_only_its_share_and_the_rest_comes_later() {
    let world = sending()
        .policy(|policy| policy.webhooks.prompt = 8)
        .build()
        .await;
    world.sender.hold(URL);
    for _ in 0..5 {
        world.enqueue(telling(URL)).await;
    }
    settle().await;
    assert_eq!(world.sender.letters().len(), 2, "a quarter of eight");
    world.enqueue(telling("https://other.example")).await;
    world.sender.sent_to("https://other.example", 1).await;
    world.sender.release(URL);
    world.sender.sent_to(URL, 5).await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_response_is_told_to_nobody_any_more() {
    let world = sending().build().await;
    world.sender.answer([status(500)]);
    let queued = world.enqueue(telling(URL)).await;
    world.sender.sent(1).await;
    settle().await;
    world.engine.delete(&ada().owner, queued.id).await.unwrap();
    pass(60).await;
    assert_eq!(world.sender.letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_may_not_be_called_is_refused_with_its_field() {
    let world = sending().build().await;
    world.sender.refuse(URL);
    let draft = Draft {
        background: Some(true),
        ..telling(URL)
    };
    let Err(CreateError::Refused(faults)) = world.create(draft).await else {
        panic!("the request was accepted");
    };
    assert_eq!(faults.0[0].field, "metadata.webhook_url");
    assert!(world.store.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_process_without_a_pool_sends_nothing() {
    let world = Plan::new([text("Done.")]).running().build().await;
    let queued = world.enqueue(telling(URL)).await;
    world.engine.cancel(&ada().owner, queued.id).await.unwrap();
    pass(60).await;
    assert!(world.sender.letters().is_empty());
    let _other = sending_beside(&world).build().await;
    let letters = world.sender.sent(1).await;
    assert_eq!(letters[0].response, queued.id);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_does_not_open_here_waits_for_who_can() {
    let world = sending().build().await;
    let _id = world.register(URL, &["*"]).await;
    let mut locked = sending_beside(&world);
    locked.vault = response_testkit::vault::TestVault::with_keys(["another"]);
    world
        .engine
        .shut_down(std::future::ready(()), Duration::ZERO)
        .await;
    let locked = locked.build().await;
    locked.enqueue(but(|_| {})).await;
    pass(5).await;
    assert!(locked.sender.letters().is_empty());
    let able = sending_beside(&locked).build().await;
    able.sender.sent(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_what_is_being_sent() {
    let world = sending().build().await;
    world.sender.hold(URL);
    let queued = world.enqueue(telling(URL)).await;
    world.sender.sent(1).await;
    let never = std::future::pending();
    tokio::join!(world.engine.shut_down(never, SECOND), async {
        settle().await;
        world.sender.release(URL);
    });
    let delivery = world.delivery(key(queued.id, None)).await;
    assert!(matches!(delivery.state, DeliveryState::Delivered { .. }));
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_caller_goes_with_it() {
    let world = sending().build().await;
    world.enqueue(telling(URL)).await;
    let letters = world.sender.sent(1).await;
    assert!(!format!("{:?}", letters[0]).contains("ada's token"));
    assert!(!String::from_utf8_lossy(&letters[0].body).contains("ada's token"));
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_asked_by_one_process_only() {
    let world = sending().build().await;
    let others = [sending_beside(&world).build().await, {
        let mut third = sending_beside(&world);
        third.process = 9;
        third.build().await
    }];
    for _ in 0..10 {
        world.enqueue(telling(URL)).await;
    }
    world.sender.sent(10).await;
    pass(60).await;
    assert_eq!(world.sender.letters().len(), 10);
    drop(others);
}
