//! The tests, with a PostgreSQL of their own.
//!
//! nextest runs them where it is installed, cargo's own runner elsewhere; the same tests either
//! way. They make their databases on the server that `TEST_DATABASE_URL` names: the caller's, or
//! one that is made for this run and goes with it.

use clap::Args;

use crate::command;
use crate::db::{Held, Purpose, URL_VARIABLE};
use crate::error::ChoreError;
use crate::say;

const NEXTEST_SETTINGS: &str = ".cargo/nextest.toml";

/// What is run. Without arguments: every test of the workspace, and the examples in its docs.
#[derive(Debug, Default, Args)]
pub(crate) struct Test {
    /// Only the tests that have `postgres` in their name
    #[arg(long)]
    postgres_only: bool,
    /// Passed on to the test runner: `-p response-store`, a part of a test's name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// What runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runner {
    Nextest,
    Cargo,
}

impl Test {
    /// Runs them; fails as the runner fails.
    pub(crate) fn run(&self) -> Result<(), ChoreError> {
        let runner = Runner::find();
        let held = match command::variable(URL_VARIABLE) {
            Some(_) => None,
            None => Some(Held::start(Purpose::Tests)?),
        };
        for args in self.command_lines(runner) {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let mut command = command::cargo(&args);
            if let Some(held) = &held {
                command.env(URL_VARIABLE, held.url());
            }
            say::line(format_args!("cargo {}", args.join(" ")));
            command::run(&mut command)?;
        }
        Ok(())
    }

    /// The command lines of cargo, in order. nextest does not run the examples in docs, so they
    /// have a line of their own, which goes first: the runner's summary closes the output.
    fn command_lines(&self, runner: Runner) -> Vec<Vec<String>> {
        let mut tests: Vec<&str> = match runner {
            Runner::Nextest => vec!["nextest", "run", "--config-file", NEXTEST_SETTINGS],
            Runner::Cargo => vec!["test"],
        };
        let chosen = ["-p", "--package", "--workspace", "--all"];
        let chooses =
            |arg: &String| chosen.contains(&arg.as_str()) || arg.starts_with("--package=");
        if !self.rest.iter().any(chooses) {
            tests.push("--workspace");
        }
        tests.push("--locked");
        if self.postgres_only {
            tests.push("postgres");
        }
        tests.extend(self.rest.iter().map(String::as_str));
        let everything = self.rest.is_empty() && !self.postgres_only;
        let docs = vec!["test", "--doc", "--workspace", "--locked"];
        let lines = match runner {
            Runner::Nextest if everything => vec![docs, tests],
            _ => vec![tests],
        };
        lines
            .into_iter()
            .map(|line| line.into_iter().map(str::to_owned).collect())
            .collect()
    }
}

impl Runner {
    fn find() -> Self {
        let is_there = command::succeeds(&mut command::cargo(&["nextest", "--version"]));
        if is_there { Self::Nextest } else { Self::Cargo }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(test: &Test, runner: Runner) -> Vec<String> {
        test.command_lines(runner)
            .iter()
            .map(|line| line.join(" "))
            .collect()
    }

    #[test]
    fn everything_is_every_test_and_every_example() {
        let all = Test::default();
        let nextest = "nextest run --config-file .cargo/nextest.toml --workspace --locked";
        assert_eq!(
            lines(&all, Runner::Nextest),
            ["test --doc --workspace --locked", nextest]
        );
        assert_eq!(lines(&all, Runner::Cargo), ["test --workspace --locked"]);
    }

    #[test]
    fn what_is_passed_on_chooses_instead() {
        let one = Test {
            rest: vec!["-p".into(), "response-store".into()],
            ..Test::default()
        };
        assert_eq!(
            lines(&one, Runner::Cargo),
            ["test --locked -p response-store"]
        );
        let named = Test {
            rest: vec!["a_name".into()],
            ..Test::default()
        };
        assert_eq!(
            lines(&named, Runner::Cargo),
            ["test --workspace --locked a_name"]
        );
        let postgres = Test {
            postgres_only: true,
            ..Test::default()
        };
        assert_eq!(
            lines(&postgres, Runner::Cargo),
            ["test --workspace --locked postgres"]
        );
    }
}
