//! What schemas say of texts and numbers, of types, and of values that are given one by one.

use serde_json::{Map, Number, Value};

use crate::check::number::{is_multiple, is_whole, order};
use crate::check::place::Place;
use crate::check::told::Told;
use crate::check::walk::Walk;
use crate::check::{Fit, Spent};

/// How many of the values that are allowed are shown.
const SHOWN: usize = 8;
/// How much of one of them.
const SHOWN_BYTES: usize = 100;

impl<'s> Walk<'s> {
    /// What is said of texts alone; none when the keyword is not about them.
    pub(super) fn of_text(
        &mut self,
        (keyword, said): (&'s str, &'s Value),
        (text, at): (&str, &Place<'_>),
        told: &mut Told,
    ) -> Result<Option<Fit>, Spent> {
        let fit = match keyword {
            "maxLength" | "minLength" => {
                let Some(limit) = count(said) else {
                    return Ok(Some(Fit::Unknown));
                };
                self.pay_for(text.len())?;
                let length = text.chars().count();
                self.within((keyword, limit), length, "character", (at, told))?
            }
            "pattern" => {
                let Some(pattern) = said.as_str() else {
                    return Ok(Some(Fit::Unknown));
                };
                match self.matches(pattern, text)? {
                    Fit::No => self.wrong(at, told, || {
                        format!("this value does not match the pattern {}", shown(said))
                    })?,
                    fit => fit,
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(fit))
    }

    /// What is said of numbers alone; none when the keyword is not about them.
    pub(super) fn of_number(
        &mut self,
        (keyword, said): (&'s str, &'s Value),
        schema: &'s Map<String, Value>,
        (number, at): (&Number, &Place<'_>),
        told: &mut Told,
    ) -> Result<Option<Fit>, Spent> {
        let Some(limit) = Limit::read(keyword, said, schema) else {
            return Ok(None);
        };
        let Value::Number(bound) = said else {
            // The flag of the fourth draft is read with the limit it belongs to.
            return Ok(Some(match said {
                Value::Bool(_) => Fit::Yes,
                _ => Fit::Unknown,
            }));
        };
        let fit = match limit {
            Limit::Multiple => is_multiple(number, bound),
            _ => order(number, bound).map_or(Fit::Unknown, |order| {
                Fit::of(match limit {
                    Limit::Least => order.is_ge(),
                    Limit::Above => order.is_gt(),
                    Limit::Most => order.is_le(),
                    Limit::Below | Limit::Multiple => order.is_lt(),
                })
            }),
        };
        if fit != Fit::No {
            return Ok(Some(fit));
        }
        let words = || format!("this value is {} {bound}", limit.words());
        self.wrong(at, told, words).map(Some)
    }

    /// Whether a count is within a limit, be it the least or the most.
    pub(super) fn within(
        &mut self,
        (keyword, limit): (&str, u64),
        found: usize,
        noun: &str,
        (at, told): (&Place<'_>, &mut Told),
    ) -> Result<Fit, Spent> {
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        let is_most = keyword.starts_with("max");
        let fits = if is_most {
            found <= limit
        } else {
            found >= limit
        };
        if fits {
            return Ok(Fit::Yes);
        }
        self.wrong(at, told, || {
            let than = if is_most { "more" } else { "less" };
            let plural = if limit == 1 { "" } else { "s" };
            format!("this value has {than} than {limit} {noun}{plural}")
        })
    }

    pub(super) fn kind(
        &mut self,
        said: &'s Value,
        at: &Place<'_>,
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let kinds = match said {
            Value::String(_) => std::slice::from_ref(said),
            Value::Array(kinds) => kinds,
            _ => return Ok(Fit::Unknown),
        };
        self.pay(kinds.len() / 4)?;
        let mut is_sure = true;
        for kind in kinds {
            match kind.as_str().and_then(|kind| is_of(at.value, kind)) {
                Some(true) => return Ok(Fit::Yes),
                Some(false) => {}
                None => is_sure = false,
            }
        }
        if !is_sure {
            return Ok(Fit::Unknown);
        }
        self.wrong(at, told, || match kinds {
            [kind] => format!("this value is not of type {kind}"),
            kinds => {
                let kinds: Vec<String> = kinds.iter().take(SHOWN).map(Value::to_string).collect();
                format!("this value is not of types {}", kinds.join(", "))
            }
        })
    }

    pub(super) fn constant(
        &mut self,
        said: &'s Value,
        at: &Place<'_>,
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        match self.same(said, at.value)? {
            Fit::No => self.wrong(at, told, || format!("only {} is allowed", shown(said))),
            fit => Ok(fit),
        }
    }

    pub(super) fn options(
        &mut self,
        said: &'s Value,
        at: &Place<'_>,
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let Value::Array(options) = said else {
            return Ok(Fit::Unknown);
        };
        let mut is_sure = true;
        for option in options {
            match self.same(option, at.value)? {
                Fit::Yes => return Ok(Fit::Yes),
                Fit::No => {}
                Fit::Unknown => is_sure = false,
            }
        }
        if !is_sure {
            return Ok(Fit::Unknown);
        }
        self.wrong(at, told, || {
            let some: Vec<String> = options.iter().take(SHOWN).map(shown).collect();
            let more = options.len().saturating_sub(SHOWN);
            match (some.as_slice(), more) {
                ([before @ .., last], 0) if !before.is_empty() => {
                    format!("this value is not one of {} or {last}", before.join(", "))
                }
                (_, 0) => format!("this value is not one of {}", some.concat()),
                _ => format!(
                    "this value is not one of {} or {more} others",
                    some.join(", ")
                ),
            }
        })
    }

    /// Whether two values are the same.
    pub(super) fn same(&mut self, one: &Value, other: &Value) -> Result<Fit, Spent> {
        self.pay(1)?;
        match (one, other) {
            (Value::Number(one), Value::Number(other)) => {
                Ok(order(one, other).map_or(Fit::Unknown, |order| Fit::of(order.is_eq())))
            }
            (Value::String(one), Value::String(other)) => {
                self.pay(one.len().min(other.len()) / 64)?;
                Ok(Fit::of(one == other))
            }
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                let mut all = Fit::Yes;
                for (one, other) in one.iter().zip(other) {
                    all = all.and(self.same(one, other)?);
                    if all == Fit::No {
                        break;
                    }
                }
                Ok(all)
            }
            (Value::Object(one), Value::Object(other)) if one.len() == other.len() => {
                let mut all = Fit::Yes;
                for (name, one) in one {
                    self.pay_for(name.len())?;
                    all = all.and(match other.get(name) {
                        Some(other) => self.same(one, other)?,
                        None => Fit::No,
                    });
                    if all == Fit::No {
                        break;
                    }
                }
                Ok(all)
            }
            (Value::Null, Value::Null) => Ok(Fit::Yes),
            (Value::Bool(one), Value::Bool(other)) => Ok(Fit::of(one == other)),
            _ => Ok(Fit::No),
        }
    }
}

/// A limit of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Least,
    Above,
    Most,
    Below,
    Multiple,
}

impl Limit {
    fn read(keyword: &str, said: &Value, schema: &Map<String, Value>) -> Option<Self> {
        let is_exclusive = |flag: &str| schema.get(flag) == Some(&Value::Bool(true));
        Some(match keyword {
            "minimum" if is_exclusive("exclusiveMinimum") => Self::Above,
            "maximum" if is_exclusive("exclusiveMaximum") => Self::Below,
            "minimum" => Self::Least,
            "maximum" => Self::Most,
            "exclusiveMinimum" => Self::Above,
            "exclusiveMaximum" => Self::Below,
            "multipleOf" if !said.is_boolean() => Self::Multiple,
            _ => return None,
        })
    }

    fn words(self) -> &'static str {
        match self {
            Self::Least => "less than the minimum of",
            Self::Above => "not greater than",
            Self::Most => "greater than the maximum of",
            Self::Below => "not less than",
            Self::Multiple => "not a multiple of",
        }
    }
}

/// Whether a value is of a type; none for a type that nobody knows.
fn is_of(value: &Value, kind: &str) -> Option<bool> {
    Some(match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => matches!(value, Value::Number(number) if is_whole(number)),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => return None,
    })
}

/// A count as a schema gives it.
pub(super) fn count(said: &Value) -> Option<u64> {
    let Value::Number(number) = said else {
        return None;
    };
    number.as_u64()
}

/// The beginning of a value of the schema.
fn shown(value: &Value) -> String {
    let short = |text: &str| {
        let end = text.floor_char_boundary(SHOWN_BYTES);
        text.get(..end).unwrap_or_default().to_owned()
    };
    match value {
        Value::String(text) if text.len() > SHOWN_BYTES => format!("{:?}…", short(text)),
        Value::Array(_) => "a certain list".to_owned(),
        Value::Object(_) => "a certain object".to_owned(),
        other => other.to_string(),
    }
}
