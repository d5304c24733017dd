//! A request that passed every check. [`ResponseSpec::check`] is the only way to one, whatever the
//! dialect the request came in; it finds all faults at once.

use std::sync::Arc;

use crate::caller::ToolSecrets;
use crate::id::{ConversationId, ItemId, ResponseId};
use crate::item::ItemBody;
use crate::json::Json;

mod check;
mod check_tools;
mod tools;

pub use tools::{
    ApprovalRule, CallerTool, ServerOffer, ToolChoice, ToolFilter, ToolName, ToolOffer,
    ToolRequest, ToolSelection,
};

/// What one response is asked to be.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseSpec {
    /// The model, by the model server's name.
    pub model: Arc<str>,
    /// The input as the caller sent it.
    pub input: Json,
    /// The input, item by item.
    pub items: Vec<InputItem>,
    /// An instruction put before everything else; holds for this response only.
    pub system_prompt: Option<Arc<str>>,
    /// How to generate.
    pub controls: Controls,
    /// Which tools are offered.
    pub tools: ToolSelection,
    /// How the first round chooses among them.
    pub tool_choice: ToolChoice,
    /// The tools that may be called at all; none when all on offer may.
    pub allowed_tools: Option<Vec<ToolName>>,
    /// The most calls of tool servers; further ones are refused, and the model has to answer.
    pub max_tool_calls: Option<u32>,
    /// Tools that the request names by a type this service does not have; passed over.
    pub unknown_tools: Vec<Arc<str>>,
    /// The most rounds of tool calls, 1..=15.
    pub max_rounds: u16,
    /// What to do when that is reached.
    pub on_max_depth: OnMaxDepth,
    /// What to do when a tool cannot answer.
    pub tool_failure: ToolFailure,
    /// What to do when the transcript does not fit into the model's context.
    pub truncation: Truncation,
    /// Whether reasoning is given away in a form that its owner can bring back.
    pub reasoning: ReasoningForm,
    /// How the answer reaches the caller.
    pub delivery: Delivery,
    /// Whether anything is written down.
    pub storage: Storage,
    /// The conversation to attach to.
    pub conversation: Option<ConversationId>,
    /// The response to continue.
    pub previous: Option<ResponseId>,
    /// The caller's own object, kept and returned as sent.
    pub metadata: Json,
    /// The caller's own label for an end user. Never the owner.
    pub user: Option<Arc<str>>,
    /// What the dialect of the request tells again with the response, and nobody else reads: an object.
    pub echo: Json,
}

/// One thing of the input.
#[derive(Debug, Clone, PartialEq)]
pub enum InputItem {
    /// A new item.
    New(ItemBody),
    /// An item that is already stored.
    Reference(ItemId),
}

/// Generation controls; sent on only when given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Controls {
    /// 0..=2.
    pub temperature: Option<f64>,
    /// 0..=1.
    pub top_p: Option<f64>,
    /// At least 1.
    pub max_tokens: Option<u32>,
    /// -2..=2.
    pub presence_penalty: Option<f64>,
    /// -2..=2.
    pub frequency_penalty: Option<f64>,
    /// For repeatable sampling.
    pub seed: Option<i64>,
    /// Texts that end the answer, at most four; as sent.
    pub stop: Option<Json>,
    /// The form of the answer, an object; as sent.
    pub response_format: Option<Json>,
    /// Whether the model may ask for several tools at once.
    pub parallel_tool_calls: Option<bool>,
    /// How hard to think, in the model server's words.
    pub reasoning_effort: Option<Arc<str>>,
    /// How much to say, in the model server's words.
    pub verbosity: Option<Arc<str>>,
}

/// What the depth limit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMaxDepth {
    /// The run ends there.
    Fail,
    /// The model is asked once more, without tools.
    Answer,
}

/// What a tool that cannot answer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolFailure {
    /// The run fails.
    Fail,
    /// The model is told and goes on.
    Report,
}

/// What to do with a transcript that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Truncation {
    /// Leave out the oldest of it.
    #[default]
    Trim,
    /// Send it as it is: the model server says whether it fits.
    Whole,
}

/// How reasoning is given away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReasoningForm {
    /// In clear.
    #[default]
    Clear,
    /// In clear, and sealed, so that its owner can bring it back.
    Sealed,
}

/// How an answer reaches its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The caller waits for the whole.
    Wait,
    /// The caller reads it as it comes.
    Stream,
    /// Nobody waits.
    Background,
}

/// Whether a response is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Kept, and can be fetched, continued and listed.
    Stored,
    /// Nothing about it is ever written.
    Passing,
}

/// A request whose types are right, but for what is carried as JSON, and whose values are not yet
/// checked. Fields that were absent or null are `None`.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// See [`ResponseSpec::model`].
    pub model: Option<Arc<str>>,
    /// The input as sent.
    pub input: Option<Json>,
    /// The same, item by item.
    pub items: Vec<InputItem>,
    /// Whether what continues something may say nothing itself.
    pub silence: Silence,
    /// Whether the input may be a whole transcript.
    pub length: InputLength,
    /// See [`ResponseSpec::system_prompt`].
    pub system_prompt: Option<Arc<str>>,
    /// See [`ResponseSpec::controls`].
    pub controls: Controls,
    /// See [`ResponseSpec::tools`]. Absent: every available tool.
    pub tools: Option<ToolSelection>,
    /// What is given along for the servers that the tools name; see [`ToolSecrets`].
    pub tool_secrets: ToolSecrets,
    /// See [`ResponseSpec::allowed_tools`].
    pub allowed_tools: Option<Vec<ToolName>>,
    /// See [`ResponseSpec::max_tool_calls`].
    pub max_tool_calls: Option<u32>,
    /// See [`ResponseSpec::unknown_tools`].
    pub unknown_tools: Vec<Arc<str>>,
    /// See [`ResponseSpec::tool_choice`].
    pub tool_choice: Option<ToolChoice>,
    /// Lowers the server's limit, never raises it.
    pub max_tool_depth: Option<i64>,
    /// See [`ResponseSpec::tool_failure`].
    pub tool_failure: Option<ToolFailure>,
    /// See [`ResponseSpec::truncation`].
    pub truncation: Truncation,
    /// See [`ResponseSpec::reasoning`].
    pub reasoning: ReasoningForm,
    /// Whether to stream.
    pub stream: Option<bool>,
    /// Whether a background response can be streamed from its creation on.
    pub background_stream: BackgroundStream,
    /// Whether to run in the background.
    pub background: Option<bool>,
    /// Whether to store; yes when absent.
    pub store: Option<bool>,
    /// See [`ResponseSpec::conversation`].
    pub conversation: Option<ConversationId>,
    /// Whether the conversation may have another response under way.
    pub overlap: Overlap,
    /// See [`ResponseSpec::previous`].
    pub previous: Option<ResponseId>,
    /// What to do with calls of what it continues that their caller left without an output.
    pub unanswered: Unanswered,
    /// A JSON object.
    pub metadata: Option<Json>,
    /// See [`ResponseSpec::user`].
    pub user: Option<Arc<str>>,
    /// See [`ResponseSpec::echo`].
    pub echo: Option<Json>,
}

/// Whether `stream` and `background` go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackgroundStream {
    /// They do not: a background response is read by its id.
    #[default]
    Refused,
    /// They do: the caller follows it from its first event on, as it could later.
    Followed,
}

/// How many items an input may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputLength {
    /// As many as the server allows a caller to say.
    #[default]
    Limited,
    /// As many as a transcript has that its caller keeps itself and sends every time: [`TRANSCRIPT`].
    Transcript,
}

/// The most items of a transcript that a caller keeps itself.
pub const TRANSCRIPT: usize = 16_384;

/// What to do with calls of the history that were their caller's to run, when the input does not bring their
/// outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unanswered {
    /// The model does not get to read them.
    #[default]
    LeftOut,
    /// The request is refused.
    Refused,
}

/// Whether a request may come without any input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Silence {
    /// It may not.
    #[default]
    Refused,
    /// It may, when it continues a response or attaches to a conversation.
    Allowed,
}

/// Whether a response may attach to a conversation that has another one under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// It may, and does not see what that one says.
    #[default]
    Allowed,
    /// It may not.
    Refused,
}

/// What this server allows a request.
#[derive(Debug, Clone)]
pub struct SpecLimits {
    /// The most tools.
    pub tools: usize,
    /// The most input items.
    pub items: usize,
    /// The most bytes of metadata, as sent.
    pub metadata_bytes: usize,
    /// The server's limit of tool rounds, 1..=15.
    pub max_rounds: u16,
    /// What the depth limit does.
    pub on_max_depth: OnMaxDepth,
    /// What a tool failure does unless the request says otherwise.
    pub tool_failure: ToolFailure,
}

/// One thing wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, in the house's words; a dialect names it in its own.
    pub field: String,
    /// What kind of fault.
    pub kind: FaultKind,
    /// What is wrong and what is allowed, for a person.
    pub message: String,
}

impl Fault {
    /// A value of the wrong type or out of range.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(field, FaultKind::Invalid, message)
    }

    /// A fault of this kind.
    pub fn new(field: impl Into<String>, kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            kind,
            message: message.into(),
        }
    }
}

/// The kinds of faults a request can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A required field is absent.
    Missing,
    /// A value of the wrong type or out of range.
    Invalid,
    /// `background` without `store`.
    BackgroundRequiresStore,
    /// `background` with `stream`.
    BackgroundCannotStream,
}

/// A request that is not acceptable, with everything that is wrong with it; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; "))]
pub struct SpecFaults(pub Vec<Fault>);
