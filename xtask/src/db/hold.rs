//! A PostgreSQL that lives as long as whoever asked for it.
//!
//! The server is held by a process of its own, in a process group of its own, that reads a pipe
//! from the one who asked. However that one ends (done, failed, interrupted, killed) the pipe
//! closes, and the holder stops the server and removes its data.

use std::io::{self, BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::base::Base;
use super::cluster::{self, Purpose};
use super::docker;
use super::server::Server;
use crate::error::{ChoreError, Doing as _};
use crate::say;

/// A server held for this process.
#[derive(Debug)]
pub(crate) struct Held {
    url: String,
    holder: Child,
    // Dropped first: its end is what the holder waits for.
    life: Option<ChildStdin>,
}

impl Held {
    /// Starts a holder and waits for its server.
    pub(crate) fn start(purpose: Purpose) -> Result<Self, ChoreError> {
        let program = std::env::current_exe().doing(|| "find this program".to_owned())?;
        let mut holder = Command::new(program)
            .args(["db", "hold", "--purpose", name_of(purpose)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .doing(|| "start the holder of a PostgreSQL".to_owned())?;
        let life = holder.stdin.take();
        let mut url = String::new();
        if let Some(answer) = holder.stdout.take() {
            let read = BufReader::new(answer).read_line(&mut url);
            read.doing(|| "read the URL of the PostgreSQL".to_owned())?;
        }
        let held = Self {
            url: url.trim_end().to_owned(),
            holder,
            life,
        };
        if held.url.is_empty() {
            return Err(ChoreError::Refused(
                "no PostgreSQL could be started".to_owned(),
            ));
        }
        Ok(held)
    }

    /// The URL of a database from which others can be made.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.life.take());
        match self.holder.wait() {
            Ok(status) if status.success() => {}
            Ok(status) => say::note(format_args!(
                "the holder of the PostgreSQL ended with {status}"
            )),
            Err(error) => say::note(format_args!(
                "the holder of the PostgreSQL is lost: {error}"
            )),
        }
    }
}

/// Starts a server, prints its URL, waits for the end of standard input, and removes the server.
pub(super) fn hold(purpose: Purpose) -> Result<(), ChoreError> {
    match Server::find()? {
        Server::Private(binaries) => {
            let base = Base::open(binaries.account.as_ref())?;
            let claim = base.alone(|| {
                base.sweep(&binaries)?;
                base.claim()
            })?;
            let url = cluster::create(&claim.folder, &binaries, purpose)
                .and_then(|()| cluster::start(&claim.folder, &binaries));
            if let Ok(url) = &url {
                serve(url);
            }
            base.alone(|| cluster::remove(&claim.folder, &binaries))?;
            url.map(drop)
        }
        Server::Container if purpose == Purpose::Measurements => Err(ChoreError::Refused(
            "what a PostgreSQL in a container costs cannot be seen from here: install the server"
                .to_owned(),
        )),
        Server::Container => {
            let name = format!("response-test-{}", cluster::password()?);
            serve(&docker::start(&name)?);
            docker::remove(&name)
        }
    }
}

fn name_of(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Tests => "tests",
        Purpose::Measurements => "measurements",
    }
}

/// Prints the URL and waits until nobody needs it.
fn serve(url: &str) {
    say::line(url);
    // An error of the pipe is its end as well.
    drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
}
