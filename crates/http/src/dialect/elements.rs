//! Arrays of a request, read one element at a time.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::object::Faults;

/// The most elements an array of a request may have, whatever the server's limits are: what is longer
/// is not even counted.
const MOST_ELEMENTS: usize = 100_000;

/// The elements of an array, each read by `read` with its own field name; none when there is a fault.
pub(super) fn elements<T>(
    field: &str,
    json: &RawValue,
    faults: &mut Faults,
    read: impl FnMut(&str, &RawValue, &mut Faults) -> Option<T>,
) -> Option<Vec<T>> {
    let before = faults.0.len();
    let reader = Elements {
        field,
        faults,
        read,
        made: PhantomData,
    };
    let mut parser = serde_json::Deserializer::from_str(json.get());
    // The fault, if there is one, is among the faults.
    let read = parser.deserialize_seq(reader).ok()?;
    (faults.0.len() == before).then_some(read)
}

struct Elements<'f, T, R> {
    field: &'f str,
    faults: &'f mut Faults,
    read: R,
    made: PhantomData<T>,
}

impl<'de, T, R> Visitor<'de> for Elements<'_, T, R>
where
    R: FnMut(&str, &RawValue, &mut Faults) -> Option<T>,
{
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut made = Vec::new();
        let mut index = 0_usize;
        while let Some(json) = array.next_element::<&RawValue>()? {
            if index >= MOST_ELEMENTS {
                let must = format!("an array of at most {MOST_ELEMENTS} elements");
                let none: Option<()> = self.faults.invalid(self.field, &must);
                debug_assert!(none.is_none());
                return Err(serde::de::Error::custom(must));
            }
            let at = format!("{}[{index}]", self.field);
            made.extend((self.read)(&at, json, self.faults));
            index += 1;
        }
        Ok(made)
    }
}
