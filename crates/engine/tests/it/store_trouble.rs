//! A database that goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::failure::FailureCode;
use response_domain::id::{ItemId, ResponseId};
use response_domain::item::Item;
use response_domain::page::{Page, Paged};
use response_domain::ports::store::{History, HistoryRef, Readiness, ResponseStore, StoreError};
use response_domain::response::Response;
use response_domain::status::{Status, StatusName};
use response_domain::work::UnitOfWork;
use response_testkit::memory::MemoryStore;
use response_testkit::script::{ScriptedTools, ToolScript, calls, text};

use crate::world::{Plan, says, status};

/// A store that is away for its first commits, or loses the answer of one.
struct Flaky {
    inner: Arc<MemoryStore>,
    away: AtomicUsize,
    silent: bool,
}

#[async_trait]
impl ResponseStore for Flaky {
    async fn find(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Arc<Response>>, StoreError> {
        self.inner.find(owner, id).await
    }
    async fn page(&self, owner: &OwnerId, page: &Page) -> Result<Paged<Arc<Response>>, StoreError> {
        self.inner.page(owner, page).await
    }
    async fn history(
        &self,
        owner: &OwnerId,
        from: HistoryRef,
    ) -> Result<Option<History>, StoreError> {
        self.inner.history(owner, from).await
    }
    async fn items(&self, owner: &OwnerId, id: ResponseId) -> Result<Vec<Arc<Item>>, StoreError> {
        self.inner.items(owner, id).await
    }
    async fn items_by_id(
        &self,
        owner: &OwnerId,
        ids: &[ItemId],
    ) -> Result<Vec<Arc<Item>>, StoreError> {
        self.inner.items_by_id(owner, ids).await
    }
    async fn commit(&self, work: UnitOfWork) -> Result<(), StoreError> {
        let away = self.away.load(Ordering::SeqCst);
        if away > 0 {
            self.away.store(away - 1, Ordering::SeqCst);
            if self.silent {
                self.inner.commit(work).await?;
            }
            return Err(StoreError::Unavailable(
                "the scripted database is away".into(),
            ));
        }
        self.inner.commit(work).await
    }
    async fn delete(&self, owner: &OwnerId, id: ResponseId) -> Result<bool, StoreError> {
        self.inner.delete(owner, id).await
    }
    async fn readiness(&self) -> Readiness {
        self.inner.readiness().await
    }
}

fn plan(away: usize, silent: bool) -> Plan {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let mut plan = Plan::new([calls(&[("clock", "{}")]), text("Noon.")]).tools(tools);
    let inner = Arc::clone(&plan.store);
    plan.front = Some(Arc::new(Flaky {
        inner,
        away: AtomicUsize::new(away),
        silent,
    }));
    plan
}

#[tokio::test(start_paused = true)]
async fn a_database_that_comes_back_soon_is_waited_for() {
    let world = plan(2, false).build().await;
    let response = world.answer(says("time?")).await;
    assert_eq!(status(&response), StatusName::Completed);
    assert_eq!(world.store.all()[0].progress, response.progress);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_stays_away_fails_the_response_and_calls_no_tool() {
    let world = plan(usize::MAX, false).build().await;
    let response = world.answer(says("time?")).await;
    let Status::Failed(failure) = response.status() else {
        panic!("{:?}", response.status())
    };
    assert_eq!(failure.code, FailureCode::DatabaseUnavailable);
    assert!(
        world.tools.called().is_empty(),
        "intent is recorded before effect, or there is no effect"
    );
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_is_lost_is_not_taken_for_somebody_elses() {
    let world = plan(1, true).build().await;
    let response = world.answer(says("time?")).await;
    assert_eq!(status(&response), StatusName::Completed);
    assert_eq!(world.tools.called().len(), 1);
}
