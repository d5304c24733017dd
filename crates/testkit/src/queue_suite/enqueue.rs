//! Putting responses into the queue.

use response_domain::event::Event;
use response_domain::ports::vault::Sealed;
use response_domain::status::Change;
use response_domain::work::{Append, Guard, Job, UnitOfWork};

use super::sample::{
    assert_reads, claim, claim_one, claims, enqueue, entry, job_of, log, question, queued,
    standing, taken_up, whole,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{accepted, ada, alone, changed, found, put, refused, talk, write};

pub async fn a_queued_response_is_there_with_all_that_belongs_to_it(fixture: &Fixture) {
    let store = fixture.store();
    let response = enqueue(store, 1).await;
    assert_eq!(*found(store, response.id).await, response);
    let items = store.items(&ada(), response.id).await.ok();
    assert_eq!(items, Some(vec![question(&response)]));
    let told = [Event::Created(response.clone().into())];
    assert_reads(&log(store, response.id).await, &told, &response);
    let standing = standing(store, response.id).await;
    assert_eq!(*standing.response, response);
    assert_eq!((standing.checkpoint, standing.next), (None, 1));
    assert_eq!(standing.tail, []);
    let lease = claim_one(store, 1).await.lease;
    let job = taken_up(store, &lease).await.map(|taken| taken.job);
    assert_eq!(job, Some(job_of(1)));
}

pub async fn what_is_queued_twice_is_stale_and_changes_nothing(fixture: &Fixture) {
    let store = fixture.store();
    let response = enqueue(store, 1).await;
    let before = whole(store, response.id).await;
    let other = UnitOfWork {
        items: talk(&response),
        ..entry(&response, job_of(2))
    };
    refused(store, other.clone()).await;
    assert_eq!(whole(store, response.id).await, before);
    let lease = claim_one(store, 1).await.lease;
    let job = taken_up(store, &lease).await.map(|taken| taken.job);
    assert_eq!(job, Some(job_of(1)));
    // Neither while it runs.
    refused(store, other).await;
    assert_eq!(whole(store, response.id).await, before);
    assert_eq!(claims(store, claim(2)).await, []);
}

pub async fn what_was_deleted_is_not_queued_again(fixture: &Fixture) {
    let store = fixture.store();
    let response = enqueue(store, 1).await;
    let ended = changed(response.clone(), Change::Cancel);
    let work = standing(store, response.id)
        .await
        .end(ended, &[], Guard::Open);
    write(store, work).await;
    assert_eq!(store.delete(&ada(), response.id).await.ok(), Some(true));
    refused(store, entry(&response, job_of(1))).await;
    assert_eq!(store.find(&ada(), response.id).await.ok(), Some(None));
    assert_eq!(claims(store, claim(1)).await, []);
}

pub async fn a_log_begins_at_zero_or_nothing_is_queued(fixture: &Fixture) {
    let store = fixture.store();
    let response = queued(1);
    let created = vec![Event::Created(response.clone().into())];
    let work = UnitOfWork {
        log: Append::whole(1, created),
        ..entry(&response, job_of(1))
    };
    refused(store, work).await;
    assert_eq!(store.find(&ada(), response.id).await.ok(), Some(None));
    assert_eq!(store.items(&ada(), response.id).await.ok(), Some(vec![]));
    assert_eq!(claims(store, claim(1)).await, []);
    // What was refused does not come to light when the row comes.
    write(store, entry(&response, job_of(1))).await;
    assert_eq!(log(store, response.id).await.len(), 1);
}

pub async fn a_job_keeps_its_credential_to_the_letter(fixture: &Fixture) {
    let store = fixture.store();
    let sealed = |key: &str, bytes: Vec<u8>| {
        Some(Sealed {
            key: key.into(),
            bytes: bytes.into(),
        })
    };
    let credentials = [
        None,
        sealed("k", Vec::new()),
        sealed("schlüssel \"1\"", (0..=255).collect()),
        sealed("a\0b", vec![0; 70_000]),
    ];
    for (number, credential) in (1..).zip(credentials) {
        let request_id = format!("req \0 \"{number}\" ü").into();
        let job = Job {
            request_id,
            credential,
        };
        write(store, entry(&queued(number), job.clone())).await;
        let lease = claim_one(store, 1).await.lease;
        let taken = taken_up(store, &lease).await;
        assert_eq!(taken.map(|taken| taken.job), Some(job));
    }
}

pub async fn a_foreground_response_is_not_in_the_queue(fixture: &Fixture) {
    let store = fixture.store();
    let response = accepted(1);
    put(store, &response, talk(&response)).await;
    assert_eq!(claims(store, claim(1)).await, []);
    assert_eq!(store.standing(&ada(), response.id).await.ok(), Some(None));
    let events = store.events(&ada(), response.id, 0, 10).await;
    assert_eq!(events.ok(), Some(None));
    // It needs no job to be ended from outside.
    let ended = changed(response, Change::Cancel);
    write(store, alone(Guard::Open, &ended)).await;
}
