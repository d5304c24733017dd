//! What an operator decided about runs.

use std::num::NonZeroU32;
use std::time::Duration;

use response_domain::limit::Rate;
use response_domain::retention::Retention;
use response_domain::run::limits::Rules;
use response_domain::spec::{ResponseSpec, SpecLimits};
use response_domain::webhook::{CallbackSchedule, Lane, SigningSecret};

/// The limits of requests and runs.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What a request may ask for.
    pub spec: SpecLimits,
    /// The most calls in one round of tool calls.
    pub calls_per_round: usize,
    /// The most tool calls of a run.
    pub calls: usize,
    /// The most tool calls of a run under way at once.
    pub parallel_calls: usize,
    /// How often the same fault may come in a row before a run ends.
    pub repairs: u8,
    /// How much of the model's context one tool answer may fill, in percent.
    pub result_share: u8,
    /// How long a run may take.
    pub run_timeout: Duration,
    /// How long a foreground run may go on before it gets a row.
    pub write_after: Duration,
    /// How long a reader may let a stream stand still before its run is stopped.
    pub reader_patience: Duration,
    /// The most foreground runs at once.
    pub runs: usize,
    /// The most streams open at once that do not hold a foreground run.
    pub streams: usize,
    /// What one owner may have.
    pub owners: OwnerLimits,
    /// Responses that run in the background.
    pub background: Background,
    /// What is told when they end.
    pub webhooks: Webhooks,
    /// How long what has ended is kept.
    pub retention: Retention,
}

/// What one owner may have, the guest excepted; without limit where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnerLimits {
    /// Requests, counted by their [cost](crate::allowances::Cost).
    pub requests: Option<Rate>,
    /// Tokens that models read and write for it.
    pub tokens: Option<Rate>,
    /// Foreground runs at once.
    pub runs: Option<NonZeroU32>,
    /// Streams at once that do not hold a foreground run.
    pub streams: Option<NonZeroU32>,
}

/// The limits of background responses.
#[derive(Debug, Clone, Copy)]
pub struct Background {
    /// How many this process works on side by side; 0 when that is left to other processes.
    pub workers: u16,
    /// How often the queue is looked at when nobody tells that something waits.
    pub poll_interval: Duration,
    /// How long one may take from its first claim on, over all attempts.
    pub task_timeout: Duration,
    /// How many processes one may lose before it fails.
    pub max_attempts: u16,
    /// How many of one owner may run at once.
    pub owner_limit: Option<NonZeroU32>,
    /// How many may wait, of all owners.
    pub queue_limit: Option<NonZeroU32>,
    /// How many of one owner may wait.
    pub owner_queue_limit: Option<NonZeroU32>,
    /// Who else works on the queue.
    pub company: Company,
}

/// How webhooks are sent.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// What signs those to the addresses of requests, the newest first; unsigned when there is none.
    pub secrets: Vec<SigningSecret>,
    /// How often the address of a request is tried.
    pub callback: CallbackSchedule,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How many first attempts this process makes at once.
    pub prompt: u16,
    /// How many others.
    pub patient: u16,
}

impl Webhooks {
    /// How many attempts of a lane this process makes at once; at least one.
    pub(crate) fn places(&self, lane: Lane) -> usize {
        let places = match lane {
            Lane::Prompt => self.prompt,
            Lane::Patient => self.patient,
        };
        usize::from(places.max(1))
    }
}

/// Whether other processes may be able to do what this one is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Nobody else can have the database.
    None,
    /// There may be others.
    Others,
}

impl Policy {
    /// The limits that a run of `spec` keeps to.
    pub(crate) fn rules(&self, spec: &ResponseSpec) -> Rules {
        Rules {
            rounds: spec.max_rounds,
            calls_per_round: self.calls_per_round,
            calls: self.calls,
            repairs: self.repairs,
            on_max_depth: spec.on_max_depth,
            tool_failure: spec.tool_failure,
            result_share: self.result_share,
        }
    }
}
