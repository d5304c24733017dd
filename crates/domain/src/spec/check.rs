//! The checks that make a draft a spec. They look at everything, so a caller reads all faults at once;
//! what is over a limit of number is not looked at one by one.

use std::sync::Arc;

use super::{
    BackgroundStream, Controls, Delivery, Draft, Fault, FaultKind, InputItem, InputLength,
    ResponseSpec, Silence, SpecFaults, SpecLimits, Storage, TRANSCRIPT, ToolChoice, ToolSelection,
};
use crate::item::ItemBody;
use crate::json::Json;
use crate::webhook::Callback;

const MODEL_LENGTH: usize = 256;
pub(super) const NAME_LENGTH: usize = 128;
const USER_LENGTH: usize = 512;
const CALL_ID_LENGTH: usize = 256;
const WORD_LENGTH: usize = 32;
const DEPTH: i64 = 15;
const STOP_TEXTS: usize = 4;

impl ResponseSpec {
    /// Checks `draft` against `limits`.
    pub fn check(draft: Draft, limits: &SpecLimits) -> Result<Self, SpecFaults> {
        let mut faults = Faults::default();
        faults.model(draft.model.as_deref());
        let continues = draft.previous.is_some() || draft.conversation.is_some();
        if !(continues && draft.silence == Silence::Allowed && draft.items.is_empty()) {
            let most = match draft.length {
                InputLength::Limited => limits.items,
                InputLength::Transcript => limits.items.max(TRANSCRIPT),
            };
            faults.input(draft.input.as_ref(), &draft.items, most);
        }
        faults.controls(&draft.controls);
        faults.tools(draft.tools.as_ref(), draft.tool_choice.as_ref(), limits);
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
                Some(ToolSelection::Only(tools)) if tools.is_empty() => ToolSelection::Nothing,
                Some(ToolSelection::Offered(tools)) if tools.is_empty() => ToolSelection::Nothing,
                Some(tools) => tools,
            },
            tool_choice: draft.tool_choice.unwrap_or(ToolChoice::Auto),
            allowed_tools: draft.allowed_tools,
            max_tool_calls: draft.max_tool_calls,
            unknown_tools: draft.unknown_tools,
            max_rounds,
            on_max_depth: limits.on_max_depth,
            tool_failure: draft.tool_failure.unwrap_or(limits.tool_failure),
            truncation: draft.truncation,
            reasoning: draft.reasoning,
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
            echo: draft.echo.unwrap_or_else(Json::empty_object),
        })
    }
}

#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, field: impl Into<String>, kind: FaultKind, message: impl Into<String>) {
        self.0.push(Fault::new(field, kind, message));
    }

    pub(super) fn invalid(&mut self, field: impl Into<String>, message: impl Into<String>) {
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
        match model {
            None => self.add("model", FaultKind::Missing, "`model` is required"),
            Some(model) => {
                self.length("model", model, 1, MODEL_LENGTH);
            }
        }
    }

    fn input(&mut self, input: Option<&Json>, items: &[InputItem], most: usize) {
        if input.is_none() {
            return self.add("input", FaultKind::Missing, "`input` is required");
        }
        if items.is_empty() {
            return self.invalid("input", "`input` must not be empty");
        }
        if items.len() > most {
            return self.invalid(
                "input",
                format!("`input` may have at most {most} items, not {}", items.len()),
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
                if !message.says_something() {
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
            InputItem::New(
                ItemBody::Reasoning(_)
                | ItemBody::ApprovalResponse(_)
                | ItemBody::ToolList(_)
                | ItemBody::Compaction(_)
                | ItemBody::Foreign(_),
            )
            | InputItem::Reference(_) => {}
        }
    }

    /// Whether `text` is as long as it may be; a fault when not.
    pub(super) fn length(&mut self, field: &str, text: &str, least: usize, most: usize) -> bool {
        let length = text.chars().count();
        let fits = (least..=most).contains(&length);
        if !fits {
            self.invalid(
                field,
                format!("`{field}` must have {least} to {most} characters, not {length}"),
            );
        }
        fits
    }

    pub(super) fn object(&mut self, field: &str, json: &Json) {
        if !json.as_str().starts_with('{') {
            self.invalid(field, format!("`{field}` must be an object"));
        }
    }

    fn stop(&mut self, stop: &Json) {
        let fits = match stop.as_str().as_bytes().first() {
            Some(b'"') => true,
            Some(b'[') => serde_json::from_str::<Vec<String>>(stop.as_str())
                .is_ok_and(|texts| texts.len() <= STOP_TEXTS),
            _ => false,
        };
        if !fits {
            self.invalid(
                "stop",
                format!("`stop` must be a string or an array of at most {STOP_TEXTS} strings"),
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
            self.length("reasoning_effort", effort, 1, WORD_LENGTH);
        }
        if let Some(verbosity) = &controls.verbosity {
            self.length("verbosity", verbosity, 1, WORD_LENGTH);
        }
        if let Some(stop) = &controls.stop {
            self.stop(stop);
        }
        if let Some(format) = &controls.response_format {
            self.object("response_format", format);
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

    fn delivery(&mut self, draft: &Draft) {
        if draft.background != Some(true) {
            return;
        }
        let callback = draft.metadata.as_ref().map(Callback::of);
        if let Some(Err(faults)) = callback {
            self.0.extend(faults);
        }
        if draft.store == Some(false) {
            self.add(
                "background",
                FaultKind::BackgroundRequiresStore,
                "`background` needs `store`: what nobody waits for can only be fetched",
            );
        }
        if draft.stream == Some(true) && draft.background_stream == BackgroundStream::Refused {
            self.add(
                "background",
                FaultKind::BackgroundCannotStream,
                "`background` and `stream` exclude each other; read the events of a background response with GET",
            );
        }
    }

    fn rest(&mut self, draft: &Draft, limits: &SpecLimits) {
        if let Some(depth) = draft.max_tool_depth
            && !(1..=DEPTH).contains(&depth)
        {
            self.invalid(
                "max_tool_depth",
                format!("`max_tool_depth` must be between 1 and {DEPTH}, not {depth}"),
            );
        }
        if let Some(metadata) = &draft.metadata {
            self.object("metadata", metadata);
            let (most, length) = (limits.metadata_bytes, metadata.as_str().len());
            if length > most {
                self.invalid(
                    "metadata",
                    format!("`metadata` may have at most {most} bytes, not {length}"),
                );
            }
        }
        if let Some(user) = &draft.user {
            self.length("user", user, 0, USER_LENGTH);
        }
    }
}
