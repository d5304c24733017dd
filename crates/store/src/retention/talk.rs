//! What stands of conversations, and tidying them: bare rows go to which nothing leads any more.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use response_domain::ports::store::StoreError;
use response_domain::retention::Expiry;
use response_domain::status::StatusName;
use response_domain::time::Timestamp;
use sea_orm::QueryResult;

use super::links::{Link, Said, idle};
use super::look::{holds_items, list, these};
use crate::both::Both;
use crate::conversation::{put_there, taken_out};
use crate::error::from_orm;
use crate::record::word;
use crate::{Store, answered};

/// A conversation, as far as that matters.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) links: Vec<Link>,
    pub(super) said: Said,
}

impl Talk {
    pub(super) fn stands(&self) -> bool {
        self.links.iter().any(|link| link.stands)
    }
}

macro_rules! rows {
    ($database:ident) => {
        concat!(
            "SELECT r.id, r.conversation_id, r.previous_response_id, r.conversation_position,
                r.conversation_seen, r.status, r.ended_at,
                CASE WHEN r.deleted_at IS NULL THEN 1 ELSE ",
            holds_items!(),
            " END AS holds,
                CASE r.status WHEN ",
            put_there!(),
            " THEN 'p' WHEN ",
            taken_out!(),
            " THEN 't' ELSE 'r' END AS kind
            FROM responses r WHERE r.conversation_id ",
            these!($database),
            " LIMIT $2"
        )
    };
}

const ROWS: Both = crate::both::both!(rows);

macro_rules! said {
    ($database:ident) => {
        concat!("SELECT id FROM conversations WHERE id ", these!($database))
    };
}

const SAID: Both = crate::both::both!(said);

/// How many conversations are looked at together.
const TOGETHER: usize = 100;

/// How many rows are looked at together. A conversation of more keeps its bare rows until it has fewer.
const ROWS_AT_ONCE: i64 = 20_000;

impl Store {
    /// Removes the bare rows of these conversations to which nothing leads, and answers those conversations
    /// that are there only because of what their owner said.
    pub(super) async fn tidy(
        &self,
        conversations: &[&str],
        expiry: &Expiry,
    ) -> Result<BTreeMap<String, Talk>, StoreError> {
        let mut hollow = BTreeMap::new();
        for some in conversations.chunks(TOGETHER) {
            let talks = match self.talks(some, expiry).await? {
                Some(talks) => talks,
                None => self.one_by_one(some, expiry).await?,
            };
            let idle = talks.values().flat_map(|talk| idle(&talk.links, talk.said));
            self.remove_rows(idle.collect()).await?;
            let of_owner = |talk: &Talk| talk.said == Said::Something && !talk.stands();
            hollow.extend(talks.into_iter().filter(|(_, talk)| of_owner(talk)));
        }
        Ok(hollow)
    }

    async fn one_by_one(
        &self,
        conversations: &[&str],
        expiry: &Expiry,
    ) -> Result<BTreeMap<String, Talk>, StoreError> {
        let mut all = BTreeMap::new();
        for conversation in conversations {
            if let Some(talks) = self.talks(&[conversation], expiry).await? {
                all.extend(talks);
            }
        }
        Ok(all)
    }

    /// How these conversations stand; `None` when they are too much.
    async fn talks(
        &self,
        conversations: &[&str],
        expiry: &Expiry,
    ) -> Result<Option<BTreeMap<String, Talk>>, StoreError> {
        let ids = list(conversations.iter().copied());
        let rows = answered(self.rows(ROWS.of(self.backend()), |sink| {
            sink.text(Some(&ids));
            sink.large(Some(ROWS_AT_ONCE));
        }));
        let rows = rows.await?;
        if i64::try_from(rows.len()).is_ok_and(|count| count == ROWS_AT_ONCE) {
            return Ok(None);
        }
        let mut talks: BTreeMap<String, Talk> = BTreeMap::new();
        for row in &rows {
            let id = row.try_get("", "conversation_id").map_err(from_orm)?;
            let talk = talks.entry(id).or_insert_with(|| Talk {
                links: Vec::new(),
                said: Said::Nothing,
            });
            talk.links.push(link(row, expiry)?);
        }
        let said = self.rows(SAID.of(self.backend()), |sink| sink.text(Some(&ids)));
        for row in answered(said).await? {
            let id: String = row.try_get("", "id").map_err(from_orm)?;
            let talk = talks.entry(id).or_insert_with(|| Talk {
                links: Vec::new(),
                said: Said::Something,
            });
            talk.said = Said::Something;
        }
        Ok(Some(talks))
    }
}

fn link(row: &QueryResult, expiry: &Expiry) -> Result<Link, StoreError> {
    let holds: i32 = row.try_get("", "holds").map_err(from_orm)?;
    Ok(Link {
        stands: holds != 0 || !is_past(row, expiry)?,
        id: row.try_get("", "id").map_err(from_orm)?,
        previous: row.try_get("", "previous_response_id").map_err(from_orm)?,
        place: row.try_get("", "conversation_position").map_err(from_orm)?,
        seen: row.try_get("", "conversation_seen").map_err(from_orm)?,
    })
}

/// Whether a bare row is past its time. The place of an item that was taken out needs none.
fn is_past(row: &QueryResult, expiry: &Expiry) -> Result<bool, StoreError> {
    let kind: String = row.try_get("", "kind").map_err(from_orm)?;
    let before = match kind.as_str() {
        "t" => return Ok(true),
        "p" => expiry.conversations,
        _ => {
            let status: String = row.try_get("", "status").map_err(from_orm)?;
            let status: Option<StatusName> = word::read(&status).ok();
            let of_status = status.and_then(|status| expiry.of(status));
            of_status.max(expiry.conversations)
        }
    };
    let ended: Option<DateTime<Utc>> = row.try_get("", "ended_at").map_err(from_orm)?;
    let ended = ended.map(Timestamp::from);
    Ok(ended
        .zip(before)
        .is_some_and(|(ended, before)| ended < before))
}
