//! A program that does not outlive the chore that needs it.
//!
//! The program is the child of a guard: this binary once more, in a process group of its own,
//! reading a pipe from the chore. Ctrl-C therefore reaches the chore alone, which ends the
//! program in its own order; and however the chore ends, killed included, the pipe closes and the
//! guard ends the program.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::error::{ChoreError, Doing as _};

/// How long a program may take to end in an orderly manner when nobody waits for it any more.
const PATIENCE: Duration = Duration::from_secs(40);

const TERMINATE: &str = "terminate";
const KILL: &str = "kill";

/// The guard's own command line.
#[derive(Debug, Args)]
pub(crate) struct Guard {
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    program: Vec<OsString>,
}

/// A guarded program. Dropping it ends the program and waits until it has ended.
#[derive(Debug)]
pub(crate) struct Guarded {
    name: String,
    guard: Child,
    pipe: Option<ChildStdin>,
}

/// Where a program's output goes.
#[derive(Debug)]
pub(crate) enum Output {
    /// To the chore, which reads it.
    Chore,
    /// Into a file.
    File(fs::File),
}

impl Guarded {
    /// Starts a program: its path, arguments, folder and what the environment has besides.
    pub(crate) fn start(program: &Command, output: Output) -> Result<Self, ChoreError> {
        let name = program.get_program().to_string_lossy().into_owned();
        let starting = || format!("start {name}");
        let own = std::env::current_exe().doing(|| "find this program".to_owned())?;
        let mut guard = Command::new(own);
        guard.arg("guard").arg("--").arg(program.get_program());
        guard.args(program.get_args()).process_group(0);
        if let Some(folder) = program.get_current_dir() {
            guard.current_dir(folder);
        }
        for (variable, value) in program.get_envs() {
            match value {
                Some(value) => guard.env(variable, value),
                None => guard.env_remove(variable),
            };
        }
        guard.stdin(Stdio::piped());
        match output {
            Output::Chore => guard.stdout(Stdio::piped()).stderr(Stdio::piped()),
            Output::File(file) => {
                let other = file.try_clone().doing(starting)?;
                guard.stdout(file).stderr(other)
            }
        };
        let mut guard = guard.spawn().doing(starting)?;
        let pipe = guard.stdin.take();
        Ok(Self { name, guard, pipe })
    }

    /// What the program writes, where it writes to the chore; once.
    pub(crate) fn output(&mut self) -> Option<(ChildStdout, ChildStderr)> {
        Some((self.guard.stdout.take()?, self.guard.stderr.take()?))
    }

    /// The process id of the guard; the program is its only child.
    pub(crate) fn id(&self) -> u32 {
        self.guard.id()
    }

    /// Asks the program to end in its own order.
    pub(crate) fn terminate(&mut self) {
        self.tell(TERMINATE);
    }

    /// Ends the program at once.
    pub(crate) fn kill(&mut self) {
        self.tell(KILL);
    }

    /// How the program ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.guard.try_wait().ok().flatten()
    }

    /// Waits until the program has ended, and answers how.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus, ChoreError> {
        let waiting = || format!("wait for {}", self.name);
        self.guard.wait().doing(waiting)
    }

    /// A guard that is gone takes no orders and needs none.
    fn tell(&mut self, order: &str) {
        if let Some(pipe) = &mut self.pipe {
            drop(writeln!(pipe, "{order}").and_then(|()| pipe.flush()));
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.pipe.take());
        if let Err(error) = self.guard.wait() {
            crate::say::note(format_args!("{} is lost: {error}", self.name));
        }
    }
}

/// What happens to a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Terminate,
    Kill,
    /// The chore is gone.
    Abandoned,
}

impl Guard {
    /// Runs the program until it ends or is to end, and ends as it did.
    pub(crate) fn run(&self) -> Result<(), ChoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing(|| "start a runtime".to_owned())?;
        let status = runtime.block_on(self.guard())?;
        if status.success() {
            return Ok(());
        }
        let program = self.name();
        Err(ChoreError::Ended { program, status })
    }

    fn name(&self) -> String {
        let name = self.program.first().cloned().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    async fn guard(&self) -> Result<ExitStatus, ChoreError> {
        let starting = || format!("start {}", self.name());
        let nothing = || ChoreError::Refused("no program to guard".to_owned());
        let (program, args) = self.program.split_first().ok_or_else(nothing)?;
        let mut orders = listen();
        let mut ending = signal(SignalKind::terminate()).doing(starting)?;
        let mut child = tokio::process::Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .spawn()
            .doing(starting)?;
        let (mut abandoned, mut patience) = (false, None);
        loop {
            let order = tokio::select! {
                status = child.wait() => return status.doing(|| format!("wait for {}", self.name())),
                order = orders.recv(), if !abandoned => order.unwrap_or(Order::Abandoned),
                _ = ending.recv(), if !abandoned => Order::Abandoned,
                () = expire(patience) => Order::Kill,
            };
            let signal = match order {
                Order::Kill => Signal::KILL,
                Order::Terminate | Order::Abandoned => Signal::TERM,
            };
            match order {
                Order::Abandoned => {
                    abandoned = true;
                    patience = Some(Instant::now() + PATIENCE);
                }
                Order::Kill => patience = None,
                Order::Terminate => {}
            }
            // No id: the program has ended, and the next turn hears of it.
            let id = child.id().and_then(|id| i32::try_from(id).ok());
            if let Some(id) = id.and_then(Pid::from_raw) {
                let _ = kill_process(id, signal);
            }
        }
    }
}

async fn expire(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The orders that come over standard input; its end is the last of them.
fn listen() -> mpsc::Receiver<Order> {
    let (tell, told) = mpsc::channel(4);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let order = match line.as_str() {
                TERMINATE => Order::Terminate,
                KILL => Order::Kill,
                _ => continue,
            };
            if tell.blocking_send(order).is_err() {
                return;
            }
        }
    });
    told
}
