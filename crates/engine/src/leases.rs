//! The background runs that this process holds. The queue has the last word on who holds what: each
//! heartbeat brings its view, and this register is put right by it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use tokio::sync::watch::Sender;
use tokio::time::Instant;

use crate::presence::{BEAT, TAKEN_FOR_DEAD};
use crate::stop::{Reason, StopSource};

/// A process that could not sign its life for this long lets go of what it holds, before others take it.
const TRUSTED: Duration = TAKEN_FOR_DEAD.saturating_sub(Duration::from_secs(4));

/// What this process holds.
#[derive(Debug)]
pub(crate) struct Leases {
    register: Mutex<Register>,
    held: Sender<usize>,
}

#[derive(Debug)]
struct Register {
    held: HashMap<ResponseId, Holding>,
    /// Leases that the last heartbeat brought and that no run here has, with the moment of the first that
    /// brought them.
    strangers: HashMap<Lease, Instant>,
    /// When the last heartbeat that was answered had begun.
    signed: Instant,
}

#[derive(Debug)]
struct Holding {
    token: u64,
    since: Instant,
    stop: Arc<StopSource>,
}

impl Default for Leases {
    fn default() -> Self {
        let register = Register {
            held: HashMap::new(),
            strangers: HashMap::new(),
            signed: Instant::now(),
        };
        Self {
            register: Mutex::new(register),
            held: Sender::new(0),
        }
    }
}

impl Leases {
    fn register(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run is about to begin under this lease.
    pub(crate) fn take(&self, lease: Lease, stop: Arc<StopSource>) {
        let mut register = self.register();
        let holding = Holding {
            token: lease.token,
            since: Instant::now(),
            stop,
        };
        if let Some(earlier) = register.held.insert(lease.response, holding) {
            // It came back before the run that had lost it noticed.
            earlier.stop.stop(Reason::Lost);
        }
        self.tell(&register);
    }

    /// The run under this lease is over.
    pub(crate) fn leave(&self, lease: Lease) {
        let mut register = self.register();
        let is_it = |holding: &Holding| holding.token == lease.token;
        if register.held.get(&lease.response).is_some_and(is_it) {
            register.held.remove(&lease.response);
        }
        self.tell(&register);
    }

    fn tell(&self, register: &Register) {
        crate::watch::held(register.held.len());
        self.held.send_replace(register.held.len());
    }

    /// Lets go of a response that was ended elsewhere, if it is held here.
    pub(crate) fn let_go(&self, id: ResponseId) {
        if let Some(holding) = self.register().held.get(&id) {
            holding.stop.stop(Reason::Lost);
        }
    }

    /// Lets go of everything; answers how much of it was not let go before.
    pub(crate) fn let_go_of_all(&self) -> usize {
        let register = self.register();
        let held = register.held.values();
        held.filter(|holding| holding.stop.stop(Reason::HandBack))
            .count()
    }

    /// Waits until nothing is held.
    pub(crate) async fn are_none(&self) {
        let mut held = self.held.subscribe();
        // The sender lives in `self`, so the channel cannot close while this waits.
        let _ = held.wait_for(|held| *held == 0).await;
    }

    /// Takes what the queue says this process holds, asked for at `begun`. Runs whose lease is gone are
    /// let go. Answers the leases that no run here has had for the time between two signs of life: their
    /// claim was never answered, or their run broke. One that is new may be on its way from the queue to
    /// its run.
    pub(crate) fn compare(&self, leases: &[Lease], begun: Instant) -> Vec<Lease> {
        let mut register = self.register();
        register.signed = begun;
        let told: HashMap<ResponseId, u64> = leases
            .iter()
            .map(|lease| (lease.response, lease.token))
            .collect();
        for (id, holding) in &register.held {
            if holding.since < begun && told.get(id) != Some(&holding.token) {
                holding.stop.stop(Reason::Lost);
            }
        }
        let is_unknown = |lease: &&Lease| {
            let held = register.held.get(&lease.response);
            held.is_none_or(|holding| holding.token != lease.token)
        };
        let since = |lease: &Lease| register.strangers.get(lease).copied().unwrap_or(begun);
        let unknown = leases.iter().filter(is_unknown);
        let unknown: HashMap<Lease, Instant> =
            unknown.map(|lease| (*lease, since(lease))).collect();
        let is_stray = |(_, since): &(&Lease, &Instant)| begun.duration_since(**since) >= BEAT;
        let stray = unknown.iter().filter(is_stray);
        let stray = stray.map(|(lease, _)| *lease).collect();
        register.strangers = unknown;
        stray
    }

    /// Whether the last sign of life is too old to be sure of what is held.
    pub(crate) fn are_doubtful(&self) -> bool {
        self.register().signed.elapsed() > TRUSTED
    }

    /// Lets go of everything when the last sign of life is too old to be sure of it; answers how much.
    pub(crate) fn doubt(&self) -> usize {
        if !self.are_doubtful() {
            return 0;
        }
        self.let_go_of_all()
    }
}

#[cfg(test)]
mod tests {
    use response_domain::id::{RawId, WorkerId};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lease_without_a_run_is_stray_only_after_the_time_between_two_signs_of_life() {
        let leases = Leases::default();
        let lease = Lease {
            response: ResponseId::new(RawId::new(1)),
            worker: WorkerId::new(RawId::new(2)),
            token: 3,
        };
        for _ in 0..3 {
            assert!(leases.compare(&[lease], Instant::now()).is_empty());
        }
        tokio::time::advance(BEAT).await;
        assert_eq!(leases.compare(&[lease], Instant::now()), [lease]);
        leases.take(lease, Arc::default());
        tokio::time::advance(BEAT).await;
        assert!(leases.compare(&[lease], Instant::now()).is_empty());
    }
}
