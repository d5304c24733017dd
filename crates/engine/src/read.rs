//! Reading; only one's own. Runs of this process are asked first: until they
//! have a row, nobody else knows them.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::entry::{self, Entry};
use response_domain::id::{ItemId, ResponseId};
use response_domain::item::Item;
use response_domain::page::{More, Order, Page, Paged};
use response_domain::ports::store::HistoryRef;
use response_domain::response::Response;
use response_domain::run::pairs;

use crate::Engine;
use crate::error::ReadError;

/// Whether the service can do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether the database answers; otherwise why not.
    pub reachable: Result<(), String>,
    /// Whether its schema is the one this release needs; otherwise what is missing.
    pub schema: Result<(), String>,
    /// Whether this process has the keys that the queue needs; otherwise which it lacks.
    pub keys: Result<(), String>,
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

/// A response with its items.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The response.
    pub response: Arc<Response>,
    /// Its own items: the input, then what was made.
    pub items: Vec<Arc<Item>>,
    /// The items before it; only known of a run of this process, otherwise none.
    pub history: Arc<[Arc<Item>]>,
}

/// Which entries of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryWindow {
    /// At most this many.
    pub limit: u16,
    /// In which order.
    pub order: Order,
    /// Only those behind this one.
    pub after: Option<ItemId>,
    /// Only those before this one.
    pub before: Option<ItemId>,
}

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

    /// One response with its items, as it stands.
    pub async fn whole(&self, owner: &OwnerId, id: ResponseId) -> Result<Whole, ReadError> {
        if let Some(live) = self.0.launch.live().find(owner, id) {
            return Ok(live.whole());
        }
        let store = &self.0.ports.store;
        let response = store.find(owner, id).await?.ok_or(ReadError::NotFound)?;
        Ok(Whole {
            items: store.items(owner, id).await?,
            history: Arc::from([]),
            response,
        })
    }

    /// What a response was given to read: its input and what came before it, but nothing that it wrote. An
    /// `after` or `before` that is not among them: there is nothing behind or before it.
    pub async fn input_entries(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        window: EntryWindow,
    ) -> Result<Paged<Entry>, ReadError> {
        let items = self.transcript_of(owner, id).await?;
        let is_given = |item: &&Arc<Item>| item.turn == 0 || item.id.parent != id.raw();
        let given: Vec<_> = items.iter().filter(is_given).cloned().collect();
        Ok(cut_entries(entry::transcript(&given), window))
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
        let items = self.transcript_of(owner, id).await?;
        Ok(cut_window(sent(id, &items), window))
    }

    /// The items before a response, and its own.
    async fn transcript_of(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Vec<Arc<Item>>, ReadError> {
        if let Some(live) = self.0.launch.live().find(owner, id) {
            let own = live.state().items.clone();
            return Ok(live.history.iter().cloned().chain(own).collect());
        }
        let store = &self.0.ports.store;
        let history = store.history(owner, HistoryRef::Response(id)).await?;
        Ok(history.ok_or(ReadError::NotFound)?.items)
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
            keys: match self.0.launch.locked_out() {
                None => Ok(()),
                Some(reason) => Err(reason.to_owned()),
            },
            intake,
        }
    }
}

/// The items that the model was sent for this response: neither its answer, nor a turn that broke off and
/// was asked again.
fn sent(id: ResponseId, items: &[Arc<Item>]) -> Vec<Arc<Item>> {
    let items: Vec<&Arc<Item>> = items.iter().collect();
    let before = items
        .iter()
        .take_while(|item| item.id.parent != id.raw())
        .count();
    let counted = pairs::counted(&items, before);
    counted.into_iter().cloned().collect()
}

fn cut_window(items: Vec<Arc<Item>>, window: ItemWindow) -> Paged<Arc<Item>> {
    let window = EntryWindow {
        limit: window.limit,
        order: window.order,
        after: window.after,
        before: None,
    };
    cut(items, |item| item.id, window)
}

/// The entries that a window shows.
pub(crate) fn cut_entries(entries: Vec<Entry>, window: EntryWindow) -> Paged<Entry> {
    cut(entries, |entry| entry.item.id, window)
}

fn cut<T>(mut all: Vec<T>, id: impl Fn(&T) -> ItemId, window: EntryWindow) -> Paged<T> {
    if window.order == Order::Descending {
        all.reverse();
    }
    let place = |wanted: ItemId| all.iter().position(|one| id(one) == wanted);
    let begin = match window.after {
        None => 0,
        Some(after) => place(after).map_or(all.len(), |place| place.saturating_add(1)),
    };
    let end = match window.before {
        None => all.len(),
        Some(before) => place(before).unwrap_or(0),
    };
    let within = end.saturating_sub(begin);
    let limit = usize::from(window.limit);
    // Those next to the one that a page is to end before.
    let skip = match window.before {
        Some(_) if window.after.is_none() => begin + within.saturating_sub(limit),
        _ => begin,
    };
    let more = if within > limit {
        More::Follows
    } else {
        More::Nothing
    };
    Paged {
        entries: all.into_iter().skip(skip).take(within.min(limit)).collect(),
        more,
    }
}
