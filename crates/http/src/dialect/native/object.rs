//! JSON objects of a request, read one level at a time: the members somebody asks for stay pieces of
//! the body, the others are passed over. Of a name given twice the last counts; `null` is as good as
//! absent.

use std::fmt;

use response_domain::json::Json;
use response_domain::spec::{Fault, FaultKind};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of one object that have a meaning.
pub(super) struct Object<'a, const N: usize> {
    names: &'static [&'static str; N],
    members: [Option<&'a RawValue>; N],
}

impl<'a, const N: usize> Object<'a, N> {
    /// The members of `json` with these names.
    pub(super) fn read(
        json: &'a str,
        names: &'static [&'static str; N],
    ) -> Result<Self, serde_json::Error> {
        let mut parser = serde_json::Deserializer::from_str(json);
        let members = Members(names).deserialize(&mut parser)?;
        parser.end()?;
        Ok(Self { names, members })
    }

    /// The member of this name, which must be one of those asked for.
    pub(super) fn get(&self, name: &'static str) -> Option<&'a RawValue> {
        let place = self.names.iter().position(|known| *known == name);
        debug_assert!(place.is_some(), "`{name}` was not asked for");
        self.members.get(place?).copied().flatten()
    }
}

struct Members<const N: usize>(&'static [&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Members<N> {
    type Value = [Option<&'de RawValue>; N];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Members<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = [None; N];
        while let Some(place) = map.next_key_seed(Name(self.0))? {
            match place.and_then(|place| members.get_mut(place)) {
                Some(member) => {
                    let value: &RawValue = map.next_value()?;
                    *member = Some(value).filter(|value| value.get() != "null");
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(members)
    }
}

/// A name, as its place among those asked for.
struct Name(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}

/// What is wrong with a request, collected while it is read.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

/// More faults than this help nobody.
const MOST_FAULTS: usize = 16;

impl Faults {
    pub(super) fn add(&mut self, field: &str, kind: FaultKind, message: String) {
        if self.0.len() < MOST_FAULTS {
            self.0.push(Fault {
                field: field.to_owned(),
                kind,
                message,
            });
        }
    }

    /// Notes that a value is not what it must be, and answers that there is none.
    pub(super) fn invalid<T>(&mut self, field: &str, must: &str) -> Option<T> {
        self.add(
            field,
            FaultKind::Invalid,
            format!("`{field}` must be {must}"),
        );
        None
    }

    /// Notes that a value is absent, and answers that there is none.
    pub(super) fn missing<T>(&mut self, field: &str) -> Option<T> {
        self.add(field, FaultKind::Missing, format!("`{field}` is required"));
        None
    }

    /// A text.
    pub(super) fn text<T: From<String> + for<'s> From<&'s str>>(
        &mut self,
        field: &str,
        json: &RawValue,
    ) -> Option<T> {
        text(json).or_else(|| self.invalid(field, "a string"))
    }

    /// A value of a simple type.
    pub(super) fn value<'a, T: serde::Deserialize<'a>>(
        &mut self,
        field: &str,
        must: &str,
        json: &'a RawValue,
    ) -> Option<T> {
        match serde_json::from_str(json.get()) {
            Ok(value) => Some(value),
            Err(_) => self.invalid(field, must),
        }
    }

    /// An object of which these members have a meaning.
    pub(super) fn object<'a, const N: usize>(
        &mut self,
        field: &str,
        json: &'a RawValue,
        names: &'static [&'static str; N],
    ) -> Option<Object<'a, N>> {
        match Object::read(json.get(), names) {
            Ok(object) => Some(object),
            Err(_) => self.invalid(field, "an object"),
        }
    }
}

/// The text that a JSON string stands for; none when it is something else.
pub(super) fn text<T: From<String> + for<'s> From<&'s str>>(json: &RawValue) -> Option<T> {
    let inside = json.get().strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(inside.into());
    }
    serde_json::from_str::<String>(json.get()).ok().map(T::from)
}

/// A piece of the body to keep.
pub(super) fn kept(json: &RawValue) -> Json {
    Json::from_raw(json.to_owned())
}
