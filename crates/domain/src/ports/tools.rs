//! The tool servers: which tools there are, and calling one.

use std::sync::Arc;

use async_trait::async_trait;

use crate::failure::{Failure, FailureCode};
use crate::ports::llm::CallContext;
use crate::ports::store::Cause;
use crate::ports::webhook::NotAllowed;
use crate::tool::{ToolCall, ToolReply, ToolSpec};

/// How a tool server can fail. A tool that answers badly is a [`ToolReply`], not an error.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ToolError {
    /// What it means.
    pub kind: ToolErrorKind,
    /// One sentence for a person, without upstream text.
    pub message: String,
    /// The cause, for the log.
    #[source]
    pub source: Option<Cause>,
}

/// What an error of a tool server means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolErrorKind {
    /// The call passed its time limit.
    Timeout,
    /// The server cannot be reached, or fails on its side, after a retry.
    Unavailable,
    /// The server refused the credential.
    Unauthorized,
    /// What the server sent does not follow the protocol.
    Protocol,
}

impl From<&ToolError> for Failure {
    fn from(error: &ToolError) -> Self {
        let code = match error.kind {
            ToolErrorKind::Timeout => FailureCode::ToolTimeout,
            ToolErrorKind::Unavailable | ToolErrorKind::Unauthorized => {
                FailureCode::ToolsUnavailable
            }
            ToolErrorKind::Protocol => FailureCode::ToolExecutionFailed,
        };
        Self::new(code, error.message.clone())
    }
}

/// Knows the tools.
#[async_trait]
pub trait ToolRegistry: Send + Sync {
    /// Every tool that is available, in a fixed order, names unique. Remembered for a while.
    async fn list(&self, context: &CallContext) -> Result<Arc<[Arc<ToolSpec>]>, ToolError>;

    /// The labels of the configured servers.
    fn labels(&self) -> &[Arc<str>];

    /// Whether a server at this address may be called at all, and why not; says nothing about whether one
    /// is there. A name is looked up when it is called, and may be refused then.
    fn admit(&self, url: &str) -> Result<(), NotAllowed>;

    /// The tools of a server that the caller names, under the server's own names, in its order. What the
    /// caller gave along for `label` is sent with every request to it, and nothing else of the caller's.
    async fn list_of(
        &self,
        label: &Arc<str>,
        url: &Arc<str>,
        context: &CallContext,
    ) -> Result<Vec<Arc<ToolSpec>>, ToolError>;
}

/// Calls a tool.
#[async_trait]
pub trait ToolExecutor: Send + Sync {
    /// Calls it once, within its time limit. Dropping the future cancels the call at the server.
    async fn call(&self, call: &ToolCall, context: &CallContext) -> Result<ToolReply, ToolError>;
}
