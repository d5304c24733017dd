//! What an operator decided about runs.

use std::time::Duration;

use response_domain::run::limits::Rules;
use response_domain::spec::{ResponseSpec, SpecLimits};

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
