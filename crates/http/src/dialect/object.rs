//! JSON objects of a request, read one level at a time: the members somebody asks for stay pieces of
//! the body, the others are passed over. Of a name given twice the last counts; `null` is as good as
//! absent.

use std::borrow::Cow;
use std::fmt;

use response_domain::json::Json;
use response_domain::spec::{Fault, FaultKind};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of one object that have a meaning.
pub(crate) struct Object<'a, const N: usize> {
    names: &'static [&'static str; N],
    members: [Option<&'a RawValue>; N],
    strange: Vec<String>,
}

impl<'a, const N: usize> Object<'a, N> {
    /// The members of `json` with these names.
    pub(crate) fn read(
        json: &'a str,
        names: &'static [&'static str; N],
    ) -> Result<Self, serde_json::Error> {
        Self::parse(json, names, Strange::PassedOver)
    }

    /// The same, and the other names that the object has.
    pub(super) fn read_closely(
        json: &'a str,
        names: &'static [&'static str; N],
    ) -> Result<Self, serde_json::Error> {
        Self::parse(json, names, Strange::Noted)
    }

    fn parse(
        json: &'a str,
        names: &'static [&'static str; N],
        strange: Strange,
    ) -> Result<Self, serde_json::Error> {
        let mut parser = serde_json::Deserializer::from_str(json);
        let (members, strange) = Members(names, strange).deserialize(&mut parser)?;
        parser.end()?;
        Ok(Self {
            names,
            members,
            strange,
        })
    }

    /// Names that nobody asked for, in their order; only those of an object that was read closely.
    pub(super) fn strange(&self) -> &[String] {
        &self.strange
    }

    /// The member of this name, which must be one of those asked for.
    pub(crate) fn get(&self, name: &'static str) -> Option<&'a RawValue> {
        let place = self.names.iter().position(|known| *known == name);
        debug_assert!(place.is_some(), "`{name}` was not asked for");
        self.members.get(place?).copied().flatten()
    }
}

/// What becomes of a name that nobody asked for.
#[derive(Clone, Copy)]
enum Strange {
    PassedOver,
    Noted,
}

struct Members<const N: usize>(&'static [&'static str; N], Strange);

impl<'de, const N: usize> DeserializeSeed<'de> for Members<N> {
    type Value = ([Option<&'de RawValue>; N], Vec<String>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Members<N> {
    type Value = ([Option<&'de RawValue>; N], Vec<String>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = [None; N];
        let mut strange = Vec::new();
        while let Some(name) = map.next_key_seed(Name(self.0, self.1))? {
            let member = name.map(|place| members.get_mut(place));
            if let Ok(None) | Err(None) = member {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &RawValue = map.next_value()?;
            let value = Some(value).filter(|value| value.get() != "null");
            match (member, value) {
                (Ok(Some(member)), value) => *member = value,
                // More of them than this help nobody.
                (Err(Some(name)), Some(_)) if strange.len() < MOST_FAULTS => strange.push(name),
                (Ok(None) | Err(_), _) => {}
            }
        }
        Ok((members, strange))
    }
}

/// A name, as its place among those asked for; otherwise the name itself when it is to be noted.
struct Name(&'static [&'static str], Strange);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Result<usize, Option<String>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Result<usize, Option<String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let place = self.0.iter().position(|known| *known == name);
        Ok(place.ok_or_else(|| match self.1 {
            Strange::PassedOver => None,
            Strange::Noted => Some(quoted(name).into_owned()),
        }))
    }
}

/// The longest piece of a request that a message repeats.
const LONGEST_QUOTE: usize = 64;

/// As much of `text` as fits into a message.
pub(super) fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST_QUOTE) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
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
