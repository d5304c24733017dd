//! The one place that writes to the terminal.
//!
//! A reader that closed the pipe (`cargo xtask tidy | head`) is no failure of the chore, so what
//! cannot be written is dropped.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write as _};

/// One line to standard output.
pub(crate) fn line(text: impl Display) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// A headline to standard output: it opens a step and is easy to find in a long log.
pub(crate) fn headline(text: impl Display) {
    line(format_args!("\n=== {text}"));
}

/// One line to standard error, for what is no part of a chore's answer.
pub(crate) fn note(text: impl Display) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// An error with all its causes, each on its own line, to standard error.
pub(crate) fn error(error: &dyn Error) {
    note(format_args!("error: {error}"));
    let mut cause = error.source();
    while let Some(inner) = cause {
        note(format_args!("  because: {inner}"));
        cause = inner.source();
    }
}
