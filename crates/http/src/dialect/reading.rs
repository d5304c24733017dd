//! A body of a request while it is read: its fields, and what is wrong with them. Types are found wrong
//! here, field by field, so that a fault names its field; values are for the domain to judge.

use response_domain::spec::{FaultKind, SpecFaults};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::elements::elements;
use super::object::{Faults, Object, text};
use crate::extract::bad_json;
use crate::problem::Problem;

/// The fields of a body with these names; others are passed over.
pub(super) fn object_of<'a, const N: usize>(
    body: &'a str,
    names: &'static [&'static str; N],
) -> Result<Object<'a, N>, Problem> {
    Object::read(body, names).map_err(|error| no_object(&error))
}

fn no_object(error: &serde_json::Error) -> Problem {
    if error.is_data() {
        return bad_json("the body must be a JSON object");
    }
    bad_json(format!("the body is not valid JSON: {error}"))
}

/// A body that is being read.
pub(super) struct Reading<'a, const N: usize> {
    pub(super) fields: Object<'a, N>,
    pub(super) faults: Faults,
}

impl<'a, const N: usize> Reading<'a, N> {
    /// Of a body of which these fields have a meaning; others are passed over.
    pub(super) fn begin(body: &'a str, names: &'static [&'static str; N]) -> Result<Self, Problem> {
        let fields = object_of(body, names)?;
        Ok(Self::of(fields))
    }

    /// Of a body that may have no other fields than these. `refusal` says of another what is to be said.
    pub(super) fn begin_closely(
        body: &'a str,
        names: &'static [&'static str; N],
        refusal: impl Fn(&str) -> String,
    ) -> Result<Self, Problem> {
        let mut reading =
            Self::of(Object::read_closely(body, names).map_err(|error| no_object(&error))?);
        for name in reading.fields.strange() {
            reading.faults.add(name, FaultKind::Invalid, refusal(name));
        }
        Ok(reading)
    }

    fn of(fields: Object<'a, N>) -> Self {
        let faults = Faults::default();
        Self { fields, faults }
    }

    /// Whether nothing was found wrong.
    pub(super) fn end(self) -> Result<(), Problem> {
        if self.faults.0.is_empty() {
            Ok(())
        } else {
            Err(SpecFaults(self.faults.0).into())
        }
    }

    /// Notes that a field is absent which must be there.
    pub(super) fn require(&mut self, field: &'static str) {
        if self.fields.get(field).is_none() {
            let message = format!("`{field}` is required");
            self.faults.add(field, FaultKind::Missing, message);
        }
    }

    /// A field, read by `read`.
    pub(super) fn read<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&'a RawValue, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        read(self.fields.get(field)?, &mut self.faults)
    }

    /// A text.
    pub(super) fn text<T: From<String> + for<'s> From<&'s str>>(
        &mut self,
        field: &'static str,
    ) -> Option<T> {
        self.faults.text(field, self.fields.get(field)?)
    }

    /// A list of texts.
    pub(super) fn texts<T: From<String> + for<'s> From<&'s str>>(
        &mut self,
        field: &'static str,
    ) -> Option<Vec<T>> {
        self.read(field, |json, faults| {
            if !json.get().starts_with('[') {
                return faults.invalid(field, "an array of strings");
            }
            elements(field, json, faults, |at, json, faults| {
                faults.text(at, json)
            })
        })
    }

    /// A text that `known` knows.
    pub(super) fn word<T>(
        &mut self,
        field: &'static str,
        must: &str,
        known: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.read(field, |json, faults| {
            let word: Option<String> = text(json);
            word.and_then(|word| known(&word))
                .or_else(|| faults.invalid(field, must))
        })
    }

    /// A value of a simple type.
    pub(super) fn value<T: Deserialize<'a>>(
        &mut self,
        field: &'static str,
        must: &str,
    ) -> Option<T> {
        self.faults.value(field, must, self.fields.get(field)?)
    }

    /// `true` or `false`.
    pub(super) fn truth(&mut self, field: &'static str) -> Option<bool> {
        self.value(field, "`true` or `false`")
    }
}
