//! Deltas as lines of text, and what the answers of tests are asked with.

use std::fmt::Write as _;
use std::sync::Arc;

use response_domain::json::Json;
use response_domain::ports::llm::{Delta, LlmError};
use response_domain::spec::ToolChoice;
use response_domain::tool::{Repeat, ToolHome, ToolSpec};
use response_llm::{Asked, Opening};

/// One line for each delta.
pub(crate) fn lines(deltas: &[Delta]) -> String {
    let mut text = String::new();
    for delta in deltas {
        match delta {
            Delta::Text(piece) => writeln!(text, "text {piece:?}"),
            Delta::Reasoning(piece) => writeln!(text, "reasoning {piece:?}"),
            Delta::Call {
                slot,
                name,
                arguments,
            } => match name {
                Some(name) => writeln!(text, "call {slot} {name:?} {arguments}"),
                None => writeln!(text, "call {slot} … {arguments}"),
            },
            Delta::Usage(usage) => writeln!(
                text,
                "usage {} ({}) + {} ({})",
                usage.prompt, usage.cached, usage.completion, usage.reasoning
            ),
            Delta::Note(note) => match &note.detail {
                Some(detail) => writeln!(text, "note {}: {detail}", note.code),
                None => writeln!(text, "note {}", note.code),
            },
            Delta::Finish(finish) => writeln!(text, "finish {}", finish.as_str()),
        }
        .unwrap();
    }
    text
}

/// One line for an error.
pub(crate) fn error_line(error: &LlmError) -> String {
    format!("error {:?}: {error}\n", error.kind)
}

/// A tool of that name which takes `q` as text and `n` as a number.
pub(crate) fn tool(name: &str) -> Arc<ToolSpec> {
    let schema = r#"{"type":"object","properties":{"q":{"type":"string"},"n":{"type":"integer"}}}"#;
    let parameters = Json::from_text(schema.to_owned()).unwrap();
    Arc::new(ToolSpec {
        description: Some(Arc::from(format!("Does {name}."))),
        repeat: Repeat::Safe,
        ..ToolSpec::plain(name, ToolHome::Caller, parameters)
    })
}

/// A tool that cannot be called without `q`.
pub(crate) fn needing_tool(name: &str) -> Arc<ToolSpec> {
    let schema = r#"{"type":"object","properties":{"q":{"type":"string"}},"required":["q"]}"#;
    Arc::new(ToolSpec {
        parameters: Json::from_text(schema.to_owned()).unwrap(),
        ..ToolSpec::clone(&tool(name))
    })
}

/// What was asked, from words like `tools=search,scrape max_tokens=9 opening=unmarked`.
pub(crate) fn asked(words: &str) -> Asked {
    let word = |key: &str| {
        words
            .split_whitespace()
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    };
    let tools = word("tools").map_or_else(Vec::new, |names| names.split(',').map(tool).collect());
    Asked {
        tools: tools.into(),
        choice: match word("choice") {
            Some("required") => ToolChoice::Required,
            Some(name) => ToolChoice::Named(Arc::from(name)),
            None => ToolChoice::Auto,
        },
        max_tokens: word("max_tokens").map(|tokens| tokens.parse().unwrap()),
        context_length: word("context").map(|tokens| tokens.parse().unwrap()),
        opening: match word("opening") {
            Some("unmarked") => Opening::Unmarked,
            _ => Opening::Marked,
        },
    }
}
