//! One delivery: word it, sign it, post it, write down what came of it.

use std::sync::Arc;
use std::time::Duration;

use response_domain::id::EventId;
use response_domain::ports::store::StoreError;
use response_domain::ports::vault::VaultError;
use response_domain::ports::webhook::Letter;
use response_domain::webhook::{
    Attempt, Due, GaveUp, Outcome, Payload, Schedule, SigningSecret, Target, Verdict,
};
use tokio::time::Instant;

use super::targets::Entry;
use crate::Engine;
use crate::error::EndpointError;
use crate::journal::{Written, patiently};
use crate::watch;

/// A pause that is at most so long is kept by this process itself, to the moment.
const KEPT_IN_MIND: Duration = Duration::from_secs(10);
/// How long a delivery waits for a process that has the key.
const UNTIL_SOMEBODY_HAS_THE_KEY: Duration = Duration::from_mins(1);

/// Why a delivery is not posted.
enum Unsent {
    /// It never will be.
    Never(GaveUp),
    /// This process cannot.
    NotHere(Duration),
    /// The response was deleted, and so was this.
    Gone,
}

impl Engine {
    /// Sends a delivery that this process has claimed.
    pub(super) async fn deliver(&self, due: Due, entry: &Entry) {
        let letter = match self.letter(&due).await {
            Ok(letter) => letter,
            Err(unsent) => return self.leave(&due, unsent).await,
        };
        let attempt = self.post(letter).await;
        entry.note(attempt.is_taken());
        watch::webhook_tried(&due, &attempt);
        let outcome = self.outcome(&due, &attempt);
        self.write_down(&due, &attempt, &outcome).await;
    }

    /// Posts a letter, once; what came of it.
    pub(crate) async fn post(&self, letter: Letter) -> Attempt {
        let (at, url) = (letter.at, Arc::clone(&letter.url));
        let begun = Instant::now();
        let answer = self.0.ports.sender.send(letter).await;
        Attempt {
            at,
            url,
            duration: begun.elapsed(),
            answer,
        }
    }

    async fn letter(&self, due: &Due) -> Result<Letter, Unsent> {
        let key = due.lease.key;
        let secrets = self.secrets_of(due)?;
        let payloads = &self.0.ports.payloads;
        let body = match due.target.payload() {
            Payload::Thin => payloads.thin(due.event, key.response, due.created),
            Payload::Full => {
                let found = self.0.ports.store.find(&due.owner, key.response).await;
                let found = found.map_err(|error| self.unread(due, &error))?;
                payloads.full(due.event, &*found.ok_or(Unsent::Gone)?)
            }
        };
        Ok(Letter {
            id: EventId::of(key.response),
            at: self.0.ports.clock.now(),
            event: due.event,
            response: key.response,
            endpoint: key.endpoint,
            url: Arc::clone(due.target.url()),
            body,
            secrets,
        })
    }

    fn secrets_of(&self, due: &Due) -> Result<Vec<SigningSecret>, Unsent> {
        let secrets = match &due.target {
            Target::Callback(_) => return Ok(self.0.policy.webhooks.secrets.clone()),
            Target::Endpoint { secrets, .. } => secrets,
        };
        let Some(id) = due.lease.key.endpoint else {
            return Err(Unsent::Never(GaveUp::Unsigned));
        };
        self.signing(secrets, &due.owner, id).map_err(|error| {
            tracing::error!(
                endpoint.id = %id,
                error = &error as &dyn std::error::Error,
                "the secret of a webhook endpoint cannot be opened"
            );
            match error {
                EndpointError::NoKey | EndpointError::Vault(VaultError::UnknownKey(_)) => {
                    Unsent::NotHere(UNTIL_SOMEBODY_HAS_THE_KEY)
                }
                _ => Unsent::Never(GaveUp::Unsigned),
            }
        })
    }

    fn unread(&self, due: &Due, error: &StoreError) -> Unsent {
        let id = due.lease.key.response;
        let cause = error as &dyn std::error::Error;
        match error {
            StoreError::Corrupt { .. } => {
                tracing::error!(
                    response.id = %id, error = cause,
                    "a response that is to be told of cannot be read"
                );
                Unsent::Never(GaveUp::Unreadable)
            }
            StoreError::Stale | StoreError::Unavailable(_) | StoreError::Failed(_) => {
                tracing::warn!(
                    response.id = %id, error = cause,
                    "a response could not be read to be told of; this is tried again"
                );
                Unsent::NotHere(self.a_while())
            }
        }
    }

    fn outcome(&self, due: &Due, attempt: &Attempt) -> Outcome {
        let (schedule, failing_since) = match &due.target {
            Target::Callback(_) => (Schedule::Callback(self.0.policy.webhooks.callback), None),
            Target::Endpoint { failing_since, .. } => (Schedule::Endpoint, *failing_since),
        };
        schedule.after(attempt, due.tried, failing_since, self.noise())
    }

    /// Writes an attempt down, again for a while when the database is away. When that fails its claim runs
    /// out, and it is sent once more: rather twice than not at all.
    async fn write_down(&self, due: &Due, attempt: &Attempt, outcome: &Outcome) {
        let outbox = &self.0.ports.outbox;
        let record = || outbox.record(&due.lease, attempt, outcome);
        match patiently(due.lease.key.response, u32::MAX, record).await {
            Ok(Written::Yes(()) | Written::Perhaps) => self.go_on(due, outcome),
            // Somebody else has it, or its response or endpoint was deleted.
            Ok(Written::Refused) => {}
            Err(error) => tracing::warn!(
                event.id = %EventId::of(due.lease.key.response),
                error = &error as &dyn std::error::Error,
                "what came of a webhook could not be recorded; it is sent again"
            ),
        }
    }

    fn go_on(&self, due: &Due, outcome: &Outcome) {
        match outcome.verdict {
            Verdict::Again(pause) if pause <= KEPT_IN_MIND => {
                let engine = self.clone();
                self.0.launch.chore(async move {
                    if engine.pause(pause).await {
                        engine.0.relay.patient.notify_one();
                    }
                });
            }
            Verdict::Delivered | Verdict::Again(_) => {}
            Verdict::GivenUp(why) => given_up(due, why),
        }
    }

    async fn leave(&self, due: &Due, unsent: Unsent) {
        let outbox = &self.0.ports.outbox;
        let left = match unsent {
            Unsent::Gone => return,
            Unsent::NotHere(pause) => outbox.postpone(&[due.lease], pause).await,
            Unsent::Never(why) => {
                given_up(due, why);
                outbox.give_up(&due.lease, why).await
            }
        };
        match left {
            Ok(()) | Err(StoreError::Stale) => {}
            Err(error) => tracing::warn!(
                event.id = %EventId::of(due.lease.key.response),
                error = &error as &dyn std::error::Error,
                "a webhook that cannot be sent could not be put aside"
            ),
        }
    }
}

/// Says that a delivery is not tried any more.
pub(super) fn given_up(due: &Due, why: GaveUp) {
    watch::webhook_given_up(why);
    let key = due.lease.key;
    tracing::warn!(
        response.id = %key.response,
        endpoint.id = key.endpoint.map(tracing::field::display),
        event.id = %EventId::of(key.response),
        reason = why.as_str(),
        "a webhook is given up"
    );
}
