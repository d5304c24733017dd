//! What a transcript is made of: messages, reasoning, tool calls and their outputs.

use std::sync::Arc;

use crate::id::ItemId;
use crate::json::Json;

/// One entry of a transcript, in the order in which the model sees them.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its id; the ordinal is its place in the response.
    pub id: ItemId,
    /// The model turn that made it: 0 for what the caller sent, `n` for what turn `n` wrote and for
    /// the outputs of the calls that turn `n` asked for.
    pub turn: u16,
    /// Whether it was finished.
    pub status: ItemStatus,
    /// What it is.
    pub body: ItemBody,
}

impl Item {
    /// Whether it has a place in the output: whatever a response wrote, but not what tools answered, nor
    /// calls of tools that nobody offered.
    pub fn is_output(&self) -> bool {
        match &self.body {
            ItemBody::Message(_)
            | ItemBody::Reasoning(_)
            | ItemBody::ToolList(_)
            | ItemBody::Compaction(_) => true,
            ItemBody::FunctionCall(call) => call.runner != Runner::Nobody,
            ItemBody::FunctionCallOutput(_)
            | ItemBody::ApprovalResponse(_)
            | ItemBody::Foreign(_) => false,
        }
    }

    /// The call it is, if it is one.
    pub fn as_call(&self) -> Option<&FunctionCall> {
        match &self.body {
            ItemBody::FunctionCall(call) => Some(call),
            _ => None,
        }
    }

    /// The message it is, if it is one.
    pub fn as_message(&self) -> Option<&Message> {
        match &self.body {
            ItemBody::Message(message) => Some(message),
            _ => None,
        }
    }

    /// Whether it is a message with anything in it.
    pub(crate) fn says_something(&self) -> bool {
        self.as_message().is_some_and(Message::says_something)
    }
}

/// Whether an item was written to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemStatus {
    /// All of it is there.
    Completed,
    /// The run, or the model's token limit, cut it short.
    Incomplete,
}

/// The kinds of items.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemBody {
    /// Somebody said something.
    Message(Message),
    /// The model thought aloud.
    Reasoning(Reasoning),
    /// The model wants a tool.
    FunctionCall(FunctionCall),
    /// What the tool answered.
    FunctionCallOutput(FunctionCallOutput),
    /// Whether the caller allows a call that waits for that. Not for the model.
    ApprovalResponse(ApprovalResponse),
    /// The tools that a server listed. Not for the model, which is offered them.
    ToolList(ToolList),
    /// What a part of a conversation comes down to.
    Compaction(Compaction),
    /// An item of another service that means nothing here; kept and shown as it came, but not for the
    /// model. A JSON object.
    Foreign(Json),
}

impl ItemBody {
    /// Whether a model gets to read it.
    pub fn is_for_the_model(&self) -> bool {
        match self {
            Self::Message(_)
            | Self::Reasoning(_)
            | Self::FunctionCall(_)
            | Self::FunctionCallOutput(_)
            | Self::Compaction(_) => true,
            Self::ApprovalResponse(_) | Self::ToolList(_) | Self::Foreign(_) => false,
        }
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The operator of the conversation.
    System,
    /// The same, in the words of newer clients.
    Developer,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// As the wire writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// The role of this text.
    pub fn from_text(text: &str) -> Option<Self> {
        match text {
            "system" => Some(Self::System),
            "developer" => Some(Self::Developer),
            "user" => Some(Self::User),
            "assistant" => Some(Self::Assistant),
            _ => None,
        }
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub content: Vec<Part>,
}

impl Message {
    /// A message that is one text.
    pub fn text(role: Role, text: impl Into<Arc<str>>) -> Self {
        Self {
            role,
            content: vec![Part::Text(text.into())],
        }
    }

    /// Whether there is anything in it but white space.
    pub fn says_something(&self) -> bool {
        self.content.iter().any(|part| match part {
            Part::Text(text) | Part::Refusal(text) => !text.trim().is_empty(),
            Part::Image { .. } | Part::File(_) | Part::Other(_) => true,
        })
    }

    /// All its text, joined.
    pub fn joined_text(&self) -> Arc<str> {
        if let [Part::Text(only)] = self.content.as_slice() {
            return Arc::clone(only);
        }
        let texts = self.content.iter().filter_map(|part| match part {
            Part::Text(text) => Some(&**text),
            Part::Refusal(_) | Part::Image { .. } | Part::File(_) | Part::Other(_) => None,
        });
        texts.collect::<String>().into()
    }
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text.
    Text(Arc<str>),
    /// A picture: an address, a `data:` address or an id of the platform's media service.
    Image {
        /// Where it is.
        url: Arc<str>,
        /// How closely to look, if said.
        detail: Option<Arc<str>>,
    },
    /// A file.
    File(FilePart),
    /// What a model said instead of an answer.
    Refusal(Arc<str>),
    /// Any other part (audio, video), passed on to the model server as it came.
    Other(Json),
}

/// A file in a message; one of data, address and id is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilePart {
    /// What it is called.
    pub name: Option<Arc<str>>,
    /// Its contents, as a `data:` address or in base64.
    pub data: Option<Arc<str>>,
    /// Where it is.
    pub url: Option<Arc<str>>,
    /// Its id at the platform's file service.
    pub id: Option<Arc<str>>,
}

/// What the model thought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasoning {
    /// The text of it; empty when only a summary is known.
    pub text: Arc<str>,
    /// A summary, as a caller sent it; models here write none.
    pub summary: Vec<Arc<str>>,
    /// The text, sealed for its owner: a caller that keeps it can bring the reasoning back later.
    pub sealed: Option<Arc<str>>,
}

impl Reasoning {
    /// Reasoning that is one text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            summary: Vec::new(),
            sealed: None,
        }
    }
}

/// The name of a call inside a transcript; ties a call to its output.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallId(pub Arc<str>);

/// A call of a tool, as the model asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionCall {
    /// Ties it to its output.
    pub call_id: CallId,
    /// The tool, by the name the model was offered.
    pub name: Arc<str>,
    /// The arguments as JSON text; `{}` when the model gave none. Text that is no JSON is kept as it came.
    pub arguments: Arc<str>,
    /// Who runs it.
    pub runner: Runner,
    /// The id of the request by which its caller allowed it, if it had to; as the caller knows it.
    pub approval: Option<Arc<str>>,
}

impl FunctionCall {
    /// A call that its caller runs.
    pub fn of_caller(
        call_id: CallId,
        name: impl Into<Arc<str>>,
        arguments: impl Into<Arc<str>>,
    ) -> Self {
        Self {
            call_id,
            name: name.into(),
            arguments: arguments.into(),
            runner: Runner::Caller,
            approval: None,
        }
    }
}

/// Who runs a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// The caller: the run ends with the call, and the next request brings the output.
    Caller,
    /// A tool server.
    Server(Arc<ServerTool>),
    /// A tool server, once the caller has allowed it: the run ends with the call, and the next request
    /// brings an [`ApprovalResponse`]. What comes of it is a call of its own.
    Asks(Arc<ServerTool>),
    /// Nobody: no tool on offer was meant.
    Nobody,
}

impl Runner {
    /// Its kind.
    pub const fn kind(&self) -> CallKind {
        match self {
            Self::Caller => CallKind::Callers,
            Self::Server(_) => CallKind::Servers,
            Self::Asks(_) => CallKind::Asks,
            Self::Nobody => CallKind::Nobodys,
        }
    }
}

/// A tool of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTool {
    /// The label of the server.
    pub label: Arc<str>,
    /// The tool's name there.
    pub name: Arc<str>,
}

/// Whose a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// The caller's to run.
    Callers,
    /// A tool server's.
    Servers,
    /// A tool server's, if the caller allows it.
    Asks,
    /// Nobody's.
    Nobodys,
}

/// What a call came back with.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionCallOutput {
    /// Which call.
    pub call_id: CallId,
    /// What the model reads; cut to fit, with a notice, when the tool said too much.
    pub output: Arc<str>,
    /// What the caller sent, when that is more than one text; `output` is its texts then.
    pub parts: Vec<Part>,
    /// Whether the call worked.
    pub verdict: OutputVerdict,
}

/// Whether the output of a call is a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputVerdict {
    /// It is, as far as anybody knows.
    Result,
    /// It says why there is none.
    Complaint,
}

impl FunctionCallOutput {
    /// An output that is one text.
    pub fn text(call_id: CallId, output: impl Into<Arc<str>>) -> Self {
        Self {
            call_id,
            output: output.into(),
            parts: Vec::new(),
            verdict: OutputVerdict::Result,
        }
    }
}

/// Whether a call may be made that waits for its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalResponse {
    /// The call: the id of its item, or what else a caller that brings its own transcript calls it.
    pub request: Arc<str>,
    /// Whether it may.
    pub consent: Consent,
    /// Why, for the model.
    pub reason: Option<Arc<str>>,
}

/// What a caller says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// It may be made.
    Given,
    /// It may not.
    Denied,
}

/// What a tool server listed.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolList {
    /// The label of the server.
    pub label: Arc<str>,
    /// Its tools, or why there are none.
    pub tools: Result<Vec<ListedTool>, Arc<str>>,
}

/// A tool as its server describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedTool {
    /// Its name there.
    pub name: Arc<str>,
    /// What it does.
    pub description: Option<Arc<str>>,
    /// A JSON Schema of its arguments.
    pub parameters: Json,
    /// What the server says of it besides; an object.
    pub annotations: Option<Json>,
}

/// What a part of a conversation comes down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compaction {
    /// The summary, for the model.
    pub text: Arc<str>,
    /// The same, sealed for its owner.
    pub sealed: Arc<str>,
}
