//! What a look at the tree finds, and how it is told.

use std::fmt;

use crate::error::ChoreError;
use crate::say;

/// Something to mend: where it is, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file, relative to the root.
    pub(crate) path: String,
    /// The line, from 1; 0 for the file as a whole.
    pub(crate) line: usize,
    /// What is wrong and what to do.
    pub(crate) advice: String,
}

impl Finding {
    /// A finding at a line of a file.
    pub(crate) fn new(path: &str, line: usize, advice: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            advice: advice.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.advice),
            line => write!(f, "{}:{line}: {}", self.path, self.advice),
        }
    }
}

/// Prints the findings in the order of the files; any finding fails the chore.
pub(crate) fn report(chore: &'static str, mut findings: Vec<Finding>) -> Result<(), ChoreError> {
    findings.sort();
    for finding in &findings {
        say::line(finding);
    }
    match findings.len() {
        0 => Ok(()),
        count => Err(ChoreError::Findings { chore, count }),
    }
}
