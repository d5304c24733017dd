//! Arrays of a request, read one element at a time.

use std::fmt;
use std::ops::ControlFlow;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::object::Faults;

/// The most elements an array of a request may have, whatever the server's limits are: what is longer
/// is not even counted.
pub(super) const MOST_ELEMENTS: usize = 100_000;

/// Gives `read` the elements of an array one by one with their places, until it breaks off; none when it is
/// no array.
pub(super) fn each<'a>(
    json: &'a RawValue,
    read: impl FnMut(usize, &'a RawValue) -> ControlFlow<()>,
) {
    let mut parser = serde_json::Deserializer::from_str(json.get());
    // Who breaks off needs no error to know it, and what is no array has no elements.
    let _ended = parser.deserialize_seq(Elements(read));
}

struct Elements<R>(R);

impl<'de, R> Visitor<'de> for Elements<R>
where
    R: FnMut(usize, &'de RawValue) -> ControlFlow<()>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        while let Some(json) = array.next_element::<&RawValue>()? {
            if (self.0)(index, json).is_break() {
                break;
            }
            index += 1;
        }
        Ok(())
    }
}

/// The elements of an array, each read by `read` with its own field name; none when there is a fault.
pub(super) fn elements<T>(
    field: &str,
    json: &RawValue,
    faults: &mut Faults,
    mut read: impl FnMut(&str, &RawValue, &mut Faults) -> Option<T>,
) -> Option<Vec<T>> {
    let before = faults.0.len();
    let mut made = Vec::new();
    each(json, |index, json| {
        if index >= MOST_ELEMENTS {
            let must = format!("an array of at most {MOST_ELEMENTS} elements");
            let none: Option<()> = faults.invalid(field, &must);
            debug_assert!(none.is_none());
            return ControlFlow::Break(());
        }
        made.extend(read(&format!("{field}[{index}]"), json, faults));
        ControlFlow::Continue(())
    });
    (faults.0.len() == before).then_some(made)
}
