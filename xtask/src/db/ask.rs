//! One statement to a PostgreSQL, through the client that comes with the server: a chore asks too
//! seldom to bring a driver of its own.

use std::process::Command;

use super::cluster::Binaries;
use crate::command;
use crate::error::ChoreError;

/// The client, which speaks to this server and stops at the first error; what it is to do comes after.
pub(crate) fn client(url: &str) -> Result<Command, ChoreError> {
    let client = Binaries::find()?
        .map(|binaries| binaries.client())
        .filter(|client| client.is_file());
    let mut psql = Command::new(client.unwrap_or_else(|| "psql".into()));
    psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]);
    psql.args(["--set", "ON_ERROR_STOP=1", "--dbname", url]);
    Ok(psql)
}

/// Runs a statement and answers what it yields, one row a line and `|` between columns.
pub(crate) fn ask(url: &str, statement: &str) -> Result<String, ChoreError> {
    let answer = command::read(client(url)?.args(["--command", statement]))?;
    Ok(answer.trim_end().to_owned())
}
