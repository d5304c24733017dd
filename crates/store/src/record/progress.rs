//! What a run has done so far: its turns, its usage and its answer. Its executions are rows.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use response_domain::response::{Finish, Note, Progress, Turn};
use response_domain::time::Timestamp;
use response_domain::usage::Usage;
use serde::{Deserialize, Serialize};

use super::{RecordError, V1, read, word, write};

#[derive(Serialize, Deserialize)]
struct ProgressRecord<'a> {
    v: V1,
    #[serde(borrow)]
    turns: Vec<TurnRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    usage: Option<UsageRecord>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    output: Option<Cow<'a, str>>,
    /// Microseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    retry_after: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct TurnRecord<'a> {
    number: u16,
    /// Microseconds since the epoch, as the next.
    started_at: i64,
    ended_at: i64,
    #[serde(with = "word")]
    finish: Finish,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    usage: Option<UsageRecord>,
    #[serde(borrow, skip_serializing_if = "Vec::is_empty", default)]
    notes: Vec<NoteRecord<'a>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct UsageRecord {
    prompt: u64,
    #[serde(skip_serializing_if = "is_zero", default)]
    cached: u64,
    completion: u64,
    #[serde(skip_serializing_if = "is_zero", default)]
    reasoning: u64,
}

#[derive(Serialize, Deserialize)]
struct NoteRecord<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    detail: Option<Cow<'a, str>>,
}

/// A progress without its executions, and when a failure said that trying again may help.
pub(crate) struct Restored {
    pub(crate) turns: Vec<Arc<Turn>>,
    pub(crate) usage: Option<Usage>,
    pub(crate) output: Option<Arc<str>>,
    pub(crate) retry_after: Option<Duration>,
}

/// The record of a progress.
pub(crate) fn write_progress(progress: &Progress, retry_after: Option<Duration>) -> String {
    let output = progress.output.as_deref();
    let about = 64 + 160 * progress.turns.len() + output.map_or(0, str::len);
    let record = ProgressRecord {
        v: V1,
        turns: progress
            .turns
            .iter()
            .map(|turn| TurnRecord::of(turn))
            .collect(),
        usage: progress.usage.map(UsageRecord::of),
        output: output.map(Cow::Borrowed),
        retry_after: retry_after.map(|wait| u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)),
    };
    write(&record, about)
}

/// The progress that `text` records.
pub(crate) fn read_progress(text: &str) -> Result<Restored, RecordError> {
    let record: ProgressRecord<'_> = read(text)?;
    Ok(Restored {
        turns: record
            .turns
            .into_iter()
            .map(TurnRecord::restore)
            .map(Arc::new)
            .collect(),
        usage: record.usage.map(UsageRecord::restore),
        output: record.output.map(Into::into),
        retry_after: record.retry_after.map(Duration::from_micros),
    })
}

impl<'a> TurnRecord<'a> {
    fn of(turn: &'a Turn) -> Self {
        let note = |note: &'a Note| NoteRecord {
            code: Cow::Borrowed(&note.code),
            detail: note.detail.as_deref().map(Cow::Borrowed),
        };
        Self {
            number: turn.number,
            started_at: turn.started_at.micros(),
            ended_at: turn.ended_at.micros(),
            finish: turn.finish,
            usage: turn.usage.map(UsageRecord::of),
            notes: turn.notes.iter().map(note).collect(),
        }
    }

    fn restore(self) -> Turn {
        let note = |note: NoteRecord<'_>| Note {
            code: note.code.into(),
            detail: note.detail.map(Into::into),
        };
        Turn {
            number: self.number,
            started_at: Timestamp::from_micros(self.started_at),
            ended_at: Timestamp::from_micros(self.ended_at),
            finish: self.finish,
            usage: self.usage.map(UsageRecord::restore),
            notes: self.notes.into_iter().map(note).collect(),
        }
    }
}

impl UsageRecord {
    const fn of(usage: Usage) -> Self {
        Self {
            prompt: usage.prompt,
            cached: usage.cached,
            completion: usage.completion,
            reasoning: usage.reasoning,
        }
    }

    const fn restore(self) -> Usage {
        Usage {
            prompt: self.prompt,
            cached: self.cached,
            completion: self.completion,
            reasoning: self.reasoning,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}
