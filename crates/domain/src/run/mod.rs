//! A run: what one response still owes, and to whom. It is a machine without input or output of its
//! own: [`Run::advance`] takes one thing that happened and says what to record and what to do next.
//! Waiting, streaming and background differ in who feeds it, not in what it does.

use std::sync::Arc;
use std::time::Duration;

use crate::event::Event;
use crate::execution::Execution;
use crate::failure::Failure;
use crate::id::{ExecutionId, ResponseId};
use crate::item::{FunctionCall, Item};
use crate::ports::llm::ModelTurn;
use crate::ports::tools::ToolErrorKind;
use crate::response::{Finish, Note, Progress};
use crate::spec::ResponseSpec;
use crate::status::{Change, IncompleteReason};
use crate::time::Timestamp;
use crate::tool::{ToolCall, ToolReply, ToolSpec};
use crate::usage::Usage;

pub mod abandon;
mod advance;
mod approve;
pub mod assemble;
mod calls;
pub mod checkpoint;
pub mod ending;
pub mod limits;
mod lists;
mod offer;
pub mod pairs;
pub mod repair;
mod resume;
mod sites;
pub mod transcript;

#[cfg(test)]
mod matrix;

pub(crate) use ending::{interrupted, lost};
use limits::Rules;

/// What a response still owes.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    response: ResponseId,
    spec: Arc<ResponseSpec>,
    rules: Rules,
    history: Arc<[Arc<Item>]>,
    own: Vec<Arc<Item>>,
    tools: Arc<[Arc<ToolSpec>]>,
    /// Whether this process knows the tools.
    listing: Known,
    context_tokens: u32,
    progress: Progress,
    phase: Phase,
    streak: repair::Streak,
    closing: Closing,
    /// Its items before this place ask for nothing that is still to be told of.
    settled: usize,
    /// The turn that was asked for last. A turn that is asked for again after a lost process gets a
    /// number of its own.
    turn: u16,
    turn_started: Timestamp,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Nobody has taken it up.
    New,
    /// It waits for the list of tools.
    Tools,
    /// It waits for the model.
    Model,
    /// It waits for tools.
    Calls(Vec<PendingCall>),
    /// It owes nothing more.
    Ended(Outcome),
}

/// Whether the tools are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// They are to be listed before the model is asked.
    Due,
    /// They are.
    Done,
}

/// Whether the model may still ask for tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// It may.
    No,
    /// The limit is reached and it was asked for a last answer without them.
    LastAnswer,
}

/// A call of the round under way.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingCall {
    /// What the model asked for.
    pub call: FunctionCall,
    /// How far it is.
    pub state: CallState,
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq)]
pub enum CallState {
    /// It is recorded and may have left.
    Started(ToolCall, Arc<Execution>),
    /// Its answer is here.
    Returned(ToolReply),
    /// It is the caller's to run.
    Callers,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A driver holds the run now: the first, or one after a lost process.
    TakenUp,
    /// The tools on offer, and the tokens the model's context holds.
    ToolsListed(Result<Toolbox, Failure>),
    /// The model's turn is over.
    ModelAnswered(Result<Answer, Failure>),
    /// A tool call is over.
    CallReturned(CallReturn),
    /// The time of the whole run is over.
    DeadlineReached,
    /// It is not to go on.
    Stopped(Stop),
}

/// A tool call that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallReturn {
    /// Which one.
    pub execution: ExecutionId,
    /// How it ended.
    pub outcome: CallOutcome,
    /// How long it took, from the moment it left.
    pub took: Duration,
}

/// Why a run is not to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its caller wants no more of it, or is gone.
    ByCaller,
    /// The process that runs it ends.
    ByShutdown,
}

/// What a run may work with.
#[derive(Debug, Clone, PartialEq)]
pub struct Toolbox {
    /// The tools of the configured servers, all of them; none when the request brings its own.
    pub tools: Arc<[Arc<ToolSpec>]>,
    /// What the servers listed that the request names, in its order.
    pub servers: Vec<Listing>,
    /// The tokens that fit into the model's context.
    pub context_tokens: u32,
}

/// What a server listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// Its label.
    pub label: Arc<str>,
    /// Its tools, or why they are not known.
    pub tools: Result<Vec<Arc<ToolSpec>>, Failure>,
}

impl Toolbox {
    /// The tools that the server of this label listed.
    pub(super) fn listed(&self, label: &str) -> &[Arc<ToolSpec>] {
        let listing = self.servers.iter().find(|listing| &*listing.label == label);
        listing
            .and_then(|listing| listing.tools.as_deref().ok())
            .unwrap_or_default()
    }
}

/// A whole turn of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What it wrote, in order.
    pub items: Vec<Arc<Item>>,
    /// Why it stopped.
    pub finish: Finish,
    /// Its tokens, when told.
    pub usage: Option<Usage>,
    /// What was put right in it.
    pub notes: Vec<Note>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutcome {
    /// The tool answered.
    Replied(ToolReply),
    /// The tool server could not.
    Failed {
        /// In which way.
        kind: ToolErrorKind,
        /// One sentence for a person.
        message: String,
    },
}

/// What a driver does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Find out which tools there are.
    ListTools,
    /// Ask the model.
    CallModel(ModelTurn),
    /// Call these tools side by side.
    CallTools(Vec<ToolCall>),
    /// Wait for the calls that are under way.
    Wait,
    /// Stop: it is over.
    Stop(Outcome),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer, or with calls for the caller to run.
    Completed,
    /// At a limit.
    Incomplete(IncompleteReason),
    /// Without an answer.
    Failed(Failure),
    /// Because its caller wanted no more.
    Cancelled,
}

impl From<Outcome> for Change {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Complete,
            Outcome::Incomplete(reason) => Self::Stop(reason),
            Outcome::Failed(failure) => Self::Fail(failure),
            Outcome::Cancelled => Self::Cancel,
        }
    }
}

/// What one input led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Advance {
    /// What happened, to be recorded and told.
    pub events: Vec<Event>,
    /// What to do next.
    pub next: Next,
}

/// The moment at which an input is taken, and what there is to tell of it so far.
#[derive(Debug)]
struct Moment {
    at: Timestamp,
    events: Vec<Event>,
}

impl Moment {
    const fn new(at: Timestamp) -> Self {
        let events = Vec::new();
        Self { at, events }
    }

    fn tell(&mut self, event: Event) {
        self.events.push(event);
    }

    fn then(self, next: Next) -> Advance {
        let events = self.events;
        Advance { events, next }
    }
}

/// An input that cannot come in this phase; it changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run in phase `{phase}` takes no `{input}`")]
pub struct IllegalInput {
    /// Where the run stands.
    pub phase: &'static str,
    /// What came.
    pub input: &'static str,
}

/// What a run begins with.
#[derive(Debug, Clone)]
pub struct Start {
    /// The response it is for.
    pub response: ResponseId,
    /// What was asked.
    pub spec: Arc<ResponseSpec>,
    /// The limits it keeps to.
    pub rules: Rules,
    /// The items before it.
    pub history: Arc<[Arc<Item>]>,
    /// The input, as items of this response numbered from 0.
    pub input: Vec<Arc<Item>>,
    /// Now.
    pub at: Timestamp,
}

impl Run {
    /// A run that nobody has taken up.
    pub fn new(start: Start) -> Self {
        let Start {
            response,
            spec,
            rules,
            history,
            input,
            at,
        } = start;
        let settled = input.len();
        Self {
            response,
            spec,
            rules,
            history,
            own: input,
            tools: Arc::from([]),
            listing: Known::Due,
            context_tokens: 0,
            progress: Progress::default(),
            phase: Phase::New,
            streak: repair::Streak::default(),
            closing: Closing::No,
            settled,
            turn: 0,
            turn_started: at,
        }
    }

    /// What it has done so far.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The items of this response so far: the input, then what was made. Only grows.
    pub fn items(&self) -> &[Arc<Item>] {
        &self.own
    }

    /// The tools on offer; none before they are listed.
    pub fn offered(&self) -> &[Arc<ToolSpec>] {
        &self.tools
    }

    /// Where it stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Keeps what a turn wrote that will not come to its end; before the input that says so.
    pub fn keep(&mut self, items: Vec<Arc<Item>>) {
        self.own.extend(items);
    }

    /// The machine that turns the deltas of the turn about to be asked into items.
    pub fn assembler(&self) -> assemble::Assembler {
        let next_index = self.own.iter().filter(|item| has_index(item)).count();
        assemble::Assembler::new(assemble::Begin {
            response: self.response,
            turn: self.turn,
            item: self.length(),
            index: limits::narrow(next_index),
            tools: self.callable(),
        })
    }
}

/// Whether an item has a place in the output of its response.
fn has_index(item: &Item) -> bool {
    item.turn > 0 && item.is_output()
}
