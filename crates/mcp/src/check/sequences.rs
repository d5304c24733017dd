//! What schemas say of arrays.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use serde_json::{Map, Value};

use crate::check::number::whole;
use crate::check::place::Place;
use crate::check::scalars::count;
use crate::check::schema::Draft;
use crate::check::told::Told;
use crate::check::walk::Walk;
use crate::check::{Fit, Spent};

impl<'s> Walk<'s> {
    /// What is said of arrays alone; none when the keyword is not about them.
    pub(super) fn of_array(
        &mut self,
        (keyword, said): (&'s str, &'s Value),
        schema: &'s Map<String, Value>,
        (items, at): (&[Value], &Place<'_>),
        told: &mut Told,
    ) -> Result<Option<Fit>, Spent> {
        let draft = self.schema.draft;
        let fit = match keyword {
            "maxItems" | "minItems" => match count(said) {
                Some(limit) => self.within((keyword, limit), items.len(), "item", (at, told))?,
                None => Fit::Unknown,
            },
            "prefixItems" if draft == Draft::Latest => match said {
                Value::Array(schemas) => self.tuple(schemas, (items, at), told)?,
                _ => Fit::Unknown,
            },
            "items" => match said {
                Value::Array(_) if draft == Draft::Latest => Fit::Unknown,
                Value::Array(schemas) => self.tuple(schemas, (items, at), told)?,
                each => {
                    let first = match schema.get("prefixItems") {
                        Some(Value::Array(before)) if draft == Draft::Latest => before.len(),
                        _ => 0,
                    };
                    self.each(each, first, (items, at), told)?
                }
            },
            "additionalItems" if draft != Draft::Latest => match schema.get("items") {
                Some(Value::Array(before)) => self.each(said, before.len(), (items, at), told)?,
                _ => Fit::Yes,
            },
            "uniqueItems" => match said {
                Value::Bool(true) => match self.unique(items)? {
                    Fit::No => {
                        self.wrong(at, told, || "this value has the same item twice".to_owned())?
                    }
                    fit => fit,
                },
                Value::Bool(false) => Fit::Yes,
                _ => Fit::Unknown,
            },
            "contains" => self.contains(said, schema, (items, at), told)?,
            "unevaluatedItems" => Fit::Unknown,
            _ => return Ok(None),
        };
        Ok(Some(fit))
    }

    /// Each item and the schema of its place.
    fn tuple(
        &mut self,
        schemas: &'s [Value],
        (items, at): (&[Value], &Place<'_>),
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let mut all = Fit::Yes;
        for (number, (schema, item)) in schemas.iter().zip(items).enumerate() {
            let fit = self.schema(schema, &at.of_number(number, item), told)?;
            all = all.and(fit);
            if all == Fit::No && told.is_full() {
                break;
            }
        }
        Ok(all)
    }

    /// Every item from the first on that no other schema is for.
    fn each(
        &mut self,
        schema: &'s Value,
        first: usize,
        (items, at): (&[Value], &Place<'_>),
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let mut all = Fit::Yes;
        for (number, item) in items.iter().enumerate().skip(first) {
            let fit = self.schema(schema, &at.of_number(number, item), told)?;
            all = all.and(fit);
            if all == Fit::No && told.is_full() {
                break;
            }
        }
        Ok(all)
    }

    fn contains(
        &mut self,
        said: &'s Value,
        schema: &'s Map<String, Value>,
        (items, at): (&[Value], &Place<'_>),
        told: &mut Told,
    ) -> Result<Fit, Spent> {
        let is_counted = self.schema.draft != Draft::Old;
        let limit = |name: &str| schema.get(name).filter(|_| is_counted).map(count);
        let (least, most) = match (limit("minContains"), limit("maxContains")) {
            (Some(None), _) | (_, Some(None)) => return Ok(Fit::Unknown),
            (least, most) => (least.flatten().unwrap_or(1), most.flatten()),
        };
        let (mut fitting, mut unsure) = (0_u64, 0_u64);
        for (number, item) in items.iter().enumerate() {
            match self.schema(said, &at.of_number(number, item), &mut Told::nothing())? {
                Fit::Yes => fitting += 1,
                Fit::Unknown => unsure += 1,
                Fit::No => {}
            }
        }
        let possible = fitting + unsure;
        if possible < least || most.is_some_and(|most| fitting > most) {
            return self.wrong(at, told, || {
                format!("{fitting} items of this value are of the kind that it must have")
            });
        }
        let is_sure = fitting >= least && most.is_none_or(|most| possible <= most);
        Ok(if is_sure { Fit::Yes } else { Fit::Unknown })
    }

    /// Whether no two are the same. Only those with the same digest are compared.
    fn unique(&mut self, items: &[Value]) -> Result<Fit, Spent> {
        let hasher = RandomState::new();
        let mut known: HashMap<u64, Vec<&Value>> = HashMap::new();
        let mut all = Fit::Yes;
        for item in items {
            let digest = self.digest(item, &hasher)?;
            let alike = known.entry(digest).or_default();
            for other in &*alike {
                all = all.and(self.same(item, other)?.opposite());
                if all == Fit::No {
                    return Ok(Fit::No);
                }
            }
            alike.push(item);
        }
        Ok(all)
    }

    /// The same for values that are the same.
    fn digest(&mut self, value: &Value, hasher: &RandomState) -> Result<u64, Spent> {
        self.pay(1)?;
        Ok(match value {
            Value::Null => hasher.hash_one(0_u8),
            Value::Bool(flag) => hasher.hash_one((1_u8, flag)),
            Value::Number(number) => match (whole(number), number.as_f64()) {
                // One that is near enough to a whole one for a doubt has its digest.
                (Some(whole), _) => hasher.hash_one((2_u8, rounded(whole).to_bits())),
                (None, float) => {
                    // Both zeros are one number.
                    let float = float.unwrap_or_default() + 0.0;
                    hasher.hash_one((2_u8, float.to_bits()))
                }
            },
            Value::String(text) => {
                self.pay(text.len() / 64)?;
                hasher.hash_one((3_u8, text))
            }
            Value::Array(items) => {
                let mut all = hasher.hash_one((4_u8, items.len()));
                for item in items {
                    all = hasher.hash_one((all, self.digest(item, hasher)?));
                }
                all
            }
            Value::Object(members) => {
                let mut all = hasher.hash_one((5_u8, members.len()));
                for (name, member) in members {
                    self.pay_for(name.len())?;
                    let one = hasher.hash_one((name, self.digest(member, hasher)?));
                    // In whatever order they stand.
                    all = all.wrapping_add(one);
                }
                all
            }
        })
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what is lost is found out by comparing"
)]
fn rounded(whole: i128) -> f64 {
    whole as f64
}
