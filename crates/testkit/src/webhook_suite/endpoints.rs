//! Registered endpoints.

use response_domain::caller::OwnerId;
use response_domain::page::{More, Paged};
use response_domain::ports::webhook::Added;
use response_domain::webhook::{
    Disabled, Effect, Endpoint, EndpointState, EventPattern, Lane, Outcome, Payload,
    PreviousSecret, WebhookEvent,
};

use super::sample::{
    ARRIVED, again, answered, assert_nothing_due, assert_stale, complete_calling_back, deliveries,
    delivery, due, endpoint, endpoint_id, forget, keys, known, record, register, sealed,
    to_callback, to_endpoint, told,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{ada, at, id};

/// The endpoint of this number with nothing about it as usual.
fn unusual(number: u32) -> Endpoint {
    let mut endpoint = endpoint(number);
    endpoint.spec.events = vec![
        EventPattern::Only(WebhookEvent::Incomplete),
        EventPattern::Every,
        EventPattern::Only(WebhookEvent::Cancelled),
        EventPattern::EveryResponse,
    ];
    endpoint.spec.payload = Payload::Thin;
    endpoint.state = EndpointState::Disabled {
        at: at(11),
        why: Disabled::Failing,
    };
    endpoint.secrets.current.key = "key-2".into();
    endpoint.secrets.current.bytes = (0..=255).collect();
    endpoint.secrets.hint = r"\'%_".into();
    endpoint.secrets.previous = Some(PreviousSecret {
        sealed: sealed("before"),
        until: at(12),
    });
    endpoint.failing_since = Some(at(13));
    endpoint.created = at(14);
    endpoint.updated = at(15);
    endpoint
}

pub async fn every_field_of_an_endpoint_reads_back(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    register(fixture, &unusual(2)).await;
    assert_eq!(known(fixture, 1).await, endpoint(1));
    assert_eq!(known(fixture, 2).await, unusual(2));
    let mut number = 2;
    for &why in Disabled::ALL {
        for &event in WebhookEvent::ALL {
            number += 1;
            let mut endpoint = unusual(number);
            endpoint.state = EndpointState::Disabled { at: at(16), why };
            endpoint.spec.events = vec![EventPattern::Only(event)];
            endpoint.revision = number;
            register(fixture, &endpoint).await;
            assert_eq!(known(fixture, number).await, endpoint);
        }
    }
}

pub async fn odd_names_and_addresses_survive(fixture: &Fixture) {
    let odd = [
        "\0",
        "a\0b\0",
        "\u{FFFD}0\u{FFFD}",
        "'; DROP TABLE webhook_endpoints; --",
        "größe \u{1F600} \u{10FFFF}",
        " \t\n ",
        "%_\\$1",
    ];
    for (number, text) in (1..).zip(odd) {
        let mut endpoint = endpoint(number);
        endpoint.owner = OwnerId::new(&format!("ada {text}"));
        endpoint.spec.name = text.into();
        endpoint.spec.url = format!("http://receiver.test/{text}").into();
        register(fixture, &endpoint).await;
        let doors = fixture.webhooks();
        let found = doors.find(&endpoint.owner, endpoint.id).await.ok();
        assert_eq!(found, Some(Some(endpoint.clone())), "{text:?}");
        assert!(doors.replace(&endpoint).await.is_ok());
        endpoint.revision += 1;
        let found = doors.find(&endpoint.owner, endpoint.id).await.ok();
        assert_eq!(found, Some(Some(endpoint)), "{text:?}");
    }
}

/// The ids of a page, and whether more follow.
fn shown(page: Paged<Endpoint>) -> (Vec<u32>, More) {
    let number = |endpoint: Endpoint| {
        let known = (1..100).find(|number| endpoint_id(*number) == endpoint.id);
        known.unwrap_or_default()
    };
    (page.entries.into_iter().map(number).collect(), page.more)
}

pub async fn endpoints_are_listed_newest_first(fixture: &Fixture) {
    for number in [3, 1, 5, 2, 4] {
        register(fixture, &endpoint(number)).await;
    }
    let page = async |limit, after: Option<u32>| {
        let after = after.map(endpoint_id);
        let page = fixture.webhooks().page(&ada(), limit, after).await;
        let Ok(page) = page else { panic!("{page:?}") };
        shown(page)
    };
    assert_eq!(page(10, None).await, (vec![5, 4, 3, 2, 1], More::Nothing));
    assert_eq!(page(5, None).await, (vec![5, 4, 3, 2, 1], More::Nothing));
    assert_eq!(page(4, None).await, (vec![5, 4, 3, 2], More::Follows));
    assert_eq!(page(2, Some(4)).await, (vec![3, 2], More::Follows));
    assert_eq!(page(2, Some(3)).await, (vec![2, 1], More::Nothing));
    assert_eq!(page(2, Some(1)).await, (vec![], More::Nothing));
    // A change does not move it.
    assert!(fixture.webhooks().replace(&endpoint(2)).await.is_ok());
    forget(fixture, 4).await;
    assert_eq!(page(3, None).await, (vec![5, 3, 2], More::Follows));
    let all = fixture.webhooks().page(&ada(), 10, None).await.ok();
    let changed = Endpoint {
        revision: 1,
        ..endpoint(2)
    };
    let expected = vec![endpoint(5), endpoint(3), changed, endpoint(1)];
    assert_eq!(all.map(|page| page.entries), Some(expected));
}

pub async fn a_change_takes_the_place_of_the_latest_only(fixture: &Fixture) {
    let doors = fixture.webhooks();
    register(fixture, &endpoint(1)).await;
    register(fixture, &endpoint(2)).await;
    let mut mine = unusual(1);
    for revision in 1..=3 {
        assert!(doors.replace(&mine).await.is_ok());
        let after = Endpoint {
            revision,
            ..mine.clone()
        };
        assert_eq!(known(fixture, 1).await, after);
        assert_stale(&doors.replace(&mine).await);
        mine.revision = revision + 1;
        assert_stale(&doors.replace(&mine).await);
        mine = after;
        mine.spec.name = format!("name {revision}").into();
        mine.failing_since = mine.failing_since.xor(Some(at(21)));
        mine.state = EndpointState::Active;
        mine.secrets.previous = None;
    }
    assert_eq!(known(fixture, 2).await, endpoint(2));
    assert_stale(&doors.replace(&endpoint(3)).await);
    forget(fixture, 2).await;
    assert_stale(&doors.replace(&endpoint(2)).await);
    let found = doors.find(&ada(), endpoint_id(2)).await.ok();
    assert_eq!(found, Some(None));
}

pub async fn an_owner_has_no_more_than_allowed(fixture: &Fixture) {
    let doors = fixture.webhooks();
    let add = async |endpoint: &Endpoint| doors.add(endpoint, 3).await.ok();
    let mut bobs = endpoint(9);
    bobs.owner = OwnerId::new("bob");
    assert_eq!(add(&bobs).await, Some(Added::Kept));
    // Those that are sent nothing count as well.
    for endpoint in [endpoint(1), unusual(2), endpoint(3)] {
        assert_eq!(add(&endpoint).await, Some(Added::Kept));
    }
    assert_eq!(add(&endpoint(4)).await, Some(Added::Full));
    let found = doors.find(&ada(), endpoint_id(4)).await.ok();
    assert_eq!(found, Some(None));
    bobs.id = endpoint_id(8);
    assert_eq!(add(&bobs).await, Some(Added::Kept));
    forget(fixture, 2).await;
    assert_eq!(add(&endpoint(4)).await, Some(Added::Kept));
    assert_eq!(add(&endpoint(5)).await, Some(Added::Full));
    assert_eq!(doors.add(&endpoint(5), 4).await.ok(), Some(Added::Kept));
}

pub async fn what_is_removed_is_gone_with_its_deliveries(fixture: &Fixture) {
    let doors = fixture.webhooks();
    register(fixture, &endpoint(1)).await;
    register(fixture, &endpoint(2)).await;
    let works = |outcome| Outcome {
        effect: Effect::Works,
        ..outcome
    };
    let outcomes = [
        Some(ARRIVED),
        Some(works(again(0))),
        Some(works(again(60))),
        None,
    ];
    for (number, outcome) in (1..).zip(outcomes) {
        complete_calling_back(fixture, number).await;
        let claimed = due(fixture, 1, Lane::Prompt).await;
        assert_eq!(claimed.len(), 3);
        for due in claimed {
            if let Some(outcome) = &outcome {
                record(fixture, &due.lease, &answered(500), outcome).await;
            }
        }
    }
    complete_calling_back(fixture, 5).await;
    forget(fixture, 1).await;
    assert_eq!(doors.find(&ada(), endpoint_id(1)).await.ok(), Some(None));
    let removed = doors.remove(&ada(), endpoint_id(1)).await;
    assert_eq!(removed.ok(), Some(false));
    for number in 1..=5 {
        let told = told(fixture, number).await;
        let shown: Vec<_> = told.into_iter().map(|(key, _)| key).collect();
        assert_eq!(shown, [to_callback(number), to_endpoint(number, 2)]);
    }
    let of_it = doors.of_endpoint(&ada(), endpoint_id(1), 10, None).await;
    assert_eq!(of_it.ok().map(|page| page.entries), Some(Vec::new()));
    let prompt = due(fixture, 1, Lane::Prompt).await;
    assert_eq!(keys(&prompt), [to_callback(5), to_endpoint(5, 2)]);
    let patient = due(fixture, 1, Lane::Patient).await;
    assert_eq!(keys(&patient), [to_callback(2), to_endpoint(2, 2)]);
    let depth = doors.depth().await.ok();
    assert_eq!(depth.map(|depth| depth.pending), Some(8));
    // One that is registered again knows nothing of it.
    register(fixture, &endpoint(1)).await;
    assert_eq!(deliveries(fixture, id(1)).await.len(), 2);
    complete_calling_back(fixture, 6).await;
    let again = delivery(fixture, to_endpoint(6, 1)).await;
    assert_eq!(again.attempts, []);
}

pub async fn an_endpoint_of_somebody_else_does_not_exist(fixture: &Fixture) {
    let doors = fixture.webhooks();
    register(fixture, &endpoint(1)).await;
    complete_calling_back(fixture, 1).await;
    let before = deliveries(fixture, id(1)).await;
    for name in ["bob", "Ada", "ada ", "ad", ""] {
        let other = OwnerId::new(name);
        let found = doors.find(&other, endpoint_id(1)).await.ok();
        assert_eq!(found, Some(None), "{name:?}");
        let page = doors.page(&other, 10, None).await.ok();
        assert_eq!(page.map(|page| page.entries), Some(Vec::new()));
        let theirs = Endpoint {
            owner: other.clone(),
            ..unusual(1)
        };
        assert_stale(&doors.replace(&theirs).await);
        let removed = doors.remove(&other, endpoint_id(1)).await;
        assert_eq!(removed.ok(), Some(false), "{name:?}");
        let of_it = doors.of_endpoint(&other, endpoint_id(1), 10, None).await;
        assert_eq!(of_it.ok().map(|page| page.entries), Some(Vec::new()));
        let of_response = doors.of_response(&other, id(1)).await.ok();
        assert_eq!(of_response, Some(Vec::new()), "{name:?}");
    }
    assert_eq!(known(fixture, 1).await, endpoint(1));
    assert_eq!(deliveries(fixture, id(1)).await, before);
    due(fixture, 1, Lane::Prompt).await;
    assert_nothing_due(fixture).await;
}
