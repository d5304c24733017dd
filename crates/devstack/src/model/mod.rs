//! A stand-in for the LLM API: chat completions, streamed and whole, by fixed rules. The same
//! request always gets the same answer, byte for byte.
//!
//! **What it does.** It reads the last user message and the offered tools. A prompt that calls
//! for facts ("search for …", "latest news", "look up …") makes it ask for a search tool; one
//! that wants results read ("read the top 2 results") for the pages found, side by side; one
//! with "calculate 12*7" for a calculator; "what time is it" for a clock. Then it answers from
//! the results in the conversation, and only from those. It honours `tool_choice`,
//! `parallel_tool_calls`, `max_tokens`, `stop` and `response_format` (a prompt "say {…}" is the answer to
//! the letter, otherwise one is made that fits the schema), refuses a transcript in
//! which calls and results do not pair, and a prompt beyond its context. "Think" in the prompt,
//! or `reasoning_effort`, makes it reason first. "Say X" is answered with X; "my name is X" is
//! remembered as long as it is in the conversation; "compact the conversation" is answered with notes of
//! it. Pictures and files are looked at as far as their type and length.
//!
//! Three rounds and five calls, over a search, two pages read side by side, a calculation and
//! a look at the clock:
//!
//! > Search for the latest AI news, read the top 2 results, then calculate 12*7 and tell me
//! > what time it is
//!
//! **Directives** in the last user message, or in the model's name, are orders to the stand-in
//! and no part of the prompt:
//!
//! | directive | effect |
//! |---|---|
//! | `[[quirk:NAME]]` | an oddity of [`QUIRKS`]; may be repeated |
//! | `[[delay:300ms]]` | a pause before anything is sent |
//! | `[[delta-delay:50ms]]` | a pause before each delta |
//! | `[[deltas:64]]` | the text in exactly so many deltas |
//! | `[[status:429 retry-after:1]]` | an error status, with a body of that kind |
//! | `[[fail:NAME]]` | `truncate`, `broken`, `hang`, `hang-stream`, `invalid-json`, `html`, `loop`, `unknown-tool`, `bad-arguments` or `slow` |
//! | `[[call:NAME {…}]]` | these tool calls, in this round, instead of the rules |
//! | `[[preamble]]` | text before tool calls |
//! | `[[think]]` | reasoning first |
//! | `[[refuse]]` | a refusal instead of an answer |
//! | `[[finish:content_filter]]` | this finish reason |
//! | `[[cached:64]]` | so many tokens of the prompt were cached |
//! | `[[echo:tools]]` | the answer is this member of the request as JSON; without a name all of it |
//!
//! Within any brackets `round:N` limits the order to the N-th turn of an answer (a `call` is
//! meant for the first unless it says otherwise), and `times:N` to the first N requests with
//! that prompt.
//!
//! **Benchmark models**, pre-rendered: `bench-plain`, `bench-stream-64`, `bench-tools-3`,
//! `bench-slow`.

mod answer;
mod bench;
mod directive;
mod fill;
mod part;
mod plan;
mod quirk;
mod request;
mod routes;
mod spoken;
mod view;
mod words;
mod write;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web;
use response_egress::Url;

pub use self::quirk::QUIRKS;

use self::bench::Bench;
use crate::gate::Gate;
use crate::ledger::Ledger;
use crate::serve::{Listen, Running, StartError, serve};

/// The models that the catalogue knows, with their context lengths in tokens. Any other name is
/// answered too, but has no entry in the catalogue.
pub const MODELS: [(&str, usize); 6] = [
    ("jan-v2-30b", 131_072),
    ("jan-small-4k", 4_096),
    ("bench-plain", 131_072),
    ("bench-stream-64", 131_072),
    ("bench-tools-3", 131_072),
    ("bench-slow", 131_072),
];

/// How the model server runs.
#[derive(Clone, Debug)]
pub struct ModelOptions {
    /// Where it listens.
    pub listen: Listen,
    /// A pause before each delta of a stream, unless a directive says otherwise.
    pub delta_delay: Duration,
    /// How many requests are kept for [`Model::ledger`]; 0 keeps none.
    pub keep_requests: usize,
}

impl Default for ModelOptions {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            delta_delay: Duration::ZERO,
            keep_requests: 1000,
        }
    }
}

/// A running model server. Dropping it stops it.
#[derive(Debug)]
pub struct Model {
    running: Running,
    ledger: Ledger,
    gate: Gate,
}

impl Model {
    /// Starts the server; it listens when this returns.
    pub fn start(options: &ModelOptions) -> Result<Self, StartError> {
        let ledger = Ledger::keeping(options.keep_requests);
        let gate = Gate::default();
        let state = web::Data::new(State {
            bench: Bench::new(),
            ledger: ledger.clone(),
            gate: gate.clone(),
            delta_delay: options.delta_delay,
            uses: Uses::default(),
        });
        let running = serve(&options.listen, move |_, config| {
            config
                .app_data(web::Data::clone(&state))
                .configure(routes::routes);
        })?;
        Ok(Self {
            running,
            ledger,
            gate,
        })
    }

    /// The base URL, to which `v1/chat/completions` is added.
    pub fn url(&self) -> &Url {
        self.running.url()
    }

    /// What was asked and how it ended.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Questions that come from now on wait, before anything is answered.
    pub fn hold(&self) {
        self.gate.close();
    }

    /// Lets those that wait go on, and those to come.
    pub fn release(&self) {
        self.gate.open();
    }

    /// Stops the server, cutting what is under way, and waits until its port is free.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

struct State {
    bench: Bench,
    ledger: Ledger,
    gate: Gate,
    delta_delay: Duration,
    uses: Uses,
}

/// How often each limited directive was used.
#[derive(Clone, Default)]
struct Uses(Arc<Mutex<HashMap<u64, u32>>>);

impl Uses {
    /// Takes one of `times` uses, if one is left. Old counts are forgotten when there are too
    /// many, so that a long-lived server does not grow.
    fn take(&self, key: u64, times: u32) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= 10_000 {
            counts.clear();
        }
        let used = counts.entry(key).or_default();
        let is_left = *used < times;
        *used += u32::from(is_left);
        is_left
    }
}
