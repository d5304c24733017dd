//! How many connections each address has, and no more than it may have.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// At most one line in so long says that connections were turned away.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// All addresses that have a connection, for all threads. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Addresses(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    most: NonZeroU32,
    // An address is in it as long as it has a connection, so it is no larger than there are connections.
    open: Mutex<HashMap<IpAddr, u32>>,
    turned_away: Mutex<TurnedAway>,
}

/// Connections that were turned away and not told of.
#[derive(Debug, Default)]
struct TurnedAway {
    count: u64,
    told: Option<Instant>,
}

/// What becomes of a connection.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// It is let in, and counts until its place is dropped.
    Counted(Place),
    /// It is let in; nobody counts.
    Uncounted,
    /// Its address has as many as it may have.
    TurnedAway,
}

/// One connection of an address.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Arc<Shared>,
    address: IpAddr,
}

impl Addresses {
    /// Each may have so many connections; without limit when nothing is said.
    pub(crate) fn new(most: Option<NonZeroU32>) -> Self {
        Self(most.map(|most| {
            Arc::new(Shared {
                most,
                open: Mutex::default(),
                turned_away: Mutex::default(),
            })
        }))
    }

    /// A connection of this peer is there.
    pub(crate) fn arrive(&self, peer: IpAddr) -> Arrival {
        let Some(shared) = &self.0 else {
            return Arrival::Uncounted;
        };
        let address = counted_as(peer);
        let mut open = shared.open();
        let count = open.entry(address).or_insert(0);
        if *count >= shared.most.get() {
            return Arrival::TurnedAway;
        }
        *count += 1;
        Arrival::Counted(Place {
            shared: Arc::clone(shared),
            address,
        })
    }

    /// Says in the log that a connection of this peer was turned away; how many were, when there are many.
    pub(crate) fn tell(&self, peer: IpAddr) {
        let Some(shared) = &self.0 else {
            return;
        };
        let mut turned_away = shared
            .turned_away
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = turned_away.due_to_tell(Instant::now()) {
            tracing::warn!(
                client.address = %peer,
                connections.turned_away = count,
                "{count} connections were turned away lately, the last one of {peer}, whose address has as many \
                 as RESPONSE_MAX_CONNECTIONS_PER_ADDRESS allows"
            );
        }
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TurnedAway {
    /// Counts one, and answers how many there are to be told of, if it is time to.
    fn due_to_tell(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        if self.told.is_some_and(|told| now - told < TELL_EVERY) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut open) = self.shared.open().entry(self.address) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }
}

/// Whoever has one address of the newer family has all of its net of 64 bits.
fn counted_as(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_each() -> Addresses {
        Addresses::new(NonZeroU32::new(2))
    }

    fn place(addresses: &Addresses, peer: &str) -> Option<Place> {
        match addresses.arrive(peer.parse().unwrap()) {
            Arrival::Counted(place) => Some(place),
            Arrival::TurnedAway => None,
            Arrival::Uncounted => panic!("nobody counts"),
        }
    }

    #[test]
    fn an_address_has_so_many_and_one_that_ends_makes_room() {
        let addresses = two_each();
        let first = place(&addresses, "10.0.0.1").unwrap();
        let _second = place(&addresses, "10.0.0.1").unwrap();
        assert!(place(&addresses, "10.0.0.1").is_none());
        assert!(
            place(&addresses, "10.0.0.2").is_some(),
            "others have theirs"
        );
        drop(first);
        let _third = place(&addresses, "10.0.0.1").unwrap();
        assert!(place(&addresses, "10.0.0.1").is_none());
    }

    #[test]
    fn addresses_of_one_caller_are_counted_together() {
        for (one, other, together) in [
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("2001:db8::1", "2001:db8::ffff:2", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("10.0.0.1", "10.0.0.2", false),
        ] {
            let addresses = two_each();
            let _places = [place(&addresses, one), place(&addresses, one)];
            assert_eq!(
                place(&addresses, other).is_none(),
                together,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn an_address_without_connections_is_forgotten() {
        let addresses = two_each();
        let places: Vec<_> = (0..100)
            .filter_map(|last| place(&addresses, &format!("10.0.0.{last}")))
            .collect();
        let known = || addresses.0.as_ref().unwrap().open().len();
        assert_eq!(known(), 100);
        drop(places);
        assert_eq!(known(), 0);
    }

    #[test]
    fn without_a_limit_nobody_counts() {
        let addresses = Addresses::new(None);
        for _ in 0..10 {
            let arrival = addresses.arrive("10.0.0.1".parse().unwrap());
            assert!(matches!(arrival, Arrival::Uncounted));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_many_that_are_turned_away_one_line_a_second_tells() {
        let mut turned_away = TurnedAway::default();
        let mut tell = |times: u32| {
            (0..times)
                .filter_map(|_| turned_away.due_to_tell(Instant::now()))
                .collect::<Vec<_>>()
        };
        assert_eq!(tell(100), [1]);
        tokio::time::advance(TELL_EVERY).await;
        assert_eq!(tell(100), [100]);
    }
}
