//! All that CI runs, in the same order. CI itself runs this, so there is no second list.

use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::command::{self, cargo};
use crate::error::ChoreError;
use crate::{docs, layers, say, test, tidy};

const DENY_SETTINGS: &str = ".cargo/deny.toml";
const FORMAT_SETTINGS: &str = ".cargo/rustfmt.toml";

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Steps to leave out, told at the end: `--without deny,machete`
    #[arg(long, value_delimiter = ',')]
    without: Vec<Step>,
}

/// The steps, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The code is laid out as rustfmt lays it out
    Fmt,
    /// No lint complains
    Clippy,
    /// No own crate depends on one that the table does not give it
    Layers,
    /// What no compiler looks at
    Tidy,
    /// The generated documents are not stale
    Docs,
    /// Licences, banned crates and sources of the dependencies; known faults where their list can be fetched
    Deny,
    /// No dependency is unused
    Machete,
    /// `cargo xtask test`
    Test,
    /// The API documentation builds without a warning
    Doc,
}

impl Check {
    /// Runs the steps and stops at the first that fails.
    pub(crate) fn run(&self) -> Result<(), ChoreError> {
        let steps: Vec<Step> = Step::value_variants()
            .iter()
            .copied()
            .filter(|step| !self.without.contains(step))
            .collect();
        for step in &steps {
            step.need()?;
        }
        let begun = Instant::now();
        let mut times = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            say::headline(format_args!(
                "{} ({} of {})",
                step.name(),
                at + 1,
                steps.len()
            ));
            times.push((step.name(), step.timed()?));
        }
        say::headline(format_args!(
            "check passed in {:.1} s",
            begun.elapsed().as_secs_f64()
        ));
        for (name, seconds) in times {
            say::line(format_args!("{seconds:>8.1} s  {name}"));
        }
        for step in &self.without {
            say::line(format_args!(" left out    {}", step.name()));
        }
        Ok(())
    }
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Layers => "layers",
            Self::Tidy => "tidy",
            Self::Docs => "docs",
            Self::Deny => "deny",
            Self::Machete => "machete",
            Self::Test => "test",
            Self::Doc => "doc",
        }
    }

    /// Says at once what is missing for a step, not after the steps before it.
    fn need(self) -> Result<(), ChoreError> {
        let name = self.name();
        if !matches!(self, Self::Deny | Self::Machete) {
            return Ok(());
        }
        if command::succeeds(&mut cargo(&[name, "--version"])) {
            return Ok(());
        }
        let install = format!("`cargo install --locked cargo-{name}`, or `--without {name}`");
        Err(ChoreError::Missing {
            tool: format!("cargo-{name}"),
            install,
        })
    }

    /// Runs the step and answers how many seconds it took.
    fn timed(self) -> Result<f64, ChoreError> {
        let begun = Instant::now();
        let done = self.perform();
        let seconds = begun.elapsed().as_secs_f64();
        let failed = |source| ChoreError::Step {
            step: self.name(),
            seconds,
            source: Box::new(source),
        };
        done.map(|()| seconds).map_err(failed)
    }

    fn perform(self) -> Result<(), ChoreError> {
        match self {
            Self::Fmt => run(&[
                "fmt",
                "--all",
                "--",
                "--check",
                "--config-path",
                FORMAT_SETTINGS,
            ]),
            Self::Clippy => run(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ]),
            Self::Layers => layers::run(),
            Self::Tidy => tidy::run(),
            Self::Docs => docs::check(),
            Self::Deny => deny(),
            Self::Machete => run(&["machete"]),
            Self::Test => test::Test::default().run(),
            Self::Doc => {
                let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
                command::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
            }
        }
    }
}

fn run(args: &[&str]) -> Result<(), ChoreError> {
    command::run(&mut cargo(args))
}

/// Known faults come from a list that is fetched. Without a network to fetch it from, the rest is
/// checked all the same and this is said.
fn deny() -> Result<(), ChoreError> {
    let check = [
        "deny",
        "--config",
        DENY_SETTINGS,
        "check",
        "--hide-inclusion-graph",
    ];
    run(&[&check[..], &["bans", "licenses", "sources"]].concat())?;
    let mut fetch = cargo(&["deny", "--config", DENY_SETTINGS, "fetch", "db"]);
    // A proxy that asks for a password is no network either.
    if command::succeeds(fetch.env("GIT_TERMINAL_PROMPT", "0")) {
        return run(&[&check[..], &["advisories"]].concat());
    }
    say::line("advisories NOT checked: their list cannot be fetched from here");
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        check: Check,
    }

    #[test]
    fn steps_are_left_out_by_the_names_they_are_told_by() {
        for step in Step::value_variants() {
            let line = Line::try_parse_from(["check", "--without", step.name()]);
            assert_eq!(line.expect("a step's name").check.without, [*step]);
        }
        assert!(Line::try_parse_from(["check", "--without", "everything"]).is_err());
        Line::command().debug_assert();
    }
}
