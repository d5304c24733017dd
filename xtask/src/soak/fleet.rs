//! The processes of the service, and the signals that they get.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::Program;
use crate::error::{ChoreError, Doing as _};
use crate::guard::{Guarded, Output};

/// How long a guard may take to start its program.
const PATIENCE: Duration = Duration::from_secs(10);

/// One process of the service, whether it runs or not.
#[derive(Debug)]
pub(super) struct Member {
    /// `api`, `worker-1`.
    pub(super) name: String,
    /// Where it tells how it is.
    pub(super) address: SocketAddr,
    program: PathBuf,
    settings: Vec<(String, String)>,
    logs: PathBuf,
    running: Option<Running>,
    /// How often it was started.
    starts: u32,
}

#[derive(Debug)]
struct Running {
    guarded: Guarded,
    program: Program,
    pid: Pid,
    is_frozen: bool,
    /// It was told to end, or was killed.
    is_ending: bool,
}

/// What became of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Runs,
    Frozen,
    Ending,
    /// It is over, as it was to be.
    Ended,
    /// It is over, and nobody told it to end.
    Gone,
    NotStarted,
}

impl Member {
    pub(super) fn new(
        name: String,
        address: SocketAddr,
        program: PathBuf,
        settings: Vec<(String, String)>,
        logs: &Path,
    ) -> Self {
        Self {
            name,
            address,
            program,
            settings,
            logs: logs.to_owned(),
            running: None,
            starts: 0,
        }
    }

    /// Starts it; it has a log of its own each time.
    pub(super) fn start(&mut self) -> Result<(), ChoreError> {
        self.running = None;
        self.starts += 1;
        let log = self.logs.join(format!("{}.{}.log", self.name, self.starts));
        let file = File::create(&log).doing(|| format!("make {}", log.display()))?;
        let mut command = Command::new(&self.program);
        for (key, value) in &self.settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        let guarded = Guarded::start(&command, Output::File(file))?;
        let until = Instant::now() + PATIENCE;
        let program = loop {
            match Program::child_of(guarded.id()) {
                Ok(program) => break program,
                Err(error) if Instant::now() > until => return Err(error),
                Err(_not_yet) => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let strange = || ChoreError::Refused(format!("{} has no process id", self.name));
        let number = i32::try_from(program.id()).ok().and_then(Pid::from_raw);
        self.running = Some(Running {
            guarded,
            program,
            pid: number.ok_or_else(strange)?,
            is_frozen: false,
            is_ending: false,
        });
        Ok(())
    }

    /// What became of it.
    pub(super) fn standing(&mut self) -> Standing {
        let Some(running) = &mut self.running else {
            return Standing::NotStarted;
        };
        let over = running.guarded.ended().is_some();
        match (over, running.is_ending, running.is_frozen) {
            (true, true, _) => Standing::Ended,
            (true, false, _) => Standing::Gone,
            (false, true, _) => Standing::Ending,
            (false, false, true) => Standing::Frozen,
            (false, false, false) => Standing::Runs,
        }
    }

    /// Ends it without a word, frozen or not.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::KILL);
        if let Some(running) = &mut self.running {
            running.is_ending = true;
        }
    }

    /// Asks it to end in its own order.
    pub(super) fn terminate(&mut self) {
        self.signal(Signal::TERM);
        if let Some(running) = &mut self.running {
            running.is_ending = true;
        }
    }

    pub(super) fn freeze(&mut self) {
        self.signal(Signal::STOP);
        if let Some(running) = &mut self.running {
            running.is_frozen = true;
        }
    }

    pub(super) fn thaw(&mut self) {
        self.signal(Signal::CONT);
        if let Some(running) = &mut self.running {
            running.is_frozen = false;
        }
    }

    /// What it takes, when it runs.
    pub(super) fn program(&self) -> Option<Program> {
        self.running.as_ref().map(|running| running.program)
    }

    /// How often it was started.
    pub(super) fn starts(&self) -> u32 {
        self.starts
    }

    fn signal(&mut self, signal: Signal) {
        // A guard that has ended has waited for its program: the number may be somebody else's by now.
        if let Some(running) = &mut self.running
            && running.guarded.ended().is_none()
        {
            let _ = kill_process(running.pid, signal);
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // What is frozen hears of no end.
        self.thaw();
    }
}
