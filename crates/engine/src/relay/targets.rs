//! How much is under way to whom: no address and no owner may take all the room of a lane, and one that
//! does not answer is given hardly any.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use response_domain::caller::OwnerId;
use response_domain::id::EndpointId;
use response_domain::webhook::{Due, Target};

/// What part of a lane one address, and one owner, may have.
const SHARE_OF_TARGET: usize = 4;
const SHARE_OF_OWNER: usize = 2;
/// As many failures in a row make an address a failing one, which is tried by so many at once.
const FAILURES: u32 = 3;
const PROBES: usize = 2;
/// When so many addresses are known, those are forgotten to which nothing is under way.
const REMEMBERED: usize = 10_000;

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Owner(OwnerId),
    Endpoint(EndpointId),
    /// Scheme, host and port of the addresses of requests.
    Origin(Box<str>),
}

/// What is known of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Known {
    under_way: usize,
    failures: u32,
}

/// Everybody to whom something is under way, or who fails.
#[derive(Debug, Default)]
pub(super) struct Targets(Mutex<HashMap<Who, Known>>);

/// The right to send one delivery, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Entry {
    targets: Arc<Targets>,
    who: [Who; 2],
}

impl Targets {
    /// Lets a delivery through when there is room for its owner and its address in a lane of so many places.
    pub(super) fn enter(self: &Arc<Self>, due: &Due, places: usize) -> Option<Entry> {
        let who = [Who::Owner(due.owner.clone()), Who::of(due)];
        let mut known = self.known();
        let has_room = |who: &Who| {
            let known = known.get(who).copied().unwrap_or_default();
            let most = match who {
                _ if known.failures >= FAILURES => PROBES,
                Who::Owner(_) => places.div_ceil(SHARE_OF_OWNER),
                Who::Endpoint(_) | Who::Origin(_) => places.div_ceil(SHARE_OF_TARGET),
            };
            known.under_way < most
        };
        if !who.iter().all(has_room) {
            return None;
        }
        for who in &who {
            known.entry(who.clone()).or_default().under_way += 1;
        }
        drop(known);
        Some(Entry {
            targets: Arc::clone(self),
            who,
        })
    }

    /// Notes whether the address of a delivery took it.
    pub(super) fn note(&self, due: &Due, is_taken: bool) {
        let mut known = self.known();
        let who = Who::of(due);
        if is_taken {
            if let Some(one) = known.get_mut(&who) {
                one.failures = 0;
            }
        } else {
            if known.len() >= REMEMBERED && !known.contains_key(&who) {
                known.retain(|_, one| one.under_way > 0);
            }
            let one = known.entry(who).or_default();
            one.failures = one.failures.saturating_add(1);
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Who, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Who {
    fn of(due: &Due) -> Self {
        match (&due.target, due.lease.key.endpoint) {
            (Target::Endpoint { .. }, Some(id)) => Self::Endpoint(id),
            (target, _) => Self::Origin(origin(target.url()).into()),
        }
    }
}

/// Scheme, host and port of a URL, as they are written.
fn origin(url: &str) -> String {
    let begin = url.find("://").map_or(0, |colon| colon + 3);
    let end = url
        .get(begin..)
        .and_then(|rest| rest.find(['/', '?', '#']))
        .map_or(url.len(), |slash| begin + slash);
    url.get(..end).unwrap_or(url).to_ascii_lowercase()
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut known = self.targets.known();
        for who in &self.who {
            if let Some(one) = known.get_mut(who) {
                one.under_way = one.under_way.saturating_sub(1);
                if *one == Known::default() {
                    known.remove(who);
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
            target: Target::Callback(url.into()),
        }
    }

    fn entries(targets: &Arc<Targets>, due: &Due) -> Vec<Entry> {
        std::iter::from_fn(|| targets.enter(due, 40)).collect()
    }

    #[test]
    fn nobody_takes_all_the_room() {
        let targets = Arc::new(Targets::default());
        let one = due("ada", "https://one/a");
        let of_one = entries(&targets, &one);
        assert_eq!(of_one.len(), 10, "an address");
        assert!(targets.enter(&due("bob", "https://ONE/b?c"), 40).is_none());
        let of_two = entries(&targets, &due("ada", "https://two/a"));
        assert_eq!(of_two.len(), 10, "the owner has the half");
        assert!(targets.enter(&due("ada", "https://three"), 40).is_none());
        assert!(targets.enter(&due("bob", "https://three"), 40).is_some());
        drop(of_one);
        assert_eq!(entries(&targets, &one).len(), 10);
        drop(of_two);
        assert!(targets.known().is_empty());
    }

    #[test]
    fn who_fails_is_given_hardly_any_until_it_takes_one() {
        let targets = Arc::new(Targets::default());
        let dead = due("ada", "http://dead:9/x");
        for _ in 0..FAILURES {
            targets.note(&dead, false);
        }
        assert_eq!(entries(&targets, &dead).len(), PROBES);
        assert_eq!(entries(&targets, &due("ada", "http://live/x")).len(), 10);
        targets.note(&dead, true);
        assert_eq!(entries(&targets, &dead).len(), 10);
        assert!(targets.known().is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let targets = Arc::new(Targets::default());
        for number in 0..2 * REMEMBERED {
            targets.note(&due("ada", &format!("http://{number}/")), false);
        }
        assert!(targets.known().len() <= REMEMBERED);
    }

    #[test]
    fn an_origin_ends_where_the_path_begins() {
        for (url, expected) in [
            ("http://A.b:80/c", "http://a.b:80"),
            ("https://a", "https://a"),
            ("https://a?q=/", "https://a"),
            ("https://[::1]:8/x#y", "https://[::1]:8"),
            ("nonsense", "nonsense"),
            ("", ""),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}
