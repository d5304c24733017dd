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
    /// Whether it is an item of the output: whatever a model writes, but not what tools answer.
    pub fn is_output(&self) -> bool {
        !matches!(self.body, ItemBody::FunctionCallOutput(_))
    }

    /// The call it is, if it is one.
    pub fn as_call(&self) -> Option<&FunctionCall> {
        match &self.body {
            ItemBody::FunctionCall(call) => Some(call),
            ItemBody::Message(_) | ItemBody::Reasoning(_) | ItemBody::FunctionCallOutput(_) => None,
        }
    }

    /// The message it is, if it is one.
    pub fn as_message(&self) -> Option<&Message> {
        match &self.body {
            ItemBody::Message(message) => Some(message),
            ItemBody::Reasoning(_)
            | ItemBody::FunctionCall(_)
            | ItemBody::FunctionCallOutput(_) => None,
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
            Part::Text(text) => !text.trim().is_empty(),
            Part::Image { .. } | Part::Other(_) => true,
        })
    }

    /// All its text, joined.
    pub fn joined_text(&self) -> Arc<str> {
        if let [Part::Text(only)] = self.content.as_slice() {
            return Arc::clone(only);
        }
        let texts = self.content.iter().filter_map(|part| match part {
            Part::Text(text) => Some(&**text),
            Part::Image { .. } | Part::Other(_) => None,
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
    /// Any other part (files, audio), passed on to the model server as it came.
    Other(Json),
}

/// What the model thought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasoning {
    /// The text of it.
    pub text: Arc<str>,
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
}

/// What a call came back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionCallOutput {
    /// Which call.
    pub call_id: CallId,
    /// What the model reads; cut to fit, with a notice, when the tool said too much.
    pub output: Arc<str>,
}
