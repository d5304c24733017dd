//! How a chore can fail. Whoever runs chores reads these at a terminal, so each says what to do.

use std::process::{ExitCode, ExitStatus};

use response_devstack::StartError;

use crate::bench::BenchError;

/// Why a chore did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChoreError {
    /// The operating system refused something.
    #[error("cannot {doing}")]
    System {
        /// What was tried, to stand after "cannot".
        doing: String,
        /// The refusal.
        #[source]
        source: std::io::Error,
    },
    /// A program that the chore ran did not succeed; its own output says why.
    #[error("`{program}` ended with {status}")]
    Ended {
        /// The command line.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A program answered something other than the JSON asked of it.
    #[error("cannot read the answer of `{program}`")]
    Answer {
        /// The command line.
        program: String,
        /// What is wrong with the answer.
        #[source]
        source: serde_json::Error,
    },
    /// A chore looked and found what should not be; the findings have been printed.
    #[error("{chore}: {count} to mend")]
    Findings {
        /// The chore that looked.
        chore: &'static str,
        /// How many findings it printed.
        count: usize,
    },
    /// A tool is not there.
    #[error("{tool} is not installed: {install}")]
    Missing {
        /// What is missing.
        tool: String,
        /// How to get it.
        install: String,
    },
    /// A step of `check` failed.
    #[error("check failed at step {step} after {seconds:.1} s")]
    Step {
        /// The step's name.
        step: &'static str,
        /// How long the step ran.
        seconds: f64,
        /// Why it failed.
        #[source]
        source: Box<ChoreError>,
    },
    /// A measurement is void.
    #[error("cannot measure {who} ({what})")]
    Measure {
        /// Who was measured.
        who: String,
        /// At what.
        what: String,
        /// Why not.
        #[source]
        source: BenchError,
    },
    /// A stand-in of the upstreams could not be started.
    #[error("cannot start the stand-ins of the upstreams")]
    StandIn {
        /// Why not.
        #[source]
        source: StartError,
    },
    /// What was asked for cannot be done, in a whole sentence.
    #[error("{0}")]
    Refused(String),
}

impl ChoreError {
    /// The exit code to end with: that of the program that failed, where there is one.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Ended { status, .. } => {
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                code.map_or(ExitCode::FAILURE, ExitCode::from)
            }
            Self::Step { source, .. } => source.exit_code(),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Gives an I/O error the sentence that says what was tried.
pub(crate) trait Doing<T> {
    /// Adds what was tried, to stand after "cannot".
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, ChoreError>;
}

impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, ChoreError> {
        self.map_err(|source| ChoreError::System {
            doing: what(),
            source,
        })
    }
}
