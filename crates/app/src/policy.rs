//! What the settings say about requests and runs, in the engine's terms.

use std::time::Duration;

use response_domain::limit::Rate;
use response_domain::retention::Retention;
use response_domain::spec::{self, SpecLimits};
use response_engine::policy::{self, Company, OwnerLimits, Policy};
use response_settings::{
    Background, Ceiling, EmbeddedWorkers, Http, Limits, OnMaxDepth, OnToolFailure,
    Retention as RetentionSection, Runs, Tools,
};

use crate::Process;

/// How long a reader may let a stream stand still.
const READER_PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn of(
    http: &Http,
    tools: &Tools,
    runs: &Runs,
    background: policy::Background,
    webhooks: policy::Webhooks,
) -> Policy {
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
        streams: http.max_streams.get(),
        owners: OwnerLimits::default(),
        background,
        webhooks,
        retention: Retention::default(),
    }
}

/// The same with what one owner may have, and with how long it is kept.
pub(crate) fn with_owners(policy: Policy, limits: &Limits, retention: &RetentionSection) -> Policy {
    Policy {
        owners: owners(limits),
        retention: kept(retention),
        ..policy
    }
}

fn owners(section: &Limits) -> OwnerLimits {
    let Limits {
        requests,
        tokens,
        foreground_runs,
        streams,
    } = *section;
    let a_minute = |most: Ceiling| {
        most.limit().map(|amount| Rate {
            amount,
            window: Duration::from_mins(1),
        })
    };
    OwnerLimits {
        requests: a_minute(requests),
        tokens: a_minute(tokens),
        runs: foreground_runs.limit(),
        streams: streams.limit(),
    }
}

fn kept(section: &RetentionSection) -> Retention {
    let RetentionSection {
        responses,
        completed,
        failed,
        cancelled,
        conversations,
    } = *section;
    let kept =
        |own: Option<Duration>| Some(own.unwrap_or(responses)).filter(|kept| !kept.is_zero());
    Retention {
        completed: kept(completed),
        failed: kept(failed),
        cancelled: kept(cancelled),
        conversations: kept(conversations),
    }
}

/// Whether a process works on the queue is decided by what it is, and for the API by the settings.
pub(crate) fn background(
    section: &Background,
    process: Process,
    has_database_file: bool,
) -> policy::Background {
    let Background {
        worker_count,
        poll_interval,
        task_timeout,
        max_attempts,
        embedded,
        owner_limit,
        queue_limit,
        owner_queue_limit,
    } = *section;
    let works = match (process, embedded) {
        (Process::Worker, _) | (Process::Api, EmbeddedWorkers::On) => true,
        (Process::Api, EmbeddedWorkers::Off) => false,
        (Process::Api, EmbeddedWorkers::Auto) => has_database_file,
    };
    if process == Process::Worker && worker_count == 0 {
        tracing::warn!("this process works on nothing: BACKGROUND_WORKER_COUNT is 0");
    }
    policy::Background {
        workers: if works { worker_count } else { 0 },
        poll_interval,
        task_timeout,
        max_attempts: max_attempts.get(),
        owner_limit: owner_limit.limit(),
        queue_limit: queue_limit.limit(),
        owner_queue_limit: owner_queue_limit.limit(),
        company: if has_database_file {
            Company::None
        } else {
            Company::Others
        },
    }
}

#[cfg(test)]
mod tests {
    use response_settings::{Settings, Sources};

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let upstream = ("RESPONSE_LLM_API_URL", "http://llm-api:8080");
        let given = variables.iter().copied().chain([upstream]);
        let loaded = Settings::load(&Sources::from_variables(given)).unwrap();
        loaded.settings
    }

    #[test]
    fn what_one_owner_may_have_is_what_the_settings_say_and_nothing_where_they_say_0() {
        let limits = owners(&settings(&[("LIMIT_REQUESTS", "60"), ("LIMIT_STREAMS", "0")]).limits);
        let requests = limits.requests.unwrap();
        assert_eq!(
            (requests.amount.get(), requests.window),
            (60, Duration::from_mins(1))
        );
        assert_eq!((limits.tokens, limits.streams), (None, None));
        assert_eq!(limits.runs.map(std::num::NonZero::get), Some(64));
        let none = ["REQUESTS", "TOKENS", "FOREGROUND_RUNS", "STREAMS"];
        let none = none.map(|name| format!("LIMIT_{name}"));
        let none: Vec<_> = none.iter().map(|name| (name.as_str(), "0")).collect();
        assert_eq!(owners(&settings(&none).limits), OwnerLimits::default());
    }

    #[test]
    fn what_nothing_else_is_said_of_is_kept_as_long_as_all_and_0_is_for_ever() {
        let kept = |variables: &[(&str, &str)]| kept(&settings(variables).retention);
        let days = |days: u64| Some(Duration::from_hours(24 * days));
        assert_eq!(kept(&[]), Retention::default());
        let all = ("RESPONSE_RETENTION", "30d");
        let others = [
            all,
            ("RESPONSE_RETENTION_FAILED", "7d"),
            ("RESPONSE_RETENTION_CONVERSATIONS", "0s"),
        ];
        let expected = Retention {
            completed: days(30),
            failed: days(7),
            cancelled: days(30),
            conversations: None,
        };
        assert_eq!(kept(&others), expected);
        let only = kept(&[("RESPONSE_RETENTION_CANCELLED", "1d")]);
        assert_eq!((only.cancelled, only.completed), (days(1), None));
    }
}
