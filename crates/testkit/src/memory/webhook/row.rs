//! One delivery.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::id::WorkerId;
use response_domain::ports::webhook::DueClaim;
use response_domain::response::Response;
use response_domain::time::Timestamp;
use response_domain::webhook::{
    Attempt, DeliveryKey, DeliveryLease, DeliveryState, GaveUp, Lane, Verdict, WebhookEvent,
};

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) owner: OwnerId,
    pub(super) event: WebhookEvent,
    /// The address of the request; none for an endpoint, which has its own.
    pub(super) callback: Option<Arc<str>>,
    pub(super) created: Timestamp,
    pub(super) state: DeliveryState,
    pub(super) lane: Lane,
    /// Attempts since it was last begun.
    pub(super) tried: u16,
    pub(super) attempts: Vec<Attempt>,
    /// The process that sends it; none while it waits.
    pub(super) worker: Option<WorkerId>,
    token: u64,
}

impl Entry {
    pub(super) fn new(
        response: &Response,
        event: WebhookEvent,
        callback: Option<Arc<str>>,
        lane: Lane,
        now: Timestamp,
    ) -> Self {
        Self {
            owner: response.owner.clone(),
            event,
            callback,
            created: response.times.ended.unwrap_or(response.times.updated),
            state: DeliveryState::Pending { due: now },
            lane,
            tried: 0,
            attempts: Vec::new(),
            worker: None,
            token: 0,
        }
    }

    /// When it is to be tried, or its claim is over; none when it is not pending.
    pub(super) const fn due(&self) -> Option<Timestamp> {
        match self.state {
            DeliveryState::Pending { due } => Some(due),
            DeliveryState::Delivered { .. } | DeliveryState::GivenUp { .. } => None,
        }
    }

    /// Whether this lease is the latest.
    pub(super) fn is_held_by(&self, lease: &DeliveryLease) -> bool {
        self.worker == Some(lease.worker) && self.token == lease.token
    }

    pub(super) fn claim(
        &mut self,
        key: DeliveryKey,
        claim: &DueClaim,
        now: Timestamp,
    ) -> DeliveryLease {
        self.worker = Some(claim.worker);
        self.token = self.token.saturating_add(1);
        self.state = DeliveryState::Pending {
            due: now.after(claim.hold),
        };
        DeliveryLease {
            key,
            worker: claim.worker,
            token: self.token,
        }
    }

    /// Lets it wait in its lane, with nobody who sends it.
    pub(super) fn wait(&mut self, by: Duration, now: Timestamp) {
        self.worker = None;
        self.state = DeliveryState::Pending { due: now.after(by) };
    }

    pub(super) fn give_up(&mut self, why: GaveUp, now: Timestamp) {
        self.worker = None;
        self.state = DeliveryState::GivenUp { at: now, why };
    }

    pub(super) fn record(&mut self, attempt: Attempt, verdict: Verdict, now: Timestamp) {
        self.attempts.push(attempt);
        self.tried = self.tried.saturating_add(1);
        match verdict {
            Verdict::Delivered => {
                self.worker = None;
                self.state = DeliveryState::Delivered { at: now };
            }
            Verdict::Again(pause) => {
                self.lane = Lane::Patient;
                self.wait(pause, now);
            }
            Verdict::GivenUp(why) => self.give_up(why, now),
        }
    }

    /// Begins it again in this lane, or lets it wait no longer. A process that sends it goes on.
    pub(super) fn again(&mut self, lane: Lane, now: Timestamp) {
        if self.worker.is_some() {
            return;
        }
        if self.due().is_none() {
            self.lane = lane;
            self.tried = 0;
        }
        self.wait(Duration::ZERO, now);
    }
}
