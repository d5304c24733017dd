//! The six states of a response and the one function that changes them.

use std::fmt;

use crate::failure::Failure;

/// Where a response stands. When it got there is told by its [`Times`](crate::response::Times).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Waits for a worker.
    Queued,
    /// A process works on it.
    InProgress,
    /// It has its answer.
    Completed,
    /// It ended with what it had when a limit was reached.
    Incomplete(IncompleteReason),
    /// It ended without an answer.
    Failed(Failure),
    /// Its caller, or the caller's absence, stopped it.
    Cancelled,
}

/// Which limit ended a response early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncompleteReason {
    /// The tokens that the caller, or the model's context, allows an answer.
    OutputTokens,
    /// The model server's filter.
    ContentFilter,
    /// The rounds of tool calls.
    ToolDepth,
    /// The tool calls in all.
    ToolCalls,
}

impl IncompleteReason {
    /// Every reason there is.
    pub const ALL: &[Self] = &[
        Self::OutputTokens,
        Self::ContentFilter,
        Self::ToolDepth,
        Self::ToolCalls,
    ];

    /// Its word in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutputTokens => "max_output_tokens",
            Self::ContentFilter => "content_filter",
            Self::ToolDepth => "max_tool_depth",
            Self::ToolCalls => "max_tool_calls",
        }
    }

    /// The reason of this word.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == text)
    }
}

/// What can happen to a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A process takes it up.
    Start,
    /// The process that had it is gone; it waits again.
    Requeue,
    /// It has its answer.
    Complete,
    /// A limit ended it.
    Stop(IncompleteReason),
    /// It failed.
    Fail(Failure),
    /// It was cancelled.
    Cancel,
}

/// A status without what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusName {
    /// [`Status::Queued`].
    Queued,
    /// [`Status::InProgress`].
    InProgress,
    /// [`Status::Completed`].
    Completed,
    /// [`Status::Incomplete`].
    Incomplete,
    /// [`Status::Failed`].
    Failed,
    /// [`Status::Cancelled`].
    Cancelled,
}

impl StatusName {
    /// Every name there is.
    pub const ALL: &[Self] = &[
        Self::Queued,
        Self::InProgress,
        Self::Completed,
        Self::Incomplete,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Its word in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The name of this word.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.as_str() == text)
    }
}

impl fmt::Display for StatusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A change that this status does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a response that is {from} cannot {change}")]
pub struct IllegalChange {
    /// Where it stands.
    pub from: StatusName,
    /// What was wanted.
    pub change: &'static str,
}

impl Change {
    const fn verb(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Requeue => "be queued again",
            Self::Complete => "complete",
            Self::Stop(_) => "end early",
            Self::Fail(_) => "fail",
            Self::Cancel => "be cancelled",
        }
    }
}

impl Status {
    /// Its name.
    pub const fn name(&self) -> StatusName {
        match self {
            Self::Queued => StatusName::Queued,
            Self::InProgress => StatusName::InProgress,
            Self::Completed => StatusName::Completed,
            Self::Incomplete(_) => StatusName::Incomplete,
            Self::Failed(_) => StatusName::Failed,
            Self::Cancelled => StatusName::Cancelled,
        }
    }

    /// Whether nothing can change it any more.
    pub const fn is_ended(&self) -> bool {
        !matches!(self, Self::Queued | Self::InProgress)
    }

    /// The status after `change`.
    pub fn apply(&self, change: Change) -> Result<Self, IllegalChange> {
        match (self, change) {
            (Self::Queued, Change::Start) => Ok(Self::InProgress),
            (Self::InProgress, Change::Requeue) => Ok(Self::Queued),
            (Self::InProgress, Change::Complete) => Ok(Self::Completed),
            (Self::InProgress, Change::Stop(reason)) => Ok(Self::Incomplete(reason)),
            (Self::Queued | Self::InProgress, Change::Fail(failure)) => Ok(Self::Failed(failure)),
            (Self::Queued | Self::InProgress, Change::Cancel) => Ok(Self::Cancelled),
            (_, change) => Err(IllegalChange {
                from: self.name(),
                change: change.verb(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureCode;

    /// The whole law of statuses: a row for each state, a column for each change, empty where refused.
    const TABLE: &str = "
                    start        requeue  complete   stop        fail    cancel
        queued      in_progress  -        -          -           failed  cancelled
        in_progress -            queued   completed  incomplete  failed  cancelled
        completed   -            -        -          -           -       -
        incomplete  -            -        -          -           -       -
        failed      -            -        -          -           -       -
        cancelled   -            -        -          -           -       -
    ";

    fn failure() -> Failure {
        Failure::new(FailureCode::Internal, "a fault")
    }

    fn status(name: StatusName) -> Status {
        match name {
            StatusName::Queued => Status::Queued,
            StatusName::InProgress => Status::InProgress,
            StatusName::Completed => Status::Completed,
            StatusName::Incomplete => Status::Incomplete(IncompleteReason::ToolDepth),
            StatusName::Failed => Status::Failed(failure()),
            StatusName::Cancelled => Status::Cancelled,
        }
    }

    fn change(name: &str) -> Change {
        match name {
            "start" => Change::Start,
            "requeue" => Change::Requeue,
            "complete" => Change::Complete,
            "stop" => Change::Stop(IncompleteReason::ToolDepth),
            "fail" => Change::Fail(failure()),
            "cancel" => Change::Cancel,
            other => panic!("no change is called {other}"),
        }
    }

    #[test]
    fn every_status_answers_every_change_as_the_table_says() {
        let mut lines = TABLE
            .lines()
            .map(str::split_whitespace)
            .map(Vec::from_iter)
            .filter(|line| !line.is_empty());
        let changes = lines.next().unwrap();
        let rows: Vec<_> = lines.collect();
        assert_eq!((rows.len(), changes.len()), (StatusName::ALL.len(), 6));
        for row in rows {
            let from = status(StatusName::from_text(row[0]).unwrap());
            for (name, expected) in changes.iter().zip(&row[1..]) {
                let outcome = from.apply(change(name));
                let shown = outcome.as_ref().map_or("-", |to| to.name().as_str());
                assert_eq!(shown, *expected, "{} × {name}", row[0]);
            }
        }
    }

    #[test]
    fn a_refused_change_names_both_sides() {
        let refused = Status::Completed.apply(Change::Cancel).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "a response that is completed cannot be cancelled"
        );
    }
}
