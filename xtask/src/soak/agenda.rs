//! What is done to whom, and when: all of it follows from the seed.

use std::fmt;
use std::time::Duration;

use crate::db::Stop;

/// One thing that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// A worker is killed and started again after a while.
    KillWorker(u16, Duration),
    /// A worker stands still for a while.
    FreezeWorker(u16, Duration),
    /// A worker is asked to end, and started again when it did.
    EndWorker(u16),
    /// The API is killed and started again after a while.
    KillApi(Duration),
    /// The API stands still for a while.
    FreezeApi(Duration),
    /// The API is asked to end, and started again when it did.
    EndApi,
    /// The database is stopped and started again.
    RestartDatabase(Stop),
    /// The connections over which processes hear of each other are cut.
    CutListeners,
    /// All connections to the database are cut.
    CutConnections,
}

impl Deed {
    /// What it is, without to whom.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::KillWorker(..) => "worker killed",
            Self::FreezeWorker(_, span) if span > LEASE => "worker frozen past its lease",
            Self::FreezeWorker(..) => "worker frozen",
            Self::EndWorker(_) => "worker ended",
            Self::KillApi(_) => "API killed",
            Self::FreezeApi(_) => "API frozen",
            Self::EndApi => "API ended",
            Self::RestartDatabase(Stop::Fast) => "database restarted",
            Self::RestartDatabase(Stop::Immediate) => "database crashed",
            Self::CutListeners => "listeners cut",
            Self::CutConnections => "all connections cut",
        }
    }
}

/// A worker that is silent for longer loses what it has.
pub(super) const LEASE: Duration = Duration::from_secs(15);

/// How long nothing happens at first, so that there is something to happen to.
const QUIET: Duration = Duration::from_secs(5);
/// The shortest and the longest time between two deeds, in milliseconds.
const BETWEEN: std::ops::RangeInclusive<u64> = 800..=6_000;

/// All deeds in order, each with the moment at which it is done.
#[derive(Debug, Default)]
pub(super) struct Agenda(Vec<(Duration, Deed)>);

impl Agenda {
    /// The deeds of so long a time.
    pub(super) fn of(seed: u64, span: Duration, workers: u16, may_restart: bool) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut deeds = Vec::new();
        let mut at = QUIET;
        while at < span {
            deeds.push((at, deed(&mut dice, workers, may_restart)));
            at += Duration::from_millis(dice.u64(BETWEEN));
        }
        Self(deeds)
    }

    /// The deeds with their moments.
    pub(super) fn deeds(self) -> std::vec::IntoIter<(Duration, Deed)> {
        self.0.into_iter()
    }
}

fn deed(dice: &mut fastrand::Rng, workers: u16, may_restart: bool) -> Deed {
    let mut span = |from: u64, to: u64| Duration::from_millis(dice.u64(from..=to));
    let (down, nap, sleep) = (span(0, 4_000), span(200, 8_000), span(16_000, 26_000));
    let worker = dice.u16(..workers);
    // The same number of throws whatever comes out, so that one choice does not shift the next.
    match dice.u8(..100) {
        0..=29 => Deed::KillWorker(worker, down),
        30..=47 => Deed::FreezeWorker(worker, nap),
        48..=57 => Deed::FreezeWorker(worker, sleep),
        58..=71 => Deed::EndWorker(worker),
        72..=76 => Deed::KillApi(down / 4),
        77..=79 => Deed::FreezeApi(nap / 2),
        80..=83 => Deed::EndApi,
        84..=86 if may_restart => Deed::RestartDatabase(Stop::Fast),
        87..=90 if may_restart => Deed::RestartDatabase(Stop::Immediate),
        84..=95 => Deed::CutListeners,
        _ => Deed::CutConnections,
    }
}

impl fmt::Display for Agenda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} times there is trouble", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_mins(10);

    #[test]
    fn the_same_seed_makes_the_same_trouble() {
        let of = |seed| Agenda::of(seed, SPAN, 3, true).0;
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn a_database_of_somebody_else_is_not_restarted() {
        let is_restart = |deed: &Deed| matches!(deed, Deed::RestartDatabase(_));
        let count = |may| {
            let deeds = Agenda::of(7, SPAN, 3, may).0;
            deeds.iter().filter(|(_, deed)| is_restart(deed)).count()
        };
        assert!(count(true) > 0);
        assert_eq!(count(false), 0);
    }
}
