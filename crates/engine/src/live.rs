//! The runs this process has under way. Until a run has a row this is the only place that knows of it,
//! so reads and cancels ask here first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use response_domain::caller::OwnerId;
use response_domain::id::ResponseId;
use response_domain::item::Item;
use response_domain::response::Response;
use response_domain::spec::Storage;
use tokio::sync::watch;

use crate::read::Whole;
use crate::stop::StopSource;

/// One run under way.
#[derive(Debug)]
pub(crate) struct Live {
    /// Stops it.
    pub(crate) stop: Arc<StopSource>,
    /// The items before it.
    pub(crate) history: Arc<[Arc<Item>]>,
    state: Mutex<LiveState>,
    ended: watch::Sender<Option<Arc<Response>>>,
}

/// How a run stood when it was last recorded.
#[derive(Debug, Clone)]
pub(crate) struct LiveState {
    /// The response.
    pub(crate) response: Arc<Response>,
    /// Its items.
    pub(crate) items: Vec<Arc<Item>>,
    /// Whether it has a row.
    pub(crate) row: Row,
}

/// Whether a response has a row in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// Not yet.
    Absent,
    /// It has.
    Present,
}

impl Live {
    pub(crate) fn new(
        response: Arc<Response>,
        items: Vec<Arc<Item>>,
        history: Arc<[Arc<Item>]>,
    ) -> Self {
        Self::under(Arc::default(), response, items, history)
    }

    /// The same, stopped by `stop`.
    pub(crate) fn under(
        stop: Arc<StopSource>,
        response: Arc<Response>,
        items: Vec<Arc<Item>>,
        history: Arc<[Arc<Item>]>,
    ) -> Self {
        let state = Mutex::new(LiveState {
            response,
            items,
            row: Row::Absent,
        });
        Self {
            stop,
            history,
            state,
            ended: watch::Sender::new(None),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, LiveState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The response as it was last recorded.
    pub(crate) fn response(&self) -> Arc<Response> {
        Arc::clone(&self.state().response)
    }

    /// Tells everybody who waits that the run is over.
    pub(crate) fn end(&self, response: Arc<Response>) {
        self.ended.send_replace(Some(response));
    }

    /// The ended response, once the run is over.
    pub(crate) async fn ended(&self) -> Arc<Response> {
        let mut ended = self.ended.subscribe();
        // The sender lives in `self`, so the channel cannot close while this waits.
        match ended
            .wait_for(Option::is_some)
            .await
            .map(|response| response.clone())
        {
            Ok(Some(response)) => response,
            Ok(None) | Err(_) => self.response(),
        }
    }

    /// The response as it was last recorded, with its items.
    pub(crate) fn whole(&self) -> Whole {
        let state = self.state();
        Whole {
            response: Arc::clone(&state.response),
            items: state.items.clone(),
            history: Arc::clone(&self.history),
        }
    }

    /// The same, once the run is over.
    pub(crate) async fn whole_when_ended(&self) -> Whole {
        let response = self.ended().await;
        Whole {
            response,
            ..self.whole()
        }
    }

    /// Whether the run is over.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.borrow().is_some()
    }
}

/// All runs of this process.
#[derive(Debug, Default)]
pub(crate) struct LiveRuns(Mutex<HashMap<ResponseId, Arc<Live>>>);

impl LiveRuns {
    fn map(&self) -> MutexGuard<'_, HashMap<ResponseId, Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, id: ResponseId, live: Arc<Live>) {
        self.map().insert(id, live);
    }

    pub(crate) fn remove(&self, id: ResponseId) {
        self.map().remove(&id);
    }

    /// A run that its owner may see: nothing that is not stored can be fetched.
    pub(crate) fn find(&self, owner: &OwnerId, id: ResponseId) -> Option<Arc<Live>> {
        let live = self.map().get(&id).cloned()?;
        let response = live.response();
        (response.owner == *owner && response.spec.storage == Storage::Stored).then_some(live)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Live>> {
        self.map().values().cloned().collect()
    }
}
