//! What an owner sees of its deliveries, and an operator of all.

use std::time::Duration;

use response_domain::page::{More, Paged};
use response_domain::ports::webhook::OutboxDepth;
use response_domain::status::Change;
use response_domain::webhook::{
    DeliveryState, Lane, Payload, SendFault, WebhookDelivery, WebhookEvent,
};

use super::sample::{
    ARRIVED, CALLBACK, HOLD, again, answered, assert_nothing_due, calling_back, commit, complete,
    complete_calling_back, deliveries, due, ending, endpoint, endpoint_id, is_pending, known,
    one_due, record, register, run, to_callback, to_endpoint, told, unanswered, wanting,
    with_metadata,
};
use crate::queue_suite::sample::queued;
use crate::store_suite::Fixture;
use crate::store_suite::sample::{ada, at, id};

pub async fn deliveries_of_a_response_read_back(fixture: &Fixture) {
    register(fixture, &endpoint(2)).await;
    register(fixture, &wanting(1, WebhookEvent::Completed, Payload::Thin)).await;
    let (ended, work) = ending(fixture, &calling_back(1), Change::Complete).await;
    commit(fixture, work).await;
    let waiting = deliveries(fixture, ended.id).await;
    let expected: Vec<WebhookDelivery> = [
        (to_callback(1), CALLBACK.into()),
        (to_endpoint(1, 1), endpoint(1).spec.url),
        (to_endpoint(1, 2), endpoint(2).spec.url),
    ]
    .into_iter()
    .zip(&waiting)
    .map(|((key, url), waiting)| WebhookDelivery {
        key,
        event: WebhookEvent::Completed,
        url,
        created: ended.times.ended.unwrap_or(at(0)),
        state: waiting.state,
        attempts: Vec::new(),
    })
    .collect();
    assert!(waiting.iter().all(is_pending));
    assert_eq!(waiting, expected);
    // One that is claimed is due when that claim is over.
    let DeliveryState::Pending { due: before } = waiting[0].state else {
        panic!("it waits")
    };
    let claimed = due(fixture, 1, Lane::Prompt).await;
    let shown = deliveries(fixture, ended.id).await;
    let DeliveryState::Pending { due: after } = shown[0].state else {
        panic!("it is being sent")
    };
    assert!(after.since(before) >= HOLD, "{after:?}, {before:?}");
    // Nobody's attempts are taken for another's.
    record(fixture, &claimed[0].lease, &answered(200), &ARRIVED).await;
    let fault = unanswered(SendFault::TimedOut);
    record(fixture, &claimed[1].lease, &fault, &again(0)).await;
    let lease = one_due(fixture, 1, Lane::Patient).await.lease;
    record(fixture, &lease, &answered(301), &again(60)).await;
    let shown = deliveries(fixture, ended.id).await;
    let attempts: Vec<_> = shown.into_iter().map(|it| it.attempts).collect();
    let expected = [vec![answered(200)], vec![fault, answered(301)], Vec::new()];
    assert_eq!(attempts, expected);
}

pub async fn what_was_never_to_be_told_reads_empty(fixture: &Fixture) {
    complete(fixture, 1).await;
    complete_calling_back(fixture, 2).await;
    assert_eq!(deliveries(fixture, id(1)).await, []);
    assert_eq!(deliveries(fixture, id(3)).await, []);
    let nothing = Paged {
        entries: Vec::new(),
        more: More::Nothing,
    };
    assert_eq!(listed(fixture, 1, 10, None).await, nothing);
}

pub async fn odd_addresses_of_requests_survive(fixture: &Fixture) {
    let odd = [
        r"http://caller.test/\u0000",
        r"http://caller.test/\ufffd0\ufffd",
        r"http://caller.test/größe?a=%20&b='\u0022#\\",
    ];
    for (number, url) in (1..).zip(odd) {
        let metadata = format!(r#"{{"webhook_url":"{url}"}}"#);
        let response = with_metadata(number, &metadata);
        let meant = response.spec.metadata.to_value();
        let meant = meant.get("webhook_url").and_then(|url| url.as_str());
        assert_eq!(run(fixture, &response, Change::Complete).await, 1);
        let shown = deliveries(fixture, response.id).await;
        assert_eq!(Some(&*shown[0].url), meant);
        let target = one_due(fixture, 1, Lane::Prompt).await.target;
        assert_eq!(Some(&**target.url()), meant);
    }
}

/// A page of what was sent to an endpoint of ada's.
async fn listed(
    fixture: &Fixture,
    endpoint: u32,
    limit: u16,
    after: Option<u32>,
) -> Paged<WebhookDelivery> {
    let outbox = fixture.webhooks();
    let endpoint = endpoint_id(endpoint);
    let (owner, after) = (ada(), after.map(id));
    let page = outbox.of_endpoint(&owner, endpoint, limit, after).await;
    let Ok(page) = page else { panic!("{page:?}") };
    let to = page.entries.iter().map(|it| it.key.endpoint);
    assert!(to.into_iter().all(|to| to == Some(endpoint)), "{page:?}");
    page
}

/// The numbers of the responses whose deliveries a page shows, and whether more follow.
async fn page(
    fixture: &Fixture,
    endpoint: u32,
    limit: u16,
    after: Option<u32>,
) -> (Vec<u32>, More) {
    let page = listed(fixture, endpoint, limit, after).await;
    let number = |delivery: &WebhookDelivery| {
        let known = (1..100).find(|number| id(*number) == delivery.key.response);
        known.unwrap_or_default()
    };
    (page.entries.iter().map(number).collect(), page.more)
}

pub async fn deliveries_to_an_endpoint_are_listed_newest_first(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    register(fixture, &wanting(2, WebhookEvent::Cancelled, Payload::Full)).await;
    for number in [2, 5, 1, 4] {
        complete_calling_back(fixture, number).await;
    }
    run(fixture, &queued(3), Change::Cancel).await;
    let all = vec![5, 4, 3, 2, 1];
    assert_eq!(
        page(fixture, 1, 10, None).await,
        (all.clone(), More::Nothing)
    );
    assert_eq!(page(fixture, 1, 5, None).await, (all, More::Nothing));
    let two = page(fixture, 1, 2, None).await;
    assert_eq!(two, (vec![5, 4], More::Follows));
    let two = page(fixture, 1, 2, Some(4)).await;
    assert_eq!(two, (vec![3, 2], More::Follows));
    assert_eq!(
        page(fixture, 1, 2, Some(3)).await,
        (vec![2, 1], More::Nothing)
    );
    assert_eq!(page(fixture, 1, 2, Some(1)).await, (vec![], More::Nothing));
    assert_eq!(page(fixture, 2, 2, None).await, (vec![3], More::Nothing));
    // Each as it stands among those of its response.
    for due in due(fixture, 1, Lane::Prompt).await {
        if due.lease.key == to_endpoint(4, 1) {
            record(fixture, &due.lease, &answered(503), &again(60)).await;
        }
    }
    let shown = listed(fixture, 1, 10, None).await.entries;
    let mut expected = Vec::new();
    for number in [5, 4, 3, 2, 1] {
        let of_it = deliveries(fixture, id(number)).await;
        let to_it = of_it
            .into_iter()
            .find(|it| it.key.endpoint == Some(endpoint_id(1)));
        expected.extend(to_it);
    }
    assert_eq!(shown[1].attempts.len(), 1);
    assert_eq!(shown, expected);
}

pub async fn a_deleted_response_is_told_to_nobody(fixture: &Fixture) {
    let store = fixture.store();
    register(fixture, &endpoint(1)).await;
    for number in 1..=3 {
        complete_calling_back(fixture, number).await;
    }
    for due in due(fixture, 1, Lane::Prompt).await {
        if due.lease.key.response == id(1) {
            record(fixture, &due.lease, &answered(200), &ARRIVED).await;
        }
    }
    let bob = response_domain::caller::OwnerId::new("bob");
    for number in 1..=2 {
        assert_eq!(store.delete(&bob, id(number)).await.ok(), Some(false));
        assert_eq!(told(fixture, number).await.len(), 2);
        assert_eq!(store.delete(&ada(), id(number)).await.ok(), Some(true));
        assert_eq!(told(fixture, number).await, []);
    }
    assert_eq!(page(fixture, 1, 10, None).await, (vec![3], More::Nothing));
    fixture.outside().pass(HOLD).await;
    let claimed = due(fixture, 1, Lane::Prompt).await;
    assert!(claimed.iter().all(|due| due.lease.key.response == id(3)));
    assert_eq!(claimed.len(), 2);
    for key in [to_callback(1), to_endpoint(2, 1)] {
        let again = fixture.webhooks().redeliver(&ada(), key).await;
        assert_eq!(again.ok(), Some(false));
    }
    assert_eq!(known(fixture, 1).await, endpoint(1));
    assert_nothing_due(fixture).await;
}

async fn depth(fixture: &Fixture) -> OutboxDepth {
    let depth = fixture.webhooks().depth().await;
    assert!(depth.is_ok(), "{depth:?}");
    depth.unwrap_or_default()
}

/// So many deliveries are to arrive, and the oldest nobody has claimed has been due for about so long.
async fn assert_depth(fixture: &Fixture, pending: u64, overdue: Option<u64>) {
    let depth = depth(fixture).await;
    assert_eq!(depth.pending, pending, "{depth:?}");
    match (depth.overdue, overdue) {
        (None, None) => {}
        (Some(is), Some(least)) => {
            let least = Duration::from_secs(least);
            let most = least + Duration::from_secs(30);
            assert!(is >= least && is < most, "{is:?}, {least:?}");
        }
        (is, expected) => panic!("overdue for {is:?}, not {expected:?}"),
    }
}

pub async fn what_is_under_way_is_counted(fixture: &Fixture) {
    let pass = async |seconds| fixture.outside().pass(Duration::from_secs(seconds)).await;
    assert_eq!(depth(fixture).await, OutboxDepth::default());
    register(fixture, &endpoint(1)).await;
    complete_calling_back(fixture, 1).await;
    assert_depth(fixture, 2, Some(0)).await;
    pass(100).await;
    complete(fixture, 2).await;
    assert_depth(fixture, 3, Some(100)).await;
    // What is being sent is under way, but not late.
    let claimed = due(fixture, 1, Lane::Prompt).await;
    assert_depth(fixture, 3, None).await;
    complete(fixture, 3).await;
    assert_depth(fixture, 4, Some(0)).await;
    let lease = one_due(fixture, 1, Lane::Prompt).await.lease;
    record(fixture, &lease, &answered(200), &ARRIVED).await;
    assert_depth(fixture, 3, None).await;
    record(fixture, &claimed[0].lease, &answered(500), &again(60)).await;
    assert_depth(fixture, 3, None).await;
    pass(260).await;
    assert_depth(fixture, 3, Some(200)).await;
    let lease = one_due(fixture, 1, Lane::Patient).await.lease;
    let given_up = response_domain::webhook::GaveUp::Spent;
    assert!(fixture.webhooks().give_up(&lease, given_up).await.is_ok());
    assert_depth(fixture, 2, None).await;
}
