//! Starting what is measured, and knowing when it answers.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::load::load;
use super::process::Program;
use super::subject::{Subject, Work};
use crate::error::{ChoreError, Doing as _};
use crate::guard::{Guarded, Output};
use crate::wire;

/// How long a program may take until it answers.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long is waited between two questions whether it does.
const PAUSE: Duration = Duration::from_millis(50);

/// A program that runs for the benchmark and ends with it.
#[derive(Debug)]
pub(super) struct Started {
    guarded: Guarded,
    log: PathBuf,
}

impl Started {
    /// Starts a program that writes what it has to say into `NAME.log` in a folder.
    pub(super) fn start(name: &str, program: &Command, logs: &Path) -> Result<Self, ChoreError> {
        let log = logs.join(format!("{name}.log"));
        let file = File::create(&log).doing(|| format!("make {}", log.display()))?;
        let guarded = Guarded::start(program, Output::File(file))?;
        Ok(Self { guarded, log })
    }

    /// Waits until it answers a short request as it should, and counts it as the subject's program.
    pub(super) async fn answers(&mut self, subject: &mut Subject) -> Result<(), ChoreError> {
        let Some(exchange) = subject.exchange(Work::Plain(1)) else {
            return Ok(());
        };
        let exchange = Arc::new(exchange);
        let until = Instant::now() + PATIENCE;
        loop {
            let Err(error) = load(subject.address, &exchange, 1, Duration::ZERO).await else {
                break;
            };
            if self.guarded.ended().is_some() || Instant::now() > until {
                crate::say::note(self.last_words());
                return Err(error.of(&subject.name, "the first request"));
            }
            sleep(PAUSE).await;
        }
        subject.program = Some(Program::child_of(self.guarded.id())?);
        Ok(())
    }

    /// Waits until it answers a question with 200.
    pub(super) async fn is_ready(
        &mut self,
        address: SocketAddr,
        path: &str,
    ) -> Result<Program, ChoreError> {
        let until = Instant::now() + PATIENCE;
        while !matches!(wire::status_of(address, path).await, Ok(200)) {
            if self.guarded.ended().is_some() || Instant::now() > until {
                crate::say::note(self.last_words());
                let what = format!("http://{address}{path} does not answer with 200");
                return Err(ChoreError::Refused(what));
            }
            sleep(PAUSE).await;
        }
        Program::child_of(self.guarded.id())
    }

    /// The end of what it wrote.
    fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines
            .get(lines.len().saturating_sub(20)..)
            .unwrap_or_default();
        format!("{} ends with:\n{}", self.log.display(), last.join("\n"))
    }
}

/// An address of this machine that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr, ChoreError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.doing(|| "find a free port of 127.0.0.1".to_owned())
}
