//! Whether a server answers as the clients of OpenAI, or of Open Responses, can rely on: it is asked what
//! they ask, and every answer is held to the grammar of `testkit::wire`.

use std::time::{Duration, Instant};

use clap::Args;
use response_egress::Url;
use response_testkit::wire::Flavour;

use self::cases::Case;
use self::peer::Peer;
use crate::error::{ChoreError, Doing as _};
use crate::say;

mod background;
mod cases;
mod conversations;
mod peer;
mod refusals;
mod servers;
mod tools;

#[cfg(test)]
mod tests;

#[derive(Debug, Args)]
pub(crate) struct Conform {
    /// Where the API begins, such as `http://127.0.0.1:8080/openai/v1`
    url: String,
    /// The model to ask
    #[arg(long, default_value = "default")]
    model: String,
    /// The key to send
    #[arg(long, default_value = "conform")]
    key: String,
    /// A tool server: the label of one that the service knows, or a label and an address
    #[arg(long, value_name = "LABEL[=URL]")]
    mcp: Option<String>,
    /// Hold the answers to Open Responses instead of OpenAI
    #[arg(long)]
    open_responses: bool,
    /// How many seconds one answer may take
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,
}

/// Why a case did not pass.
#[derive(Debug)]
enum Trouble {
    /// The server answered what no client should meet.
    Fault(String),
    /// It does not offer what the case is about.
    NotOffered(String),
}

/// What came of a case.
type Finding = Result<(), Trouble>;

impl From<response_testkit::wire::Fault> for Trouble {
    fn from(fault: response_testkit::wire::Fault) -> Self {
        Self::Fault(fault.to_string())
    }
}

/// Asserts what a case is about.
fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Finding {
    if holds {
        Ok(())
    } else {
        Err(Trouble::Fault(otherwise()))
    }
}

impl Conform {
    pub(crate) fn run(&self) -> Result<(), ChoreError> {
        let peer = self.peer()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing(|| "begin to ask".to_owned())?;
        let faults = runtime.block_on(ask(&peer));
        if faults == 0 {
            return Ok(());
        }
        Err(ChoreError::Findings {
            chore: "conform",
            count: faults,
        })
    }

    fn peer(&self) -> Result<Peer, ChoreError> {
        let text = self.url.trim_end_matches('/');
        let base = Url::parse(text)
            .map_err(|error| ChoreError::Refused(format!("`{text}` is not a URL: {error}")))?;
        let flavour = if self.open_responses {
            Flavour::OpenResponses
        } else {
            Flavour::OpenAi
        };
        let patience = Duration::from_secs(self.patience);
        let peer = Peer::new(base, &self.model, &self.key, flavour, patience)?;
        Ok(peer.with_server(self.mcp.clone()))
    }
}

/// Asks every case, tells of each, and answers how many did not pass.
async fn ask(peer: &Peer) -> usize {
    let mut faults = 0;
    let width = Case::ALL
        .iter()
        .map(|case| case.name().chars().count())
        .max();
    let width = width.unwrap_or_default();
    for case in Case::ALL.iter().filter(|case| case.is_about(peer.flavour)) {
        let name = case.name();
        let begun = Instant::now();
        let found = case.ask(peer).await;
        let took = begun.elapsed().as_secs_f64();
        let told = match found {
            Ok(()) => "passed".to_owned(),
            Err(Trouble::NotOffered(why)) => format!("not offered: {why}"),
            Err(Trouble::Fault(fault)) => {
                faults += 1;
                format!("FAULT: {fault}")
            }
        };
        say::line(format_args!("{name:<width$}  {took:>7.2} s  {told}"));
    }
    faults
}
