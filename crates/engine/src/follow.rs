//! The events of a background response from its first on, in any process, for as long as it is kept.
//! What is told is read from the log and from nowhere else; nudges only say when to look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::Stream;
use response_domain::caller::OwnerId;
use response_domain::event::Event;
use response_domain::id::ResponseId;
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use tokio::sync::watch;

use crate::Engine;
use crate::allowances::StreamPlace;
use crate::error::FollowError;

/// Events that are read at a time.
const BATCH: u16 = 500;
/// How long a log is trusted not to have grown when nobody says so: at first, and at most.
const LOOK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// After this long without an answer of the database a follower gives up; the client comes back.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which responses are followed in this process.
#[derive(Debug, Default)]
pub(crate) struct Followers(Mutex<HashMap<ResponseId, watch::Sender<()>>>);

impl Followers {
    fn map(&self) -> MutexGuard<'_, HashMap<ResponseId, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribe(&self, id: ResponseId) -> watch::Receiver<()> {
        self.map().entry(id).or_default().subscribe()
    }

    fn leave(&self, id: ResponseId) {
        let mut map = self.map();
        // The one who leaves still counts.
        if map
            .get(&id)
            .is_some_and(|sender| sender.receiver_count() <= 1)
        {
            map.remove(&id);
        }
    }

    /// Says that the log of a response grew.
    pub(crate) fn wake(&self, id: ResponseId) {
        if let Some(sender) = self.map().get(&id) {
            sender.send_replace(());
        }
    }

    /// Says that any log may have grown.
    pub(crate) fn wake_all(&self) {
        for sender in self.map().values() {
            sender.send_replace(());
        }
    }
}

/// Somebody who reads the events of a response.
#[derive(Debug)]
pub struct Follower {
    engine: Engine,
    _place: StreamPlace,
    owner: OwnerId,
    response: Arc<Response>,
    next: u64,
    is_over: bool,
    grown: watch::Receiver<()>,
}

impl Follower {
    /// The response as it was when the reading began.
    pub fn response(&self) -> &Arc<Response> {
        &self.response
    }

    /// The next events, at least one, from the very first of the response on; `None` after the last, when
    /// the response was deleted meanwhile, and when this process ends.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, StoreError> {
        if self.is_over {
            return Ok(None);
        }
        let mut silence = None;
        let (mut look, longest) = LOOK;
        loop {
            self.grown.borrow_and_update();
            let log = &self.engine.0.ports.log;
            let id = self.response.id;
            match log.events(&self.owner, id, self.next, BATCH).await {
                Ok(Some(events)) if events.is_empty() => silence = None,
                Ok(Some(events)) => return Ok(Some(self.take(events))),
                Ok(None) => return Ok(None),
                Err(error @ StoreError::Unavailable(_)) => {
                    let begun: &mut tokio::time::Instant =
                        silence.get_or_insert_with(tokio::time::Instant::now);
                    if begun.elapsed() > PATIENCE {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = self.engine.0.launch.closed().cancelled() => return Ok(None),
                _ = self.grown.changed() => {}
                () = tokio::time::sleep(look) => look = longest.min(look * 2),
            }
        }
    }

    fn take(&mut self, recorded: Vec<response_domain::ports::queue::Recorded>) -> Vec<Event> {
        if let Some(last) = recorded.last() {
            self.next = last.number.saturating_add(1);
            self.is_over = matches!(last.event, Event::Ended(_));
        }
        recorded.into_iter().map(|one| one.event).collect()
    }

    /// The same as a stream, which ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Vec<Event>, StoreError>> + Send {
        futures::stream::unfold(Some(self), async |follower| {
            let mut follower = follower?;
            match follower.next().await {
                Ok(events) => Some((Ok(events?), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.engine.0.followers.leave(self.response.id);
    }
}

impl Engine {
    /// Follows the events of a background response, from its first on.
    pub async fn follow(&self, owner: &OwnerId, id: ResponseId) -> Result<Follower, FollowError> {
        let place = self.open_stream(owner)?;
        self.follow_in(place, owner, id).await
    }

    /// The same in a place that is taken already.
    pub async fn follow_in(
        &self,
        place: StreamPlace,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Follower, FollowError> {
        let response = self.get(owner, id).await.map_err(FollowError::from)?;
        if response.spec.delivery != response_domain::spec::Delivery::Background {
            return Err(FollowError::NotKept);
        }
        Ok(Follower {
            _place: place,
            grown: self.0.followers.subscribe(id),
            engine: self.clone(),
            owner: owner.clone(),
            response,
            next: 0,
            is_over: false,
        })
    }
}
