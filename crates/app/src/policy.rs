//! What the settings say about requests and runs, in the engine's terms.

use std::time::Duration;

use response_domain::spec::{self, SpecLimits};
use response_engine::policy::Policy;
use response_settings::{Http, OnMaxDepth, OnToolFailure, Runs, Tools};

/// How long a reader may let a stream stand still.
const READER_PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn of(http: &Http, tools: &Tools, runs: &Runs) -> Policy {
    let Runs {
        max_depth,
        on_max_depth,
        max_calls_per_round,
        max_calls,
        foreground_timeout,
        write_behind,
        repair_limit,
    } = *runs;
    let wide = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    Policy {
        spec: SpecLimits {
            tools: http.max_tools.get(),
            items: http.max_input_items.get(),
            metadata_bytes: http.metadata_limit.in_memory(),
            max_rounds: max_depth.get(),
            on_max_depth: match on_max_depth {
                OnMaxDepth::Fail => spec::OnMaxDepth::Fail,
                OnMaxDepth::Answer => spec::OnMaxDepth::Answer,
            },
            tool_failure: match tools.failure {
                OnToolFailure::Fail => spec::ToolFailure::Fail,
                OnToolFailure::Report => spec::ToolFailure::Report,
            },
        },
        calls_per_round: wide(max_calls_per_round.get()),
        calls: wide(max_calls.get()),
        parallel_calls: tools.parallelism.get(),
        repairs: u8::try_from(repair_limit.get()).unwrap_or(u8::MAX),
        result_share: tools.result_share.percent(),
        run_timeout: foreground_timeout,
        write_after: write_behind,
        reader_patience: READER_PATIENCE,
        runs: http.max_foreground_runs.get(),
    }
}
