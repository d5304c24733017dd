//! The record of a tool call: what was asked, what came back, when.

use std::sync::Arc;
use std::time::Duration;

use crate::id::ExecutionId;
use crate::item::ServerTool;
use crate::time::Timestamp;

/// One call of a tool in the trace of a response, in the order in which the model asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// The tool, by the name the model was offered or made up.
    pub tool: Arc<str>,
    /// The label of the server that ran it; none when nothing ran.
    pub server: Option<Arc<str>>,
    /// The arguments as the model gave them, JSON text unless the model failed at that.
    pub input: Arc<str>,
    /// The model turn that asked for it, from 1.
    pub turn: u16,
    /// The round of calls it belongs to, from 1.
    pub depth: u16,
    /// How it went.
    pub state: ExecutionState,
    /// When it left, or was refused.
    pub started_at: Timestamp,
    /// How long it took; none while it runs.
    pub duration: Option<Duration>,
    /// Where its call stands in the output; none when it has no place there.
    pub site: Option<Site>,
}

/// Where a call stands, and what it calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The item that asked for it, by its ordinal in the response.
    pub item: u32,
    /// Its place among the output items.
    pub index: u32,
    /// The tool, as its server names it.
    pub tool: Arc<ServerTool>,
    /// The id of the request by which its caller allowed it.
    pub approval: Option<Arc<str>>,
}

/// How a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionState {
    /// It left the process; the answer is not back.
    Started,
    /// It worked; what the tool said, whole.
    Completed(Arc<str>),
    /// It did not work; why.
    Failed(Arc<str>),
    /// It passed its time limit.
    TimedOut,
    /// The run ended before the answer came.
    Cancelled,
    /// Its process died while it was under way, and it must not be repeated.
    Unknown,
}

impl ExecutionState {
    /// Its word on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started => "in_progress",
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

impl Execution {
    /// How long it took, in whole milliseconds; 0 while it runs.
    pub fn duration_ms(&self) -> u64 {
        u64::try_from(self.duration.unwrap_or(Duration::ZERO).as_millis()).unwrap_or(u64::MAX)
    }
}
