//! How values look on disk, where they are not columns: JSON text that bears a version. The shapes are
//! the store's own; what a client sees can change without touching a row, and a row without touching
//! a client.
//!
//! A record never changes its meaning. A new shape gets a new version, and the old one stays readable.

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) mod checkpoint;
pub(crate) mod event;
pub(crate) mod execution;
pub(crate) mod item;
mod list;
pub(crate) mod progress;
pub(crate) mod spec;
mod tools;
pub(crate) mod word;

/// Why a record, or a column beside it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("it is not the JSON it should be")]
    Json(#[source] serde_json::Error),
    #[error("`{0}` is none of the words that can stand there")]
    Word(String),
    #[error("an id in it is none")]
    Id(#[source] response_domain::id::InvalidId),
    #[error("the number {0} is out of range")]
    Number(i64),
    #[error("it should not be empty")]
    Absent,
}

/// The first version of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct V1;

impl Serialize for V1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for V1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(D::Error::invalid_value(
                Unexpected::Unsigned(other),
                &"version 1, the only one this release reads",
            )),
        }
    }
}

/// The text of a record. `about` is how many bytes it will be, for the first allocation.
pub(crate) fn write(record: &impl Serialize, about: usize) -> String {
    let mut text = Vec::with_capacity(about);
    #[expect(
        clippy::expect_used,
        reason = "the keys of records are text and a Vec takes every byte"
    )]
    serde_json::to_writer(&mut text, record).expect("a record prints as JSON");
    #[expect(clippy::expect_used, reason = "the JSON printer writes UTF-8 only")]
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// The record that `text` is.
pub(crate) fn read<'a, R: Deserialize<'a>>(text: &'a str) -> Result<R, RecordError> {
    serde_json::from_str(text).map_err(RecordError::Json)
}

#[cfg(test)]
mod tests;
