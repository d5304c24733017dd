//! A database in trouble: the caller learns that, and nothing of the inside.

use std::sync::Arc;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::{ItemId, ResponseId};
use response_domain::item::Item;
use response_domain::page::{Page, Paged};
use response_domain::ports::store::{History, HistoryRef, Readiness, ResponseStore, StoreError};
use response_domain::response::Response;
use response_domain::work::{Committed, UnitOfWork};
use serde_json::json;

use crate::client::Call;
use crate::layout::laid_out;
use crate::sample;
use crate::world::Plan;

const SECRET: &str = "password of postgres://10.0.0.7";

/// A store that answers nothing but errors.
pub(crate) struct Away(fn() -> StoreError);

impl Away {
    /// It cannot be reached.
    pub(crate) fn at_commits() -> Self {
        Self(|| StoreError::Unavailable(SECRET.into()))
    }

    /// It refuses.
    fn refusing() -> Self {
        Self(|| StoreError::Failed(SECRET.into()))
    }

    /// It holds what cannot be read.
    fn corrupt() -> Self {
        Self(|| StoreError::Corrupt {
            what: SECRET.to_owned(),
            source: SECRET.into(),
        })
    }
}

#[async_trait]
impl ResponseStore for Away {
    async fn find(
        &self,
        _owner: &OwnerId,
        _id: ResponseId,
    ) -> Result<Option<Arc<Response>>, StoreError> {
        Err((self.0)())
    }
    async fn page(
        &self,
        _owner: &OwnerId,
        _page: &Page,
    ) -> Result<Paged<Arc<Response>>, StoreError> {
        Err((self.0)())
    }
    async fn history(
        &self,
        _owner: &OwnerId,
        _from: HistoryRef,
    ) -> Result<Option<History>, StoreError> {
        Err((self.0)())
    }
    async fn items(&self, _owner: &OwnerId, _id: ResponseId) -> Result<Vec<Arc<Item>>, StoreError> {
        Err((self.0)())
    }
    async fn items_by_id(
        &self,
        _owner: &OwnerId,
        _ids: &[ItemId],
    ) -> Result<Vec<Arc<Item>>, StoreError> {
        Err((self.0)())
    }
    async fn commit(&self, _work: UnitOfWork) -> Result<Committed, StoreError> {
        Err((self.0)())
    }
    async fn delete(&self, _owner: &OwnerId, _id: ResponseId) -> Result<bool, StoreError> {
        Err((self.0)())
    }
    async fn readiness(&self) -> Readiness {
        Readiness {
            reachable: Err(SECRET.to_owned()),
            schema: Err("the migration m0003 is missing".to_owned()),
        }
    }
}

#[tokio::test]
async fn every_route_tells_of_the_trouble_and_nothing_of_the_inside() {
    let cases = [
        (Away::at_commits(), 503, "database_unavailable", Some("1")),
        (Away::refusing(), 500, "internal", None),
        (Away::corrupt(), 500, "internal", None),
    ];
    for (store, status, code, wait) in cases {
        let world = Plan::new([]).front(store).build().await;
        let id = sample::id(1);
        let continuing =
            json!({"model": "m", "input": "hi", "previous_response_id": id.to_string()});
        let background = json!({"model": "m", "input": "hi", "background": true});
        let calls = [
            Call::new("POST", "/v1/responses").json(&continuing),
            Call::new("POST", "/v1/responses").json(&background),
            Call::new("GET", "/v1/responses"),
            Call::new("GET", &format!("/v1/responses/{id}")),
            Call::new("GET", &format!("/v1/responses/{id}?stream=true")),
            Call::new("DELETE", &format!("/v1/responses/{id}")),
            Call::new("POST", &format!("/v1/responses/{id}/cancel")),
            Call::new("GET", &format!("/v1/responses/{id}/input_items")),
            Call::new("GET", &format!("/v1/responses/{id}/events")),
        ];
        for call in calls {
            let reply = call.send(&world).await;
            let error = &reply.json()["error"];
            assert_eq!((reply.status, &error["code"]), (status, &json!(code)));
            assert_eq!(reply.header("retry-after"), wait);
            assert!(!reply.text().contains("postgres"), "{}", reply.text());
        }
    }
}

#[tokio::test]
async fn a_service_that_is_not_ready_says_what_it_lacks() {
    let world = Plan::new([]).front(Away::at_commits()).build().await;
    let call = Call::new("GET", "/readyz").header("x-request-id", "req-7");
    let reply = call.send(&world).await;
    assert_eq!(reply.status, 503);
    insta::assert_snapshot!(laid_out(reply.text()));
    let alive = Call::new("GET", "/healthz").send(&world).await;
    assert_eq!((alive.status, alive.text()), (200, r#"{"status":"ok"}"#));
}

#[tokio::test]
async fn a_handler_that_panics_is_an_internal_error() {
    let world = Plan::new([]).build().await;
    for path in ["/v1/responses", "/v1/responses/x"] {
        let call = Call::new("GET", path).header("authorization", "Bearer panics");
        let reply = call.header("x-request-id", "req-7").send(&world).await;
        assert_eq!(reply.status, 500);
        insta::allow_duplicates! {
            insta::assert_snapshot!(laid_out(reply.text()));
        }
    }
    assert_eq!(
        Call::new("GET", "/v1/responses").send(&world).await.status,
        200
    );
}
