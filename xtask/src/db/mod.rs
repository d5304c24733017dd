//! A PostgreSQL to develop and test against, and new migrations.
//!
//! `up` starts one that stays until `down`; the tests get one of their own that ends with them
//! (`hold`). Both come from the first of: server binaries on this machine, Docker. A server that
//! already runs here is used only when `TEST_DATABASE_URL` names it.

use clap::{Args, Subcommand};

use crate::error::ChoreError;
use crate::say;

mod ask;
mod base;
mod cluster;
mod docker;
mod hold;
mod kept;
mod migration;
mod restart;
mod server;

pub(crate) use ask::{ask, client};
pub(crate) use cluster::Purpose;
pub(crate) use hold::Held;
pub(crate) use restart::{Restart, Stop};

/// The variable that tells tests which server to make their databases on.
pub(crate) const URL_VARIABLE: &str = "TEST_DATABASE_URL";

#[derive(Debug, Args)]
pub(crate) struct Db {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Starts a PostgreSQL that stays until `down`, and prints its URL
    Up,
    /// Stops it and removes its data
    Down,
    /// Prints the URL of the one that is up
    Url,
    /// Writes a new, empty migration
    New {
        /// What it adds, in lower case with underscores: `webhooks`
        name: String,
    },
    /// Starts a PostgreSQL, prints its URL, and removes it when standard input ends
    #[command(hide = true)]
    Hold {
        /// What it is for
        #[arg(long, value_enum, default_value_t)]
        purpose: Purpose,
    },
}

impl Db {
    /// Does what was asked.
    pub(crate) fn run(&self) -> Result<(), ChoreError> {
        match &self.what {
            What::Up => say::line(kept::up()?),
            What::Down => kept::down()?,
            What::Url => say::line(kept::url()?),
            What::New { name } => migration::create(name)?,
            What::Hold { purpose } => hold::hold(*purpose)?,
        }
        Ok(())
    }
}
