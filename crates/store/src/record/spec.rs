//! What was asked. The model and the response that is continued stand in columns.

use std::borrow::Cow;
use std::sync::Arc;

use response_domain::id::{InvalidId, ResponseId};
use response_domain::json::Json;
use response_domain::spec::{
    Controls, Delivery, InputItem, OnMaxDepth, ReasoningForm, ResponseSpec, Storage, ToolFailure,
    Truncation,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::item::{BodyRecord, length};
use super::tools::{self, ChoiceRecord, NameRecord, ToolsRecord};
use super::{RecordError, V1, read, word, write};

#[derive(Serialize, Deserialize)]
struct SpecRecord<'a> {
    v: V1,
    #[serde(borrow)]
    input: &'a RawValue,
    #[serde(borrow)]
    items: Vec<InputRecord<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    system_prompt: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    controls: Option<ControlsRecord<'a>>,
    #[serde(borrow)]
    tools: ToolsRecord<'a>,
    #[serde(borrow)]
    tool_choice: ChoiceRecord<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    allowed_tools: Option<Vec<NameRecord<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    max_tool_calls: Option<u32>,
    #[serde(borrow, skip_serializing_if = "Vec::is_empty", default)]
    unknown_tools: Vec<Cow<'a, str>>,
    max_rounds: u16,
    #[serde(with = "word")]
    on_max_depth: OnMaxDepth,
    #[serde(with = "word")]
    tool_failure: ToolFailure,
    #[serde(with = "word", skip_serializing_if = "is_usual", default)]
    truncation: Truncation,
    #[serde(with = "word", skip_serializing_if = "is_usual", default)]
    reasoning: ReasoningForm,
    #[serde(with = "word")]
    delivery: Delivery,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    conversation: Option<String>,
    #[serde(borrow)]
    metadata: &'a RawValue,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    user: Option<Cow<'a, str>>,
    /// An empty object when absent.
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    echo: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum InputRecord<'a> {
    #[serde(borrow)]
    New(BodyRecord<'a>),
    Reference(String),
}

#[derive(Serialize, Deserialize)]
struct ControlsRecord<'a> {
    #[serde(
        skip_serializing_if = "Option::is_none",
        default,
        deserialize_with = "exact"
    )]
    temperature: Option<f64>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        default,
        deserialize_with = "exact"
    )]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    max_tokens: Option<u32>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        default,
        deserialize_with = "exact"
    )]
    presence_penalty: Option<f64>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        default,
        deserialize_with = "exact"
    )]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    seed: Option<i64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    stop: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    response_format: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    parallel_tool_calls: Option<bool>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    reasoning_effort: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    verbosity: Option<Cow<'a, str>>,
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The number that was written, to the last bit; the usual way may be off by one.
fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let raw = Option::<&'de RawValue>::deserialize(deserializer)?;
    raw.map(|raw| raw.get().parse().map_err(serde::de::Error::custom))
        .transpose()
}

/// The record of a spec.
pub(crate) fn write_spec(spec: &ResponseSpec) -> String {
    let items = spec.items.iter().map(|item| match item {
        InputItem::New(body) => length(body),
        InputItem::Reference(_) => 48,
    });
    let about = 256
        + spec.input.as_str().len()
        + spec.metadata.as_str().len()
        + spec.echo.as_str().len()
        + tools::length(&spec.tools)
        + spec.system_prompt.as_ref().map_or(0, |prompt| prompt.len())
        + items.sum::<usize>();
    write(&SpecRecord::of(spec), about)
}

/// The spec that `text` records, for this model and after this response.
pub(crate) fn read_spec(
    text: &str,
    model: Arc<str>,
    previous: Option<ResponseId>,
) -> Result<ResponseSpec, RecordError> {
    let record: SpecRecord<'_> = read(text)?;
    let conversation = record.conversation.as_deref().map(str::parse).transpose();
    let items: Result<Vec<InputItem>, InvalidId> =
        record.items.into_iter().map(InputRecord::restore).collect();
    Ok(ResponseSpec {
        model,
        input: json(record.input),
        items: items.map_err(RecordError::Id)?,
        system_prompt: record.system_prompt.map(Into::into),
        controls: record
            .controls
            .map(ControlsRecord::restore)
            .unwrap_or_default(),
        tools: record.tools.restore(),
        tool_choice: record.tool_choice.restore(),
        allowed_tools: record
            .allowed_tools
            .map(|names| names.into_iter().map(NameRecord::restore).collect()),
        max_tool_calls: record.max_tool_calls,
        unknown_tools: record.unknown_tools.into_iter().map(Into::into).collect(),
        max_rounds: record.max_rounds,
        on_max_depth: record.on_max_depth,
        tool_failure: record.tool_failure,
        truncation: record.truncation,
        reasoning: record.reasoning,
        delivery: record.delivery,
        storage: Storage::Stored,
        conversation: conversation.map_err(RecordError::Id)?,
        previous,
        metadata: json(record.metadata),
        user: record.user.map(Into::into),
        echo: record.echo.map_or_else(Json::empty_object, json),
    })
}

fn json(raw: &RawValue) -> Json {
    Json::from_raw(raw.to_owned())
}

impl<'a> SpecRecord<'a> {
    fn of(spec: &'a ResponseSpec) -> Self {
        Self {
            v: V1,
            input: spec.input.raw(),
            items: spec.items.iter().map(InputRecord::of).collect(),
            system_prompt: spec.system_prompt.as_deref().map(Cow::Borrowed),
            controls: (spec.controls != Controls::default())
                .then(|| ControlsRecord::of(&spec.controls)),
            tools: ToolsRecord::of(&spec.tools),
            tool_choice: ChoiceRecord::of(&spec.tool_choice),
            allowed_tools: spec
                .allowed_tools
                .as_ref()
                .map(|names| names.iter().map(NameRecord::of).collect()),
            max_tool_calls: spec.max_tool_calls,
            unknown_tools: spec
                .unknown_tools
                .iter()
                .map(|kind| Cow::Borrowed(&**kind))
                .collect(),
            max_rounds: spec.max_rounds,
            on_max_depth: spec.on_max_depth,
            tool_failure: spec.tool_failure,
            truncation: spec.truncation,
            reasoning: spec.reasoning,
            delivery: spec.delivery,
            conversation: spec.conversation.map(|id| id.to_string()),
            metadata: spec.metadata.raw(),
            user: spec.user.as_deref().map(Cow::Borrowed),
            echo: (spec.echo != Json::empty_object()).then(|| spec.echo.raw()),
        }
    }
}

impl<'a> InputRecord<'a> {
    fn of(item: &'a InputItem) -> Self {
        match item {
            InputItem::New(body) => Self::New(BodyRecord::of(body)),
            InputItem::Reference(id) => Self::Reference(id.to_string()),
        }
    }

    fn restore(self) -> Result<InputItem, InvalidId> {
        match self {
            Self::New(body) => Ok(InputItem::New(body.restore())),
            Self::Reference(id) => id.parse().map(InputItem::Reference),
        }
    }
}

impl<'a> ControlsRecord<'a> {
    fn of(controls: &'a Controls) -> Self {
        Self {
            temperature: controls.temperature,
            top_p: controls.top_p,
            max_tokens: controls.max_tokens,
            presence_penalty: controls.presence_penalty,
            frequency_penalty: controls.frequency_penalty,
            seed: controls.seed,
            stop: controls.stop.as_ref().map(Json::raw),
            response_format: controls.response_format.as_ref().map(Json::raw),
            parallel_tool_calls: controls.parallel_tool_calls,
            reasoning_effort: controls.reasoning_effort.as_deref().map(Cow::Borrowed),
            verbosity: controls.verbosity.as_deref().map(Cow::Borrowed),
        }
    }

    fn restore(self) -> Controls {
        Controls {
            temperature: self.temperature,
            top_p: self.top_p,
            max_tokens: self.max_tokens,
            presence_penalty: self.presence_penalty,
            frequency_penalty: self.frequency_penalty,
            seed: self.seed,
            stop: self.stop.map(json),
            response_format: self.response_format.map(json),
            parallel_tool_calls: self.parallel_tool_calls,
            reasoning_effort: self.reasoning_effort.map(Into::into),
            verbosity: self.verbosity.map(Into::into),
        }
    }
}
