//! The API process: settings in, the face mounted, an orderly end.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use response_settings::{Database, Loaded, Migrations, Settings, Sources};

mod serve;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The Response API: one request in, tools run, one answer out.
#[derive(Debug, Parser)]
#[command(name = "response-api", version)]
struct Arguments {
    /// A settings file; otherwise `RESPONSE_CONFIG_FILE` or ./response-api.toml.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// One setting, over everything else: `--set http.port=9000`. May be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    overrides: Vec<String>,
    #[command(subcommand)]
    chore: Option<Chore>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Chore {
    /// Serve requests; this is what happens without a command.
    Serve,
    /// Print every setting with its value and where that came from.
    Config,
    /// Bring the schema of the database up to date, and end.
    Migrate,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut sources = Sources::of_process().overrides(arguments.overrides);
    if let Some(file) = arguments.config {
        sources = sources.file(file);
    }
    let done = match arguments.chore.unwrap_or(Chore::Serve) {
        Chore::Serve => serve(&sources),
        Chore::Config => return print_settings(&sources),
        Chore::Migrate => migrate(&sources),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&*error),
    }
}

type Done = Result<(), Box<dyn Error>>;

fn serve(sources: &Sources) -> Done {
    let Loaded {
        settings,
        origins: _,
        notes,
    } = Settings::load(sources)?;
    response_app::telemetry::start(&settings.log);
    for note in notes {
        tracing::warn!("{note}");
    }
    runtime()?.block_on(serve::serve(settings))
}

fn migrate(sources: &Sources) -> Done {
    let database = Database {
        auto_migrate: Migrations::AtStart,
        ..Database::load(sources)?
    };
    runtime()?.block_on(async {
        response_app::open(database).await?;
        writeln!(std::io::stdout(), "The schema is up to date.")?;
        Ok(())
    })
}

fn print_settings(sources: &Sources) -> ExitCode {
    let (table, faults) = match Settings::load(sources) {
        Ok(loaded) => (loaded.table(), None),
        Err(faults) => (faults.table(), Some(faults)),
    };
    // Nobody is left to be told when standard output is closed.
    let _ = write!(std::io::stdout(), "{table}");
    faults.map_or(ExitCode::SUCCESS, |faults| complain(&faults))
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

/// Tells an error with all its causes.
fn complain(error: &dyn Error) -> ExitCode {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    let _ = writeln!(std::io::stderr(), "response-api: {text}");
    ExitCode::FAILURE
}
