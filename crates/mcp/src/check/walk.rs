//! The walk along a schema and a value together: what stands beside each other in a schema, what combines
//! schemas, and the purse that every step is paid from.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::check::pattern::Pattern;
use crate::check::place::Place;
use crate::check::schema::{Draft, Schema};
use crate::check::told::Told;
use crate::check::{Fit, Spent};

/// How deep schemas may stand in each other at one time. A reference that leads to itself ends here.
const MAX_DEPTH: usize = 128;

/// A check that is under way.
#[derive(Debug)]
pub(super) struct Walk<'s> {
    pub(super) schema: &'s Schema,
    left: usize,
    depth: usize,
    /// The patterns that were met, ready; none for one that cannot be used.
    pub(super) patterns: HashMap<&'s str, Option<Rc<Pattern>>>,
}

impl<'s> Walk<'s> {
    pub(super) fn new(schema: &'s Schema, budget: usize) -> Self {
        Self {
            schema,
            left: budget,
            depth: 0,
            patterns: HashMap::new(),
        }
    }

    /// How many steps are left.
    #[cfg(test)]
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Pays for what is about to be done.
    pub(super) fn pay(&mut self, steps: usize) -> Result<(), Spent> {
        let left = self.left.checked_sub(steps);
        self.left = left.unwrap_or(0);
        left.map(|_left| ()).ok_or(Spent)
    }

    /// Pays for going through so many bytes.
    pub(super) fn pay_for(&mut self, bytes: usize) -> Result<(), Spent> {
        self.pay(1 + bytes / 64)
    }

    /// Tells what is wrong, and that something is. Its words are paid for as well.
    pub(super) fn wrong(
        &mut self,
        at: &Place<'_>,
        told: &mut Told,
        words: impl FnOnce() -> String,
    ) -> Result<Fit, Spent> {
        if !told.is_full() {
            let words = words();
            self.pay(20 + words.len() / 16)?;
            told.add(at, &words);
        }
        Ok(Fit::No)
    }

    /// Whether what is at this place fits a schema.
    pub(super) fn schema(
        &mut self,
        schema: &'s Value,
        at: &Place<'_>,
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        self.pay(1)?;
        let schema = match schema {
            Value::Bool(true) => return Ok(Fit::Yes),
            Value::Bool(false) => {
                return self.wrong(at, told, || "nothing is allowed here".to_owned());
            }
            Value::Object(schema) => schema,
            _ => return Ok(Fit::Unknown),
        };
        if self.depth >= MAX_DEPTH {
            return Err(Spent);
        }
        self.depth += 1;
        let fit = self.keywords(schema, at, told);
        self.depth -= 1;
        fit
    }

    fn keywords(
        &mut self,
        schema: &'s Map<String, Value>,
        at: &Place<'_>,
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        if self.schema.draft == Draft::Old
            && let Some(reference) = schema.get("$ref")
        {
            return self.reference(reference, at, told);
        }
        let mut all = Fit::Yes;
        for (keyword, said) in schema {
            self.pay(1)?;
            let keyword = keyword.as_str();
            let fit = match at.value {
                Value::Object(object) => {
                    self.of_object((keyword, said), schema, (object, at), told)
                }
                Value::Array(items) => self.of_array((keyword, said), schema, (items, at), told),
                Value::String(text) => self.of_text((keyword, said), (text, at), told),
                Value::Number(number) => {
                    self.of_number((keyword, said), schema, (number, at), told)
                }
                Value::Null | Value::Bool(_) => Ok(None),
            };
            let fit = match fit? {
                Some(fit) => fit,
                None => self.of_any((keyword, said), schema, at, told)?,
            };
            all = all.and(fit);
            if all == Fit::No && told.is_full() {
                return Ok(Fit::No);
            }
        }
        Ok(all)
    }

    /// What is said of values of every type.
    fn of_any(
        &mut self,
        (keyword, said): (&'s str, &'s Value),
        schema: &'s Map<String, Value>,
        at: &Place<'_>,
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        match keyword {
            "type" => self.kind(said, at, told),
            "enum" => self.options(said, at, told),
            "const" => self.constant(said, at, told),
            "$ref" => self.reference(said, at, told),
            "allOf" => self.all_of(said, at, told),
            "anyOf" => self.any_of(said, at, told),
            "oneOf" => self.one_of(said, at, told),
            "not" => self.not(said, at, told),
            "if" => self.condition(said, schema, at, told),
            "$dynamicRef" | "$recursiveRef" => Ok(Fit::Unknown),
            _ => Ok(Fit::Yes),
        }
    }

    fn reference(
        &mut self,
        reference: &'s Value,
        at: &Place<'_>,
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let Some(reference) = reference.as_str() else {
            return Ok(Fit::Unknown);
        };
        self.pay(2 + reference.len() / 4)?;
        match self.schema.part(reference) {
            Some(part) => self.schema(part, at, told),
            None => Ok(Fit::Unknown),
        }
    }

    fn all_of(&mut self, all: &'s Value, at: &Place<'_>, told: &mut Told) -> Result<Fit, Spent> {
        let Value::Array(all) = all else {
            return Ok(Fit::Unknown);
        };
        let mut fit = Fit::Yes;
        for one in all {
            fit = fit.and(self.schema(one, at, told)?);
            if fit == Fit::No && told.is_full() {
                break;
            }
        }
        Ok(fit)
    }

    fn any_of(&mut self, ways: &'s Value, at: &Place<'_>, told: &mut Told) -> Result<Fit, Spent> {
        let Value::Array(ways) = ways else {
            return Ok(Fit::Unknown);
        };
        let mut is_sure = true;
        let mut faults = Vec::new();
        for way in ways {
            let mut first = told.of_a_way();
            match self.schema(way, at, &mut first)? {
                Fit::Yes => return Ok(Fit::Yes),
                Fit::Unknown => is_sure = false,
                Fit::No => faults.extend(first.first(at)),
            }
        }
        if !is_sure {
            return Ok(Fit::Unknown);
        }
        self.wrong(at, told, || {
            in_brackets("this value fits none of what is allowed here", &faults)
        })
    }

    fn one_of(&mut self, ways: &'s Value, at: &Place<'_>, told: &mut Told) -> Result<Fit, Spent> {
        let Value::Array(ways) = ways else {
            return Ok(Fit::Unknown);
        };
        let (mut fitting, mut unsure) = (0_usize, 0_usize);
        let mut faults = Vec::new();
        for way in ways {
            let mut first = told.of_a_way();
            match self.schema(way, at, &mut first)? {
                Fit::Yes => fitting += 1,
                Fit::Unknown => unsure += 1,
                Fit::No => faults.extend(first.first(at)),
            }
            if fitting > 1 {
                let words =
                    "this value fits more than one of what is allowed here, and must fit one";
                return self.wrong(at, told, || words.to_owned());
            }
        }
        match (fitting, unsure) {
            (1, 0) => Ok(Fit::Yes),
            (_, 0) => self.wrong(at, told, || {
                in_brackets("this value fits none of what is allowed here", &faults)
            }),
            _ => Ok(Fit::Unknown),
        }
    }

    fn not(&mut self, schema: &'s Value, at: &Place<'_>, told: &mut Told) -> Result<Fit, Spent> {
        match self.schema(schema, at, &mut Told::nothing())?.opposite() {
            Fit::No => self.wrong(at, told, || {
                "this value is one of those that are ruled out here".to_owned()
            }),
            fit => Ok(fit),
        }
    }

    fn condition(
        &mut self,
        condition: &'s Value,
        schema: &'s Map<String, Value>,
        at: &Place<'_>,
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let consequence = match self.schema(condition, at, &mut Told::nothing())? {
            Fit::Yes => "then",
            Fit::No => "else",
            Fit::Unknown => return Ok(Fit::Unknown),
        };
        match schema.get(consequence) {
            Some(consequence) => self.schema(consequence, at, told),
            None => Ok(Fit::Yes),
        }
    }
}

/// A sentence and its details.
fn in_brackets(sentence: &str, details: &[String]) -> String {
    if details.is_empty() {
        return sentence.to_owned();
    }
    format!("{sentence} ({})", details.join("; or "))
}
