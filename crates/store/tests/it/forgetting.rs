//! What is past its time, on both databases: what the rows say afterwards.

use futures::future::join_all;
use response_domain::failure::{Failure, FailureCode};
use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::retention::RetentionStore;
use response_domain::ports::store::ResponseStore;
use response_domain::spec::ResponseSpec;
use response_domain::status::Change;
use response_testkit::conversation_suite::sample as talks;
use response_testkit::postgres::TestDatabase;
use response_testkit::retention_suite::sample::{
    answer, answers_before, before, end, end_of, far_away, forget_all, go_on, next_day,
};
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::sample::{
    accepted, ada, asked, completed, conversation, id, put, spec, talk,
};
use response_testkit::tables::{self, not_empty};
use response_testkit::webhook_suite::sample::complete_calling_back;
use sqlx::Connection;

use crate::postgres;
use crate::stage::{Stage, on_both};

fn fixture(stage: &Stage) -> Fixture {
    Fixture::new(stage.store.clone())
        .telling(stage.store.clone())
        .conversing(stage.store.clone())
        .admitting(stage.store.clone())
}

async fn when_all_is_forgotten_no_row_is_left(stage: Stage) {
    let fixture = fixture(&stage);
    answer(&fixture, 1).await;
    go_on(&fixture, 2, 1, 1).await;
    assert!(stage.store.delete(&ada(), id(1)).await.unwrap());
    complete_calling_back(&fixture, 3).await;
    talks::open(&fixture, 4, &talks::items(100, 2)).await;
    talks::answers(&fixture, 5, 4).await;
    assert!(talks::remove(&fixture, 4, talks::item_id(5, 1)).await);
    assert!(talks::remove(&fixture, 4, talks::item_id(100, 1)).await);
    let closed = ConversationStore::close(&stage.store, &ada(), conversation(4)).await;
    assert!(closed.unwrap());
    // Three responses, what was put into a conversation, and that.
    assert_eq!(forget_all(&fixture, before(far_away())).await, 5);
    assert_eq!(not_empty(&stage.counts().await), Vec::<&str>::new());
}

async fn only_links_that_lead_somewhere_are_left(stage: Stage) {
    let fixture = fixture(&stage);
    let failure = Failure::new(FailureCode::ModelError, "it broke");
    end(&fixture, accepted(1), Change::Fail(failure)).await;
    answer(&fixture, 11).await;
    for number in 2..=5 {
        go_on(&fixture, number, number - 1, 1).await;
        go_on(&fixture, number + 10, number + 9, 11).await;
    }
    let of = |home| format!("SELECT count(*) FROM responses WHERE conversation_id = '{home}'");
    let rows = [of(conversation(1)), of(conversation(11))];
    // What failed is kept, and the last of its chain, which comes to it by the others.
    let mut expiry = answers_before(end_of(5));
    expiry.failed = None;
    assert_eq!(forget_all(&fixture, expiry).await, 3);
    assert_eq!(stage.number(&rows[0]).await, 5);
    assert_eq!(stage.number(&rows[1]).await, 5);
    // Now nothing comes to it; the last place stays taken. Before the last of the other chain nothing is left.
    expiry.completed = Some(end_of(15));
    assert_eq!(forget_all(&fixture, expiry).await, 5);
    assert_eq!(stage.number(&rows[0]).await, 2);
    assert_eq!(stage.number(&rows[1]).await, 1);
    assert_eq!(stage.count("conversation_items").await, 4);
}

/// They attached when there was something, and are written when all of it is forgotten.
async fn what_was_under_way_does_not_see_itself(stage: Stage) {
    let fixture = fixture(&stage);
    answer(&fixture, 1).await;
    let asks = ResponseSpec {
        conversation: Some(conversation(1)),
        ..spec()
    };
    let [one, other] = [2, 3].map(|number| {
        let mut response = asked(number, asks.clone());
        response.seen = 1;
        response
    });
    assert_eq!(forget_all(&fixture, before(end_of(2))).await, 1);
    assert_eq!(stage.count("responses").await, 0);
    put(&stage.store, &one, talk(&one)).await;
    talks::complete(&fixture, one).await;
    assert_eq!(talks::seen(&fixture, 2).await, [(2, 0), (2, 1)]);
    assert_eq!(forget_all(&fixture, before(next_day())).await, 1);
    end(&fixture, other, Change::Complete).await;
    assert_eq!(talks::seen(&fixture, 3).await, [(3, 0), (3, 1)]);
}

on_both!(
    what_was_under_way_does_not_see_itself,
    when_all_is_forgotten_no_row_is_left,
    only_links_that_lead_somewhere_are_left,
);

#[tokio::test]
async fn processes_that_forget_at_once_forget_each_once() {
    let database = TestDatabase::migrated().await;
    let stores = join_all((0..4).map(|_| postgres::open(&database))).await;
    for number in 1..=100 {
        put(&stores[0], &completed(number), talk(&completed(number))).await;
    }
    let forgetting = stores.iter().map(|store| async {
        let mut all = 0;
        loop {
            match store.expire(&before(next_day()), 9).await.unwrap() {
                0 => return all,
                forgotten => all += forgotten,
            }
        }
    });
    assert_eq!(join_all(forgetting).await.iter().sum::<u32>(), 100);
    let counts = tables::rows_of_server(&database.url()).await;
    assert_eq!(not_empty(&counts), Vec::<&str>::new());
}

#[tokio::test]
async fn what_somebody_else_has_is_not_waited_for_and_comes_with_the_next() {
    let database = TestDatabase::migrated().await;
    let store = postgres::open(&database).await;
    for number in 1..=3 {
        put(&store, &completed(number), talk(&completed(number))).await;
    }
    let mut another = database.connect().await;
    let mut held = another.begin().await.unwrap();
    let lock = "SELECT id FROM responses WHERE id = $1 FOR UPDATE";
    let lock = sqlx::query(lock).bind(id(2).to_string());
    lock.execute(&mut *held).await.unwrap();
    assert_eq!(store.expire(&before(next_day()), 10).await.unwrap(), 2);
    assert!(store.find(&ada(), id(2)).await.unwrap().is_some());
    held.rollback().await.unwrap();
    assert_eq!(store.expire(&before(next_day()), 10).await.unwrap(), 1);
    let counts = tables::rows_of_server(&database.url()).await;
    assert_eq!(not_empty(&counts), Vec::<&str>::new());
}
