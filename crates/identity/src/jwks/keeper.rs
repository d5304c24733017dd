//! Has the keys of an issuer at hand: fetches them ahead of time, keeps old ones while the issuer does not
//! answer, and looks again, now and then, when a token names a key that is not there.
//!
//! However many ask at once, one fetch is under way at a time, in a task of its own: whoever asked may go,
//! the keys come all the same.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use response_domain::ports::auth::AuthError;
use response_domain::time::{Clock, Timestamp};
use response_egress::EgressClient;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::ring::Ring;
use super::source::{FetchError, Fetched, Source};
use crate::watch::fetched;

/// How long keys are used whose issuer does not answer any more.
const STALE: Duration = Duration::from_hours(24);
/// Between two fetches that tokens cause lies at least this.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// A fetch takes five seconds at most; whoever waits for it waits a little longer.
const PATIENCE: Duration = Duration::from_secs(6);
/// After a fetch that failed comes the next, later each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// When to tell a caller to come again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What a keeper works with.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) client: EgressClient,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) runtime: Handle,
}

/// The keys of one source.
pub(crate) struct Keeper {
    /// Whose keys they are, in words.
    issuers: String,
    source: Source,
    around: Surroundings,
    held: ArcSwapOption<Held>,
    flight: Mutex<Flight>,
    landed: watch::Sender<()>,
}

/// Keys, and since when they are known.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) ring: Arc<Ring>,
    /// Changes when the keys do.
    pub(crate) generation: u64,
    came: Instant,
    good_for: Duration,
}

/// How it stands with fetching.
#[derive(Default)]
struct Flight {
    is_under_way: bool,
    departed: Option<Instant>,
    returned: Option<Instant>,
    trouble: Option<Trouble>,
}

/// Why the last fetches failed.
struct Trouble {
    since: Timestamp,
    times: u32,
    cause: String,
}

/// Who asks for a fetch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker {
    Schedule,
    Token,
}

impl Keeper {
    pub(crate) fn new(issuers: String, source: Source, around: Surroundings) -> Arc<Self> {
        Arc::new(Self {
            issuers,
            source,
            around,
            held: ArcSwapOption::empty(),
            flight: Mutex::default(),
            landed: watch::Sender::new(()),
        })
    }

    /// The keys, unless there are none or they are too old.
    pub(crate) fn held(&self) -> Option<Arc<Held>> {
        let held = self.held.load_full();
        held.filter(|held| held.came.elapsed() < STALE)
    }

    /// Fetches the keys again if that was not done just now, and waits for a fetch that is under way.
    pub(crate) async fn look_again(self: &Arc<Self>) {
        self.fetch(Asker::Token).await;
    }

    /// Keys that are past their time are fetched by the schedule. Where nobody runs it, whoever uses them has
    /// them fetched, and does not wait.
    pub(crate) fn freshen(self: &Arc<Self>, held: &Held) {
        if held.came.elapsed() >= held.good_for {
            self.depart(Asker::Token);
        }
    }

    /// Fetches the keys, and again whenever it is time. Never ends.
    pub(crate) async fn keep(self: Arc<Self>) {
        loop {
            self.fetch(Asker::Schedule).await;
            // A fetch that a token caused puts the next one off.
            while let Some(due) = self.due() {
                sleep_until(due).await;
            }
        }
    }

    /// What is missing, if callers cannot be recognised.
    pub(crate) fn missing(&self) -> Option<String> {
        if self.held().is_some() {
            return None;
        }
        let Self { issuers, .. } = self;
        Some(match &self.flight().trouble {
            None => format!("no keys of {issuers} yet"),
            Some(Trouble { since, cause, .. }) => {
                let since = since.to_utc().to_rfc3339();
                format!("no keys of {issuers} since {since}: {cause}")
            }
        })
    }

    /// The answer to a token that cannot be judged, if that is so: without keys, or when it may be signed by
    /// a key that is too new to be known here and cannot be fetched.
    pub(crate) fn at_a_loss(&self) -> Option<AuthError> {
        let failing = self.flight().trouble.as_ref().map(|trouble| {
            format!(
                "keys of {} cannot be fetched: {}",
                self.issuers, trouble.cause
            )
        });
        let cause = self.missing().or(failing)?;
        Some(AuthError::Unavailable {
            retry_after: RETRY_AFTER,
            cause: cause.into(),
        })
    }

    async fn fetch(self: &Arc<Self>, asker: Asker) {
        if let Some(mut landed) = self.depart(asker) {
            // An error is one that its sender is gone, which is this.
            let _ = timeout(PATIENCE, landed.changed()).await;
        }
    }

    /// Sets a fetch going, unless one is under way or, for a token, has just been. What it answers tells when
    /// the one that is under way has ended.
    fn depart(self: &Arc<Self>, asker: Asker) -> Option<watch::Receiver<()>> {
        let mut flight = self.flight();
        let landed = self.landed.subscribe();
        if flight.is_under_way {
            return Some(landed);
        }
        let is_warm = |departed: Instant| departed.elapsed() < COOL_DOWN;
        if asker == Asker::Token && flight.departed.is_some_and(is_warm) {
            return None;
        }
        flight.is_under_way = true;
        flight.departed = Some(Instant::now());
        // A runtime that is going down drops the task at once, and with it the landing, which looks here.
        drop(flight);
        let landing = Landing(Arc::clone(self));
        self.around.runtime.spawn(async move {
            let keeper = &landing.0;
            let outcome = keeper.source.fetch(&keeper.around.client).await;
            keeper.land(outcome);
        });
        Some(landed)
    }

    fn land(&self, outcome: Result<Fetched, FetchError>) {
        match outcome {
            Ok(keys) => {
                fetched("fetched");
                self.take(keys);
                if let Some(trouble) = self.flight().trouble.take() {
                    let Self { issuers, .. } = self;
                    let failures = trouble.times;
                    tracing::info!(issuers, failures, "keys of issuers can be fetched again");
                }
            }
            Err(error) => {
                fetched("failed");
                self.complain(&error);
            }
        }
    }

    fn take(&self, keys: Fetched) {
        let before = self.held.load_full();
        let (ring, generation) = match before {
            Some(held) if held.ring.digest == keys.ring.digest => {
                (Arc::clone(&held.ring), held.generation)
            }
            Some(held) => (Arc::new(keys.ring), held.generation + 1),
            None => (Arc::new(keys.ring), 0),
        };
        self.held.store(Some(Arc::new(Held {
            ring,
            generation,
            came: Instant::now(),
            good_for: keys.good_for,
        })));
    }

    fn complain(&self, error: &FetchError) {
        let cause = in_words(error);
        let mut flight = self.flight();
        let since = flight.trouble.as_ref().map(|trouble| trouble.since);
        let times = flight.trouble.as_ref().map_or(0, |trouble| trouble.times);
        if times == 0 {
            let Self { issuers, .. } = self;
            tracing::warn!(issuers, error = cause, "keys of issuers cannot be fetched");
        }
        flight.trouble = Some(Trouble {
            since: since.unwrap_or_else(|| self.around.clock.now()),
            times: times.saturating_add(1),
            cause,
        });
    }

    /// When the next fetch is due, if that is later than now.
    fn due(&self) -> Option<Instant> {
        let flight = self.flight();
        let due = match (&flight.trouble, self.held.load_full()) {
            (Some(trouble), _) => {
                let pause = FIRST_PAUSE * 2u32.saturating_pow(trouble.times.saturating_sub(1));
                flight.returned? + pause.min(LONGEST_PAUSE)
            }
            // Ahead of time, so that nobody waits and a first failure does no harm.
            (None, Some(held)) => held.came + held.good_for * 4 / 5,
            (None, None) => return None,
        };
        (due > Instant::now()).then_some(due)
    }

    fn flight(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fetch that is under way; it has ended when this goes, however that comes.
struct Landing(Arc<Keeper>);

impl Drop for Landing {
    fn drop(&mut self) {
        let mut flight = self.0.flight();
        flight.is_under_way = false;
        flight.returned = Some(Instant::now());
        self.0.landed.send_replace(());
    }
}

/// An error with its causes.
pub(crate) fn in_words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}
