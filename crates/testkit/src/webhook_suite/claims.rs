//! Taking what is due.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use response_domain::ports::webhook::DueClaim;
use response_domain::status::Change;
use response_domain::webhook::{
    Disabled, Due, EndpointState, Lane, Payload, PreviousSecret, Target, WebhookEvent,
};

use super::sample::{
    CALLBACK, HOLD, assert_nothing_due, calling_back, claims, commit, complete,
    complete_calling_back, delivery, due, due_claim, ending, endpoint, keys, known, one_due,
    one_due_anywhere, register, run, sealed, to_callback, to_endpoint, wanting,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{ada, at, id, worker};

/// Long enough to tell two moments apart.
const A_MOMENT: Duration = Duration::from_millis(20);

pub async fn each_delivery_is_claimed_by_one(fixture: &Fixture) {
    const PROCESSES: u32 = 8;
    const RESPONSES: u32 = 12;
    for number in 1..=4 {
        register(fixture, &endpoint(number)).await;
    }
    for number in 1..=RESPONSES {
        complete_calling_back(fixture, number).await;
    }
    let work = (1..=PROCESSES).map(|process| async move {
        let wanted = DueClaim {
            at_most: 3,
            ..due_claim(process, Lane::Prompt)
        };
        let mut mine = Vec::new();
        for _ in 0..1_000 {
            // What others are claiming may be passed over, so an empty hand is not an empty lane.
            let claimed = claims(fixture, wanted).await;
            let depth = fixture.webhooks().depth().await;
            assert!(depth.is_ok(), "{depth:?}");
            if claimed.is_empty() && depth.is_ok_and(|depth| depth.overdue.is_none()) {
                return mine;
            }
            assert!(claimed.iter().all(|it| it.lease.worker == worker(process)));
            mine.extend(keys(&claimed));
        }
        panic!("something is due that nobody gets")
    });
    let claimed: Vec<_> = join_all(work).await.into_iter().flatten().collect();
    let each: HashSet<_> = claimed.iter().copied().collect();
    assert_eq!((claimed.len(), each.len()), (60, 60));
}

pub async fn what_has_been_due_longest_is_claimed_first(fixture: &Fixture) {
    for number in [3, 1, 4, 2] {
        complete_calling_back(fixture, number).await;
        fixture.outside().pass(A_MOMENT).await;
    }
    let one = DueClaim {
        at_most: 1,
        ..due_claim(1, Lane::Prompt)
    };
    for number in [3, 1, 4, 2] {
        let claimed = claims(fixture, one).await;
        assert_eq!(keys(&claimed), [to_callback(number)]);
    }
    // By when it became due, and not by when it was made.
    let waits = [(3, 40), (1, 10), (4, 30), (2, 20)];
    let held = due_claim(1, Lane::Prompt);
    assert_eq!(claims(fixture, held).await, []);
    assert_eq!(fixture.webhooks().give_back(worker(1)).await.ok(), Some(4));
    for due in due(fixture, 1, Lane::Prompt).await {
        let seconds = waits.iter().find(|it| id(it.0) == due.lease.key.response);
        let by = Duration::from_secs(seconds.map_or(0, |it| it.1));
        let postponed = fixture.webhooks().postpone(&[due.lease], by).await;
        assert!(postponed.is_ok(), "{postponed:?}");
    }
    fixture.outside().pass(HOLD).await;
    let one = DueClaim {
        lane: Lane::Patient,
        ..one
    };
    for number in [1, 2, 4, 3] {
        let claimed = claims(fixture, one).await;
        assert_eq!(keys(&claimed), [to_callback(number)]);
    }
}

pub async fn no_more_is_claimed_than_asked_for(fixture: &Fixture) {
    for number in 1..=5 {
        complete_calling_back(fixture, number).await;
    }
    for expected in [2, 2, 1, 0] {
        let wanted = DueClaim {
            at_most: 2,
            ..due_claim(1, Lane::Prompt)
        };
        assert_eq!(claims(fixture, wanted).await.len(), expected);
    }
}

pub async fn lanes_are_kept_apart(fixture: &Fixture) {
    let mut failing = endpoint(1);
    failing.failing_since = Some(at(0));
    register(fixture, &failing).await;
    for number in 1..=3 {
        complete_calling_back(fixture, number).await;
    }
    let patient = due(fixture, 1, Lane::Patient).await;
    let expected: Vec<_> = (1..=3).map(|number| to_endpoint(number, 1)).collect();
    assert_eq!(keys(&patient), expected);
    assert_eq!(due(fixture, 1, Lane::Patient).await, []);
    let prompt = due(fixture, 1, Lane::Prompt).await;
    let expected: Vec<_> = (1..=3).map(to_callback).collect();
    assert_eq!(keys(&prompt), expected);
}

pub async fn a_claim_tells_all_that_sending_takes(fixture: &Fixture) {
    let mut endpoint = wanting(1, WebhookEvent::Completed, Payload::Thin);
    endpoint.secrets.previous = Some(PreviousSecret {
        sealed: sealed("before"),
        until: at(9_000_001),
    });
    endpoint.failing_since = Some(at(7));
    register(fixture, &endpoint).await;
    let (ended, work) = ending(fixture, &calling_back(1), Change::Complete).await;
    commit(fixture, work).await;
    let created = ended.times.ended.unwrap_or(at(0));
    let callback = one_due(fixture, 1, Lane::Prompt).await;
    let expected = Due {
        lease: callback.lease,
        owner: ada(),
        event: WebhookEvent::Completed,
        created,
        tried: 0,
        tried_in_all: 0,
        target: Target::Callback(CALLBACK.into()),
    };
    assert_eq!(callback, expected);
    assert_eq!(callback.lease.key, to_callback(1));
    assert_eq!(callback.lease.worker, worker(1));
    let registered = one_due(fixture, 2, Lane::Patient).await;
    let target = Target::Endpoint {
        url: endpoint.spec.url.clone(),
        payload: Payload::Thin,
        secrets: endpoint.secrets.clone(),
        state: EndpointState::Active,
        failing_since: Some(at(7)),
    };
    let expected = Due {
        lease: registered.lease,
        target,
        ..expected
    };
    assert_eq!(registered, expected);
    assert_eq!(registered.lease.key, to_endpoint(1, 1));
    assert_eq!(registered.lease.worker, worker(2));
}

pub async fn an_endpoint_is_claimed_as_it_is_now(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    complete(fixture, 1).await;
    let mut changed = known(fixture, 1).await;
    changed.spec.url = "https://moved.test/hook".into();
    changed.spec.events = wanting(1, WebhookEvent::Failed, Payload::Full).spec.events;
    changed.secrets.current = sealed("another");
    changed.state = EndpointState::Disabled {
        at: at(3),
        why: Disabled::ByOwner,
    };
    assert!(fixture.webhooks().replace(&changed).await.is_ok());
    // Whoever claims it sees that nothing is to be sent.
    let target = Target::Endpoint {
        url: changed.spec.url.clone(),
        payload: Payload::Full,
        secrets: changed.secrets.clone(),
        state: changed.state,
        failing_since: None,
    };
    assert_eq!(one_due(fixture, 1, Lane::Prompt).await.target, target);
    let shown = delivery(fixture, to_endpoint(1, 1)).await;
    assert_eq!(shown.url, changed.spec.url);
}

pub async fn what_nothing_is_recorded_of_is_due_again_after_a_while(fixture: &Fixture) {
    complete_calling_back(fixture, 1).await;
    let first = one_due(fixture, 1, Lane::Prompt).await;
    fixture.outside().pass(HOLD * 5 / 6).await;
    assert_nothing_due(fixture).await;
    fixture.outside().pass(HOLD / 6).await;
    let second = one_due(fixture, 2, Lane::Prompt).await;
    assert_eq!(second.lease.key, first.lease.key);
    assert_eq!((second.tried, second.target), (0, first.target));
    // Each claim says for how long it is one.
    fixture.outside().pass(HOLD).await;
    let short = DueClaim {
        hold: Duration::from_secs(1),
        ..due_claim(1, Lane::Prompt)
    };
    assert_eq!(claims(fixture, short).await.len(), 1);
    fixture.outside().pass(Duration::from_secs(1)).await;
    assert_eq!(claims(fixture, short).await.len(), 1);
}

pub async fn every_claim_has_a_larger_token(fixture: &Fixture) {
    let outbox = fixture.webhooks();
    assert_eq!(run(fixture, &calling_back(1), Change::Complete).await, 1);
    let mut last = 0;
    for round in 0..6 {
        let due = one_due_anywhere(fixture, 1).await;
        assert!(due.lease.token > last, "round {round}");
        last = due.lease.token;
        let left = match round % 3 {
            0 => {
                fixture.outside().pass(HOLD).await;
                Ok(())
            }
            1 => outbox.give_back(worker(1)).await.map(|_| ()),
            _ => outbox.postpone(&[due.lease], Duration::ZERO).await,
        };
        assert!(left.is_ok(), "{left:?}");
    }
}
