//! Why a response can fail: the codes that are stored and shown.

use std::fmt;
use std::time::Duration;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal),* $(,)?) => {
        /// The kind of failure; its text is what clients and the database see.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FailureCode { $($(#[$doc])* $name),* }

        impl FailureCode {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire),* }
            }

            /// The code with this text.
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $($wire => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// A tool passed its time limit and the policy is to fail.
    ToolTimeout = "tool_timeout",
    /// A tool could not be made to work: the same fault too often in a row.
    ToolExecutionFailed = "tool_execution_failed",
    /// The tool servers cannot be reached.
    ToolsUnavailable = "tools_unavailable",
    /// A tool server that the caller names did not list its tools.
    ToolServerFailed = "tool_server_failed",
    /// The rounds of tool calls reached their limit.
    MaxDepthExceeded = "max_depth_exceeded",
    /// The tool calls of the whole run reached their limit.
    MaxToolCallsExceeded = "max_tool_calls_exceeded",
    /// The model server answered with an error.
    ModelError = "model_error",
    /// The model server cannot be reached or is failing.
    ModelUnavailable = "model_unavailable",
    /// The model did not answer in time.
    ModelTimeout = "model_timeout",
    /// The model server knows no such model.
    ModelNotFound = "model_not_found",
    /// The model server refused the caller's credential.
    ModelUnauthorized = "model_unauthorized",
    /// The model answered something that is no answer: nothing, or broken calls again and again.
    InvalidModelOutput = "invalid_model_output",
    /// The model server allows no more requests for now.
    UpstreamRateLimited = "upstream_rate_limited",
    /// What has to be sent does not fit into the model's context.
    ContextLengthExceeded = "context_length_exceeded",
    /// The run passed its own time limit.
    TaskTimeout = "task_timeout",
    /// The process that ran it went away.
    Interrupted = "interrupted",
    /// The processes that took it up died again and again.
    WorkerLost = "worker_lost",
    /// The answer could not be stored.
    DatabaseUnavailable = "database_unavailable",
    /// A fault of this service.
    Internal = "internal",
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure of a response: what kind, and what a person is told. The message names no secret,
/// no address inside the network and no upstream text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub code: FailureCode,
    /// One sentence for a person.
    pub message: String,
    /// When trying again may help, if the upstream said so.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without a time to try again.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_from_its_text() {
        for &code in FailureCode::ALL {
            assert_eq!(FailureCode::from_text(code.as_str()), Some(code));
        }
        assert_eq!(FailureCode::from_text("nonsense"), None);
    }
}
