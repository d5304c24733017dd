//! Endpoints, ended responses, and what a process does with their deliveries. Numbers make them: the same
//! number, the same id.

use std::sync::Arc;
use std::time::Duration;

use response_domain::id::{EndpointId, ResponseId};
use response_domain::ports::store::StoreError;
use response_domain::ports::vault::Sealed;
use response_domain::ports::webhook::{Added, DueClaim};
use response_domain::response::Response;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::Change;
use response_domain::webhook::{
    Answer, Attempt, DeliveryKey, DeliveryLease, DeliveryState, Due, Effect, Endpoint,
    EndpointSpec, EndpointState, EventPattern, GaveUp, Lane, Outcome, Payload, Secrets, SendFault,
    Verdict, WebhookDelivery, WebhookEvent,
};
use response_domain::work::{Guard, UnitOfWork};

use crate::queue_suite::sample::{claim_one, end, entry, job_of, queued};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{ada, asked, at, changed, id, json, spec, worker, write};

/// Where requests want their end to be told, when they want it.
pub const CALLBACK: &str = "http://caller.test/done";

/// After which time an unrecorded claim is over, when a test does not care.
pub const HOLD: Duration = Duration::from_mins(1);

/// More than anybody may have.
pub const PLENTY: u32 = 1_000;

/// The endpoint of this number.
pub fn endpoint_id(number: u32) -> EndpointId {
    EndpointId::new(id(number).raw())
}

/// A secret as a vault might have sealed it.
pub fn sealed(name: &str) -> Sealed {
    Sealed {
        key: "key-1".into(),
        bytes: format!("sealed {name}").into_bytes().into(),
    }
}

/// The endpoint of this number, of ada's, that wants every event in full.
pub fn endpoint(number: u32) -> Endpoint {
    let moment = at(i64::from(number) * 1_000);
    Endpoint {
        id: endpoint_id(number),
        owner: ada(),
        spec: EndpointSpec {
            name: format!("receiver {number}").into(),
            url: format!("https://receiver{number}.test/hook").into(),
            events: vec![EventPattern::Every],
            payload: Payload::Full,
        },
        state: EndpointState::Active,
        secrets: Secrets {
            current: sealed("current"),
            hint: "abcd".into(),
            previous: None,
        },
        failing_since: None,
        created: moment,
        updated: moment,
        revision: 0,
    }
}

/// The same, that wants only this event, in the words of this payload.
pub fn wanting(number: u32, event: WebhookEvent, payload: Payload) -> Endpoint {
    let mut endpoint = endpoint(number);
    endpoint.spec.events = vec![EventPattern::Only(event)];
    endpoint.spec.payload = payload;
    endpoint
}

/// Registers an endpoint; it must be kept.
pub async fn register(fixture: &Fixture, endpoint: &Endpoint) {
    let added = fixture.webhooks().add(endpoint, PLENTY).await;
    assert_eq!(added.ok(), Some(Added::Kept));
}

/// The endpoint of ada's of this number, which must be there.
pub async fn known(fixture: &Fixture, number: u32) -> Endpoint {
    let found = fixture.webhooks().find(&ada(), endpoint_id(number)).await;
    let Ok(Some(endpoint)) = found else {
        panic!("the endpoint {number} is registered: {found:?}")
    };
    endpoint
}

/// Removes the endpoint of ada's of this number, which must be there.
pub async fn forget(fixture: &Fixture, number: u32) {
    let removed = fixture.webhooks().remove(&ada(), endpoint_id(number)).await;
    assert_eq!(removed.ok(), Some(true), "{number}");
}

/// The response of this number in the background, whose end is to be told to [`CALLBACK`].
pub fn calling_back(number: u32) -> Response {
    with_metadata(number, &format!(r#"{{"webhook_url":"{CALLBACK}"}}"#))
}

/// The response of this number in the background, with this metadata.
pub fn with_metadata(number: u32, metadata: &str) -> Response {
    let asked_for = ResponseSpec {
        delivery: Delivery::Background,
        metadata: json(metadata),
        ..spec()
    };
    asked(number, asked_for)
}

/// Queues a response, claims it, and answers the response that ends so with the write that ends it.
pub async fn ending(
    fixture: &Fixture,
    response: &Response,
    change: Change,
) -> (Response, UnitOfWork) {
    let store = fixture.store();
    write(store, entry(response, job_of(1))).await;
    let lease = claim_one(store, 1).await.lease;
    assert_eq!(lease.response, response.id);
    let ended = changed(changed(response.clone(), Change::Start), change);
    let work = end(lease, &ended, 1);
    (ended, work)
}

/// Lets a response run and end so; how many deliveries that made.
pub async fn run(fixture: &Fixture, response: &Response, change: Change) -> u32 {
    let (_, work) = ending(fixture, response, change).await;
    commit(fixture, work).await
}

/// Writes; how many deliveries that made.
pub async fn commit(fixture: &Fixture, work: UnitOfWork) -> u32 {
    let committed = fixture.store().commit(work).await;
    assert!(committed.is_ok(), "{committed:?}");
    committed.map_or(0, |committed| committed.deliveries)
}

/// Completes the response of this number, which asked for nothing to be told.
pub async fn complete(fixture: &Fixture, number: u32) -> Response {
    let (ended, work) = ending(fixture, &queued(number), Change::Complete).await;
    commit(fixture, work).await;
    ended
}

/// Completes the response of this number, whose end is to be told to [`CALLBACK`].
pub async fn complete_calling_back(fixture: &Fixture, number: u32) -> Response {
    let (ended, work) = ending(fixture, &calling_back(number), Change::Complete).await;
    commit(fixture, work).await;
    ended
}

/// The write with which anybody cancels a response as it was just queued.
pub fn cancel(response: &Response) -> (Response, UnitOfWork) {
    let cancelled = changed(response.clone(), Change::Cancel);
    let work = UnitOfWork::of(Guard::Open, Arc::new(cancelled.clone()));
    (cancelled, work)
}

/// The delivery to the address of the request of this number.
pub fn to_callback(number: u32) -> DeliveryKey {
    DeliveryKey {
        response: id(number),
        endpoint: None,
    }
}

/// The delivery of the end of the response of the first number to the endpoint of the second.
pub fn to_endpoint(number: u32, endpoint: u32) -> DeliveryKey {
    DeliveryKey {
        response: id(number),
        endpoint: Some(endpoint_id(endpoint)),
    }
}

/// What there is to be told of a response of ada's.
pub async fn deliveries(fixture: &Fixture, id: ResponseId) -> Vec<WebhookDelivery> {
    let deliveries = fixture.webhooks().of_response(&ada(), id).await;
    assert!(deliveries.is_ok(), "{deliveries:?}");
    deliveries.unwrap_or_default()
}

/// To whom the end of the response of this number is told, and as what.
pub async fn told(fixture: &Fixture, number: u32) -> Vec<(DeliveryKey, WebhookEvent)> {
    let deliveries = deliveries(fixture, id(number)).await;
    deliveries.iter().map(|it| (it.key, it.event)).collect()
}

/// A delivery of ada's, which must be there.
pub async fn delivery(fixture: &Fixture, key: DeliveryKey) -> WebhookDelivery {
    let all = deliveries(fixture, key.response).await;
    let Some(delivery) = all.iter().find(|it| it.key == key) else {
        panic!("{key:?} is to be told: {all:?}")
    };
    delivery.clone()
}

/// Whether a delivery waits or is being sent.
pub fn is_pending(delivery: &WebhookDelivery) -> bool {
    matches!(delivery.state, DeliveryState::Pending { .. })
}

/// A claim of this process for as many as it can get.
pub fn due_claim(process: u32, lane: Lane) -> DueClaim {
    DueClaim {
        worker: worker(process),
        lane,
        at_most: 200,
        hold: HOLD,
    }
}

/// What a claim gets.
pub async fn claims(fixture: &Fixture, claim: DueClaim) -> Vec<Due> {
    let claimed = fixture.webhooks().claim(&claim).await;
    assert!(claimed.is_ok(), "{claimed:?}");
    claimed.unwrap_or_default()
}

/// What this process gets of a lane, in the order of the keys.
pub async fn due(fixture: &Fixture, process: u32, lane: Lane) -> Vec<Due> {
    let mut claimed = claims(fixture, due_claim(process, lane)).await;
    claimed.sort_by_key(|due| due.lease.key);
    claimed
}

/// Which deliveries were claimed.
pub fn keys(claimed: &[Due]) -> Vec<DeliveryKey> {
    claimed.iter().map(|due| due.lease.key).collect()
}

/// What this process gets of a lane, in which exactly one is due.
pub async fn one_due(fixture: &Fixture, process: u32, lane: Lane) -> Due {
    let claimed = claims(fixture, due_claim(process, lane)).await;
    let [due] = claimed.as_slice() else {
        panic!("one delivery is due: {claimed:?}")
    };
    due.clone()
}

/// What this process gets of both lanes, in which exactly one is due.
pub async fn one_due_anywhere(fixture: &Fixture, process: u32) -> Due {
    let mut claimed = due(fixture, process, Lane::Prompt).await;
    claimed.extend(due(fixture, process, Lane::Patient).await);
    let [due] = claimed.as_slice() else {
        panic!("one delivery is due: {claimed:?}")
    };
    due.clone()
}

/// Nothing is due in either lane.
pub async fn assert_nothing_due(fixture: &Fixture) {
    for &lane in Lane::ALL {
        assert_eq!(claims(fixture, due_claim(9, lane)).await, [], "{lane:?}");
    }
}

/// An attempt that was answered with this status.
pub fn answered(status: u16) -> Attempt {
    Attempt {
        at: at(5_000_001),
        url: "https://receiver.test/hook".into(),
        duration: Duration::from_micros(12_345),
        answer: Ok(Answer {
            status,
            retry_after: None,
            excerpt: "an answer".into(),
        }),
    }
}

/// An attempt that was not answered.
pub fn unanswered(fault: SendFault) -> Attempt {
    Attempt {
        answer: Err(fault),
        ..answered(0)
    }
}

/// It arrived.
pub const ARRIVED: Outcome = Outcome {
    verdict: Verdict::Delivered,
    effect: Effect::Works,
};

/// It did not arrive, and is tried again after so many seconds.
pub fn again(seconds: u64) -> Outcome {
    Outcome {
        verdict: Verdict::Again(Duration::from_secs(seconds)),
        effect: Effect::Fails,
    }
}

/// It did not arrive, and is given up.
pub fn given_up(why: GaveUp) -> Outcome {
    Outcome {
        verdict: Verdict::GivenUp(why),
        effect: Effect::Fails,
    }
}

/// Writes an attempt down; it must succeed.
pub async fn record(
    fixture: &Fixture,
    lease: &DeliveryLease,
    attempt: &Attempt,
    outcome: &Outcome,
) {
    let recorded = fixture.webhooks().record(lease, attempt, outcome).await;
    assert!(recorded.is_ok(), "{recorded:?}");
}

/// It must be refused.
pub fn assert_stale<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Stale)), "{outcome:?}");
}
