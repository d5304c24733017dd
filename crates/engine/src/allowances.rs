//! What one owner may have at once and in a time, so that nobody takes what others need. Counted in this
//! process alone. The guest is everybody, so nobody is kept from anything by limiting it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::limit::{Bucket, Exhausted, Quota, Rate};
use response_domain::usage::Usage;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::Engine;
use crate::error::{CreateError, TooManyStreams};
use crate::policy::OwnerLimits;

/// What a request takes from the requests of its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// It reads, or changes what is kept.
    Light,
    /// It has a model answer.
    Heavy,
}

impl Cost {
    /// As the documentation of the platform counts them.
    const fn amount(self) -> u32 {
        match self {
            Self::Light => 1,
            Self::Heavy => 5,
        }
    }
}

/// A stream that is open; dropping it closes it.
#[derive(Debug)]
pub struct StreamPlace {
    _everybodys: OwnedSemaphorePermit,
    _owners: Option<OwnedSemaphorePermit>,
}

/// A run of the foreground that is under way; dropping it ends it.
#[derive(Debug)]
pub(crate) struct RunPlace {
    _everybodys: OwnedSemaphorePermit,
    _owners: Option<OwnedSemaphorePermit>,
}

/// Owners that are looked through at the least before those who have everything are forgotten.
const FEW: usize = 1024;

/// What every owner has left.
pub(crate) struct Allowances {
    limits: OwnerLimits,
    begun: Instant,
    owners: Mutex<Owners>,
    streams: Arc<Semaphore>,
}

struct Owners {
    map: HashMap<OwnerId, Arc<Allowance>>,
    /// When there are so many, those who have everything are forgotten.
    tidy_at: usize,
}

/// What one owner has left.
struct Allowance {
    buckets: Mutex<Buckets>,
    runs: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

#[derive(Default)]
struct Buckets {
    requests: Bucket,
    tokens: Bucket,
}

impl Allowances {
    pub(crate) fn new(limits: OwnerLimits, streams: usize) -> Self {
        Self {
            limits,
            begun: Instant::now(),
            owners: Mutex::new(Owners {
                map: HashMap::new(),
                tidy_at: FEW,
            }),
            streams: Arc::new(Semaphore::new(streams.min(Semaphore::MAX_PERMITS))),
        }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What an owner has left; `None` when nothing is limited for it.
    fn of(&self, owner: &OwnerId) -> Option<Arc<Allowance>> {
        if self.limits == OwnerLimits::default() || *owner == OwnerId::guest() {
            return None;
        }
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = owners.map.get(owner) {
            return Some(Arc::clone(known));
        }
        if owners.map.len() >= owners.tidy_at {
            let now = self.now();
            owners
                .map
                .retain(|_, allowance| !allowance.is_whole(&self.limits, now));
            owners.tidy_at = FEW.max(owners.map.len().saturating_mul(2));
        }
        let allowance = Arc::new(Allowance::new(&self.limits));
        owners.map.insert(owner.clone(), Arc::clone(&allowance));
        Some(allowance)
    }
}

impl Allowance {
    fn new(limits: &OwnerLimits) -> Self {
        let places = |limit: Option<NonZeroU32>| {
            let most = limit.map_or(Semaphore::MAX_PERMITS, |limit| {
                usize::try_from(limit.get()).unwrap_or(usize::MAX)
            });
            Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))
        };
        Self {
            buckets: Mutex::default(),
            runs: places(limits.runs),
            streams: places(limits.streams),
        }
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is as good as a new one, and nobody has it at the moment.
    fn is_whole(self: &Arc<Self>, limits: &OwnerLimits, now: Duration) -> bool {
        let fresh = Self::new(limits);
        let is_free = |mine: &Arc<Semaphore>, all: &Arc<Semaphore>| {
            mine.available_permits() == all.available_permits()
        };
        let buckets = self.buckets();
        Arc::strong_count(self) == 1
            && is_free(&self.runs, &fresh.runs)
            && is_free(&self.streams, &fresh.streams)
            && buckets.requests.is_full(now)
            && buckets.tokens.is_full(now)
    }
}

impl Engine {
    /// Counts a request of an owner, and answers how many it has left; `None` when they are not limited.
    pub fn admit(&self, owner: &OwnerId, cost: Cost) -> Result<Option<Quota>, Exhausted> {
        let allowances = &self.0.allowances;
        let Some(rate) = allowances.limits.requests else {
            return Ok(None);
        };
        let Some(allowance) = allowances.of(owner) else {
            return Ok(None);
        };
        let now = allowances.now();
        let taken = allowance.buckets().requests.take(rate, cost.amount(), now);
        taken.map(Some)
    }

    /// A place for one more stream that is read along or again, or for one more connection on which responses
    /// are asked for.
    pub fn open_stream(&self, owner: &OwnerId) -> Result<StreamPlace, TooManyStreams> {
        let allowances = &self.0.allowances;
        let owners = match allowances.of(owner) {
            None => None,
            Some(allowance) => {
                let place = Arc::clone(&allowance.streams).try_acquire_owned();
                Some(place.map_err(|_full| TooManyStreams::OfOwner)?)
            }
        };
        let everybodys = Arc::clone(&allowances.streams)
            .try_acquire_owned()
            .map_err(|_full| TooManyStreams::OfEverybody)?;
        Ok(StreamPlace {
            _everybodys: everybodys,
            _owners: owners,
        })
    }

    /// A place for one more run of the foreground.
    pub(crate) fn admit_run(&self, owner: &OwnerId) -> Result<RunPlace, CreateError> {
        let owners = match self.0.allowances.of(owner) {
            None => None,
            Some(allowance) => {
                let place = Arc::clone(&allowance.runs).try_acquire_owned();
                Some(place.map_err(|_full| CreateError::TooManyRuns)?)
            }
        };
        self.admit_tokens(owner)?;
        Ok(RunPlace {
            _everybodys: self.0.launch.admit()?,
            _owners: owners,
        })
    }

    /// Whether an owner has tokens left.
    pub(crate) fn admit_tokens(&self, owner: &OwnerId) -> Result<(), CreateError> {
        let Some((rate, allowance)) = self.tokens_of(owner) else {
            return Ok(());
        };
        let now = self.0.allowances.now();
        match allowance.buckets().tokens.take(rate, 0, now) {
            Ok(_left) => Ok(()),
            Err(Exhausted { retry_after, .. }) => Err(CreateError::TokensSpent { retry_after }),
        }
    }

    /// Counts the tokens that a model read and wrote for an owner.
    pub(crate) fn charge(&self, owner: &OwnerId, usage: Usage) {
        if let Some((rate, allowance)) = self.tokens_of(owner) {
            let tokens = u32::try_from(usage.total()).unwrap_or(u32::MAX);
            let now = self.0.allowances.now();
            allowance.buckets().tokens.charge(rate, tokens, now);
        }
    }

    fn tokens_of(&self, owner: &OwnerId) -> Option<(Rate, Arc<Allowance>)> {
        let allowances = &self.0.allowances;
        let rate = allowances.limits.tokens?;
        Some((rate, allowances.of(owner)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(amount: u32) -> Rate {
        Rate {
            amount: NonZeroU32::new(amount).unwrap(),
            window: Duration::from_mins(1),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn owners_who_have_everything_are_forgotten_and_no_others() {
        let limits = OwnerLimits {
            requests: Some(rate(10)),
            ..OwnerLimits::default()
        };
        let allowances = Allowances::new(limits, 1);
        let owner = |number: usize| OwnerId::new(&format!("owner {number}"));
        let take = |number| {
            let allowance = allowances.of(&owner(number)).unwrap();
            let now = allowances.now();
            allowance.buckets().requests.take(rate(10), 1, now).is_ok()
        };
        for number in 0..FEW {
            assert!(take(number));
        }
        tokio::time::advance(Duration::from_mins(1)).await;
        for _ in 0..10 {
            assert!(take(0));
        }
        let held = allowances.of(&owner(1)).unwrap();
        let place = Arc::clone(&allowances.of(&owner(2)).unwrap().streams)
            .try_acquire_owned()
            .unwrap();
        assert!(take(FEW));
        let known = |number| {
            let owners = allowances.owners.lock().unwrap();
            owners.map.contains_key(&owner(number))
        };
        assert!(known(0) && known(1) && known(2) && known(FEW));
        assert!(!known(3) && !known(FEW - 1));
        assert!(!take(0), "what was taken is still taken");
        drop((held, place));
    }

    #[tokio::test]
    async fn nothing_is_counted_for_the_guest_or_when_nothing_is_limited() {
        let limits = OwnerLimits {
            runs: NonZeroU32::new(1),
            ..OwnerLimits::default()
        };
        let ada = OwnerId::new("ada");
        assert!(Allowances::new(limits, 1).of(&OwnerId::guest()).is_none());
        assert!(Allowances::new(limits, 1).of(&ada).is_some());
        assert!(
            Allowances::new(OwnerLimits::default(), 1)
                .of(&ada)
                .is_none()
        );
    }
}
