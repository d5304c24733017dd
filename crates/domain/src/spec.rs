//! A request that passed every check. [`ResponseSpec::check`] is the only way to one, whatever the
//! dialect the request came in; it finds all faults at once.

use std::sync::Arc;

use crate::id::{ConversationId, ItemId, ResponseId};
use crate::item::{ItemBody, Part};
use crate::json::Json;

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
    /// The most rounds of tool calls, 1..=15.
    pub max_rounds: u16,
    /// What to do when that is reached.
    pub on_max_depth: OnMaxDepth,
    /// What to do when a tool cannot answer.
    pub tool_failure: ToolFailure,
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
}

/// Which tools a response may use.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolSelection {
    /// Every tool that is available.
    All,
    /// Only these, each of which must be available, in the caller's words where it gave some.
    Only(Vec<ToolRequest>),
    /// None.
    Nothing,
}

/// A tool the caller names.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolRequest {
    /// Its name.
    pub name: Arc<str>,
    /// The caller's description, instead of the server's.
    pub description: Option<Arc<str>>,
    /// The caller's schema, instead of the server's.
    pub parameters: Option<Json>,
}

/// How the model chooses among tools. `Required` and `Named` hold for the first round only:
/// otherwise a run could not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Not at all.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(Arc<str>),
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

/// A request whose types are right and whose values are not yet checked. Fields that were absent or
/// null are `None`.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// See [`ResponseSpec::model`].
    pub model: Option<Arc<str>>,
    /// The input as sent.
    pub input: Option<Json>,
    /// The same, item by item.
    pub items: Vec<InputItem>,
    /// See [`ResponseSpec::system_prompt`].
    pub system_prompt: Option<Arc<str>>,
    /// See [`ResponseSpec::controls`].
    pub controls: Controls,
    /// Absent: every available tool.
    pub tools: Option<Vec<ToolRequest>>,
    /// See [`ResponseSpec::tool_choice`].
    pub tool_choice: Option<ToolChoice>,
    /// Lowers the server's limit, never raises it.
    pub max_tool_depth: Option<i64>,
    /// See [`ResponseSpec::tool_failure`].
    pub tool_failure: Option<ToolFailure>,
    /// Whether to stream.
    pub stream: Option<bool>,
    /// Whether to run in the background.
    pub background: Option<bool>,
    /// Whether to store; yes when absent.
    pub store: Option<bool>,
    /// See [`ResponseSpec::conversation`].
    pub conversation: Option<ConversationId>,
    /// See [`ResponseSpec::previous`].
    pub previous: Option<ResponseId>,
    /// A JSON object.
    pub metadata: Option<Json>,
    /// See [`ResponseSpec::user`].
    pub user: Option<Arc<str>>,
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

const MODEL_LENGTH: usize = 256;
const NAME_LENGTH: usize = 128;
const USER_LENGTH: usize = 512;
const CALL_ID_LENGTH: usize = 256;

impl ResponseSpec {
    /// Checks `draft` against `limits`.
    pub fn check(draft: Draft, limits: &SpecLimits) -> Result<Self, SpecFaults> {
        let mut faults = Faults::default();
        faults.model(draft.model.as_deref());
        faults.input(draft.input.as_ref(), &draft.items, limits);
        faults.controls(&draft.controls);
        faults.tools(draft.tools.as_deref(), draft.tool_choice.as_ref(), limits);
        faults.delivery(&draft);
        faults.rest(&draft, limits);
        faults.into_result()?;
        let max_rounds = draft
            .max_tool_depth
            .and_then(|depth| u16::try_from(depth).ok())
            .map_or(limits.max_rounds, |depth| depth.min(limits.max_rounds));
        Ok(Self {
            model: draft.model.unwrap_or_else(|| Arc::from("")),
            input: draft.input.unwrap_or_else(Json::empty_object),
            items: draft.items,
            system_prompt: draft.system_prompt.filter(|prompt| !prompt.is_empty()),
            controls: draft.controls,
            tools: match draft.tools {
                None => ToolSelection::All,
                Some(tools) if tools.is_empty() => ToolSelection::Nothing,
                Some(tools) => ToolSelection::Only(tools),
            },
            tool_choice: draft.tool_choice.unwrap_or(ToolChoice::Auto),
            max_rounds,
            on_max_depth: limits.on_max_depth,
            tool_failure: draft.tool_failure.unwrap_or(limits.tool_failure),
            delivery: match (draft.background, draft.stream) {
                (Some(true), _) => Delivery::Background,
                (_, Some(true)) => Delivery::Stream,
                _ => Delivery::Wait,
            },
            storage: if draft.store == Some(false) {
                Storage::Passing
            } else {
                Storage::Stored
            },
            conversation: draft.conversation,
            previous: draft.previous,
            metadata: draft.metadata.unwrap_or_else(Json::empty_object),
            user: draft.user,
        })
    }
}

#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, field: impl Into<String>, kind: FaultKind, message: impl Into<String>) {
        self.0.push(Fault {
            field: field.into(),
            kind,
            message: message.into(),
        });
    }

    fn invalid(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.add(field, FaultKind::Invalid, message);
    }

    fn into_result(self) -> Result<(), SpecFaults> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(SpecFaults(self.0))
        }
    }

    fn model(&mut self, model: Option<&str>) {
        match model.map(|model| model.chars().count()) {
            None => self.add("model", FaultKind::Missing, "`model` is required"),
            Some(length) if !(1..=MODEL_LENGTH).contains(&length) => {
                self.invalid(
                    "model",
                    format!("`model` must have 1 to {MODEL_LENGTH} characters, not {length}"),
                );
            }
            Some(_) => {}
        }
    }

    fn input(&mut self, input: Option<&Json>, items: &[InputItem], limits: &SpecLimits) {
        if input.is_none() {
            return self.add("input", FaultKind::Missing, "`input` is required");
        }
        if items.is_empty() {
            return self.invalid("input", "`input` must not be empty");
        }
        if items.len() > limits.items {
            return self.invalid(
                "input",
                format!(
                    "`input` may have at most {} items, not {}",
                    limits.items,
                    items.len()
                ),
            );
        }
        for (index, item) in items.iter().enumerate() {
            let at = if items.len() == 1 {
                "input".to_owned()
            } else {
                format!("input[{index}]")
            };
            self.item(&at, item);
        }
    }

    fn item(&mut self, at: &str, item: &InputItem) {
        match item {
            InputItem::New(ItemBody::Message(message)) => {
                let says_something = message.content.iter().any(|part| match part {
                    Part::Text(text) => !text.trim().is_empty(),
                    Part::Image { .. } | Part::Other(_) => true,
                });
                if !says_something {
                    self.invalid(at, format!("the message in `{at}` must not be empty"));
                }
            }
            InputItem::New(ItemBody::FunctionCall(call)) => {
                self.length(&format!("{at}.name"), &call.name, 1, NAME_LENGTH);
                self.length(&format!("{at}.call_id"), &call.call_id.0, 1, CALL_ID_LENGTH);
            }
            InputItem::New(ItemBody::FunctionCallOutput(output)) => {
                self.length(
                    &format!("{at}.call_id"),
                    &output.call_id.0,
                    1,
                    CALL_ID_LENGTH,
                );
            }
            InputItem::New(ItemBody::Reasoning(_)) | InputItem::Reference(_) => {}
        }
    }

    fn length(&mut self, field: &str, text: &str, least: usize, most: usize) {
        let length = text.chars().count();
        if !(least..=most).contains(&length) {
            self.invalid(
                field,
                format!("`{field}` must have {least} to {most} characters, not {length}"),
            );
        }
    }

    fn controls(&mut self, controls: &Controls) {
        self.range("temperature", controls.temperature, 0.0, 2.0);
        self.range("top_p", controls.top_p, 0.0, 1.0);
        self.range("presence_penalty", controls.presence_penalty, -2.0, 2.0);
        self.range("frequency_penalty", controls.frequency_penalty, -2.0, 2.0);
        if controls.max_tokens == Some(0) {
            self.invalid("max_tokens", "`max_tokens` must be at least 1");
        }
        if let Some(effort) = &controls.reasoning_effort {
            self.length("reasoning_effort", effort, 1, 32);
        }
    }

    fn range(&mut self, field: &str, value: Option<f64>, least: f64, most: f64) {
        if let Some(value) = value
            && !(least..=most).contains(&value)
        {
            self.invalid(
                field,
                format!("`{field}` must be between {least} and {most}, not {value}"),
            );
        }
    }

    fn tools(
        &mut self,
        tools: Option<&[ToolRequest]>,
        choice: Option<&ToolChoice>,
        limits: &SpecLimits,
    ) {
        let named = tools.unwrap_or_default();
        if named.len() > limits.tools {
            self.invalid(
                "tools",
                format!(
                    "`tools` may have at most {} entries, not {}",
                    limits.tools,
                    named.len()
                ),
            );
        }
        for (index, tool) in named.iter().enumerate() {
            self.length(
                &format!("tools[{index}].function.name"),
                &tool.name,
                1,
                NAME_LENGTH,
            );
            if named
                .iter()
                .take(index)
                .any(|other| other.name == tool.name)
            {
                self.invalid(
                    format!("tools[{index}].function.name"),
                    format!("the tool `{}` is named twice", tool.name),
                );
            }
        }
        match choice {
            Some(ToolChoice::Required | ToolChoice::Named(_))
                if tools.is_some_and(<[_]>::is_empty) =>
            {
                self.invalid(
                    "tool_choice",
                    "`tool_choice` asks for a tool, and `tools` offers none",
                );
            }
            Some(ToolChoice::Named(name))
                if tools.is_some() && !named.iter().any(|tool| tool.name == *name) =>
            {
                self.invalid(
                    "tool_choice",
                    format!("`tool_choice` names `{name}`, which `tools` does not offer"),
                );
            }
            _ => {}
        }
    }

    fn delivery(&mut self, draft: &Draft) {
        if draft.background != Some(true) {
            return;
        }
        if draft.store == Some(false) {
            self.add(
                "background",
                FaultKind::BackgroundRequiresStore,
                "`background` needs `store`: what nobody waits for can only be fetched",
            );
        }
        if draft.stream == Some(true) {
            self.add(
                "background",
                FaultKind::BackgroundCannotStream,
                "`background` and `stream` exclude each other; read the events of a background response with GET",
            );
        }
    }

    fn rest(&mut self, draft: &Draft, limits: &SpecLimits) {
        if let Some(depth) = draft.max_tool_depth
            && !(1..=15).contains(&depth)
        {
            self.invalid(
                "max_tool_depth",
                format!("`max_tool_depth` must be between 1 and 15, not {depth}"),
            );
        }
        if let Some(metadata) = &draft.metadata
            && metadata.as_str().len() > limits.metadata_bytes
        {
            let (most, length) = (limits.metadata_bytes, metadata.as_str().len());
            self.invalid(
                "metadata",
                format!("`metadata` may have at most {most} bytes, not {length}"),
            );
        }
        if let Some(user) = &draft.user {
            self.length("user", user, 0, USER_LENGTH);
        }
    }
}
