//! A step of a trace as JSON. The steps are named as the events of a stream are, where there is such
//! an event.

use std::borrow::Cow;

use response_domain::execution::Execution;
use response_domain::response::{Note, Turn};
use response_domain::trace::Step;
use serde::{Serialize, Serializer};

use super::execution::{Call, Return};
use super::response::{Fault, Usage};
use super::words;
use crate::dialect::NumberedStep;

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    id: String,
    object: &'static str,
    r#type: Cow<'static, str>,
    at: i64,
    #[serde(flatten)]
    more: More<'a>,
}

/// What a step carries.
#[derive(Serialize)]
#[serde(untagged)]
enum More<'a> {
    Nothing {},
    Turn {
        turn: TurnShape<'a>,
    },
    Call {
        call: Call<'a>,
        server: Option<&'a str>,
        turn_number: u16,
    },
    Return(Return<'a>),
    End {
        status: &'static str,
        error: Option<Fault<'a>>,
    },
}

#[derive(Serialize)]
struct TurnShape<'a> {
    number: u16,
    started_at: i64,
    duration_ms: u64,
    finish_reason: &'static str,
    usage: Option<Usage>,
    notes: Notes<'a>,
}

struct Notes<'a>(&'a [Note]);

#[derive(Serialize)]
struct NoteShape<'a> {
    code: &'a str,
    detail: Option<&'a str>,
}

impl Serialize for Notes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|note| NoteShape {
            code: &note.code,
            detail: note.detail.as_deref(),
        }))
    }
}

impl<'a> Shape<'a> {
    pub(super) fn of(step: &NumberedStep<'a>) -> Self {
        let (name, more) = told(step.step);
        Self {
            id: step.id(),
            object: "response.event",
            r#type: name,
            at: step.at,
            more,
        }
    }
}

fn told(step: &Step) -> (Cow<'static, str>, More<'_>) {
    match step {
        Step::Created => ("response.created".into(), More::Nothing {}),
        Step::Queued => ("response.queued".into(), More::Nothing {}),
        Step::Started => ("response.in_progress".into(), More::Nothing {}),
        Step::ModelAnswered(turn) => ("response.model_turn".into(), turn_of(turn)),
        Step::ToolCalled(execution) => ("response.tool_call".into(), call_of(execution)),
        Step::ToolReturned(execution) => (
            "response.tool_result".into(),
            More::Return(Return::of(execution)),
        ),
        Step::Ended(status) => {
            let word = words::status(status);
            let error = words::failure(status).map(Fault::from);
            (
                format!("response.{word}").into(),
                More::End {
                    status: word,
                    error,
                },
            )
        }
    }
}

fn turn_of(turn: &Turn) -> More<'_> {
    let duration = turn.ended_at.since(turn.started_at).as_millis();
    More::Turn {
        turn: TurnShape {
            number: turn.number,
            started_at: turn.started_at.unix_seconds(),
            duration_ms: u64::try_from(duration).unwrap_or(u64::MAX),
            finish_reason: turn.finish.as_str(),
            usage: turn.usage.map(Usage::from),
            notes: Notes(&turn.notes),
        },
    }
}

fn call_of(execution: &Execution) -> More<'_> {
    More::Call {
        call: Call::of(execution),
        server: execution.server.as_deref(),
        turn_number: execution.turn,
    }
}
