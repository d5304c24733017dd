//! The members of an object of a body, each read as what it has to be. A member that is absent, or `null`,
//! is no value; one of the wrong type is none either, and a fault.

use std::ops::ControlFlow;

use serde_json::value::RawValue;

use super::faults::{Bound, Faults, Many, Number, Path};
use crate::dialect::elements::{MOST_ELEMENTS, each};
use crate::dialect::object::{Object, text};

/// The members of an object that have a meaning, and where the object is.
pub(super) struct Members<'a, 'p, const N: usize> {
    object: Object<'a, N>,
    at: Path<'p>,
}

impl<'a> Members<'a, 'static, 0> {
    /// Those of a body.
    pub(super) const fn of_body<const N: usize>(object: Object<'a, N>) -> Members<'a, 'static, N> {
        let at = Path::Body;
        Members { object, at }
    }
}

impl<'a, 'p, const N: usize> Members<'a, 'p, N> {
    /// Those of an object with these names; a fault when it is no object.
    pub(super) fn read(
        at: Path<'p>,
        json: &'a RawValue,
        names: &'static [&'static str; N],
        faults: &mut Faults,
    ) -> Option<Self> {
        match Object::read(json.get(), names) {
            Ok(object) => Some(Self { object, at }),
            Err(_) => faults.wrong_type(&at, "an object", json),
        }
    }

    /// Where the object is.
    pub(super) const fn here(&self) -> &Path<'p> {
        &self.at
    }

    /// Where a member is.
    pub(super) const fn at<'s>(&'s self, name: &'static str) -> Path<'s> {
        self.at.member(name)
    }

    /// A member as it came.
    pub(super) fn get(&self, name: &'static str) -> Option<&'a RawValue> {
        self.object.get(name)
    }

    /// A member that must be there.
    pub(super) fn required(&self, name: &'static str, faults: &mut Faults) -> Option<&'a RawValue> {
        self.get(name).or_else(|| faults.missing(&self.at(name)))
    }

    /// A text.
    pub(super) fn text<T: From<String> + for<'s> From<&'s str>>(
        &self,
        name: &'static str,
        faults: &mut Faults,
    ) -> Option<T> {
        faults.text(&self.at(name), self.get(name)?)
    }

    /// A text that must be there.
    pub(super) fn required_text<T: From<String> + for<'s> From<&'s str>>(
        &self,
        name: &'static str,
        faults: &mut Faults,
    ) -> Option<T> {
        let json = self.required(name, faults)?;
        faults.text(&self.at(name), json)
    }

    /// A text that must be there, and of no other length than these.
    pub(super) fn required_name<T>(
        &self,
        name: &'static str,
        most: usize,
        faults: &mut Faults,
    ) -> Option<T>
    where
        T: From<String> + for<'s> From<&'s str> + AsRef<str>,
    {
        let text: T = self.required_text(name, faults)?;
        let fits = faults.fits(&self.at(name), text.as_ref(), 1, most);
        fits.then_some(text)
    }

    /// `true` or `false`.
    pub(super) fn truth(&self, name: &'static str, faults: &mut Faults) -> Option<bool> {
        faults.truth(&self.at(name), self.get(name)?)
    }

    /// A word that is among these.
    pub(super) fn word<const W: usize>(
        &self,
        name: &'static str,
        words: &'static [&'static str; W],
        faults: &mut Faults,
    ) -> Option<&'static str> {
        let at = self.at(name);
        let word: String = faults.text(&at, self.get(name)?)?;
        let known = words.iter().find(|known| **known == word).copied();
        known.or_else(|| faults.unsupported(&at, &word, words))
    }

    /// A whole number between two.
    pub(super) fn integer(
        &self,
        name: &'static str,
        (least, most): (i64, i64),
        faults: &mut Faults,
    ) -> Option<i64> {
        let json = self.get(name)?;
        let at = self.at(name);
        let Some(number) = whole(json) else {
            return faults.wrong_type(&at, "an integer", json);
        };
        let found = Number::Integer(number);
        match number {
            _ if number < least => faults.out_of_range(&at, found, Bound::AtLeast(least)),
            _ if number > most => faults.out_of_range(&at, found, Bound::AtMost(most)),
            _ => Some(number),
        }
    }

    /// A number between two.
    pub(super) fn decimal(
        &self,
        name: &'static str,
        (least, most): (i32, i32),
        faults: &mut Faults,
    ) -> Option<f64> {
        let json = self.get(name)?;
        let at = self.at(name);
        let Ok(number) = serde_json::from_str::<f64>(json.get()) else {
            return faults.wrong_type(&at, "a decimal", json);
        };
        let found = Number::Decimal(number);
        match number {
            _ if number < least.into() => {
                faults.out_of_range(&at, found, Bound::AtLeast(least.into()))
            }
            _ if number > most.into() => {
                faults.out_of_range(&at, found, Bound::AtMost(most.into()))
            }
            _ => Some(number),
        }
    }
}

/// The number that a JSON integer stands for; the nearest that there is when it is too big.
fn whole(json: &RawValue) -> Option<i64> {
    let text = json.get();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let bound = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    Some(text.parse().unwrap_or(bound))
}

impl Faults {
    /// A text.
    pub(super) fn text<T: From<String> + for<'s> From<&'s str>>(
        &mut self,
        at: &Path<'_>,
        json: &RawValue,
    ) -> Option<T> {
        text(json).or_else(|| self.wrong_type(at, "a string", json))
    }

    /// `true` or `false`.
    pub(super) fn truth(&mut self, at: &Path<'_>, json: &RawValue) -> Option<bool> {
        match json.get() {
            "true" => Some(true),
            "false" => Some(false),
            _ => self.wrong_type(at, "a boolean", json),
        }
    }

    /// An array, each element of which `read` reads; at most as many as this. None when anything in it is
    /// wrong.
    pub(super) fn elements<'a, T>(
        &mut self,
        at: &Path<'_>,
        json: &'a RawValue,
        most: usize,
        mut read: impl FnMut(&Path<'_>, &'a RawValue, &mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        if !json.get().starts_with('[') {
            return self.wrong_type(at, "an array", json);
        }
        let before = self.count();
        let mut made = Vec::new();
        let mut length = 0;
        each(json, |index, element| {
            length = index + 1;
            if index < most {
                made.extend(read(&Path::Element(at, index), element, self));
            }
            if index < MOST_ELEMENTS {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        if length > most {
            return self.too_many(at, Many::Elements, (most, length));
        }
        (self.count() == before).then_some(made)
    }

    /// An array of texts.
    pub(super) fn texts<T: From<String> + for<'s> From<&'s str>>(
        &mut self,
        at: &Path<'_>,
        json: &RawValue,
    ) -> Option<Vec<T>> {
        self.elements(at, json, MOST_ELEMENTS, |at, json, faults| {
            faults.text(at, json)
        })
    }
}
