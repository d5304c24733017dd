//! What an attempt means for the endpoint it went to.

use std::time::Duration;

use response_domain::webhook::{
    DeliveryLease, Disabled, Effect, Endpoint, EndpointState, GaveUp, Lane, Outcome, Verdict,
};

use super::sample::{
    ARRIVED, again, answered, assert_nothing_due, assert_stale, complete, complete_calling_back,
    due, endpoint, forget, given_up, keys, known, one_due, record, register, to_callback,
    to_endpoint, told,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::at;

/// Given up, and with it its endpoint.
fn disabling(why: Disabled) -> Outcome {
    Outcome {
        verdict: Verdict::GivenUp(GaveUp::Gone),
        effect: Effect::Disable(why),
    }
}

/// Registers the endpoint of this number, and claims the delivery of a response of the same number.
async fn sent_to(fixture: &Fixture, endpoint: &Endpoint, number: u32) -> DeliveryLease {
    register(fixture, endpoint).await;
    complete(fixture, number).await;
    let lane = if endpoint.failing_since.is_some() {
        Lane::Patient
    } else {
        Lane::Prompt
    };
    one_due(fixture, 1, lane).await.lease
}

pub async fn an_endpoint_fails_from_the_first_it_did_not_take(fixture: &Fixture) {
    let mut lease = sent_to(fixture, &endpoint(1), 1).await;
    let mut since = Vec::new();
    for number in 0..3 {
        let mut attempt = answered(500);
        attempt.at = at(7_000_000 * (number + 1));
        record(fixture, &lease, &attempt, &again(10)).await;
        since.push(known(fixture, 1).await.failing_since);
        fixture.outside().pass(Duration::from_secs(10)).await;
        lease = one_due(fixture, 1, Lane::Patient).await.lease;
    }
    assert!(since[0].is_some());
    assert_eq!(since, [since[0]; 3]);
    // One that is given up was not taken either.
    complete(fixture, 2).await;
    let lease = one_due(fixture, 1, Lane::Patient).await.lease;
    record(fixture, &lease, &answered(500), &given_up(GaveUp::Spent)).await;
    assert_eq!(known(fixture, 1).await.failing_since, since[0]);
}

pub async fn an_endpoint_that_takes_one_fails_no_more(fixture: &Fixture) {
    let mut failing = endpoint(1);
    failing.failing_since = Some(at(3));
    let mut another = endpoint(2);
    another.failing_since = Some(at(4));
    let lease = sent_to(fixture, &failing, 1).await;
    register(fixture, &another).await;
    record(fixture, &lease, &answered(200), &ARRIVED).await;
    assert_eq!(known(fixture, 1).await.failing_since, None);
    assert_eq!(known(fixture, 2).await.failing_since, Some(at(4)));
    complete(fixture, 2).await;
    let prompt = due(fixture, 1, Lane::Prompt).await;
    assert_eq!(keys(&prompt), [to_endpoint(2, 1)]);
    // Then it begins from the beginning.
    record(fixture, &prompt[0].lease, &answered(500), &again(60)).await;
    let since = known(fixture, 1).await.failing_since;
    assert!(since.is_some_and(|since| since != at(3)), "{since:?}");
}

pub async fn an_attempt_is_no_change_of_an_endpoint(fixture: &Fixture) {
    let lease = sent_to(fixture, &endpoint(1), 1).await;
    let mut mine = known(fixture, 1).await;
    record(fixture, &lease, &answered(500), &again(0)).await;
    let failing = known(fixture, 1).await;
    let lease = one_due(fixture, 1, Lane::Patient).await.lease;
    record(fixture, &lease, &answered(200), &ARRIVED).await;
    assert_eq!(known(fixture, 1).await, mine);
    let expected = Endpoint {
        failing_since: failing.failing_since,
        ..mine.clone()
    };
    assert_eq!(failing, expected);
    // Its owner, who read it before, changes it all the same.
    mine.spec.name = "another".into();
    assert!(fixture.webhooks().replace(&mine).await.is_ok());
}

pub async fn what_waits_for_who_took_nothing_goes_to_the_patient_lane(fixture: &Fixture) {
    let outcomes = [
        again(60),
        given_up(GaveUp::Spent),
        disabling(Disabled::Gone),
    ];
    for (round, outcome) in (0..).zip(outcomes) {
        let [first, second, third] = [1, 2, 3].map(|number| round * 10 + number);
        register(fixture, &endpoint(1)).await;
        register(fixture, &endpoint(2)).await;
        complete(fixture, first).await;
        let claimed = due(fixture, 1, Lane::Prompt).await;
        assert_eq!(
            keys(&claimed),
            [to_endpoint(first, 1), to_endpoint(first, 2)]
        );
        complete_calling_back(fixture, second).await;
        complete(fixture, third).await;
        record(fixture, &claimed[0].lease, &answered(500), &outcome).await;
        let patient = due(fixture, 1, Lane::Patient).await;
        let expected = [to_endpoint(second, 1), to_endpoint(third, 1)];
        assert_eq!(keys(&patient), expected, "{outcome:?}");
        assert!(patient.iter().all(|due| due.tried == 0));
        let prompt = due(fixture, 1, Lane::Prompt).await;
        let expected = [
            to_callback(second),
            to_endpoint(second, 2),
            to_endpoint(third, 2),
        ];
        assert_eq!(keys(&prompt), expected, "{outcome:?}");
        forget(fixture, 1).await;
        forget(fixture, 2).await;
    }
}

pub async fn what_waits_for_who_took_one_stays_where_it_is(fixture: &Fixture) {
    let lease = sent_to(fixture, &endpoint(1), 1).await;
    complete(fixture, 2).await;
    record(fixture, &lease, &answered(200), &ARRIVED).await;
    let waiting = one_due(fixture, 1, Lane::Prompt).await;
    assert_eq!(waiting.lease.key, to_endpoint(2, 1));
}

pub async fn an_endpoint_that_is_gone_is_disabled(fixture: &Fixture) {
    for (number, why) in [(1, Disabled::Gone), (2, Disabled::Failing)] {
        let lease = sent_to(fixture, &endpoint(number), number).await;
        let mut before = known(fixture, number).await;
        record(fixture, &lease, &answered(410), &disabling(why)).await;
        let after = known(fixture, number).await;
        let EndpointState::Disabled { why: shown, .. } = after.state else {
            panic!("it is disabled: {after:?}")
        };
        assert_eq!(shown, why);
        assert_eq!(after.revision, before.revision + 1);
        assert!(after.failing_since.is_some());
        assert_eq!(
            (&after.spec, &after.secrets),
            (&before.spec, &before.secrets)
        );
        // Whoever read it before does not undo that unawares.
        before.spec.name = "another".into();
        assert_stale(&fixture.webhooks().replace(&before).await);
        assert_eq!(known(fixture, number).await, after);
        complete(fixture, 10 + number).await;
        assert_eq!(told(fixture, 10 + number).await, []);
        let active = Endpoint {
            state: EndpointState::Active,
            failing_since: None,
            ..after
        };
        assert!(fixture.webhooks().replace(&active).await.is_ok());
        complete(fixture, 20 + number).await;
        let due = one_due(fixture, 1, Lane::Prompt).await;
        assert_eq!(due.lease.key, to_endpoint(20 + number, number));
        forget(fixture, number).await;
    }
}

pub async fn an_endpoint_that_is_disabled_already_stays_so(fixture: &Fixture) {
    let lease = sent_to(fixture, &endpoint(1), 1).await;
    let mut disabled = known(fixture, 1).await;
    disabled.state = EndpointState::Disabled {
        at: at(5),
        why: Disabled::ByOwner,
    };
    assert!(fixture.webhooks().replace(&disabled).await.is_ok());
    record(fixture, &lease, &answered(410), &disabling(Disabled::Gone)).await;
    // Nobody changes it behind the back of its owner, who may be about to change it again.
    let after = known(fixture, 1).await;
    assert_eq!((after.state, after.revision), (disabled.state, 1));
    assert!(fixture.webhooks().replace(&after).await.is_ok());
}

pub async fn the_address_of_a_request_is_no_endpoint(fixture: &Fixture) {
    let mut failing = endpoint(1);
    failing.failing_since = Some(at(3));
    register(fixture, &failing).await;
    register(fixture, &endpoint(2)).await;
    let before = [known(fixture, 1).await, known(fixture, 2).await];
    let outcomes = [ARRIVED, again(60), disabling(Disabled::Gone)];
    for (number, outcome) in (1..).zip(outcomes) {
        complete_calling_back(fixture, number).await;
        let prompt = due(fixture, 1, Lane::Prompt).await;
        assert_eq!(keys(&prompt), [to_callback(number), to_endpoint(number, 2)]);
        record(fixture, &prompt[0].lease, &answered(410), &outcome).await;
        assert_eq!([known(fixture, 1).await, known(fixture, 2).await], before);
    }
    // Nor does one stand for another.
    complete_calling_back(fixture, 9).await;
    let prompt = due(fixture, 1, Lane::Prompt).await;
    assert_eq!(keys(&prompt), [to_callback(9), to_endpoint(9, 2)]);
    due(fixture, 1, Lane::Patient).await;
    assert_nothing_due(fixture).await;
}
