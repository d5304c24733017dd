//! Forgetting what is past its time, of any owner. No index helps to find it, so that an answer costs what it
//! would cost without: ids are in the order in which they were made, and each process walks along them once;
//! see [`walk`]. What is found is emptied as a delete does, and then the bare rows of its conversations go to
//! which nothing leads any more; see [`links`].

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use response_domain::ports::retention::RetentionStore;
use response_domain::ports::store::StoreError;
use response_domain::retention::Expiry;
use response_domain::status::StatusName;
use tokio::sync::Mutex;

use crate::{Store, answered};

mod erase;
mod links;
mod look;
mod talk;
mod walk;

use look::{Kind, LOOK, Past};
use walk::{Walk, Walks};

/// How far this process has come. One at a time forgets.
#[derive(Debug, Default)]
pub(crate) struct Sweep(Mutex<Walks>);

/// What is past its time at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    kind: Kind,
    /// What ended before it is.
    before: DateTime<Utc>,
}

/// Every ended status.
const ENDED: [StatusName; 4] = [
    StatusName::Completed,
    StatusName::Incomplete,
    StatusName::Failed,
    StatusName::Cancelled,
];

/// The responses that are past their time, those of the same moment together; then what owners put into
/// conversations; then conversations.
fn classes(expiry: &Expiry) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for status in ENDED {
        let Some(before) = expiry.of(status) else {
            continue;
        };
        let before = before.to_utc();
        match classes.iter_mut().find(|class| class.before == before) {
            Some(Class {
                kind: Kind::Responses(words),
                ..
            }) => words.push(status.as_str()),
            Some(_) | None => classes.push(Class {
                kind: Kind::Responses(vec![status.as_str()]),
                before,
            }),
        }
    }
    if let Some(before) = expiry.conversations {
        let before = before.to_utc();
        classes.extend([Kind::Put, Kind::Conversations].map(|kind| Class { kind, before }));
    }
    classes
}

/// What became of some that were past their time.
#[derive(Debug, Default)]
struct Handled {
    forgotten: usize,
    /// What is to be looked at again.
    again: Vec<String>,
}

impl Store {
    async fn forget_past(&self, expiry: &Expiry, at_most: u16) -> Result<u32, StoreError> {
        let mut walks = self.sweep().0.lock().await;
        let mut left = usize::from(at_most);
        for class in classes(expiry) {
            let mut walk = walks.take(&class.kind);
            let done = Round {
                store: self,
                expiry,
                class: &class,
                walks: &mut walks,
            };
            let done = done.forget(&mut walk, left).await;
            walks.put_back(class.kind, walk);
            left = left.saturating_sub(done?);
        }
        let forgotten = u32::from(at_most).saturating_sub(u32::try_from(left).unwrap_or(0));
        if forgotten > 0 {
            self.housekeeping().note_erased();
        }
        Ok(forgotten)
    }
}

/// One round over one class.
struct Round<'r> {
    store: &'r Store,
    expiry: &'r Expiry,
    class: &'r Class,
    walks: &'r mut Walks,
}

impl Round<'_> {
    /// Forgets at most this many, and answers how many it were.
    async fn forget(mut self, walk: &mut Walk, most: usize) -> Result<usize, StoreError> {
        let mut done = 0;
        for some in walk.waiting().chunks(LOOK) {
            if done == most {
                return Ok(done);
            }
            let found = self.store.look_at(self.class, some).await?;
            let (now, rest) = found.parted(most - done);
            let handled = self.handle(&now).await?;
            done += handled.forgotten;
            walk.note_again(some, &[rest, handled.again].concat());
        }
        let mut at = walk.mark().max(&self.class.first()).to_owned();
        let settled = self.class.settled();
        let mut may_advance = true;
        while done < most {
            let found = self.store.look_from(self.class, &at).await?;
            let found = found.limited(most - done);
            let handled = self.handle(&found.past).await?;
            done += handled.forgotten;
            if let Some(to) = found.to {
                let undone = [found.later, handled.again].concat();
                may_advance = may_advance && walk.advance(&to, &settled, &undone);
                at = to;
            }
            if found.is_all {
                break;
            }
        }
        Ok(done)
    }

    async fn handle(&mut self, past: &[Past]) -> Result<Handled, StoreError> {
        if past.is_empty() {
            return Ok(Handled::default());
        }
        let mut conversations: Vec<&str> = past.iter().map(|it| it.conversation.as_str()).collect();
        conversations.sort_unstable();
        conversations.dedup();
        let holding: Vec<&str> = past
            .iter()
            .filter(|it| it.holds)
            .map(|it| it.id.as_str())
            .collect();
        let store = self.store;
        let forgotten = match &self.class.kind {
            Kind::Conversations => return self.hollow(&conversations).await,
            Kind::Responses(_) | Kind::Put if holding.is_empty() => Vec::new(),
            Kind::Responses(_) => answered(store.empty_responses(&holding)).await?,
            Kind::Put => answered(store.empty_put(&holding)).await?,
        };
        let hollow = store.tidy(&conversations, self.expiry).await?;
        if self.expiry.conversations.is_some() {
            self.walks.look_again(hollow.into_keys().collect());
        }
        // What somebody else had is that one's, who may not have got through.
        let again = holding.into_iter().filter(|id| !is_among(id, &forgotten));
        Ok(Handled {
            again: again.map(str::to_owned).collect(),
            forgotten: forgotten.len(),
        })
    }

    /// Forgets the conversations among these that hold nothing.
    async fn hollow(&self, conversations: &[&str]) -> Result<Handled, StoreError> {
        let hollow = self.store.tidy(conversations, self.expiry).await?;
        if hollow.is_empty() {
            return Ok(Handled::default());
        }
        let ids: Vec<&str> = hollow.keys().map(String::as_str).collect();
        let rows = hollow.values().flat_map(|talk| &talk.links);
        let rows: Vec<&str> = rows.map(|link| link.id.as_str()).collect();
        let removed = answered(self.store.remove_conversations(&ids, &rows)).await?;
        let again = ids.into_iter().filter(|id| !is_among(id, &removed));
        Ok(Handled {
            again: again.map(str::to_owned).collect(),
            forgotten: removed.len(),
        })
    }
}

fn is_among(id: &str, ids: &[String]) -> bool {
    ids.iter().any(|known| known == id)
}

#[async_trait]
impl RetentionStore for Store {
    async fn expire(&self, expiry: &Expiry, at_most: u16) -> Result<u32, StoreError> {
        self.forget_past(expiry, at_most).await
    }
}
