//! How much is under way to whom: no address and no owner may take all the room of a lane, one that does not
//! answer is given hardly any, and some is kept for those that take what they are sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use response_domain::caller::OwnerId;
use response_domain::id::EndpointId;
use response_domain::webhook::{Due, Lane, Target};

/// What part of a lane one address, and one owner, may have.
const SHARE_OF_TARGET: usize = 4;
const SHARE_OF_OWNER: usize = 2;
/// As many failures in a row make an address a failing one, which has hardly any: an endpoint so many
/// places, and the addresses of requests that lead to one host this part of a lane, because one may hang
/// there and another not.
const FAILURES: u32 = 3;
const PROBES: usize = 2;
const SHARE_OF_FAILING_ORIGIN: usize = 64;
/// When so many addresses are known, those are forgotten to which nothing is under way.
const REMEMBERED: usize = 10_000;

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Everybody,
    Owner(OwnerId),
    Endpoint(EndpointId),
    /// Where addresses of requests lead to, for one owner: what fails for one must not hold up another's.
    Origin(OwnerId, Box<str>),
}

/// How an address took what it was sent last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Takes,
    Unknown,
    Fails,
}

/// What is under way, and how the addresses took what they were sent.
#[derive(Debug, Default)]
struct Book {
    under_way: HashMap<(Lane, Who), usize>,
    /// How often in a row each failed that was tried; 0 when it took the last.
    failures: HashMap<Who, u32>,
}

/// Everybody to whom something is under way, or was.
#[derive(Debug, Default)]
pub(super) struct Targets(Mutex<Book>);

/// The right to send one delivery, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Entry {
    targets: Arc<Targets>,
    lane: Lane,
    who: [Who; 3],
}

impl Entry {
    /// Notes whether the address of the delivery took it.
    pub(super) fn note(&self, is_taken: bool) {
        let [_, _, address] = &self.who;
        self.targets.note(address, is_taken);
    }
}

impl Targets {
    /// Lets a delivery through when there is room for its owner and its address in a lane of so many places.
    /// `origin` says where an address leads.
    pub(super) fn enter(
        self: &Arc<Self>,
        (lane, places): (Lane, usize),
        due: &Due,
        origin: impl FnOnce(&str) -> Box<str>,
    ) -> Option<Entry> {
        let address = Who::of(due, origin);
        let mut book = self.book();
        let standing = book.standing(&address, due);
        let who = [Who::Everybody, Who::Owner(due.owner.clone()), address];
        let has_room = |who: &Who| {
            let most = match who {
                Who::Everybody => standing.part_of(places),
                Who::Owner(_) => standing.part_of(places.div_ceil(SHARE_OF_OWNER)),
                Who::Endpoint(_) if book.is_failing(who) => PROBES,
                Who::Origin(..) if book.is_failing(who) => {
                    places.div_ceil(SHARE_OF_FAILING_ORIGIN).max(PROBES)
                }
                Who::Endpoint(_) | Who::Origin(..) => places.div_ceil(SHARE_OF_TARGET),
            };
            book.under_way(lane, who) < most
        };
        if !who.iter().all(has_room) {
            return None;
        }
        for who in &who {
            *book.under_way.entry((lane, who.clone())).or_default() += 1;
        }
        drop(book);
        Some(Entry {
            targets: Arc::clone(self),
            lane,
            who,
        })
    }

    /// Whether the address of a delivery failed so often that it has hardly any room.
    pub(super) fn fails(&self, due: &Due, origin: impl FnOnce(&str) -> Box<str>) -> bool {
        self.book().is_failing(&Who::of(due, origin))
    }

    fn note(&self, who: &Who, is_taken: bool) {
        let mut book = self.book();
        if book.failures.len() >= REMEMBERED && !book.failures.contains_key(who) {
            book.forget_the_idle();
        }
        let failures = book.failures.entry(who.clone()).or_default();
        *failures = if is_taken {
            0
        } else {
            failures.saturating_add(1)
        };
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn under_way(&self, lane: Lane, who: &Who) -> usize {
        let key = (lane, who.clone());
        self.under_way.get(&key).copied().unwrap_or_default()
    }

    fn is_failing(&self, who: &Who) -> bool {
        let failures = self.failures.get(who);
        failures.is_some_and(|failures| *failures >= FAILURES)
    }

    fn standing(&self, address: &Who, due: &Due) -> Standing {
        match self.failures.get(address) {
            Some(0) => Standing::Takes,
            None if due.tried == 0 && !is_failing(&due.target) => Standing::Unknown,
            Some(_) | None => Standing::Fails,
        }
    }

    fn forget_the_idle(&mut self) {
        let Self {
            under_way,
            failures,
        } = self;
        failures.retain(|who, _| {
            let is_busy = |&lane: &Lane| under_way.contains_key(&(lane, who.clone()));
            Lane::ALL.iter().any(is_busy)
        });
    }
}

impl Standing {
    /// How many of so many places may be taken for one more to be let in. Who takes what it is sent finds
    /// places that all the others together cannot take, and who was never tried some that those who fail
    /// cannot.
    fn part_of(self, places: usize) -> usize {
        match self {
            Self::Takes => places,
            Self::Unknown => (places * 7).div_ceil(8),
            Self::Fails => (places * 3).div_ceil(4),
        }
    }
}

impl Who {
    /// The address of a delivery.
    fn of(due: &Due, origin: impl FnOnce(&str) -> Box<str>) -> Self {
        match (&due.target, due.lease.key.endpoint) {
            (Target::Endpoint { .. }, Some(id)) => Self::Endpoint(id),
            (target, _) => Self::Origin(due.owner.clone(), origin(target.url())),
        }
    }
}

/// Whether it took nothing of late, as all processes know it.
fn is_failing(target: &Target) -> bool {
    match target {
        Target::Callback(_) => false,
        Target::Endpoint { failing_since, .. } => failing_since.is_some(),
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut book = self.targets.book();
        for who in &self.who {
            let key = (self.lane, who.clone());
            if let Some(under_way) = book.under_way.get_mut(&key) {
                *under_way = under_way.saturating_sub(1);
                if *under_way == 0 {
                    book.under_way.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use response_domain::id::{RawId, ResponseId, WorkerId};
    use response_domain::time::Timestamp;
    use response_domain::webhook::{DeliveryKey, DeliveryLease, WebhookEvent};

    use super::*;

    fn due(owner: &str, url: &str) -> Due {
        Due {
            lease: DeliveryLease {
                key: DeliveryKey {
                    response: ResponseId::new(RawId::new(1)),
                    endpoint: None,
                },
                worker: WorkerId::new(RawId::new(2)),
                token: 1,
            },
            owner: OwnerId::new(owner),
            event: WebhookEvent::Completed,
            created: Timestamp::from_micros(0),
            tried: 0,
            tried_in_all: 0,
            target: Target::Callback(url.into()),
        }
    }

    fn host(url: &str) -> Box<str> {
        url.split('/').take(3).collect::<Vec<_>>().join("/").into()
    }

    fn enter(targets: &Arc<Targets>, lane: Lane, due: &Due) -> Option<Entry> {
        targets.enter((lane, 80), due, host)
    }

    fn note(targets: &Targets, due: &Due, is_taken: bool) {
        let who = Who::Origin(due.owner.clone(), host(due.target.url()));
        targets.note(&who, is_taken);
    }

    fn entries_of(targets: &Arc<Targets>, lane: Lane, due: &Due) -> Vec<Entry> {
        std::iter::from_fn(|| enter(targets, lane, due)).collect()
    }

    fn entries(targets: &Arc<Targets>, due: &Due) -> Vec<Entry> {
        entries_of(targets, Lane::Prompt, due)
    }

    #[test]
    fn nobody_takes_all_the_room() {
        let targets = Arc::new(Targets::default());
        let one = due("ada", "https://one/a");
        let of_one = entries(&targets, &one);
        assert_eq!(of_one.len(), 20, "an address");
        assert_eq!(entries(&targets, &due("ada", "https://one/b?c")).len(), 0);
        let of_two = entries(&targets, &due("ada", "https://two/a"));
        assert_eq!(
            of_two.len(),
            15,
            "the owner has the half, less what is kept"
        );
        assert_eq!(entries(&targets, &due("ada", "https://three")).len(), 0);
        assert_eq!(entries(&targets, &due("bob", "https://three")).len(), 20);
        drop(of_one);
        assert_eq!(entries(&targets, &one).len(), 20);
        drop(of_two);
        assert!(targets.book().under_way.is_empty());
    }

    #[test]
    fn the_lanes_are_counted_apart() {
        let targets = Arc::new(Targets::default());
        let one = due("ada", "https://one/a");
        let prompt = entries(&targets, &one);
        assert_eq!(entries_of(&targets, Lane::Patient, &one).len(), 20);
        drop(prompt);
        assert!(targets.book().under_way.is_empty());
    }

    #[test]
    fn who_takes_what_it_is_sent_finds_room_beside_those_that_hang() {
        let targets = Arc::new(Targets::default());
        let live = due("ada", "https://live");
        note(&targets, &live, true);
        let hang = |owner: &str| -> Vec<Entry> {
            let hanging = (0..80).filter_map(|number| {
                let dead = due(owner, &format!("https://{owner}-{number}"));
                enter(&targets, Lane::Prompt, &dead)
            });
            hanging.collect()
        };
        let of_ada = hang("ada");
        assert_eq!(of_ada.len(), 35, "seven eighths of an owner's half");
        let of_others = (hang("bob"), hang("eve"));
        assert_eq!(of_others.0.len() + of_others.1.len(), 35, "and of the lane");
        assert_eq!(entries(&targets, &live).len(), 5);
        let retried = Due {
            tried: 1,
            ..due("mia", "https://mia")
        };
        drop(of_others.0);
        assert_eq!(entries(&targets, &retried).len(), 20);
        let untried = entries(&targets, &due("zoe", "https://zoe"));
        assert_eq!(untried.len(), 20);
        assert_eq!(
            entries(&targets, &retried).len(),
            5,
            "three quarters are taken then"
        );
    }

    #[test]
    fn who_fails_is_given_hardly_any_until_it_takes_one() {
        let targets = Arc::new(Targets::default());
        let dead = due("ada", "http://dead:9/x");
        for _ in 0..FAILURES {
            note(&targets, &dead, false);
        }
        assert_eq!(entries(&targets, &dead).len(), PROBES);
        assert_eq!(entries(&targets, &due("ada", "http://live/x")).len(), 20);
        let of_another = due("bob", "http://dead:9/y");
        assert_eq!(
            entries(&targets, &of_another).len(),
            20,
            "to each their own"
        );
        note(&targets, &dead, true);
        assert_eq!(entries(&targets, &dead).len(), 20);
        assert!(targets.book().under_way.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let targets = Arc::new(Targets::default());
        let busy = due("ada", "http://busy/");
        let entry = enter(&targets, Lane::Patient, &busy).unwrap();
        entry.note(true);
        for number in 0..2 * REMEMBERED {
            let other = due("ada", &format!("http://{number}/"));
            note(&targets, &other, number % 2 == 0);
        }
        let book = targets.book();
        assert!(book.failures.len() <= REMEMBERED);
        let [_, _, address] = &entry.who;
        assert_eq!(book.standing(address, &busy), Standing::Takes);
        drop(book);
        drop(entry);
    }
}
