//! What holds when several write at once.

use std::sync::Arc;

use futures::future::join_all;
use response_domain::failure::{Failure, FailureCode};
use response_domain::item::Role;
use response_domain::ports::store::{HistoryRef, StoreError};
use response_domain::spec::ResponseSpec;
use response_domain::status::{Change, IncompleteReason};
use response_domain::work::{Guard, UnitOfWork};

use super::Subject;
use super::sample::{
    accepted, ada, alone, asked, changed, completed, conversation, found, id, item, put, said,
    spec, talk, worker,
};

const WRITERS: u32 = 8;

pub async fn of_many_endings_one_wins(store: &dyn Subject) {
    for round in 1..=10 {
        let response = accepted(round);
        put(store, &response, Vec::new()).await;
        let endings = (0..WRITERS).map(|writer| {
            let change = match writer % 4 {
                0 => Change::Complete,
                1 => Change::Cancel,
                2 => Change::Stop(IncompleteReason::ToolDepth),
                _ => Change::Fail(Failure::new(FailureCode::Internal, format!("{writer}"))),
            };
            let ended = changed(response.clone(), change);
            let said_last = item(&ended, writer, said(Role::Assistant, &format!("{writer}")));
            let guard = if writer % 2 == 0 {
                Guard::Held(worker(1))
            } else {
                Guard::Open
            };
            UnitOfWork {
                items: vec![said_last],
                ..alone(guard, &ended)
            }
        });
        let endings: Vec<UnitOfWork> = endings.collect();
        let outcomes = join_all(endings.iter().map(|work| store.commit(work.clone()))).await;
        let mut winners = endings
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| outcome.is_ok());
        let winner = winners.next().map(|(work, _)| work.clone());
        assert_eq!(winners.count(), 0, "two endings were written");
        for outcome in &outcomes {
            assert!(
                matches!(outcome, Ok(_) | Err(StoreError::Stale)),
                "{outcome:?}"
            );
        }
        let kept = found(store, response.id).await;
        let items = store.items(&ada(), response.id).await.ok();
        assert_eq!(
            Some(kept),
            winner.as_ref().map(|work| Arc::clone(&work.response))
        );
        assert_eq!(items, winner.map(|work| work.items));
    }
}

pub async fn of_many_first_writes_one_wins(store: &dyn Subject) {
    let response = completed(1);
    let works = (0..WRITERS).map(|writer| UnitOfWork {
        items: vec![item(&response, writer, said(Role::User, "once"))],
        ..alone(Guard::New(worker(writer)), &response)
    });
    let outcomes = join_all(works.map(|work| store.commit(work))).await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let stale = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(StoreError::Stale)))
        .count();
    assert_eq!((won, stale), (1, 7), "{outcomes:?}");
    let items = store.items(&ada(), response.id).await.ok();
    assert_eq!(items.map(|items| items.len()), Some(1));
}

/// However many end at once in one conversation, who attaches to it then saw all of them, and who attached
/// before saw none.
pub async fn responses_that_end_at_once_each_get_a_place(store: &dyn Subject) {
    let first = completed(1);
    put(store, &first, talk(&first)).await;
    let home = conversation(1);
    let attached = |number| {
        let conversation = Some(home);
        let mut response = asked(
            number,
            ResponseSpec {
                conversation,
                ..spec()
            },
        );
        response.seen = 1;
        response
    };
    let responses: Vec<_> = (2..2 + WRITERS)
        .map(|number| changed(attached(number), Change::Complete))
        .collect();
    join_all(
        responses
            .iter()
            .map(|response| put(store, response, talk(response))),
    )
    .await;

    let history = store
        .history(&ada(), HistoryRef::Conversation(home))
        .await
        .ok()
        .flatten();
    let all = history.map(|history| (history.seen, history.items.len()));
    assert_eq!(all, Some((1 + WRITERS, 2 * (1 + WRITERS as usize))));
    for response in &responses {
        let saw = store
            .history(&ada(), HistoryRef::Response(response.id))
            .await
            .ok()
            .flatten();
        let parents = saw.map(|saw| {
            saw.items
                .iter()
                .map(|item| item.id.parent)
                .collect::<Vec<_>>()
        });
        let (one, own) = (id(1).raw(), response.id.raw());
        assert_eq!(parents, Some(vec![one, one, own, own]));
    }
}
