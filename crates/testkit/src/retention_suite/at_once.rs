//! What holds while others do the same, or something else.

use std::sync::Arc;

use futures::future::{join, join_all};
use response_domain::ports::store::StoreError;
use response_domain::retention::Expiry;
use response_domain::status::Change;

use super::sample::{NONE, before, continuing, end_of, names, next_day, there};
use crate::conversation_suite::sample::seen;
use crate::store_suite::Fixture;
use crate::store_suite::sample::{ada, changed, completed, first, id, put, talk};
use crate::webhook_suite::sample::{complete_calling_back, endpoint, register};

const OLD: u32 = 60;

/// Forgets some at a time until nothing is left to forget.
async fn forget_until_done(fixture: &Fixture, expiry: Expiry) -> Result<u32, StoreError> {
    let mut all = 0;
    loop {
        match fixture.retention().expire(&expiry, 7).await? {
            0 => return Ok(all),
            forgotten => all += forgotten,
        }
    }
}

pub async fn those_who_forget_at_once_forget_each_once(fixture: &Fixture) {
    for number in 1..=OLD {
        put(
            fixture.store(),
            &completed(number),
            talk(&completed(number)),
        )
        .await;
    }
    let all = (0..6).map(|_| forget_until_done(fixture, before(next_day())));
    let all: Result<Vec<u32>, StoreError> = join_all(all).await.into_iter().collect();
    assert_eq!(all.ok().map(|all| all.iter().sum()), Some(OLD));
    assert_eq!(there(fixture, 1..=OLD).await, NONE);
}

/// Old ones are forgotten and deleted by their owner, while new ones continue them in the same conversations.
pub async fn forgetting_disturbs_nobody(fixture: &Fixture) {
    let store = fixture.store();
    register(fixture, &endpoint(1)).await;
    for number in 1..=OLD {
        if number % 5 == 0 {
            complete_calling_back(fixture, number).await;
        } else {
            put(store, &completed(number), talk(&completed(number))).await;
        }
    }
    let expiry = before(end_of(OLD).after(std::time::Duration::from_mins(1)));
    let forgetting = join_all((0..4).map(|_| forget_until_done(fixture, expiry)));
    let deleting = join_all((1..=OLD).map(|number| async move {
        let owner = ada();
        store.delete(&owner, id(number)).await
    }));
    let going_on = join_all((1..=OLD).map(|number| {
        let mut next = continuing(1_000 + number, number, number);
        next.times.updated = next_day();
        let next = changed(next, Change::Complete);
        store.commit(first(&next, talk(&next)))
    }));
    let (forgotten, (deleted, written)) = join(forgetting, join(deleting, going_on)).await;
    let forgotten: Result<Vec<u32>, Arc<StoreError>> = forgotten
        .into_iter()
        .map(|it| it.map_err(Arc::new))
        .collect();
    let deleted: Result<Vec<bool>, Arc<StoreError>> =
        deleted.into_iter().map(|it| it.map_err(Arc::new)).collect();
    let failed: Vec<_> = written.iter().filter(|written| written.is_err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let (Ok(forgotten), Ok(deleted)) = (&forgotten, &deleted) else {
        panic!("somebody was disturbed: {forgotten:?} {deleted:?}")
    };
    let deleted = deleted.iter().filter(|is_deleted| **is_deleted).count();
    let forgotten: u32 = forgotten.iter().sum();
    assert_eq!(forgotten as usize + deleted, OLD as usize);
    assert_eq!(there(fixture, 1..=OLD).await, NONE);
    for number in 1_001..=1_000 + OLD {
        let own = names(number, &talk(&completed(number)));
        assert_eq!(seen(fixture, number).await, own);
    }
}
