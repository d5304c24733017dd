//! A chat-completions request as it comes in, and the checks that a strict server makes.

use serde::Deserialize;
use serde_json::Value;

use super::directive::Orders;
use super::part::Part;
use super::quirk::Quirk;

/// The fields that the model reads; others are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct ChatRequest {
    pub(super) model: String,
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) tools: Option<Vec<Tool>>,
    pub(super) tool_choice: Option<ToolChoice>,
    pub(super) parallel_tool_calls: Option<bool>,
    pub(super) stream: Option<bool>,
    pub(super) stream_options: Option<StreamOptions>,
    #[serde(alias = "max_completion_tokens")]
    pub(super) max_tokens: Option<u32>,
    pub(super) stop: Option<Stop>,
    pub(super) reasoning_effort: Option<String>,
    pub(super) response_format: Option<Value>,
    /// What a directive wants told of the request itself.
    #[serde(skip)]
    pub(super) echo: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) role: String,
    pub(super) content: Option<Content>,
    pub(super) tool_calls: Option<Vec<Call>>,
    pub(super) tool_call_id: Option<String>,
    #[serde(alias = "reasoning")]
    pub(super) reasoning_content: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) function: CalledFunction,
}

#[derive(Debug, Deserialize)]
pub(super) struct CalledFunction {
    pub(super) name: String,
    pub(super) arguments: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    pub(super) function: OfferedFunction,
}

#[derive(Debug, Deserialize)]
pub(super) struct OfferedFunction {
    pub(super) name: String,
    #[serde(default)]
    pub(super) parameters: Value,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ToolChoice {
    Mode(String),
    Named { function: NamedFunction },
}

#[derive(Debug, Deserialize)]
pub(super) struct NamedFunction {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Stop {
    One(String),
    Several(Vec<String>),
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refused {
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: "invalid_request",
            message: message.into(),
        }
    }
}

impl Message {
    /// The text of all parts, joined by line breaks.
    pub(super) fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => {
                let texts: Vec<_> = parts
                    .iter()
                    .filter_map(|part| part.text.as_deref())
                    .collect();
                texts.join("\n")
            }
        }
    }

    pub(super) fn parts(&self) -> &[Part] {
        match &self.content {
            Some(Content::Parts(parts)) => parts,
            Some(Content::Text(_)) | None => &[],
        }
    }

    /// Whether it asks for something: a user's message does, unless it only shows what tools returned
    /// besides text.
    pub(super) fn is_prompt(&self) -> bool {
        self.role == "user" && !self.text().starts_with("The call call")
    }

    pub(super) fn calls(&self) -> &[Call] {
        self.tool_calls.as_deref().unwrap_or_default()
    }

    fn is_instruction(&self) -> bool {
        matches!(self.role.as_str(), "system" | "developer")
    }
}

impl ChatRequest {
    /// The offered tools.
    pub(super) fn tools(&self) -> &[Tool] {
        self.tools.as_deref().unwrap_or_default()
    }

    /// What a strict server refuses, whatever the model.
    pub(super) fn check(&self) -> Result<(), Refused> {
        if self.messages.is_empty() {
            return Err(Refused::bad("messages must not be empty"));
        }
        let known = ["system", "developer", "user", "assistant", "tool"];
        if let Some(message) = self
            .messages
            .iter()
            .find(|m| !known.contains(&m.role.as_str()))
        {
            return Err(Refused::bad(format!("unknown role {:?}", message.role)));
        }
        for message in &self.messages {
            let mut parts = message.parts().iter();
            parts.try_for_each(|part| part.check(&message.role))?;
        }
        self.check_choice()?;
        check_pairs(&self.messages)
    }

    fn check_choice(&self) -> Result<(), Refused> {
        match &self.tool_choice {
            Some(ToolChoice::Mode(mode)) if mode == "required" && self.tools().is_empty() => {
                Err(Refused::bad("tool_choice \"required\" needs tools"))
            }
            Some(ToolChoice::Mode(mode))
                if !["auto", "none", "required"].contains(&mode.as_str()) =>
            {
                Err(Refused::bad(format!("unknown tool_choice {mode:?}")))
            }
            Some(ToolChoice::Named { function })
                if self
                    .tools()
                    .iter()
                    .all(|tool| tool.function.name != function.name) =>
            {
                let name = &function.name;
                Err(Refused::bad(format!(
                    "tool_choice names {name:?}, which is not offered"
                )))
            }
            _ => Ok(()),
        }
    }

    /// What the server refuses because a quirk makes it so.
    pub(super) fn check_quirks(&self, orders: &Orders) -> Result<(), Refused> {
        for quirk in &orders.quirks {
            let refused = match quirk {
                Quirk::SystemFirst | Quirk::Alternation => self.order_fault(*quirk),
                Quirk::UsageRefused if self.stream_options.is_some() => Some(Refused::bad(
                    "Unrecognized request argument supplied: stream_options",
                )),
                Quirk::FilesRefused if self.has_files() => Some(Refused::bad(
                    "Unsupported chat content part type: 'file'. Supported types: text, image_url",
                )),
                _ => self
                    .schema_fault(*quirk)
                    .or_else(|| self.messages.iter().find_map(|m| message_fault(m, *quirk))),
            };
            refused.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    fn has_files(&self) -> bool {
        let mut parts = self.messages.iter().flat_map(Message::parts);
        parts.any(|part| part.kind == "file")
    }

    fn order_fault(&self, quirk: Quirk) -> Option<Refused> {
        if quirk == Quirk::SystemFirst {
            let late = self.messages.iter().skip(1).any(Message::is_instruction);
            return late.then(|| Refused::bad("System message must be at the beginning."));
        }
        let mut turns = self
            .messages
            .iter()
            .filter(|m| m.role == "user" || m.role == "assistant");
        let mut before = turns.next()?;
        for turn in turns {
            // An assistant's calls and its answer are two messages with results between them.
            if turn.role == before.role && before.calls().is_empty() {
                let roles = "Conversation roles must alternate user/assistant/user/assistant/...";
                return Some(Refused::bad(roles));
            }
            before = turn;
        }
        None
    }

    fn schema_fault(&self, quirk: Quirk) -> Option<Refused> {
        let (key, status, message) = match quirk {
            Quirk::RefusePattern => (
                "pattern",
                400,
                "failed to parse grammar: unknown escape at \\d",
            ),
            Quirk::RefuseSchemaKey => ("$schema", 502, "upstream refused the tool schema"),
            Quirk::RefuseNot => ("not", 500, "Unrecognized schema: {\"not\":{}}"),
            Quirk::RefuseMinItems => ("minItems", 400, "minItems is not supported"),
            _ => return None,
        };
        let offends = |tool: &Tool| {
            mentions(
                &tool.function.parameters,
                key,
                quirk == Quirk::RefusePattern,
            )
        };
        self.tools().iter().any(offends).then(|| Refused {
            status,
            code: "invalid_schema",
            message: message.to_owned(),
        })
    }
}

/// A tool message answers a call of the assistant message before it, and each call is answered
/// before anything else is said.
fn check_pairs(messages: &[Message]) -> Result<(), Refused> {
    let mut open: Vec<&str> = Vec::new();
    for message in messages {
        if message.role == "tool" {
            let id = message.tool_call_id.as_deref().unwrap_or_default();
            let at = open.iter().position(|open| *open == id).ok_or_else(|| {
                Refused::bad(
                    "messages with role 'tool' must be a response to a preceding message with \
                     'tool_calls'",
                )
            })?;
            open.remove(at);
            continue;
        }
        check_all_answered(&open)?;
        open = message
            .calls()
            .iter()
            .map(|call| call.id.as_str())
            .collect();
    }
    check_all_answered(&open)
}

fn check_all_answered(open: &[&str]) -> Result<(), Refused> {
    if open.is_empty() {
        return Ok(());
    }
    Err(Refused::bad(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to \
         each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    )))
}

/// What one message of the history must not be under a quirk.
fn message_fault(message: &Message, quirk: Quirk) -> Option<Refused> {
    if message.calls().is_empty() {
        return None;
    }
    let bad_json = message
        .calls()
        .iter()
        .any(|call| serde_json::from_str::<Value>(&call.function.arguments).is_err());
    let long_id = message.calls().iter().find(|call| {
        call.id.len() != 9 || !call.id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    let message = match quirk {
        Quirk::HistoryJson500 if bad_json => {
            let message = "Failed to parse tool call arguments as JSON".to_owned();
            return Some(Refused {
                status: 500,
                code: "server_error",
                message,
            });
        }
        Quirk::HistoryJson400 if bad_json => "Invalid JSON in tool call arguments".to_owned(),
        Quirk::RefuseNullContent if message.content.is_none() => {
            "invalid message content type: <nil>".to_owned()
        }
        Quirk::RefuseEmptyContent if message.content.is_some() && message.text().is_empty() => {
            "text content blocks must be non-empty".to_owned()
        }
        Quirk::ReasoningRequired if message.reasoning_content.is_none() => {
            "The `reasoning_content` in the thinking mode must be passed back to the API".to_owned()
        }
        Quirk::NineCharacterIds => format!(
            "Tool call id was {} but must be a-z, A-Z, 0-9, with a length of 9.",
            long_id?.id
        ),
        _ => return None,
    };
    Some(Refused::bad(message))
}

/// Whether a schema uses a key anywhere; with `backslash`, only with such a value.
fn mentions(schema: &Value, key: &str, backslash: bool) -> bool {
    match schema {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let counts = !backslash || value.as_str().is_some_and(|text| text.contains('\\'));
            (name == key && counts) || mentions(value, key, backslash)
        }),
        Value::Array(items) => items.iter().any(|item| mentions(item, key, backslash)),
        _ => false,
    }
}
