//! How a measurement can fail.

use std::io;

use tokio::time::error::Elapsed;

use crate::error::ChoreError;

/// Why an exchange was not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// The connection failed.
    #[error("the connection failed")]
    Io(#[from] io::Error),
    /// The server closed the connection instead of answering.
    #[error("the server closed the connection instead of answering")]
    Closed,
    /// There was no answer in time.
    #[error("there was no whole answer in time")]
    Late(#[from] Elapsed),
    /// The answer is not what it should be.
    #[error("the answer is wrong: status {status}, {deltas} deltas, {text:?}")]
    Wrong {
        /// Its status.
        status: u16,
        /// How many deltas it had.
        deltas: u64,
        /// The beginning of its body, when it is no stream.
        text: String,
    },
}

impl BenchError {
    /// Says who failed at what.
    pub(super) fn of(self, who: &str, what: impl std::fmt::Display) -> ChoreError {
        ChoreError::Measure {
            who: who.to_owned(),
            what: what.to_string(),
            source: self,
        }
    }
}
