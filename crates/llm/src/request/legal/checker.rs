//! A server that takes nothing but what the format allows.

use std::collections::HashSet;

use serde_json::Value;

use crate::concession::{Concession, Concessions};

/// What a strict server finds wrong with the messages of a request, written under these concessions.
pub(super) fn fault(request: &Value, conceded: Concessions) -> Option<String> {
    let mut checker = Checker {
        conceded,
        ids: HashSet::new(),
        open: Vec::new(),
        before: String::new(),
    };
    let Some(messages) = request["messages"].as_array() else {
        return Some("no messages".to_owned());
    };
    for (at, message) in messages.iter().enumerate() {
        if let Err(fault) = checker.message(at, message) {
            return Some(format!("{fault} in message {at}: {message}"));
        }
    }
    (!checker.open.is_empty()).then(|| format!("no output of {:?}", checker.open))
}

struct Checker {
    conceded: Concessions,
    /// Ids of calls so far.
    ids: HashSet<String>,
    /// Those of the last message, in order, that have no output yet.
    open: Vec<String>,
    /// Who spoke before; `calls` for a model that called.
    before: String,
}

type Verdict = Result<(), String>;

fn refuse(fault: impl Into<String>) -> Verdict {
    Err(fault.into())
}

impl Checker {
    fn has(&self, one: Concession) -> bool {
        self.conceded.has(one)
    }

    fn message(&mut self, at: usize, message: &Value) -> Verdict {
        let role = message["role"].as_str().unwrap_or_default();
        if role != "tool" && !self.open.is_empty() {
            return refuse("an output is missing");
        }
        self.turns(at, role)?;
        let content = &message["content"];
        match role {
            "system" => {
                only(message, &["role", "content"])?;
                self.text(content)?;
            }
            "user" => {
                only(message, &["role", "content"])?;
                self.said(content)?;
            }
            "assistant" => self.answer(message)?,
            "tool" => self.output(message)?,
            _ => return refuse("unknown role"),
        }
        self.before = match role {
            "assistant" if !self.open.is_empty() => "calls".to_owned(),
            _ => role.to_owned(),
        };
        Ok(())
    }

    fn turns(&self, at: usize, role: &str) -> Verdict {
        let no_system = self.has(Concession::NoSystemRole);
        let strict = no_system || self.has(Concession::StrictTurns);
        let same = |role: &str| role == self.before;
        match role {
            "system" if no_system => refuse("a system message"),
            "system" if strict && at > 0 => refuse("a late system message"),
            "system" if at == 1 && same("system") => refuse("two system messages at the beginning"),
            "user" | "assistant" if strict && same(role) => refuse("no turns"),
            _ => Ok(()),
        }
    }

    /// A content that is text and nothing else.
    fn text(&self, content: &Value) -> Verdict {
        match content.as_str() {
            None => refuse("the content is no text"),
            Some(text) if text.trim().is_empty() && self.has(Concession::NoEmptyContent) => {
                refuse("the content is empty")
            }
            Some(_) => Ok(()),
        }
    }

    fn said(&self, content: &Value) -> Verdict {
        let Some(parts) = content.as_array() else {
            return self.text(content);
        };
        if parts.is_empty() {
            return refuse("no parts");
        }
        parts.iter().try_for_each(|part| self.part(part))
    }

    fn part(&self, part: &Value) -> Verdict {
        let kind = part["type"].as_str().unwrap_or_default();
        let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        let is_right = match kind {
            "text" => text(&part["text"]),
            "image_url" => text(&part["image_url"]["url"]),
            "input_audio" => part["input_audio"].is_object(),
            "file" => {
                let file = &part["file"];
                let data = file["file_data"].as_str().unwrap_or_default();
                let is_plain = data.starts_with("data:text/plain");
                let is_whole = data.starts_with("data:") && text(&file["filename"]);
                let is_refused = is_plain && self.has(Concession::FilesAsText);
                (is_whole || text(&file["file_id"])) && !is_refused
            }
            _ => false,
        };
        only(part, &["type", kind])?;
        if is_right {
            Ok(())
        } else {
            refuse(format!("a bad part {part}"))
        }
    }

    fn answer(&mut self, message: &Value) -> Verdict {
        only(
            message,
            &["role", "content", "reasoning_content", "tool_calls"],
        )?;
        let calls = message["tool_calls"].as_array();
        let content = &message["content"];
        let says_nothing = content.as_str().is_none_or(|text| text.trim().is_empty());
        if !(content.is_null() && self.has(Concession::NoEmptyContent) && calls.is_some()) {
            self.text(content)?;
        }
        match calls {
            None if says_nothing => return refuse("neither text nor calls"),
            Some(calls) if calls.is_empty() => return refuse("no calls"),
            None | Some(_) => {}
        }
        if let Some(reasoning) = message.get("reasoning_content") {
            self.reasoning(reasoning, calls.is_some())?;
        } else if self.has(Concession::EveryReasoning) && calls.is_some() {
            return refuse("no reasoning");
        }
        calls
            .into_iter()
            .flatten()
            .try_for_each(|call| self.call(call))
    }

    fn reasoning(&self, reasoning: &Value, calls: bool) -> Verdict {
        let every = self.has(Concession::EveryReasoning);
        if reasoning.as_str().is_none_or(str::is_empty) {
            return refuse("reasoning without words");
        }
        if !every && (!calls || self.has(Concession::NoReasoning)) {
            return refuse("reasoning that nobody asked for");
        }
        Ok(())
    }

    fn call(&mut self, call: &Value) -> Verdict {
        only(call, &["id", "type", "function"])?;
        let id = call["id"].as_str().unwrap_or_default().to_owned();
        let name = call["function"]["name"].as_str().unwrap_or_default();
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        if id.len() != 9 || !id.chars().all(|c| c.is_ascii_alphanumeric()) {
            return refuse("a bad id");
        }
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            return refuse("a bad name");
        }
        if !serde_json::from_str::<Value>(arguments).is_ok_and(|value| value.is_object()) {
            return refuse("bad arguments");
        }
        if call["type"] != "function" || !self.ids.insert(id.clone()) {
            return refuse("an id twice");
        }
        self.open.push(id);
        Ok(())
    }

    fn output(&mut self, message: &Value) -> Verdict {
        only(message, &["role", "tool_call_id", "content"])?;
        self.text(&message["content"])?;
        let id = message["tool_call_id"].as_str().unwrap_or_default();
        match self.open.first() {
            Some(first) if first == id => {
                self.open.remove(0);
                Ok(())
            }
            _ => refuse("an output out of place"),
        }
    }
}

/// Whether an object has no other members.
fn only(value: &Value, keys: &[&str]) -> Verdict {
    let fields = value
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.keys());
    match fields.into_iter().find(|key| !keys.contains(&key.as_str())) {
        Some(other) => refuse(format!("the member {other:?}")),
        None => Ok(()),
    }
}
