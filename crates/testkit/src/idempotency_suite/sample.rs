//! Keys, and first writes under them.

use response_domain::id::ResponseId;
use response_domain::ports::idempotency::{Fingerprint, IdempotencyKey, KeyUse, Keyed};
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::work::{Committed, UnitOfWork};

use crate::queue_suite::sample::{entry, job_of, queued};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{accepted, ada, first, talk};

/// What stands for a write that is done.
pub const WRITTEN: Keyed = Keyed::Written(Committed { deliveries: 0 });

/// The key of this text, for the request of this number.
pub fn key(text: &str, request: u8) -> IdempotencyKey {
    IdempotencyKey {
        text: text.into(),
        fingerprint: Fingerprint([request; 32]),
    }
}

/// What this key stands for, of ada's.
pub async fn known(fixture: &Fixture, text: &str) -> Option<KeyUse> {
    let known = fixture.keys().key_use(&ada(), text).await;
    assert!(known.is_ok(), "{known:?}");
    known.ok().flatten()
}

/// The response that this key stands for, of ada's.
pub async fn response_of(fixture: &Fixture, text: &str) -> Option<ResponseId> {
    known(fixture, text).await.map(|known| known.response)
}

/// The first write of the response of this number, which runs from now on.
pub fn begin(number: u32) -> UnitOfWork {
    let response = accepted(number);
    first(&response, talk(&response))
}

/// The write that puts the response of this number into the queue.
pub fn queue(number: u32) -> UnitOfWork {
    entry(&queued(number), job_of(number))
}

/// What becomes of a write under a key; it must not fail.
pub async fn commit(fixture: &Fixture, work: UnitOfWork, key: &IdempotencyKey) -> Keyed {
    let keyed = fixture.keys().commit_keyed(work, key).await;
    let Ok(keyed) = keyed else {
        panic!("the write failed: {keyed:?}")
    };
    keyed
}

/// Nothing at all is there of this response.
pub async fn assert_nothing(fixture: &Fixture, response: &Response) {
    let store = fixture.store();
    let (owner, id) = (&response.owner, response.id);
    assert_eq!(store.find(owner, id).await.ok(), Some(None));
    let ids: Vec<_> = talk(response).iter().map(|item| item.id).collect();
    let items = store.items_by_id(owner, &ids).await;
    assert_eq!(items.ok(), Some(Vec::new()));
    assert_eq!(store.standing(owner, id).await.ok(), Some(None));
    let events = store.events(owner, id, 0, 10).await;
    assert_eq!(events.ok(), Some(None));
}

/// How many responses wait in the queue.
pub async fn waiting(fixture: &Fixture) -> Result<u64, StoreError> {
    fixture.store().depth().await.map(|depth| depth.waiting)
}
