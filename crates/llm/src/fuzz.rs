//! What must hold of anything that a model server answers; the fuzzer's targets, and tests.

use std::sync::Arc;

use response_domain::id::{RawId, ResponseId};
use response_domain::item::ItemBody;
use response_domain::json::Json;
use response_domain::ports::llm::{Delta, LlmError, LlmErrorKind};
use response_domain::run::assemble::{Assembler, Begin};
use response_domain::spec::ToolChoice;
use response_domain::tool::{ToolHome, ToolSpec};
use response_egress::{Bytes, StatusCode};

use crate::concession::{Concession, Concessions};
use crate::reader::{AnswerReader, Asked, Opening, Progress};
use crate::refusal::{Refusal, Setback};

#[path = "../../../xtask/fuzz/src/cuts.rs"]
mod cuts;

#[cfg(test)]
#[path = "../../../xtask/fuzz/src/seeds.rs"]
mod seeds;

/// The longest event that is read here.
const LIMIT: usize = 1 << 14;

/// A streamed answer: in whatever pieces it comes, the deltas are the same, they keep the rules of a turn,
/// and what they tell is not much longer than what came.
pub fn stream(bytes: &[u8]) {
    for asked in questions() {
        let told = read(&asked, &[bytes]);
        for pieces in cuts::ways(bytes) {
            let again = read(&asked, &pieces);
            assert_eq!(again.deltas, told.deltas);
            assert_eq!(again.fault, told.fault);
        }
        told.keeps_the_rules(&asked, bytes);
    }
}

/// An answer in one piece: its deltas keep the rules of a turn.
pub fn document(bytes: &[u8]) {
    for asked in questions() {
        let mut reader = AnswerReader::new(asked.clone(), LIMIT);
        let mut deltas = Vec::new();
        let fault = reader.whole(bytes, &mut deltas).err().map(kind);
        Told { deltas, fault }.keeps_the_rules(&asked, bytes);
    }
}

/// The body of a refusal: what is made of it says nothing of its words to the caller, and the status alone
/// decides most.
pub fn refusal(bytes: &[u8]) {
    let body = String::from_utf8_lossy(bytes);
    let all = Concession::ALL.iter();
    let all = all.fold(Concessions::NONE, |all, one| all.with(*one));
    for status in [400, 401, 404, 413, 422, 429, 500, 503] {
        let Ok(status) = StatusCode::from_u16(status) else {
            continue;
        };
        for (possible, is_html) in [(all, false), (Concessions::NONE, true)] {
            let refusal = Refusal {
                status,
                retry_after: None,
                body: &body,
                is_html,
            };
            let (Setback::Passing(error, _) | Setback::Form(_, error) | Setback::Lasting(error)) =
                refusal.judge(possible);
            assert!(error.message.len() < 100, "{}", error.message);
            let cause = error
                .source
                .as_ref()
                .map_or(0, |cause| cause.to_string().len());
            assert!(cause < 8_192, "the log gets an excerpt: {cause} bytes");
        }
    }
}

/// What was asked, as it makes a difference to the reader.
fn questions() -> [Asked; 3] {
    let tool = |name: &str, schema: &str| {
        let parameters =
            Json::from_text(schema.to_owned()).unwrap_or_else(|_| Json::empty_object());
        Arc::new(ToolSpec::plain(name, ToolHome::Caller, parameters))
    };
    let tools: Arc<[_]> = [
        tool("search", r#"{"type":"object","properties":{"q":{"type":"string"},"n":{"type":"integer"}},"required":["q"]}"#),
        tool("scrape", "{}"),
    ]
    .into();
    let asked = |tools: &Arc<[_]>, choice, opening| Asked {
        tools: Arc::clone(tools),
        choice,
        max_tokens: Some(9),
        context_length: Some(100),
        opening,
    };
    [
        asked(&tools, ToolChoice::Auto, Opening::Marked),
        asked(
            &tools,
            ToolChoice::Named(Arc::from("scrape")),
            Opening::Unmarked,
        ),
        asked(&Arc::from([]), ToolChoice::Auto, Opening::Marked),
    ]
}

/// What was told of an answer.
struct Told {
    deltas: Vec<Delta>,
    /// Why it was not whole.
    fault: Option<(LlmErrorKind, String)>,
}

fn kind(error: LlmError) -> (LlmErrorKind, String) {
    (error.kind, error.message)
}

fn read(asked: &Asked, pieces: &[&[u8]]) -> Told {
    let mut reader = AnswerReader::new(asked.clone(), LIMIT);
    let mut deltas = Vec::new();
    let mut all = || {
        for piece in pieces {
            let progress = reader.push(Bytes::copy_from_slice(piece), &mut deltas)?;
            if progress == Progress::Complete {
                return Ok(());
            }
        }
        reader.end(&mut deltas)
    };
    let fault = all().err().map(kind);
    Told { deltas, fault }
}

impl Told {
    /// Slots are dense and begin with a name, nothing is empty, a whole answer ends once, and the assembler
    /// makes items of it in which all of it stands.
    fn keeps_the_rules(&self, asked: &Asked, bytes: &[u8]) {
        let (mut text, mut reasoning) = (String::new(), String::new());
        let mut calls: Vec<(&str, String)> = Vec::new();
        let (mut notes, mut finished) = (0, 0);
        for delta in &self.deltas {
            assert!(finished == 0, "nothing follows the finish: {delta:?}");
            match delta {
                Delta::Text(piece) | Delta::Reasoning(piece) => {
                    assert!(!piece.is_empty());
                    let all = matches!(delta, Delta::Text(_));
                    if all { &mut text } else { &mut reasoning }.push_str(piece);
                }
                Delta::Call {
                    slot,
                    name,
                    arguments,
                } => {
                    let slot = usize::try_from(*slot).unwrap_or(usize::MAX);
                    assert_eq!(name.is_some(), slot == calls.len(), "the name comes first");
                    calls.extend(name.as_deref().map(|name| (name, String::new())));
                    let Some((_, all)) = calls.get_mut(slot) else {
                        unreachable!("slots are dense: {delta:?}");
                    };
                    all.push_str(arguments);
                }
                Delta::Note(_) => notes += 1,
                Delta::Finish(_) => finished += 1,
                Delta::Usage(_) => {}
            }
        }
        assert_eq!(finished, usize::from(self.fault.is_none()));
        let names: usize = calls.iter().map(|(name, all)| name.len() + all.len()).sum();
        // A byte that is no UTF-8 becomes three, and no arguments become two brackets.
        assert!(text.len() + reasoning.len() + names <= 4 * bytes.len() + 64);
        assert!(notes <= 64, "{notes} notes");
        if self.fault.is_none() {
            self.makes_items(asked, &text, &reasoning, &calls);
        }
    }

    fn makes_items(&self, asked: &Asked, text: &str, reasoning: &str, calls: &[(&str, String)]) {
        let mut assembler = Assembler::new(Begin {
            response: ResponseId::new(RawId::new(1)),
            turn: 1,
            item: 0,
            index: 0,
            tools: Arc::clone(&asked.tools),
        });
        let mut events = Vec::new();
        for delta in &self.deltas {
            assembler.push(delta.clone(), &mut events);
        }
        let answer = assembler.finish(&mut events);
        let (mut said, mut thought, mut called) = (String::new(), String::new(), Vec::new());
        for item in &answer.items {
            match &item.body {
                ItemBody::Message(message) => said.push_str(&message.joined_text()),
                ItemBody::Reasoning(item) => thought.push_str(&item.text),
                ItemBody::FunctionCall(call) => called.push((&*call.name, &*call.arguments)),
                other => unreachable!("a model says no such thing: {other:?}"),
            }
        }
        assert_eq!((said.as_str(), thought.as_str()), (text, reasoning));
        let calls = calls
            .iter()
            .map(|(name, all)| (*name, if all.trim().is_empty() { "{}" } else { all }));
        assert!(calls.eq(called));
    }
}

#[cfg(test)]
mod tests {
    use super::seeds::check;

    #[test]
    fn any_stream_keeps_the_rules_of_a_turn() {
        check("chat_stream", 400, super::stream);
    }

    #[test]
    fn any_document_keeps_the_rules_of_a_turn() {
        check("chat_document", 600, super::document);
    }

    #[test]
    fn any_refusal_is_judged_without_repeating_it() {
        check("chat_refusal", 400, super::refusal);
    }
}
