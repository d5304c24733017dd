//! What is wrong with a body, in the words and with the codes that OpenAI's API has for it. Everything is
//! collected, so that a caller reads all of it at once; the first fault gives the problem its code and its
//! field.

use std::fmt;

use serde_json::value::RawValue;

use crate::dialect::object::quoted;
use crate::problem::Problem;

/// More faults than this help nobody.
const MOST_FAULTS: usize = 16;

/// A place in a body, as its writer would name it: `input[0].content[1].image_url`. Written only when
/// there is a fault.
#[derive(Clone, Copy)]
pub(super) enum Path<'p> {
    /// The body.
    Body,
    /// A member of what is there.
    Member(&'p Path<'p>, &'p str),
    /// An element of what is there.
    Element(&'p Path<'p>, usize),
}

impl Path<'static> {
    /// A field of the body.
    pub(super) const fn field(name: &'static str) -> Self {
        Self::Member(&Path::Body, name)
    }
}

impl<'p> Path<'p> {
    /// A member of what is here.
    pub(super) const fn member(&'p self, name: &'p str) -> Self {
        Self::Member(self, name)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => Ok(()),
            Self::Member(Path::Body, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Element(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// One thing that is wrong.
struct Fault {
    param: String,
    code: &'static str,
    message: String,
}

/// Everything that is wrong, in the order in which it was found.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was found wrong.
    pub(super) fn end(self) -> Result<(), Problem> {
        let messages: Vec<&str> = self.0.iter().map(|fault| &*fault.message).collect();
        let message = messages.join(" ");
        match self.0.into_iter().next() {
            None => Ok(()),
            Some(first) => Err(Problem::bad_request(first.code, message).about(first.param)),
        }
    }

    /// Notes a fault, and answers that there is no value.
    pub(super) fn add<T>(
        &mut self,
        at: &Path<'_>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Option<T> {
        if self.0.len() < MOST_FAULTS {
            let param = at.to_string();
            let message = message.into();
            self.0.push(Fault {
                param,
                code,
                message,
            });
        }
        None
    }

    /// Something must be there and is not.
    pub(super) fn missing<T>(&mut self, at: &Path<'_>) -> Option<T> {
        let message = format!("Missing required parameter: '{at}'.");
        self.add(at, "missing_required_parameter", message)
    }

    /// Something is of the wrong type.
    pub(super) fn wrong_type<T>(
        &mut self,
        at: &Path<'_>,
        expected: &str,
        json: &RawValue,
    ) -> Option<T> {
        let found = kind(json);
        let message =
            format!("Invalid type for '{at}': expected {expected}, but got {found} instead.");
        self.add(at, "invalid_type", message)
    }

    /// A word that is none of those that there are.
    pub(super) fn unsupported<T>(
        &mut self,
        at: &Path<'_>,
        found: &str,
        supported: &[&str],
    ) -> Option<T> {
        let (found, supported) = (quoted(found), listed(supported));
        let message =
            format!("Invalid value for '{at}': '{found}'. Supported values are: {supported}.");
        self.add(at, "invalid_value", message)
    }

    /// A value that does not do, for another reason than its type or its size.
    pub(super) fn value<T>(&mut self, at: &Path<'_>, why: &str) -> Option<T> {
        self.add(at, "invalid_value", format!("Invalid '{at}': {why}"))
    }

    /// Something that this service does not have.
    pub(super) fn unavailable<T>(&mut self, at: &Path<'_>, why: &str) -> Option<T> {
        let message = format!("Unsupported parameter: '{at}' {why}");
        self.add(at, "unsupported_parameter", message)
    }

    /// A text that does not follow a pattern.
    pub(super) fn mismatch<T>(&mut self, at: &Path<'_>, pattern: &str) -> Option<T> {
        let why = format!(
            "string does not match pattern. Expected a string that matches the pattern '{pattern}'."
        );
        self.value(at, &why)
    }

    /// A list or an object with too much in it.
    pub(super) fn too_many<T>(
        &mut self,
        at: &Path<'_>,
        what: Many,
        (most, found): (usize, usize),
    ) -> Option<T> {
        let (code, message) = match what {
            Many::Elements => (
                "array_above_max_length",
                format!(
                    "array too long. Expected an array with maximum length {most}, but got an array \
                     with length {found} instead."
                ),
            ),
            Many::Members => (
                "object_above_max_properties",
                format!(
                    "too many properties. Expected an object with at most {most} properties, but got \
                     an object with {found} properties instead."
                ),
            ),
        };
        self.add(at, code, format!("Invalid '{at}': {message}"))
    }

    /// A list that must not be empty.
    pub(super) fn empty_array<T>(&mut self, at: &Path<'_>) -> Option<T> {
        let message = format!(
            "Invalid '{at}': empty array. Expected an array with minimum length 1, but got an empty array \
             instead."
        );
        self.add(at, "empty_array", message)
    }

    /// Whether a text is as long as it may be; a fault when not.
    pub(super) fn fits(&mut self, at: &Path<'_>, text: &str, least: usize, most: usize) -> bool {
        // No text has more characters than bytes.
        if (least..=most).contains(&text.len()) && least <= 1 {
            return true;
        }
        let length = text.chars().count();
        if length < least {
            let message = format!(
                "Invalid '{at}': empty string. Expected a string with minimum length {least}, but got an \
                 empty string instead."
            );
            return self.add::<()>(at, "empty_string", message).is_some();
        }
        if length > most {
            let message = format!(
                "Invalid '{at}': string too long. Expected a string with maximum length {most}, but got a \
                 string with length {length} instead."
            );
            let code = "string_above_max_length";
            return self.add::<()>(at, code, message).is_some();
        }
        true
    }

    /// A number that is too small or too big.
    pub(super) fn out_of_range<T>(
        &mut self,
        at: &Path<'_>,
        number: Number,
        bound: Bound,
    ) -> Option<T> {
        let (code, side) = match (number, bound) {
            (Number::Integer(_), Bound::AtLeast(_)) => {
                ("integer_below_min_value", "below minimum value")
            }
            (Number::Integer(_), Bound::AtMost(_)) => {
                ("integer_above_max_value", "above maximum value")
            }
            (Number::Decimal(_), Bound::AtLeast(_)) => {
                ("decimal_below_min_value", "below minimum value")
            }
            (Number::Decimal(_), Bound::AtMost(_)) => {
                ("decimal_above_max_value", "above maximum value")
            }
        };
        let kind = match number {
            Number::Integer(_) => "integer",
            Number::Decimal(_) => "decimal",
        };
        let expected = match bound {
            Bound::AtLeast(least) => format!(">= {least}"),
            Bound::AtMost(most) => format!("<= {most}"),
        };
        let message = format!(
            "Invalid '{at}': {kind} {side}. Expected a value {expected}, but got {number} instead."
        );
        self.add(at, code, message)
    }
}

/// Of what there can be too many.
#[derive(Clone, Copy)]
pub(super) enum Many {
    /// Elements of an array.
    Elements,
    /// Members of an object.
    Members,
}

/// A number of a request.
#[derive(Clone, Copy)]
pub(super) enum Number {
    /// A whole one.
    Integer(i64),
    /// Any.
    Decimal(f64),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Decimal(number) => number.fmt(f),
        }
    }
}

/// What a number must not pass.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    /// It must be as big as this.
    AtLeast(i64),
    /// It must not be bigger than this.
    AtMost(i64),
}

/// What a JSON value is, in OpenAI's words.
fn kind(json: &RawValue) -> &'static str {
    match json.get().as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ if json
            .get()
            .bytes()
            .any(|byte| matches!(byte, b'.' | b'e' | b'E')) =>
        {
            "a decimal"
        }
        _ => "an integer",
    }
}

/// `'a', 'b', and 'c'`.
fn listed(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match words.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [one, other] => format!("{one} and {other}"),
        [all @ .., last] => format!("{}, and {last}", all.join(", ")),
    }
}
