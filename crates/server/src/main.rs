//! The API process: settings in, the face mounted, an orderly end.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use response_app::{Process, api_keys, process, telemetry};
use response_settings::{Database, Log, Migrations, Sources};

mod connection;
mod connections;
mod listen;
mod serve;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NAME: &str = "response-api";

/// The Response API: one request in, tools run, one answer out.
#[derive(Debug, Parser)]
#[command(name = NAME, version)]
struct Command {
    #[command(flatten)]
    arguments: process::Arguments,
    #[command(subcommand)]
    chore: Option<Chore>,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Serve requests; this is what happens without a command.
    Serve,
    /// Print every setting with its value and where that came from.
    Config,
    /// Bring the schema of the database up to date, and end.
    Migrate,
    /// Make keys that let callers in, show them, and take them back.
    Keys {
        #[command(subcommand)]
        command: api_keys::Command,
    },
}

fn main() -> ExitCode {
    let Command { arguments, chore } = Command::parse();
    let sources = arguments.sources();
    let done = match chore.unwrap_or(Chore::Serve) {
        Chore::Serve => serve(&sources),
        Chore::Config => return process::print_settings(NAME, Process::Api, &sources),
        Chore::Migrate => migrate(&sources),
        Chore::Keys { command } => keys(command, &sources),
    };
    process::end(NAME, done)
}

type Done = Result<(), Box<dyn Error>>;

fn serve(sources: &Sources) -> Done {
    let settings = process::begin(sources, Process::Api)?;
    process::runtime()?.block_on(serve::serve(settings))
}

fn migrate(sources: &Sources) -> Done {
    let database = Database {
        auto_migrate: Migrations::AtStart,
        ..Database::load(sources)?
    };
    process::runtime()?.block_on(async {
        response_app::open(database).await?;
        writeln!(std::io::stdout(), "The schema is up to date.")?;
        Ok(())
    })
}

fn keys(command: api_keys::Command, sources: &Sources) -> Done {
    let database = Database::load(sources)?;
    telemetry::start(&Log::load(sources)?);
    process::runtime()?.block_on(async {
        api_keys::run(command, database).await?;
        Ok(())
    })
}
