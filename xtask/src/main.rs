//! Chores, in Rust: `cargo xtask CHORE`.
//!
//! This file is the list of chores; each chore is a file or folder of its own with a clap type
//! for its arguments and a `run`. To add one, add a module, a variant and a line of the match.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::ChoreError;

mod bench;
mod check;
mod command;
mod conform;
mod db;
mod dev;
mod dist;
mod docs;
mod error;
mod finding;
mod fuzz;
mod guard;
mod layers;
mod say;
mod soak;
mod test;
mod tidy;
mod wire;
mod workspace;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The chores of this repository")]
struct Xtask {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// All that CI runs, in the same order; stops at the first step that fails
    Check(check::Check),
    /// Runs the tests with a PostgreSQL of their own
    Test(test::Test),
    /// Fails on a dependency between own crates that the table does not allow
    Layers,
    /// Fails on what no compiler looks at: file length, names, links, invariants, stray paths
    Tidy,
    /// Writes the generated documents, or with --check says which are stale
    Docs(docs::Docs),
    /// A PostgreSQL to develop and test against, and new migrations
    Db(db::Db),
    /// Everything on this machine: the service, stand-ins for its upstreams, the gateway
    Dev(dev::Dev),
    /// What the service costs: beside its upstream, on each store, and beside its peers
    Bench(bench::Bench),
    /// Load, and processes killed, frozen and restarted; then whether anything was lost or doubled
    Soak(soak::Soak),
    /// Tries inputs that nobody thought of on everything that reads what others send
    Fuzz(fuzz::Fuzz),
    /// Asks a server what clients of OpenAI ask, and holds every answer to what they rely on
    Conform(conform::Conform),
    /// Builds the release binaries
    Dist,
    /// Runs a program that ends when standard input does
    #[command(hide = true)]
    Guard(guard::Guard),
}

fn main() -> ExitCode {
    match perform(Xtask::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            error.exit_code()
        }
    }
}

fn perform(chore: Chore) -> Result<(), ChoreError> {
    match chore {
        Chore::Check(check) => check.run(),
        Chore::Test(test) => test.run(),
        Chore::Layers => layers::run(),
        Chore::Tidy => tidy::run(),
        Chore::Docs(docs) => docs.run(),
        Chore::Db(db) => db.run(),
        Chore::Dev(dev) => dev.run(),
        Chore::Bench(bench) => bench.run(),
        Chore::Soak(soak) => soak.run(),
        Chore::Fuzz(fuzz) => fuzz.run(),
        Chore::Conform(conform) => conform.run(),
        Chore::Dist => dist::run(),
        Chore::Guard(guard) => guard.run(),
    }
}
