//! Values that are lists: in the environment one text with commas, in a file also a list.

use super::{Given, Refusal};

/// What `read` makes of each entry that is not empty; or what is wrong with each that it cannot read, which
/// `shown` makes fit to be shown.
pub(super) fn read_each<T>(
    given: &Given<'_>,
    shown: impl Fn(&str) -> String,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Refusal> {
    let mut values = Vec::new();
    let mut wrong = Vec::new();
    for (at, entry) in entries(given)?.iter().enumerate() {
        match read(entry) {
            _ if entry.is_empty() => {}
            Ok(value) => values.push(value),
            Err(why) => wrong.push(format!("entry {} ({:?}) {why}", at + 1, shown(entry))),
        }
    }
    if wrong.is_empty() {
        Ok(values)
    } else {
        Err(Refusal::Parts(wrong))
    }
}

/// Each of them once, where it was first.
pub(super) fn distinct<T: PartialEq>(values: Vec<T>) -> Vec<T> {
    let mut distinct = Vec::with_capacity(values.len());
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

/// The entries as given, without the space around them.
fn entries(given: &Given<'_>) -> Result<Vec<String>, Refusal> {
    match given {
        Given::Text(text) => Ok(text
            .split(',')
            .map(|entry| entry.trim().to_owned())
            .collect()),
        Given::List(values) => values
            .iter()
            .map(|value| Given::of(value).parse(|entry| Some(entry.to_owned())))
            .collect(),
        Given::Table(_) | Given::Nothing => Err(Refusal::NotAllowed),
    }
}
