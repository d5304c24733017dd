//! Looking for what is past its time, some at a time along the ids.

use chrono::{DateTime, TimeDelta, Utc};
use response_domain::id::{ConversationId, RawId, ResponseId};
use response_domain::ports::store::StoreError;
use response_domain::status::StatusName;
use sea_orm::QueryResult;

use super::Class;
use crate::both::Both;
use crate::error::from_orm;
use crate::{Store, answered};

/// How many are looked at by one question.
pub(super) const LOOK: usize = 500;

/// What may be past its time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Responses of these statuses.
    Responses(Vec<&'static str>),
    /// What owners put into conversations.
    Put,
    /// What owners said of conversations.
    Conversations,
}

/// Something that is past its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Past {
    pub(super) id: String,
    pub(super) conversation: String,
    /// Whether there is anything to forget but that it was.
    pub(super) holds: bool,
}

/// What one look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) past: Vec<Past>,
    /// What may come to be past its time.
    pub(super) later: Vec<String>,
    /// The last that was looked at.
    pub(super) to: Option<String>,
    pub(super) is_all: bool,
}

/// The status of a row that holds what its owner put there.
const PUT_THERE: &str = "appended";

/// These ids, a list in JSON.
macro_rules! these {
    (sqlite) => {
        "IN (SELECT value FROM json_each($1))"
    };
    (postgres) => {
        "= ANY(ARRAY(SELECT json_array_elements_text($1::json)))"
    };
}

pub(super) use these;

/// Whether the row `r` holds items that its owner put there.
macro_rules! holds_items {
    () => {
        concat!(
            "CASE WHEN r.status = ",
            crate::conversation::put_there!(),
            " AND EXISTS (SELECT 1 FROM conversation_items i WHERE i.response_id = r.id) THEN 1 ELSE 0 END"
        )
    };
}

pub(super) use holds_items;

macro_rules! rows {
    () => {
        concat!(
            "SELECT r.id, r.conversation_id, r.status, r.ended_at,
                CASE WHEN r.deleted_at IS NULL THEN 1 ELSE ",
            holds_items!(),
            " END AS holds FROM responses r WHERE r.id "
        )
    };
}

macro_rules! conversations {
    () => {
        "SELECT r.id, r.id AS conversation_id, 'conversation' AS status, r.created_at AS ended_at, 1 AS holds
        FROM conversations r WHERE r.id "
    };
}

macro_rules! next {
    () => {
        "> $1 AND r.id < $2 ORDER BY r.id LIMIT $3"
    };
}

pub(crate) const NEXT_ROWS: &str = concat!(rows!(), next!());
pub(crate) const NEXT_CONVERSATIONS: &str = concat!(conversations!(), next!());

const THESE_ROWS: Both = Both {
    sqlite: concat!(rows!(), these!(sqlite)),
    postgres: concat!(rows!(), these!(postgres)),
};
const THESE_CONVERSATIONS: Both = Both {
    sqlite: concat!(conversations!(), these!(sqlite)),
    postgres: concat!(conversations!(), these!(postgres)),
};

/// Clocks of processes differ by less.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// A response that is written when it ends is written this long after it got its id, at most.
const LATE: TimeDelta = TimeDelta::hours(1);

/// The list of these ids in JSON; an id needs no escapes.
pub(super) fn list<'i>(ids: impl IntoIterator<Item = &'i str>) -> String {
    let quoted: Vec<String> = ids.into_iter().map(|id| format!("\"{id}\"")).collect();
    format!("[{}]", quoted.join(","))
}

impl Class {
    /// The id before all others.
    pub(super) fn first(&self) -> String {
        self.at(DateTime::UNIX_EPOCH)
    }

    /// An id from which on nothing is past its time: what began then cannot have ended before.
    pub(super) fn end(&self) -> String {
        self.at(self.before.checked_add_signed(SKEW).unwrap_or(self.before))
    }

    /// An id before which nothing appears any more.
    pub(super) fn settled(&self) -> String {
        self.at(self.before.checked_sub_signed(LATE).unwrap_or(self.before))
    }

    /// The first id of a moment.
    fn at(&self, moment: DateTime<Utc>) -> String {
        let millis = u128::try_from(moment.timestamp_millis()).unwrap_or(0);
        let raw = RawId::new(millis << 80);
        match self.kind {
            Kind::Responses(_) | Kind::Put => ResponseId::new(raw).to_string(),
            Kind::Conversations => ConversationId::new(raw).to_string(),
        }
    }

    /// Whether rows of this status are looked for; `None` when it may become one that is.
    fn is_of(&self, status: &str) -> Option<bool> {
        let open = [StatusName::Queued, StatusName::InProgress].map(StatusName::as_str);
        match &self.kind {
            Kind::Responses(_) if open.contains(&status) => None,
            Kind::Responses(words) => Some(words.contains(&status)),
            Kind::Put => Some(status == PUT_THERE),
            Kind::Conversations => Some(true),
        }
    }

    fn sort(&self, rows: &[QueryResult]) -> Result<Found, StoreError> {
        let mut found = Found::default();
        for row in rows {
            let id: String = row.try_get("", "id").map_err(from_orm)?;
            found.to = Some(id.clone());
            let status: String = row.try_get("", "status").map_err(from_orm)?;
            let ended: Option<DateTime<Utc>> = row.try_get("", "ended_at").map_err(from_orm)?;
            match (self.is_of(&status), ended) {
                (Some(false), _) => {}
                (Some(true), Some(ended)) if ended < self.before => {
                    let holds: i32 = row.try_get("", "holds").map_err(from_orm)?;
                    found.past.push(Past {
                        id,
                        conversation: row.try_get("", "conversation_id").map_err(from_orm)?,
                        holds: holds != 0,
                    });
                }
                (Some(true) | None, _) => found.later.push(id),
            }
        }
        Ok(found)
    }
}

impl Found {
    /// Of what was looked at again, what is to be done now, with no more than `most` that hold something; and
    /// what still waits.
    pub(super) fn parted(self, most: usize) -> (Vec<Past>, Vec<String>) {
        let mut left = most;
        let mut rest = self.later;
        let mut now = Vec::new();
        for past in self.past {
            if past.holds && left == 0 {
                rest.push(past.id);
            } else {
                left -= usize::from(past.holds);
                now.push(past);
            }
        }
        (now, rest)
    }

    /// The same with no more than `most` that hold something. What comes after the last of them was not looked
    /// at.
    pub(super) fn limited(mut self, most: usize) -> Self {
        let holding = self.past.iter().enumerate().filter(|(_, past)| past.holds);
        let Some((last, past)) = holding.take(most).last() else {
            return self;
        };
        if self.past.iter().filter(|past| past.holds).count() < most {
            return self;
        }
        self.to = Some(past.id.clone());
        self.is_all = false;
        self.past.truncate(last + 1);
        self
    }
}

impl Store {
    /// What comes after `from`, and before the end of the class.
    pub(super) async fn look_from(&self, class: &Class, from: &str) -> Result<Found, StoreError> {
        let question = match class.kind {
            Kind::Responses(_) | Kind::Put => NEXT_ROWS,
            Kind::Conversations => NEXT_CONVERSATIONS,
        };
        let limit = i64::try_from(LOOK).unwrap_or(i64::MAX);
        let rows = answered(self.rows(question, |sink| {
            sink.text(Some(from));
            sink.text(Some(&class.end()));
            sink.large(Some(limit));
        }));
        let rows = rows.await?;
        let mut found = class.sort(&rows)?;
        found.is_all = rows.len() < LOOK;
        Ok(found)
    }

    /// How these stand now.
    pub(super) async fn look_at(&self, class: &Class, ids: &[String]) -> Result<Found, StoreError> {
        let question = match class.kind {
            Kind::Responses(_) | Kind::Put => THESE_ROWS,
            Kind::Conversations => THESE_CONVERSATIONS,
        };
        let ids = list(ids.iter().map(String::as_str));
        let rows = answered(self.rows(question.of(self.backend()), |sink| sink.text(Some(&ids))));
        class.sort(&rows.await?)
    }
}
