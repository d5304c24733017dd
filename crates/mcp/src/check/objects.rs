//! What schemas say of objects.

use serde_json::{Map, Value};

use crate::check::place::Place;
use crate::check::scalars::count;
use crate::check::schema::Draft;
use crate::check::told::Told;
use crate::check::walk::Walk;
use crate::check::{Fit, Spent};

/// How many names that nobody knows one fault tells.
const SHOWN: usize = 5;

type Object = Map<String, Value>;

impl<'s> Walk<'s> {
    /// What is said of objects alone; none when the keyword is not about them.
    pub(super) fn of_object(
        &mut self,
        (keyword, said): (&'s str, &'s Value),
        schema: &'s Object,
        (object, at): (&Object, &Place<'_>),
        told: &mut Told,
    ) -> Result<Option<Fit>, Spent> {
        let draft = self.schema.draft;
        let fit = match (keyword, said) {
            ("maxProperties" | "minProperties", said) => match count(said) {
                Some(limit) => self.within((keyword, limit), object.len(), "key", (at, told))?,
                None => Fit::Unknown,
            },
            ("required", Value::Array(names)) => self.required(names, (object, at), told)?,
            // In the third draft it is a flag of the property itself.
            ("required", Value::Bool(_)) => Fit::Unknown,
            ("properties", Value::Object(known)) => self.properties(known, (object, at), told)?,
            ("patternProperties", Value::Object(known)) => {
                self.pattern_properties(known, (object, at), told)?
            }
            ("additionalProperties", rest) => self.others(rest, schema, (object, at), told)?,
            ("propertyNames", names) => self.property_names(names, (object, at), told)?,
            ("dependentRequired", Value::Object(needs)) if draft != Draft::Old => {
                self.dependent(needs, (object, at), told)?
            }
            ("dependentSchemas", Value::Object(needs)) if draft != Draft::Old => {
                self.dependent(needs, (object, at), told)?
            }
            ("dependencies", Value::Object(needs)) if draft == Draft::Old => {
                self.dependent(needs, (object, at), told)?
            }
            ("unevaluatedProperties" | "required" | "properties" | "patternProperties", _) => {
                Fit::Unknown
            }
            ("dependentRequired" | "dependentSchemas" | "dependencies", _) => Fit::Unknown,
            _ => return Ok(None),
        };
        Ok(Some(fit))
    }

    fn required(
        &mut self,
        names: &'s [Value],
        (object, at): (&Object, &Place<'_>),
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let mut all = Fit::Yes;
        for name in names {
            let fit = match name.as_str() {
                Some(name) => self.has(object, name)?,
                None => Fit::Unknown,
            };
            if fit == Fit::No {
                self.wrong(at, told, || format!("{name} is a required property"))?;
            }
            all = all.and(fit);
            if all == Fit::No && told.is_full() {
                break;
            }
        }
        Ok(all)
    }

    fn has(&mut self, object: &Object, name: &str) -> Result<Fit, Spent> {
        self.pay(1 + name.len() / 16)?;
        Ok(Fit::of(object.contains_key(name)))
    }

    fn properties(
        &mut self,
        known: &'s Object,
        (object, at): (&Object, &Place<'_>),
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let mut all = Fit::Yes;
        for (name, value) in object {
            self.pay(1 + name.len() / 16)?;
            if let Some(schema) = known.get(name) {
                all = all.and(self.schema(schema, &at.of_name(name, value), told)?);
            }
            if all == Fit::No && told.is_full() {
                break;
            }
        }
        Ok(all)
    }

    fn pattern_properties(
        &mut self,
        known: &'s Object,
        (object, at): (&Object, &Place<'_>),
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let mut all = Fit::Yes;
        for (pattern, schema) in known {
            for (name, value) in object {
                let fit = match self.matches(pattern, name)? {
                    Fit::No => Fit::Yes,
                    Fit::Yes => self.schema(schema, &at.of_name(name, value), told)?,
                    Fit::Unknown => Fit::Unknown,
                };
                all = all.and(fit);
                if all == Fit::No && told.is_full() {
                    return Ok(Fit::No);
                }
            }
        }
        Ok(all)
    }

    /// The properties that neither a name nor a pattern is for.
    fn others(
        &mut self,
        rest: &'s Value,
        schema: &'s Object,
        (object, at): (&Object, &Place<'_>),
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        if *rest == Value::Bool(true) {
            return Ok(Fit::Yes);
        }
        let mut all = Fit::Yes;
        let mut unexpected = Vec::new();
        for (name, value) in object {
            let fit = match self.is_other(name, schema)? {
                Fit::No => Fit::Yes,
                Fit::Unknown => Fit::Unknown,
                Fit::Yes if *rest == Value::Bool(false) => {
                    unexpected.push(name);
                    Fit::No
                }
                Fit::Yes => self.schema(rest, &at.of_name(name, value), told)?,
            };
            all = all.and(fit);
            if all == Fit::No && (told.is_full() || unexpected.len() > SHOWN) {
                break;
            }
        }
        if unexpected.is_empty() {
            return Ok(all);
        }
        self.wrong(at, told, || {
            let names: Vec<String> = unexpected
                .iter()
                .take(SHOWN)
                .map(|it| format!("'{it}'"))
                .collect();
            let were = match unexpected.len() {
                1 => " was unexpected",
                SHOWN.. if unexpected.len() > SHOWN => " and more were unexpected",
                _ => " were unexpected",
            };
            format!(
                "further properties are not allowed ({}{were})",
                names.join(", ")
            )
        })
    }

    fn is_other(&mut self, name: &str, schema: &'s Object) -> Result<Fit, Spent> {
        self.pay(1 + name.len() / 16)?;
        match schema.get("properties") {
            Some(Value::Object(known)) if known.contains_key(name) => return Ok(Fit::No),
            Some(Value::Object(_)) | None => {}
            Some(_) => return Ok(Fit::Unknown),
        }
        let patterns = match schema.get("patternProperties") {
            Some(Value::Object(patterns)) => patterns,
            None => return Ok(Fit::Yes),
            Some(_) => return Ok(Fit::Unknown),
        };
        let mut is_sure = true;
        for pattern in patterns.keys() {
            match self.matches(pattern, name)? {
                Fit::Yes => return Ok(Fit::No),
                Fit::No => {}
                Fit::Unknown => is_sure = false,
            }
        }
        Ok(if is_sure { Fit::Yes } else { Fit::Unknown })
    }

    fn property_names(
        &mut self,
        names: &'s Value,
        (object, at): (&Object, &Place<'_>),
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let mut all = Fit::Yes;
        for name in object.keys() {
            self.pay_for(name.len())?;
            let value = Value::String(name.clone());
            let fit = self.schema(names, &at.with(&value), &mut Told::nothing())?;
            all = all.and(fit);
            if fit == Fit::No {
                self.wrong(at, told, || {
                    format!("the property '{name}' has a name that is not allowed")
                })?;
            }
            if all == Fit::No && told.is_full() {
                break;
            }
        }
        Ok(all)
    }

    /// What has to be so when a property is there: others are too, or a schema fits.
    fn dependent(
        &mut self,
        needs: &'s Object,
        (object, at): (&Object, &Place<'_>),
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let mut all = Fit::Yes;
        for (name, needed) in needs {
            if self.has(object, name)? != Fit::Yes {
                continue;
            }
            let fit = match needed {
                Value::Array(names) => self.required(names, (object, at), told)?,
                Value::String(_) => {
                    self.required(std::slice::from_ref(needed), (object, at), told)?
                }
                schema => self.schema(schema, at, told)?,
            };
            all = all.and(fit);
            if all == Fit::No && told.is_full() {
                break;
            }
        }
        Ok(all)
    }
}
