//! Lists.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::execution::ExecutionState;
use response_domain::id::ResponseId;
use response_domain::page::{More, Page};
use response_domain::response::Response;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::{Change, StatusName};

use super::Subject;
use super::sample::{
    accepted, ada, asked, at, call, changed, completed, conversation, everything, id, put, spec,
    with_calls,
};

async fn listed(store: &dyn Subject, page: &Page) -> (Vec<ResponseId>, More) {
    let found = store.page(&ada(), page).await;
    assert!(found.is_ok(), "{found:?}");
    found.map_or((Vec::new(), More::Nothing), |found| {
        (
            found.entries.iter().map(|entry| entry.id).collect(),
            found.more,
        )
    })
}

fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<ResponseId> {
    numbers.into_iter().map(id).collect()
}

/// A response of this number that was created then.
fn created(number: u32, micros: i64) -> Response {
    let mut response = completed(number);
    response.times.created = at(micros);
    response
}

pub async fn responses_are_listed_newest_first(store: &dyn Subject) {
    // Within a second, and in another order than their ids.
    let moments = [(1, 30), (2, 1_000_000), (3, 7), (4, 999_999), (5, 100_000)];
    for (number, micros) in moments {
        put(store, &created(number, micros), Vec::new()).await;
    }
    let all = listed(store, &everything(100)).await;
    assert_eq!(all, (ids([2, 4, 5, 1, 3]), More::Nothing));
}

pub async fn pages_follow_each_other_without_gap_or_double(store: &dyn Subject) {
    for number in 1..=12 {
        // Groups of three share their moment.
        put(
            store,
            &created(number, i64::from((number - 1) / 3)),
            Vec::new(),
        )
        .await;
    }
    let expected = ids((1..=12).rev());
    for limit in [1, 2, 3, 5, 11, 12, 13] {
        let mut all: Vec<ResponseId> = Vec::new();
        let mut page = everything(limit);
        loop {
            let (entries, more) = listed(store, &page).await;
            assert!(entries.len() <= usize::from(limit));
            all.extend_from_slice(&entries);
            page.after = entries.last().copied();
            let last = all.len() == expected.len();
            assert_eq!(
                more == More::Nothing,
                last,
                "limit {limit} after {}",
                all.len()
            );
            if last || entries.is_empty() {
                break;
            }
        }
        assert_eq!(all, expected, "limit {limit}");
    }
}

/// Completed, in progress, queued, completed in the background, of another conversation, cancelled.
fn of_all_sorts() -> [Response; 6] {
    let background = ResponseSpec {
        delivery: Delivery::Background,
        ..spec()
    };
    let mut elsewhere = completed(5);
    elsewhere.conversation = Some(conversation(50));
    [
        completed(1),
        accepted(2),
        asked(3, background.clone()),
        changed(
            changed(asked(4, background), Change::Start),
            Change::Complete,
        ),
        elsewhere,
        changed(accepted(6), Change::Cancel),
    ]
}

pub async fn a_list_can_be_narrowed(store: &dyn Subject) {
    for response in of_all_sorts() {
        put(store, &response, Vec::new()).await;
    }
    let page = everything(10);
    let status = |status| Page {
        status: Some(status),
        ..page.clone()
    };
    let running = |background| Page {
        background: Some(background),
        ..page.clone()
    };
    let home = Page {
        conversation: Some(conversation(50)),
        ..page.clone()
    };
    let both = Page {
        background: Some(true),
        ..status(StatusName::Completed)
    };
    let cases = [
        (page.clone(), vec![6, 5, 4, 3, 2, 1]),
        (status(StatusName::Completed), vec![5, 4, 1]),
        (status(StatusName::InProgress), vec![2]),
        (status(StatusName::Queued), vec![3]),
        (status(StatusName::Cancelled), vec![6]),
        (status(StatusName::Failed), vec![]),
        (running(true), vec![4, 3]),
        (running(false), vec![6, 5, 2, 1]),
        (home, vec![5]),
        (both, vec![4]),
    ];
    for (page, expected) in cases {
        assert_eq!(
            listed(store, &page).await,
            (ids(expected), More::Nothing),
            "{page:?}"
        );
    }
    let first = Page {
        limit: 2,
        ..status(StatusName::Completed)
    };
    assert_eq!(listed(store, &first).await, (ids([5, 4]), More::Follows));
    let second = Page {
        after: Some(id(4)),
        ..first
    };
    assert_eq!(listed(store, &second).await, (ids([1]), More::Nothing));
}

pub async fn nothing_follows_what_is_not_there(store: &dyn Subject) {
    put(store, &completed(1), Vec::new()).await;
    let mut bobs = completed(2);
    bobs.owner = OwnerId::new("bob");
    put(store, &bobs, Vec::new()).await;
    for number in [2, 3] {
        let after = Some(id(number));
        let page = Page {
            after,
            ..everything(10)
        };
        assert_eq!(listed(store, &page).await, (Vec::new(), More::Nothing));
    }
    let page = Page {
        after: Some(id(1)),
        ..everything(10)
    };
    assert_eq!(listed(store, &page).await, (Vec::new(), More::Nothing));
}

/// Who deletes what a page shows and asks for the next one gets the next one.
pub async fn a_list_can_be_emptied_page_by_page(store: &dyn Subject) {
    for number in 1..=5 {
        put(store, &completed(number), Vec::new()).await;
    }
    let mut page = everything(2);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (entries, _) = listed(store, &page).await;
        for entry in &entries {
            assert_eq!(store.delete(&ada(), *entry).await.ok(), Some(true));
        }
        page.after = entries.last().copied();
        seen.extend(entries);
    }
    assert_eq!(seen, ids((1..=5).rev()));
    assert_eq!(
        listed(store, &everything(10)).await,
        (Vec::new(), More::Nothing)
    );
}

pub async fn a_list_tells_of_executions(store: &dyn Subject) {
    let mut written = Vec::new();
    for number in 1..=3 {
        let response = completed(number);
        let calls: Vec<_> = (0..number)
            .map(|ordinal| call(&response, ordinal, ExecutionState::Completed("x".into())))
            .collect();
        let response = with_calls(response, if number == 2 { &[] } else { &calls });
        put(store, &response, Vec::new()).await;
        written.insert(0, Arc::new(response));
    }
    let page = store.page(&ada(), &everything(10)).await;
    assert_eq!(page.ok().map(|page| page.entries), Some(written));
}

/// Ten megabytes in four responses: no page needs to hold them all, and each is found once.
pub async fn heavy_responses_are_listed_without_gap_or_double(store: &dyn Subject) {
    let heavy = ResponseSpec {
        system_prompt: Some("x".repeat(2_500_000).into()),
        ..spec()
    };
    for number in 1..=4 {
        let response = changed(asked(number, heavy.clone()), Change::Complete);
        put(store, &response, Vec::new()).await;
    }
    let mut page = everything(100);
    let mut found: Vec<ResponseId> = Vec::new();
    loop {
        let (entries, more) = listed(store, &page).await;
        assert!(!entries.is_empty(), "a page before the end is not empty");
        found.extend(entries.iter().copied());
        page.after = entries.last().copied();
        if more == More::Nothing {
            break;
        }
    }
    assert_eq!(found, ids([4, 3, 2, 1]));
}
