//! Reading, cancelling and deleting; only one's own. Runs of this process are asked first: until they
//! have a row, nobody else knows them.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::id::{ItemId, ResponseId};
use response_domain::item::{Item, ItemBody};
use response_domain::page::{More, Order, Page, Paged};
use response_domain::ports::store::{HistoryRef, StoreError};
use response_domain::response::Response;
use response_domain::run::Stop;
use response_domain::work::{Guard, UnitOfWork};

use crate::Engine;
use crate::error::ReadError;

/// Whether the service can do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether the database answers; otherwise why not.
    pub reachable: Result<(), String>,
    /// Whether its schema is the one this release needs; otherwise what is missing.
    pub schema: Result<(), String>,
    /// Whether requests are taken.
    pub intake: Intake,
}

/// Whether requests are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// They are.
    Open,
    /// The process is about to end.
    Draining,
}

/// How long the database may take to say that it is there: whoever asks has little patience.
const PROBE: Duration = Duration::from_secs(2);

/// Which items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemWindow {
    /// At most this many.
    pub limit: u16,
    /// In which order.
    pub order: Order,
    /// Only those behind this one.
    pub after: Option<ItemId>,
}

impl Engine {
    /// One response, as it stands.
    pub async fn get(&self, owner: &OwnerId, id: ResponseId) -> Result<Arc<Response>, ReadError> {
        if let Some(live) = self.0.launch.live().find(owner, id) {
            return Ok(live.response());
        }
        self.0
            .ports
            .store
            .find(owner, id)
            .await?
            .ok_or(ReadError::NotFound)
    }

    /// A page of responses, newest first.
    pub async fn list(
        &self,
        owner: &OwnerId,
        page: &Page,
    ) -> Result<Paged<Arc<Response>>, ReadError> {
        Ok(self.0.ports.store.page(owner, page).await?)
    }

    /// The items that were sent to the model for a response: what came before it, its input, and the calls
    /// and outputs of each round; not the answer. An `after` that is not among them: nothing follows it.
    pub async fn input_items(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        window: ItemWindow,
    ) -> Result<Paged<Arc<Item>>, ReadError> {
        let items = if let Some(live) = self.0.launch.live().find(owner, id) {
            let own = live.state().items.clone();
            live.history.iter().cloned().chain(own).collect()
        } else {
            let history = self
                .0
                .ports
                .store
                .history(owner, HistoryRef::Response(id))
                .await?;
            history.ok_or(ReadError::NotFound)?.items
        };
        Ok(cut_window(sent(id, items), window))
    }

    /// Stops a response. One that has ended stays as it is.
    pub async fn cancel(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Arc<Response>, ReadError> {
        if let Some(live) = self.0.launch.live().find(owner, id) {
            live.stop.stop(Stop::ByCaller);
            return Ok(live.ended().await);
        }
        let found = self
            .0
            .ports
            .store
            .find(owner, id)
            .await?
            .ok_or(ReadError::NotFound)?;
        let Some(response) = found.cancelled(self.0.ports.clock.now()) else {
            return Ok(found);
        };
        // Another process runs it: its next write is refused, and it stops.
        let response = Arc::new(response);
        let work = UnitOfWork {
            guard: Guard::Open,
            response: Arc::clone(&response),
            items: Vec::new(),
            executions: response.progress.executions.clone(),
        };
        match self.0.ports.store.commit(work).await {
            Ok(()) => Ok(response),
            Err(StoreError::Stale) => self
                .0
                .ports
                .store
                .find(owner, id)
                .await?
                .ok_or(ReadError::NotFound),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets a response; one that is under way is stopped first.
    pub async fn delete(&self, owner: &OwnerId, id: ResponseId) -> Result<(), ReadError> {
        self.cancel(owner, id).await?;
        if self.0.ports.store.delete(owner, id).await? {
            Ok(())
        } else {
            Err(ReadError::NotFound)
        }
    }

    /// Whether the service can do its work.
    pub async fn readiness(&self) -> Readiness {
        let store = tokio::time::timeout(PROBE, self.0.ports.store.readiness()).await;
        let store = store.unwrap_or_else(|_late| {
            let late = || Err(format!("no answer within {} s", PROBE.as_secs()));
            response_domain::ports::store::Readiness {
                reachable: late(),
                schema: late(),
            }
        });
        let intake = if self.0.launch.is_draining() {
            Intake::Draining
        } else {
            Intake::Open
        };
        Readiness {
            reachable: store.reachable,
            schema: store.schema,
            intake,
        }
    }
}

/// The items without the answer: what the last turn of the response wrote, unless it asked for tools.
fn sent(id: ResponseId, items: Vec<Arc<Item>>) -> Vec<Arc<Item>> {
    let own = |item: &Item| item.id.parent == id.raw() && item.turn > 0;
    let last = items
        .iter()
        .filter(|item| own(item))
        .map(|item| item.turn)
        .max()
        .unwrap_or(0);
    let answered = |item: &Item| {
        own(item) && item.turn == last && matches!(item.body, ItemBody::FunctionCallOutput(_))
    };
    if items.iter().any(|item| answered(item)) {
        return items;
    }
    items
        .into_iter()
        .filter(|item| !(own(item) && item.turn == last))
        .collect()
}

fn cut_window(mut items: Vec<Arc<Item>>, window: ItemWindow) -> Paged<Arc<Item>> {
    if window.order == Order::Descending {
        items.reverse();
    }
    let begin = match window.after {
        None => 0,
        Some(after) => items
            .iter()
            .position(|item| item.id == after)
            .map_or(items.len(), |place| place.saturating_add(1)),
    };
    let limit = usize::from(window.limit);
    let more = if items.len().saturating_sub(begin) > limit {
        More::Follows
    } else {
        More::Nothing
    };
    Paged {
        entries: items.into_iter().skip(begin).take(limit).collect(),
        more,
    }
}
