//! Metadata: a few texts, each under a name.

use std::fmt;

use response_domain::json::Json;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::faults::{Faults, Many, Path};
use crate::dialect::object::{kept, quoted};

const PAIRS: usize = 16;
const NAME_LENGTH: usize = 64;
const VALUE_LENGTH: usize = 512;

/// Metadata as they came, which are as they must be.
pub(super) fn metadata(at: &Path<'_>, json: &RawValue, faults: &mut Faults) -> Option<Json> {
    let before = faults.count();
    let mut pairs = 0;
    let found = members(json, |name, value| {
        pairs += 1;
        if pairs <= PAIRS {
            pair(at, name, value, faults);
        }
    });
    if found.is_err() {
        return faults.wrong_type(at, "an object", json);
    }
    if pairs > PAIRS {
        return faults.too_many(at, Many::Members, (PAIRS, pairs));
    }
    (faults.count() == before).then(|| kept(json))
}

fn pair(at: &Path<'_>, name: &str, value: &RawValue, faults: &mut Faults) {
    let short = quoted(name);
    let at = at.member(&short);
    faults.fits(&at, name, 0, NAME_LENGTH);
    let text: Option<String> = faults.text(&at, value);
    if let Some(text) = text {
        faults.fits(&at, &text, 0, VALUE_LENGTH);
    }
}

/// Gives `read` every member of an object, in order.
pub(super) fn members<'a>(
    json: &'a RawValue,
    read: impl FnMut(&str, &'a RawValue),
) -> Result<(), serde_json::Error> {
    serde_json::Deserializer::from_str(json.get()).deserialize_map(Every(read))
}

struct Every<R>(R);

impl<'de, R: FnMut(&str, &'de RawValue)> Visitor<'de> for Every<R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            (self.0)(&name, map.next_value()?);
        }
        Ok(())
    }
}
