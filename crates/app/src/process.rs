//! How a binary of this house starts and fails: its arguments, its settings, its runtime, and what it
//! says when it cannot go on.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use response_settings::{Loaded, Settings, SettingsFaults, Sources};

use crate::{Process, descriptors, telemetry};

/// What every binary can be told.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A settings file; otherwise `RESPONSE_CONFIG_FILE` or ./response-api.toml.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// One setting, over everything else: `--set http.port=9000`. May be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    overrides: Vec<String>,
}

impl Arguments {
    /// Where the settings come from.
    pub fn sources(self) -> Sources {
        let sources = Sources::of_process().overrides(self.overrides);
        match self.config {
            Some(file) => sources.file(file),
            None => sources,
        }
    }
}

/// Reads the settings, begins to log as they say, and takes the descriptors that there are.
pub fn begin(sources: &Sources, process: Process) -> Result<Settings, SettingsFaults> {
    let Loaded {
        settings,
        origins: _,
        notes,
    } = load(sources, process)?;
    telemetry::start(&settings.log);
    for note in notes {
        tracing::warn!("{note}");
    }
    descriptors::take_all();
    Ok(settings)
}

/// Prints every setting with its value and where that came from.
pub fn print_settings(binary: &str, process: Process, sources: &Sources) -> ExitCode {
    let (table, faults) = match load(sources, process) {
        Ok(loaded) => (loaded.table(), None),
        Err(faults) => (faults.table(), Some(faults)),
    };
    // Nobody is left to be told when standard output is closed.
    let _ = write!(std::io::stdout(), "{table}");
    faults.map_or(ExitCode::SUCCESS, |faults| complain(binary, &faults))
}

/// What concerns callers alone keeps no worker from its work.
fn load(sources: &Sources, process: Process) -> Result<Loaded, SettingsFaults> {
    match process {
        Process::Api => Settings::load(sources),
        Process::Worker => Settings::load_for_worker(sources),
    }
}

/// The main runtime of the process.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

/// What came of a process, as its exit code; an error is told with all its causes.
pub fn end(binary: &str, done: Result<(), Box<dyn Error>>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(binary, &*error),
    }
}

fn complain(binary: &str, error: &dyn Error) -> ExitCode {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    let _ = writeln!(std::io::stderr(), "{binary}: {text}");
    ExitCode::FAILURE
}
