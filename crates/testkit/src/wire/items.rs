//! One item of a stream, from its begin to its end.

use serde_json::Value;

use super::objects;
use super::parts::Parts;
use super::{Fault, Flavour, Verdict, must};

/// An item as far as the stream has told of it.
#[derive(Debug)]
pub(super) struct Item {
    flavour: Flavour,
    id: String,
    kind: String,
    added: Value,
    content: Parts,
    summary: Parts,
    arguments: Arguments,
    step: Step,
    done: Option<Value>,
}

/// What is known of the arguments of a call.
#[derive(Debug, Default)]
struct Arguments {
    deltas: String,
    whole: Option<String>,
}

/// How far a tool server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    Begun,
    Completed,
    Failed,
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, name: &str) -> Result<u64, Fault> {
    let number = value.get(name).and_then(Value::as_u64);
    number.ok_or_else(|| Fault::new(format!("`{name}` is a number from 0")))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

impl Item {
    /// An item that begins.
    pub(super) fn new(added: &Value, flavour: Flavour) -> Result<Self, Fault> {
        objects::item(added, flavour)?;
        let status = text(added, "status");
        must(
            status.is_empty() || status == "in_progress",
            "an item is in progress when it is added",
        )?;
        for name in ["content", "summary", "tools"] {
            must(
                list(added, name).is_empty(),
                "an item is empty when it is added",
            )?;
        }
        let is_call = matches!(text(added, "type"), "function_call" | "mcp_call");
        must(
            !is_call || (text(added, "arguments").is_empty() && text(added, "output").is_empty()),
            "a call has no arguments and no output when it is added",
        )?;
        Ok(Self {
            flavour,
            id: text(added, "id").to_owned(),
            kind: text(added, "type").to_owned(),
            added: added.clone(),
            content: Parts::default(),
            summary: Parts::default(),
            arguments: Arguments::default(),
            step: Step::Nothing,
            done: None,
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The item as it stays; none as long as it is open.
    pub(super) fn done(&self) -> Option<&Value> {
        self.done.as_ref()
    }

    fn is_open(&self) -> Verdict {
        must(
            self.done.is_none(),
            "nothing is told of an item that is done",
        )
    }

    /// Takes a part that begins or is closed.
    pub(super) fn part(&mut self, name: &str, event: &Value) -> Verdict {
        self.is_open()?;
        let part = event.get("part").unwrap_or(&Value::Null);
        match name {
            "response.content_part.added" => {
                let kinds: &[&str] = match self.kind.as_str() {
                    "message" => &["output_text", "refusal"],
                    "reasoning" => &["reasoning_text"],
                    _ => return Err(Fault::new(format!("a {} has no parts", self.kind))),
                };
                self.content
                    .add(number(event, "content_index")?, part, kinds)
            }
            "response.content_part.done" => {
                self.content.close(number(event, "content_index")?, part)
            }
            "response.reasoning_summary_part.added" => {
                must(self.kind == "reasoning", "only reasoning has a summary")?;
                let place = number(event, "summary_index")?;
                self.summary.add(place, part, &["summary_text"])
            }
            _ => self.summary.close(number(event, "summary_index")?, part),
        }
    }

    /// Takes more of a text, or all of it.
    pub(super) fn text(&mut self, name: &str, event: &Value) -> Verdict {
        self.is_open()?;
        let bare = name.strip_prefix("response.").unwrap_or(name);
        if bare == "output_text.annotation.added" {
            let annotation = event.get("annotation").unwrap_or(&Value::Null);
            let place = number(event, "content_index")?;
            return self
                .content
                .annotate(place, number(event, "annotation_index")?, annotation);
        }
        let (kind, step) = bare.rsplit_once('.').unwrap_or((bare, ""));
        let (parts, place, kind) = match kind {
            "reasoning_summary_text" => (&mut self.summary, "summary_index", "summary_text"),
            "reasoning" => (&mut self.content, "content_index", "reasoning_text"),
            kind => (&mut self.content, "content_index", kind),
        };
        let place = number(event, place)?;
        match step {
            "delta" => parts.grow(place, kind, text(event, "delta")),
            _ if kind == "refusal" => parts.finish(place, kind, text(event, "refusal")),
            _ => parts.finish(place, kind, text(event, "text")),
        }
    }

    /// Takes more of the arguments of a call, or all of them.
    pub(super) fn arguments(&mut self, name: &str, event: &Value) -> Verdict {
        self.is_open()?;
        let bare = name.strip_prefix("response.").unwrap_or(name);
        let (what, step) = bare.rsplit_once('.').unwrap_or((bare, ""));
        let (kind, member) = match what {
            "function_call_arguments" => ("function_call", "arguments"),
            "mcp_call_arguments" => ("mcp_call", "arguments"),
            _ => ("custom_tool_call", "input"),
        };
        must(self.kind == kind, "arguments are of the kind of their call")?;
        must(
            kind != "mcp_call" || self.step == Step::Begun,
            "the arguments of a call are told while it is in progress",
        )?;
        let arguments = &mut self.arguments;
        must(
            arguments.whole.is_none(),
            "nothing is told of arguments that are whole",
        )?;
        if step == "delta" {
            arguments.deltas.push_str(text(event, "delta"));
            return Ok(());
        }
        let whole = text(event, member);
        must(
            arguments.agree(whole),
            "the arguments are what their deltas were",
        )?;
        arguments.whole = Some(whole.to_owned());
        let name = event.get("name");
        must(
            name.is_none_or(|name| Some(name) == self.added.get("name")),
            "arguments bear the name of their call",
        )
    }

    /// Takes a step of a tool server.
    pub(super) fn step(&mut self, name: &str) -> Verdict {
        self.is_open()?;
        let bare = name.strip_prefix("response.").unwrap_or(name);
        let (kind, step) = bare.rsplit_once('.').unwrap_or((bare, ""));
        must(self.kind == kind, "a step is of the kind of its item")?;
        self.step = match (self.step, step) {
            (Step::Nothing, "in_progress") => Step::Begun,
            (Step::Begun, "completed") => Step::Completed,
            (Step::Begun, "failed") => Step::Failed,
            (from, step) => {
                return Err(Fault::new(format!("{step} does not follow {from:?}")));
            }
        };
        must(
            self.kind != "mcp_call" || self.step == Step::Begun || self.arguments.whole.is_some(),
            "a call comes back when its arguments were told",
        )
    }

    /// Takes the item as it stays.
    pub(super) fn finish(&mut self, done: &Value) -> Verdict {
        must(self.done.is_none(), "an item is done once")?;
        objects::item(done, self.flavour)?;
        for name in ["id", "type", "call_id", "name", "server_label", "role"] {
            if self.added.get(name) != done.get(name) {
                return Err(Fault::new(format!("an item keeps its `{name}`")));
            }
        }
        must(
            text(done, "status") != "in_progress",
            "an item that is done is not in progress",
        )?;
        match self.kind.as_str() {
            "message" => self.content.agree(list(done, "content"))?,
            // What was thought need not be streamed, but if it is, all of it.
            "reasoning" => {
                if !self.content.is_empty() {
                    self.content.agree(list(done, "content"))?;
                }
                if !self.summary.is_empty() {
                    self.summary.agree(list(done, "summary"))?;
                }
            }
            "function_call" => self.arguments.are(text(done, "arguments"))?,
            "custom_tool_call" => self.arguments.are(text(done, "input"))?,
            "mcp_call" => {
                self.arguments.are(text(done, "arguments"))?;
                self.ended(done)?;
            }
            "mcp_list_tools" => self.ended(done)?,
            _ => {}
        }
        self.done = Some(done.clone());
        Ok(())
    }

    /// What a tool server did ended as the item says.
    fn ended(&self, done: &Value) -> Verdict {
        let failed = done.get("error").is_some_and(|error| !error.is_null());
        match self.step {
            Step::Completed => must(
                !failed && matches!(text(done, "status"), "" | "completed"),
                "what completed has no error",
            ),
            Step::Failed => must(
                failed || text(done, "status") == "incomplete",
                "what failed has an error, or is incomplete",
            ),
            Step::Nothing | Step::Begun => must(
                false,
                "what a tool server does completes or fails before its item is done",
            ),
        }
    }
}

impl Arguments {
    /// Whether `whole` is what the deltas were. A call without arguments may be told without deltas.
    fn agree(&self, whole: &str) -> bool {
        self.deltas == whole || (self.deltas.trim().is_empty() && whole == "{}")
    }

    fn are(&self, told: &str) -> Verdict {
        match &self.whole {
            Some(whole) => must(whole == told, "a call has the arguments that were told"),
            None => must(false, "a call is done when its arguments were told"),
        }
    }
}
