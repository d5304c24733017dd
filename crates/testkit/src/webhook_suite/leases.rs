//! The right to send a delivery, and how it ends.

use std::time::Duration;

use response_domain::id::WorkerId;
use response_domain::webhook::{DeliveryLease, Disabled, Effect, GaveUp, Lane, Outcome, Verdict};

use super::sample::{
    ARRIVED, HOLD, again, answered, assert_nothing_due, assert_stale, complete,
    complete_calling_back, deliveries, due, endpoint, endpoint_id, forget, keys, known, one_due,
    one_due_anywhere, record, register, to_callback, to_endpoint,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{ada, id, worker};

/// What has happened since a delivery was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    ItArrived,
    ItIsToBeTriedAgain,
    ItIsGivenUp,
    ItWasPostponed,
    ItWasGivenBack,
    ItsHolderWasLost,
    AnotherClaimedIt,
    TheSameClaimedItAgain,
    ItWasRedelivered,
    ItsResponseWasDeleted,
    ItsEndpointWasRemoved,
}

const ALL: [Since; 11] = [
    Since::ItArrived,
    Since::ItIsToBeTriedAgain,
    Since::ItIsGivenUp,
    Since::ItWasPostponed,
    Since::ItWasGivenBack,
    Since::ItsHolderWasLost,
    Since::AnotherClaimedIt,
    Since::TheSameClaimedItAgain,
    Since::ItWasRedelivered,
    Since::ItsResponseWasDeleted,
    Since::ItsEndpointWasRemoved,
];

/// Claims the delivery of the response of this number to the only endpoint, and lets that happen.
async fn lead(fixture: &Fixture, number: u32, since: Since) -> DeliveryLease {
    let outbox = fixture.webhooks();
    complete(fixture, number).await;
    assert!(fixture.store().beat(worker(1)).await.is_ok());
    let lease = one_due_anywhere(fixture, 1).await.lease;
    let done = match since {
        Since::ItArrived => outbox.record(&lease, &answered(200), &ARRIVED).await,
        Since::ItIsToBeTriedAgain => outbox.record(&lease, &answered(500), &again(60)).await,
        Since::ItIsGivenUp => outbox.give_up(&lease, GaveUp::Spent).await,
        Since::ItWasPostponed => outbox.postpone(&[lease], HOLD).await,
        Since::ItWasGivenBack => outbox.give_back(worker(1)).await.map(|_count| ()),
        Since::ItsHolderWasLost => {
            fixture.outside().lose(worker(1)).await;
            outbox.rescue().await.map(|_count| ())
        }
        Since::AnotherClaimedIt | Since::TheSameClaimedItAgain => {
            fixture.outside().pass(HOLD).await;
            let process = if since == Since::AnotherClaimedIt {
                2
            } else {
                1
            };
            one_due_anywhere(fixture, process).await;
            Ok(())
        }
        Since::ItWasRedelivered => {
            record(fixture, &lease, &answered(200), &ARRIVED).await;
            let redelivered = outbox.redeliver(&ada(), lease.key).await;
            one_due_anywhere(fixture, 1).await;
            redelivered.map(|_known| ())
        }
        Since::ItsResponseWasDeleted => {
            let deleted = fixture.store().delete(&ada(), id(number)).await;
            deleted.map(|_known| ())
        }
        Since::ItsEndpointWasRemoved => {
            let removed = outbox.remove(&ada(), endpoint_id(1)).await;
            removed.map(|_known| ())
        }
    };
    assert!(done.is_ok(), "{since:?}: {done:?}");
    lease
}

/// All that a process can do with a lease it does not have any more must change nothing.
async fn assert_counts_nothing(fixture: &Fixture, lease: &DeliveryLease, about: &str) {
    let outbox = fixture.webhooks();
    let response = lease.key.response;
    let before = deliveries(fixture, response).await;
    let endpoints = outbox.page(&ada(), 10, None).await.ok();
    let depth = outbox.depth().await.ok().map(|depth| depth.pending);
    let disabling = Outcome {
        verdict: Verdict::GivenUp(GaveUp::Gone),
        effect: Effect::Disable(Disabled::Gone),
    };
    for outcome in [ARRIVED, again(0), disabling] {
        let recorded = outbox.record(lease, &answered(500), &outcome).await;
        assert_stale(&recorded);
    }
    assert_stale(&outbox.give_up(lease, GaveUp::Spent).await);
    let postponed = outbox.postpone(&[*lease], HOLD * 2).await;
    assert!(postponed.is_ok(), "{about}: {postponed:?}");
    assert_eq!(deliveries(fixture, response).await, before, "{about}");
    assert_eq!(outbox.page(&ada(), 10, None).await.ok(), endpoints);
    let now = outbox.depth().await.ok().map(|depth| depth.pending);
    assert_eq!(now, depth, "{about}");
}

pub async fn only_the_latest_lease_counts(fixture: &Fixture) {
    for (number, since) in (1..).zip(ALL) {
        register(fixture, &endpoint(1)).await;
        let lease = lead(fixture, number, since).await;
        assert_counts_nothing(fixture, &lease, &format!("{since:?}")).await;
        if since != Since::ItsEndpointWasRemoved {
            forget(fixture, 1).await;
        }
    }
}

pub async fn a_lease_that_nobody_has_counts_nothing(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    complete_calling_back(fixture, 1).await;
    complete_calling_back(fixture, 2).await;
    let claimed = due(fixture, 1, Lane::Prompt).await;
    let lease = claimed[0].lease;
    let others = [
        DeliveryLease {
            worker: worker(2),
            ..lease
        },
        DeliveryLease {
            token: lease.token + 1,
            ..lease
        },
        DeliveryLease {
            token: lease.token - 1,
            ..lease
        },
        DeliveryLease {
            key: to_callback(3),
            ..lease
        },
        DeliveryLease {
            key: to_endpoint(1, 2),
            ..lease
        },
    ];
    for other in others {
        assert_counts_nothing(fixture, &other, &format!("{other:?}")).await;
    }
    for due in claimed {
        record(fixture, &due.lease, &answered(200), &ARRIVED).await;
    }
}

pub async fn a_lease_counts_until_somebody_has_a_later_one(fixture: &Fixture) {
    complete_calling_back(fixture, 1).await;
    let lease = one_due(fixture, 1, Lane::Prompt).await.lease;
    fixture.outside().pass(HOLD * 3).await;
    record(fixture, &lease, &answered(200), &ARRIVED).await;
    assert_nothing_due(fixture).await;
}

pub async fn what_there_is_no_room_for_waits_untried(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    complete_calling_back(fixture, 1).await;
    complete_calling_back(fixture, 2).await;
    let claimed = due(fixture, 1, Lane::Prompt).await;
    let mut leases: Vec<DeliveryLease> = claimed.iter().map(|due| due.lease).collect();
    let kept = leases.remove(0);
    // One of them is another's already; the others wait all the same.
    leases[1].token += 1;
    let outbox = fixture.webhooks();
    let minute = Duration::from_mins(1);
    assert!(outbox.postpone(&leases, minute).await.is_ok());
    assert!(outbox.postpone(&[], minute).await.is_ok());
    fixture.outside().pass(minute * 2 / 3).await;
    assert_nothing_due(fixture).await;
    record(fixture, &kept, &answered(200), &ARRIVED).await;
    fixture.outside().pass(minute / 3).await;
    let patient = due(fixture, 2, Lane::Patient).await;
    assert_eq!(keys(&patient), [to_endpoint(1, 1), to_endpoint(2, 1)]);
    assert!(patient.iter().all(|due| due.tried == 0));
    let prompt = one_due(fixture, 2, Lane::Prompt).await;
    assert_eq!(prompt.lease.key, to_callback(2));
    assert_eq!(known(fixture, 1).await, endpoint(1));
    for number in 1..=2 {
        let shown = deliveries(fixture, id(number)).await;
        assert_eq!(shown[1].attempts, []);
    }
}

/// Three deliveries in the prompt lane and one in the patient one, each claimed by another process.
async fn claimed_by_four(fixture: &Fixture) {
    for process in 1..=4 {
        assert!(fixture.store().beat(worker(process)).await.is_ok());
        complete_calling_back(fixture, process).await;
        let mut lease = one_due(fixture, process, Lane::Prompt).await.lease;
        if process == 3 {
            record(fixture, &lease, &answered(500), &again(0)).await;
            lease = one_due(fixture, process, Lane::Patient).await.lease;
        }
        assert_eq!(lease.worker, worker(process));
    }
}

async fn give_back(fixture: &Fixture, process: WorkerId) -> u64 {
    let given = fixture.webhooks().give_back(process).await;
    assert!(given.is_ok(), "{given:?}");
    given.unwrap_or_default()
}

async fn rescue(fixture: &Fixture) -> u64 {
    let rescued = fixture.webhooks().rescue().await;
    assert!(rescued.is_ok(), "{rescued:?}");
    rescued.unwrap_or_default()
}

pub async fn what_a_process_gives_back_is_due_at_once(fixture: &Fixture) {
    claimed_by_four(fixture).await;
    assert_eq!(give_back(fixture, worker(5)).await, 0);
    assert_eq!(give_back(fixture, worker(1)).await, 1);
    assert_eq!(give_back(fixture, worker(1)).await, 0);
    assert_eq!(give_back(fixture, worker(3)).await, 1);
    // Each in its lane, and nothing of the others.
    let prompt = one_due(fixture, 5, Lane::Prompt).await;
    assert_eq!((prompt.lease.key, prompt.tried), (to_callback(1), 0));
    let patient = one_due(fixture, 5, Lane::Patient).await;
    assert_eq!((patient.lease.key, patient.tried), (to_callback(3), 1));
    // What was recorded is not given back.
    record(fixture, &prompt.lease, &answered(200), &ARRIVED).await;
    record(fixture, &patient.lease, &answered(500), &again(60)).await;
    assert_eq!(give_back(fixture, worker(5)).await, 0);
    assert_nothing_due(fixture).await;
}

pub async fn what_processes_had_that_are_gone_is_due_at_once(fixture: &Fixture) {
    claimed_by_four(fixture).await;
    complete_calling_back(fixture, 5).await;
    assert_eq!(rescue(fixture).await, 0);
    fixture.outside().lose(worker(1)).await;
    fixture.outside().lose(worker(3)).await;
    assert_eq!(rescue(fixture).await, 2);
    assert_eq!(rescue(fixture).await, 0);
    let prompt = due(fixture, 2, Lane::Prompt).await;
    assert_eq!(keys(&prompt), [to_callback(1), to_callback(5)]);
    assert!(prompt.iter().all(|due| due.tried == 0));
    let patient = one_due(fixture, 2, Lane::Patient).await;
    assert_eq!((patient.lease.key, patient.tried), (to_callback(3), 1));
    // One that left is gone, and so is one that never gave a sign of life.
    assert!(fixture.store().leave(worker(4)).await.is_ok());
    assert_eq!(rescue(fixture).await, 1);
    let unknown = one_due(fixture, 9, Lane::Prompt).await;
    assert_eq!(unknown.lease.key, to_callback(4));
    assert_eq!(rescue(fixture).await, 1);
}
