//! Who is told that a response ended.

use response_domain::caller::OwnerId;
use response_domain::failure::{Failure, FailureCode};
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::{Change, IncompleteReason};
use response_domain::time::Timestamp;
use response_domain::webhook::{
    Disabled, EndpointState, EventPattern, Lane, Payload, WebhookEvent,
};
use response_domain::work::{Guard, UnitOfWork};

use super::sample::{
    ARRIVED, CALLBACK, answered, assert_nothing_due, calling_back, cancel, commit, complete,
    deliveries, delivery, due, ending, endpoint, is_pending, keys, record, register, run,
    to_callback, to_endpoint, told, wanting, with_metadata,
};
use crate::queue_suite::sample::{claim_one, entry, job_of, queued, queued_by, start, step};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    alone, asked, changed, first, id, json, refused, spec, worker, write,
};

fn failure() -> Change {
    Change::Fail(Failure::new(FailureCode::TaskTimeout, "too late"))
}

pub async fn every_ending_of_a_run_is_told_once_to_everybody(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    register(fixture, &endpoint(2)).await;
    let endings = [
        (Change::Complete, WebhookEvent::Completed),
        (failure(), WebhookEvent::Failed),
        (Change::Cancel, WebhookEvent::Cancelled),
        (
            Change::Stop(IncompleteReason::OutputTokens),
            WebhookEvent::Completed,
        ),
    ];
    for (number, (change, event)) in (1..).zip(endings) {
        let (ended, work) = ending(fixture, &calling_back(number), change).await;
        assert_eq!(commit(fixture, work).await, 3);
        let everybody = [
            (to_callback(number), event),
            (to_endpoint(number, 1), event),
            (to_endpoint(number, 2), event),
        ];
        assert_eq!(told(fixture, number).await, everybody);
        for delivery in deliveries(fixture, ended.id).await {
            assert_eq!(Some(delivery.created), ended.times.ended);
            assert!(is_pending(&delivery), "{delivery:?}");
            assert_eq!(delivery.attempts, []);
        }
        let claimed = due(fixture, 1, Lane::Prompt).await;
        assert_eq!(keys(&claimed), everybody.map(|(key, _)| key));
    }
    assert_nothing_due(fixture).await;
}

pub async fn a_cancel_is_told(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    for number in 1..=2 {
        let response = calling_back(number);
        write(fixture.store(), entry(&response, job_of(number))).await;
        let response = if number == 2 {
            let lease = claim_one(fixture.store(), 1).await.lease;
            let started = changed(response, Change::Start);
            write(fixture.store(), start(lease, &started)).await;
            started
        } else {
            response
        };
        let (_, work) = cancel(&response);
        assert_eq!(commit(fixture, work).await, 2);
        let cancelled = WebhookEvent::Cancelled;
        assert_eq!(
            told(fixture, number).await,
            [
                (to_callback(number), cancelled),
                (to_endpoint(number, 1), cancelled)
            ]
        );
    }
}

pub async fn what_was_lost_too_often_is_told_by_who_ends_it(fixture: &Fixture) {
    let store = fixture.store();
    register(fixture, &endpoint(1)).await;
    write(store, entry(&calling_back(1), job_of(1))).await;
    claim_one(store, 1).await;
    assert!(store.beat(worker(2)).await.is_ok());
    let rescued = store.rescue(worker(2), 1, 10).await;
    assert!(rescued.is_ok(), "{rescued:?}");
    let lease = rescued.unwrap_or_default().spent[0];
    assert_eq!(told(fixture, 1).await, []);
    let lost = calling_back(1).lost(calling_back(1).times.updated);
    let Some(lost) = lost else {
        panic!("it has not ended")
    };
    assert_eq!(commit(fixture, alone(Guard::Leased(lease), &lost)).await, 2);
    let failed = WebhookEvent::Failed;
    assert_eq!(
        told(fixture, 1).await,
        [(to_callback(1), failed), (to_endpoint(1, 1), failed)]
    );
}

pub async fn what_does_not_end_is_not_told(fixture: &Fixture) {
    let store = fixture.store();
    register(fixture, &endpoint(1)).await;
    let response = calling_back(1);
    assert_eq!(commit(fixture, entry(&response, job_of(1))).await, 0);
    let lease = claim_one(store, 1).await.lease;
    let started = changed(response, Change::Start);
    assert_eq!(commit(fixture, start(lease, &started)).await, 0);
    let work = step(lease, &started, 2, Vec::new());
    assert_eq!(commit(fixture, work).await, 0);
    assert!(store.hand_back(&lease).await.is_ok());
    assert_eq!(told(fixture, 1).await, []);
    assert_nothing_due(fixture).await;
}

pub async fn what_runs_in_the_foreground_is_told_to_nobody(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    for (number, delivery) in [(1, Delivery::Wait), (2, Delivery::Stream)] {
        let metadata = json(&format!(r#"{{"webhook_url":"{CALLBACK}"}}"#));
        let asked_for = ResponseSpec {
            delivery,
            metadata,
            ..spec()
        };
        let response = asked(number, asked_for);
        assert_eq!(commit(fixture, first(&response, Vec::new())).await, 0);
        let ended = changed(response, Change::Complete);
        assert_eq!(
            commit(fixture, alone(Guard::Held(worker(1)), &ended)).await,
            0
        );
        assert_eq!(told(fixture, number).await, []);
    }
    assert_nothing_due(fixture).await;
}

pub async fn an_end_is_named_in_the_words_of_each_payload(fixture: &Fixture) {
    use WebhookEvent::{Completed, Failed, Incomplete};
    let wanted = [
        (1, Failed, Payload::Full),
        (2, Incomplete, Payload::Full),
        (3, Completed, Payload::Full),
        (4, Failed, Payload::Thin),
        (5, Incomplete, Payload::Thin),
        (6, Completed, Payload::Thin),
    ];
    for (number, event, payload) in wanted {
        register(fixture, &wanting(number, event, payload)).await;
    }
    let depth = Change::Stop(IncompleteReason::ToolDepth);
    assert_eq!(run(fixture, &calling_back(1), depth).await, 3);
    assert_eq!(
        told(fixture, 1).await,
        [
            (to_callback(1), Failed),
            (to_endpoint(1, 1), Failed),
            (to_endpoint(1, 5), Incomplete),
        ]
    );
    let tokens = Change::Stop(IncompleteReason::OutputTokens);
    assert_eq!(run(fixture, &calling_back(2), tokens).await, 3);
    assert_eq!(
        told(fixture, 2).await,
        [
            (to_callback(2), Completed),
            (to_endpoint(2, 3), Completed),
            (to_endpoint(2, 5), Incomplete),
        ]
    );
    assert_eq!(run(fixture, &calling_back(3), Change::Complete).await, 3);
    assert_eq!(
        told(fixture, 3).await,
        [
            (to_callback(3), Completed),
            (to_endpoint(3, 3), Completed),
            (to_endpoint(3, 6), Completed),
        ]
    );
}

pub async fn every_pattern_covers_what_it_says(fixture: &Fixture) {
    use EventPattern::{Every, EveryResponse, Only};
    let wanted = [
        vec![Every],
        vec![EveryResponse],
        vec![Only(WebhookEvent::Failed), Only(WebhookEvent::Completed)],
        vec![Only(WebhookEvent::Cancelled), EveryResponse],
        vec![Only(WebhookEvent::Cancelled)],
    ];
    for (number, events) in (1..).zip(wanted) {
        let mut endpoint = endpoint(number);
        endpoint.spec.events = events;
        register(fixture, &endpoint).await;
    }
    assert_eq!(run(fixture, &queued(1), Change::Complete).await, 4);
    assert_eq!(run(fixture, &queued(2), Change::Cancel).await, 4);
    let told_of = async |number| -> Vec<_> {
        let told = told(fixture, number).await;
        told.into_iter().map(|(key, _)| key).collect()
    };
    let all = |number, endpoints: [u32; 4]| endpoints.map(|it| to_endpoint(number, it));
    assert_eq!(told_of(1).await, all(1, [1, 2, 3, 4]));
    assert_eq!(told_of(2).await, all(2, [1, 2, 4, 5]));
}

pub async fn endpoints_of_others_hear_nothing(fixture: &Fixture) {
    let bob = OwnerId::new("bob");
    for (number, owner) in [(1, "bob"), (2, "Ada"), (3, "ada "), (4, "")] {
        let mut theirs = endpoint(number);
        theirs.owner = OwnerId::new(owner);
        register(fixture, &theirs).await;
    }
    register(fixture, &endpoint(5)).await;
    assert_eq!(run(fixture, &queued(1), Change::Complete).await, 1);
    assert_eq!(run(fixture, &queued_by(2, &bob), Change::Complete).await, 1);
    let claimed = due(fixture, 1, Lane::Prompt).await;
    assert_eq!(keys(&claimed), [to_endpoint(1, 5), to_endpoint(2, 1)]);
    assert_eq!(claimed[1].owner, bob);
}

pub async fn a_disabled_endpoint_hears_nothing(fixture: &Fixture) {
    for (number, &why) in (1..).zip(Disabled::ALL) {
        let at = Timestamp::from_micros(1);
        let mut disabled = endpoint(number);
        disabled.state = EndpointState::Disabled { at, why };
        register(fixture, &disabled).await;
    }
    assert_eq!(run(fixture, &queued(1), Change::Complete).await, 0);
    // One that is sent things again hears of what ends from then on.
    let mut endpoint = endpoint(1);
    endpoint.state = EndpointState::Active;
    assert!(fixture.webhooks().replace(&endpoint).await.is_ok());
    assert_eq!(run(fixture, &queued(2), Change::Complete).await, 1);
    assert_eq!(told(fixture, 1).await, []);
}

pub async fn a_callback_hears_what_it_asked_for(fixture: &Fixture) {
    let asking = |number, events: &str| {
        let metadata = format!(r#"{{"webhook_url":"{CALLBACK}","webhook_events":{events}}}"#);
        with_metadata(number, &metadata)
    };
    let only_failed = r#"["response.failed"]"#;
    let two = r#""response.failed,response.completed""#;
    let depth = Change::Stop(IncompleteReason::ToolDepth);
    for (number, events, change, made) in [
        (1, only_failed, Change::Complete, 0),
        (2, only_failed, failure(), 1),
        (3, only_failed, depth.clone(), 1),
        (4, r#"["response.incomplete"]"#, depth, 0),
        (5, two, Change::Complete, 1),
        (6, two, Change::Cancel, 0),
        (7, r#"["*"]"#, Change::Cancel, 1),
    ] {
        let count = run(fixture, &asking(number, events), change).await;
        assert_eq!(count, made, "{number}");
        assert_eq!(told(fixture, number).await.len(), made as usize);
    }
    let named = format!(r#"{{"webhookUrl":"{CALLBACK}","else":1}}"#);
    let response = with_metadata(8, &named);
    assert_eq!(run(fixture, &response, Change::Complete).await, 1);
    assert_eq!(&*delivery(fixture, to_callback(8)).await.url, CALLBACK);
}

pub async fn a_stale_ending_is_told_to_nobody(fixture: &Fixture) {
    let store = fixture.store();
    register(fixture, &endpoint(1)).await;
    let (ended, work) = ending(fixture, &calling_back(1), Change::Complete).await;
    let Guard::Leased(mut lease) = work.guard else {
        panic!("a run writes with its lease")
    };
    lease.token += 1;
    let guard = Guard::Leased(lease);
    refused(
        store,
        UnitOfWork {
            guard,
            ..work.clone()
        },
    )
    .await;
    assert_eq!(told(fixture, 1).await, []);
    assert_nothing_due(fixture).await;
    assert_eq!(commit(fixture, work).await, 2);
    let before = deliveries(fixture, ended.id).await;
    refused(store, alone(Guard::Open, &ended)).await;
    let (_, cancelled) = cancel(&calling_back(1));
    refused(store, cancelled).await;
    assert_eq!(deliveries(fixture, ended.id).await, before);
}

pub async fn an_ending_that_is_written_again_is_told_once(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    let (ended, work) = ending(fixture, &calling_back(1), Change::Complete).await;
    commit(fixture, work.clone()).await;
    let claimed = due(fixture, 1, Lane::Prompt).await;
    let before = deliveries(fixture, ended.id).await;
    // Its answer was lost.
    commit(fixture, work).await;
    assert_eq!(deliveries(fixture, ended.id).await, before);
    assert_nothing_due(fixture).await;
    for due in claimed {
        record(fixture, &due.lease, &answered(200), &ARRIVED).await;
    }
}

pub async fn who_took_nothing_last_waits_in_the_patient_lane(fixture: &Fixture) {
    let mut failing = endpoint(1);
    failing.failing_since = Some(failing.created);
    register(fixture, &failing).await;
    register(fixture, &endpoint(2)).await;
    assert_eq!(run(fixture, &calling_back(1), Change::Complete).await, 3);
    let prompt = due(fixture, 1, Lane::Prompt).await;
    assert_eq!(keys(&prompt), [to_callback(1), to_endpoint(1, 2)]);
    let patient = due(fixture, 1, Lane::Patient).await;
    assert_eq!(keys(&patient), [to_endpoint(1, 1)]);
}

pub async fn many_endpoints_are_all_told(fixture: &Fixture) {
    const ALL: u32 = 100;
    for number in 1..=ALL {
        register(fixture, &endpoint(number)).await;
    }
    assert_eq!(
        run(fixture, &calling_back(1), Change::Complete).await,
        ALL + 1
    );
    let ended = complete(fixture, 2).await;
    assert_eq!(deliveries(fixture, ended.id).await.len(), 100);
    assert_eq!(deliveries(fixture, id(1)).await.len(), 101);
    assert_eq!(due(fixture, 1, Lane::Prompt).await.len(), 200);
}
