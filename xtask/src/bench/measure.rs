//! The order of a measurement: who is weighed, who does what, and who takes turns with whom.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::figures::{Counts, Figures};
use super::load::{Exchange, load};
use super::machine;
use super::memory::weigh;
use super::postgres::Postgres;
use super::process::Program;
use super::report::{Contest, Outcome, Report};
use super::stage::{MODEL, OURS, PEERS_UPSTREAM, Stage};
use super::subject::{Speech, Subject, Work};
use super::{BenchError, peers::Peer};
use crate::error::ChoreError;
use crate::say;

/// How long each one is kept busy before it is measured at some work.
const WARM_UP: Duration = Duration::from_millis(500);
/// Between two measurements, so that one does not pay for the other's last write.
const PAUSE: Duration = Duration::from_millis(150);
/// How many tools a run of three rounds calls.
const CALLS: u64 = 3;

/// What is to be measured, and how long.
#[derive(Debug)]
pub(super) struct Measurement {
    pub(super) seconds: u64,
    pub(super) rounds: usize,
    pub(super) with_peers: bool,
    /// A part of the names of the works to measure, in lower case.
    pub(super) only: String,
    /// The service's binary.
    pub(super) service: PathBuf,
    /// Where logs and data go.
    pub(super) logs: PathBuf,
}

impl Measurement {
    /// Measures everything.
    pub(super) async fn run(&self) -> Result<Report, ChoreError> {
        let mut stage = Stage::set(&self.service, &self.logs).await?;
        if self.with_peers {
            stage.add_peers(&self.logs).await?;
        }
        let mut report = Report {
            facts: machine::facts(stage.postgres.version())?,
            rounds: (self.seconds, self.rounds),
            pairs: pairs(&stage),
            contests: if self.with_peers {
                contests(&stage)
            } else {
                Vec::new()
            },
            ..Report::default()
        };
        if self.only.is_empty() {
            for subject in stage.subjects.iter().filter(|it| it.is_weighed()) {
                say::note(format_args!("weighing {}", subject.name));
                let weight = weigh(subject).await?;
                report
                    .weights
                    .extend(weight.map(|weight| (subject.name.clone(), weight)));
            }
        }
        let chosen = |work: &Work| work.to_string().to_lowercase().contains(&self.only);
        for work in Work::ALL.into_iter().filter(chosen) {
            say::note(format_args!("measuring {work}"));
            let outcomes = self.compare(&stage, work).await?;
            report.works.push((work, outcomes));
        }
        Ok(report)
    }

    /// Has everybody do some work, round by round in turn.
    async fn compare(
        &self,
        stage: &Stage,
        work: Work,
    ) -> Result<Vec<(String, Outcome)>, ChoreError> {
        let mut contestants: Vec<Contestant<'_>> = stage
            .subjects
            .iter()
            .filter(|subject| subject.scope.holds(work))
            .map(|subject| Contestant::of(subject, work))
            .collect();
        stage.postgres.settle()?;
        let span = Duration::from_secs(self.seconds);
        for round in 0..self.rounds {
            for contestant in &mut contestants {
                if round == 0 {
                    contestant.warm_up(work).await?;
                }
                contestant.perform(stage, work, span).await?;
                sleep(PAUSE).await;
            }
        }
        Ok(contestants.into_iter().map(Contestant::outcome).collect())
    }
}

/// One subject at some work.
struct Contestant<'a> {
    subject: &'a Subject,
    exchange: Option<Arc<Exchange>>,
    rounds: Vec<Figures>,
    failure: Option<String>,
}

impl<'a> Contestant<'a> {
    fn of(subject: &'a Subject, work: Work) -> Self {
        Self {
            subject,
            exchange: subject.exchange(work).map(Arc::new),
            rounds: Vec::new(),
            failure: None,
        }
    }

    async fn warm_up(&mut self, work: Work) -> Result<(), ChoreError> {
        let Some(exchange) = self.exchange.clone() else {
            return Ok(());
        };
        let done = load(self.subject.address, &exchange, work.connections(), WARM_UP).await;
        self.take(done, work).map(drop)
    }

    async fn perform(
        &mut self,
        stage: &Stage,
        work: Work,
        span: Duration,
    ) -> Result<(), ChoreError> {
        let Some(exchange) = self.exchange.clone() else {
            return Ok(());
        };
        let before = Counters::before(stage, self.subject)?;
        let done = load(self.subject.address, &exchange, work.connections(), span).await;
        let after = Counters::after(stage, self.subject)?;
        if let Some(tally) = self.take(done, work)? {
            let counts = after.since(&before, work);
            self.rounds.push(Figures::of(&tally, &counts));
        }
        Ok(())
    }

    /// Ours must not fail; what a peer fails at is noted and not asked of it again.
    fn take<T>(
        &mut self,
        done: Result<T, BenchError>,
        work: Work,
    ) -> Result<Option<T>, ChoreError> {
        let error = match done {
            Ok(value) => return Ok(Some(value)),
            Err(error) => error.of(&self.subject.name, work),
        };
        if !is_peer(self.subject) {
            return Err(error);
        }
        say::error(&error);
        self.failure = Some("failed".to_owned());
        self.exchange = None;
        Ok(None)
    }

    fn outcome(self) -> (String, Outcome) {
        let cannot = || Outcome::Cannot("cannot".to_owned());
        let outcome = match self.failure {
            Some(failure) => Outcome::Cannot(failure),
            None if self.rounds.is_empty() => cannot(),
            None => Outcome::Measured(Figures::median(&self.rounds)),
        };
        (self.subject.name.clone(), outcome)
    }
}

fn is_peer(subject: &Subject) -> bool {
    let is = |peer: &Peer| subject.name.starts_with(peer.package().0);
    Peer::ALL.iter().any(is)
}

/// Each subject that speaks OpenAI's dialect too, with itself in those words.
fn pairs(stage: &Stage) -> Vec<(String, String)> {
    let is_there = |name: &String| stage.subjects.iter().any(|subject| subject.name == *name);
    let pair = |subject: &Subject| {
        let other = subject.in_openai_words()?.name;
        is_there(&other).then(|| (subject.name.clone(), other))
    };
    stage.subjects.iter().filter_map(pair).collect()
}

/// The peers against ours on PostgreSQL, in both dialects.
fn contests(stage: &Stage) -> Vec<Contest> {
    let peers = stage.subjects.iter().filter(|subject| is_peer(subject));
    let mut peers: Vec<String> = peers.map(|subject| subject.name.clone()).collect();
    peers.dedup();
    let ours = stage
        .subjects
        .iter()
        .filter(|subject| subject.name.starts_with(OURS));
    let title = |speech: &Speech| match speech {
        Speech::OpenAi { .. } => "Side by side: PostgreSQL, stored, in OpenAI's dialect",
        _ => "Side by side: PostgreSQL, stored",
    };
    ours.map(|subject| Contest {
        title: title(&subject.speech).to_owned(),
        ours: subject.name.clone(),
        our_upstream: MODEL.to_owned(),
        peers: peers.clone(),
        peers_upstream: PEERS_UPSTREAM.to_owned(),
    })
    .collect()
}

/// What is counted before and after a load.
struct Counters {
    program: Option<u64>,
    database: Option<u64>,
    next_write: Option<u64>,
    posts: u64,
}

impl Counters {
    /// Asks for the number first: what the asking costs is not part of the load.
    fn before(stage: &Stage, subject: &Subject) -> Result<Self, ChoreError> {
        let next_write = Self::next_write(stage, subject)?;
        let read = Self::read(stage, subject)?;
        Ok(Self { next_write, ..read })
    }

    /// Asks for the number last, for the same reason.
    fn after(stage: &Stage, subject: &Subject) -> Result<Self, ChoreError> {
        let read = Self::read(stage, subject)?;
        let next_write = Self::next_write(stage, subject)?;
        Ok(Self { next_write, ..read })
    }

    fn read(stage: &Stage, subject: &Subject) -> Result<Self, ChoreError> {
        let program = subject.program.map(Program::processor);
        let database = subject.uses_postgres.then(|| stage.postgres.program());
        Ok(Self {
            program: program.transpose()?,
            database: database.map(Program::processor).transpose()?,
            next_write: None,
            posts: stage.tools.ledger().traffic().started,
        })
    }

    fn next_write(stage: &Stage, subject: &Subject) -> Result<Option<u64>, ChoreError> {
        let postgres = subject.uses_postgres.then_some(&stage.postgres);
        postgres.map(Postgres::next_write).transpose()
    }

    fn since(&self, before: &Self, work: Work) -> Counts {
        let between =
            |after: Option<u64>, before: Option<u64>| Some(after?.saturating_sub(before?));
        let calls = matches!(work, Work::Tools(_)).then_some(CALLS);
        Counts {
            program: between(self.program, before.program),
            database: between(self.database, before.database),
            // The first asking took a number too.
            commits: between(self.next_write, before.next_write)
                .map(|count| count.saturating_sub(1)),
            posts: calls.map(|calls| (self.posts - before.posts, calls)),
        }
    }
}
