//! A turn as the bytes of a request, written straight from the transcript into one buffer.
//!
//! What the usual request looks like is decided by what most servers take:
//!
//! - Instructions at the beginning are one system message: templates of several model families refuse a
//!   second one. An instruction in the middle stays where it is, because its place means something,
//!   and moves to the front only for a server that refuses it there ([`Concession::StrictTurns`]).
//! - What one turn wrote is one assistant message, with the outputs of its calls right behind it.
//! - An assistant message that only calls has the content `""`: `null` is refused by more servers than
//!   the empty text ([`Concession::NoEmptyContent`] turns that round).
//! - Reasoning goes back, as `reasoning_content`, with messages that call and only with them: there some
//!   servers insist on it, elsewhere some ignore and some refuse it.
//! - A tool message is one text. Pictures and files that a tool returned stand in a user message behind
//!   the outputs of that turn, which says whose they are.
//! - What a model refused with is its text: few servers know another place for it.
//! - Call ids are numbered anew through the transcript and nine letters and digits long, which is what
//!   the strictest template asks for.

mod file;
mod links;
mod message;
mod plan;
mod schema;
mod words;

#[cfg(test)]
mod legal;

use response_domain::ports::llm::{ModelTurn, TurnMode};
use response_domain::spec::ToolChoice;
use serde::ser::{Serialize, SerializeMap, Serializer};

use self::message::Messages;
use self::plan::Plan;
use self::schema::Tools;
use crate::concession::{Concession, Concessions};

/// A request, ready to be written.
#[derive(Debug)]
pub(crate) struct ChatRequest<'a> {
    turn: &'a ModelTurn,
    mode: TurnMode,
    plan: Plan<'a>,
    conceded: Concessions,
}

impl<'a> ChatRequest<'a> {
    /// The request for `turn`, to be answered in this mode.
    pub(crate) fn new(turn: &'a ModelTurn, mode: TurnMode, conceded: Concessions) -> Self {
        Self {
            turn,
            mode,
            plan: Plan::new(turn, conceded),
            conceded,
        }
    }

    /// The body of the request.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = Vec::with_capacity(self.plan.size() + 512);
        serde_json::to_writer(&mut bytes, self)?;
        Ok(bytes)
    }

    /// The concessions that would change this request.
    pub(crate) fn possible(&self) -> Concessions {
        let changes = |one: Concession| match one {
            Concession::NoStreamOptions => self.sends_stream_options(),
            Concession::MaxCompletionTokens => self.turn.spec.controls.max_tokens.is_some(),
            Concession::EveryReasoning | Concession::NoEmptyContent => self.plan.has_answers(),
            Concession::NoReasoning => self.plan.sends_reasoning(),
            Concession::FilesAsText => self.plan.has_plain_files(),
            Concession::PlainSchemas => self.offers_tools(),
            Concession::StrictTurns | Concession::NoSystemRole => true,
        };
        let open = Concession::ALL
            .iter()
            .filter(|one| !self.conceded.has(**one));
        open.filter(|one| changes(**one))
            .fold(Concessions::NONE, |all, one| all.with(*one))
    }

    fn sends_stream_options(&self) -> bool {
        self.mode == TurnMode::Streamed && !self.conceded.has(Concession::NoStreamOptions)
    }

    /// Tools that may not be called are still named when the transcript has calls: some servers refuse
    /// calls of tools they were not told of.
    fn offers_tools(&self) -> bool {
        !self.turn.tools.is_empty()
            && (self.turn.choice != ToolChoice::None || self.plan.has_calls())
    }

    fn tools<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        if !self.offers_tools() {
            return Ok(());
        }
        let plain = self.conceded.has(Concession::PlainSchemas);
        map.serialize_entry("tools", &Tools::new(&self.turn.tools, plain))?;
        match &self.turn.choice {
            // What a server does anyway, and what some refuse to be told.
            ToolChoice::Auto => {}
            ToolChoice::None => map.serialize_entry("tool_choice", "none")?,
            // The tools in view are those of the server then.
            ToolChoice::Required | ToolChoice::Server { .. } => {
                map.serialize_entry("tool_choice", "required")?;
            }
            ToolChoice::Named(name) => {
                let function = Name { name };
                let r#type = "function";
                map.serialize_entry("tool_choice", &NamedChoice { r#type, function })?;
            }
        }
        match self.turn.spec.controls.parallel_tool_calls {
            Some(parallel) => map.serialize_entry("parallel_tool_calls", &parallel),
            None => Ok(()),
        }
    }

    fn controls<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let controls = &self.turn.spec.controls;
        let max_tokens = if self.conceded.has(Concession::MaxCompletionTokens) {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        entry(map, max_tokens, controls.max_tokens.as_ref())?;
        entry(map, "temperature", controls.temperature.as_ref())?;
        entry(map, "top_p", controls.top_p.as_ref())?;
        entry(map, "presence_penalty", controls.presence_penalty.as_ref())?;
        entry(
            map,
            "frequency_penalty",
            controls.frequency_penalty.as_ref(),
        )?;
        entry(map, "seed", controls.seed.as_ref())?;
        let stop = controls.stop.as_ref();
        entry(map, "stop", stop.map(response_domain::json::Json::raw))?;
        let format = controls.response_format.as_ref();
        entry(
            map,
            "response_format",
            format.map(response_domain::json::Json::raw),
        )?;
        entry(
            map,
            "reasoning_effort",
            controls.reasoning_effort.as_deref(),
        )?;
        entry(map, "verbosity", controls.verbosity.as_deref())
    }
}

#[derive(serde::Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(serde::Serialize)]
struct NamedChoice<'a> {
    r#type: &'static str,
    function: Name<'a>,
}

#[derive(serde::Serialize)]
struct Name<'a> {
    name: &'a str,
}

fn entry<M: SerializeMap, T: Serialize + ?Sized>(
    map: &mut M,
    key: &'static str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(key, value),
        None => Ok(()),
    }
}

impl Serialize for ChatRequest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", &*self.turn.spec.model)?;
        map.serialize_entry("messages", &Messages(&self.plan))?;
        self.tools(&mut map)?;
        self.controls(&mut map)?;
        map.serialize_entry("stream", &(self.mode == TurnMode::Streamed))?;
        if self.sends_stream_options() {
            let include_usage = true;
            map.serialize_entry("stream_options", &StreamOptions { include_usage })?;
        }
        map.end()
    }
}
