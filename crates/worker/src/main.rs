//! The process that works on background responses, as many of them as there is work for. It takes no
//! requests but those that ask how it is.

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use response_app::{Process, process};

mod work;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NAME: &str = "response-worker";

/// Works on the background responses of the Response API.
#[derive(Debug, Parser)]
#[command(name = NAME, version)]
struct Command {
    #[command(flatten)]
    arguments: process::Arguments,
    #[command(subcommand)]
    chore: Option<Chore>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Chore {
    /// Work on the queue; this is what happens without a command.
    Work,
    /// Print every setting with its value and where that came from.
    Config,
}

fn main() -> ExitCode {
    let Command { arguments, chore } = Command::parse();
    let sources = arguments.sources();
    match chore.unwrap_or(Chore::Work) {
        Chore::Work => process::end(NAME, work(&sources)),
        Chore::Config => process::print_settings(NAME, Process::Worker, &sources),
    }
}

fn work(sources: &response_settings::Sources) -> Result<(), Box<dyn Error>> {
    let settings = process::begin(sources, Process::Worker)?;
    process::runtime()?.block_on(work::work(settings))
}
