//! An item of another service: shown as it came, but under the id that it has here.

use std::collections::HashMap;
use std::fmt;

use response_domain::id::ItemId;
use response_domain::json::Json;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Flavour;
use super::item_id::{Kind, ShownId};

/// The item, member by member.
pub(super) struct Foreign<'a> {
    id: ShownId,
    r#type: String,
    /// Its other members, in order.
    members: Vec<(String, &'a RawValue)>,
    /// For those that did not come with one, where one must be.
    status: Option<&'static str>,
}

impl<'a> Foreign<'a> {
    pub(super) fn of(id: ItemId, item: &'a Json, flavour: Flavour) -> Self {
        let Members(mut members) = serde_json::from_str(item.as_str()).unwrap_or_default();
        let given = members.iter().find(|(name, _)| name == "type");
        let given = given.and_then(|(_, json)| serde_json::from_str::<String>(json.get()).ok());
        members.retain(|(name, _)| name != "id" && name != "type");
        let has_status = members.iter().any(|(name, _)| name == "status");
        let is_extension = flavour == Flavour::OpenResponses;
        let r#type = match given {
            None => Kind::Foreign.word(flavour).to_owned(),
            // Somebody's extension already, or OpenAI's own item, which is ours here.
            Some(word) if is_extension && !word.contains(':') => format!("jan:{word}"),
            Some(word) => word,
        };
        Self {
            id: ShownId(Kind::Foreign, id),
            r#type,
            members,
            status: (is_extension && !has_status).then_some("completed"),
        }
    }
}

impl Serialize for Foreign<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", &self.r#type)?;
        if let Some(status) = self.status {
            map.serialize_entry("status", status)?;
        }
        for (name, json) in &self.members {
            map.serialize_entry(name, json)?;
        }
        map.end()
    }
}

/// The members of an object, in order; of a name given twice the last.
#[derive(Default)]
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(String, &'de RawValue)> = Vec::new();
        let mut places = HashMap::new();
        while let Some((name, json)) = map.next_entry::<String, &'de RawValue>()? {
            let place = *places.entry(name.clone()).or_insert(members.len());
            match members.get_mut(place) {
                Some(known) => known.1 = json,
                None => members.push((name, json)),
            }
        }
        Ok(Members(members))
    }
}
