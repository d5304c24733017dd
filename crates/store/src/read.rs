//! Responses and their items, one, by id, or a page at a time. Every query names the owner.

use std::collections::HashMap;
use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::id::{ItemId, RawId, ResponseId};
use response_domain::item::Item;
use response_domain::page::{More, Page, Paged};
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::spec::Delivery;
use response_domain::status::StatusName;
use sea_orm::prelude::ChronoDateTimeUtc;
use sea_orm::sea_query::{BinOper, Expr, ExprTrait, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};

use crate::Store;
use crate::backend::Replica;
use crate::entity::{execution, item, response};
use crate::error::from_orm;
use crate::{plain, restore, row};

/// How many responses' items one query asks for.
const PARENTS: usize = 100;

/// What a page weighs at most: a hundred responses of ten megabytes each are no page.
const PAGE_BYTES: i64 = 8 * 1024 * 1024;

/// What a response weighs, in bytes of text.
const WEIGHT: &str = "CAST(octet_length(spec) + octet_length(progress) + COALESCE(
    (SELECT SUM(octet_length(e.body)) FROM tool_executions e WHERE e.response_id = responses.id), 0
) AS BIGINT)";

impl Store {
    /// The replica, when there is one that answers.
    fn replica(&self) -> Option<(&Replica, &DatabaseConnection)> {
        let replica = self.backend().replica()?;
        Some((replica, replica.connection()?))
    }

    pub(crate) async fn read_response(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Arc<Response>>, StoreError> {
        if let Some((replica, connection)) = self.replica() {
            match self.find_at(connection, owner, id).await {
                Ok(Some(found)) if found.times.ended.is_some() && !replica.was_deleted(id) => {
                    return Ok(Some(found));
                }
                // Whatever has not ended there, or is not there, may stand otherwise on the primary.
                Ok(_) => {}
                Err(error) => replica.note_failure(&error),
            }
        }
        self.find_at(self.backend().reader(), owner, id).await
    }

    pub(crate) async fn find_at(
        &self,
        connection: &DatabaseConnection,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Arc<Response>>, StoreError> {
        let row = own_one(owner, id).one(connection).await.map_err(from_orm)?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(self.with_executions(connection, vec![row]).await?.pop())
    }

    pub(crate) async fn read_page(
        &self,
        owner: &OwnerId,
        page: &Page,
    ) -> Result<Paged<Arc<Response>>, StoreError> {
        // What waits or runs may have gone on since the replica heard of it.
        let of_open = page.status.is_some_and(is_open);
        if let Some((replica, connection)) = self.replica().filter(|_| !of_open) {
            match self.page_at(connection, owner, page).await {
                Ok(Some(found)) if found.entries.iter().any(|it| is_under_way(it)) => {}
                Ok(Some(mut found)) => {
                    found
                        .entries
                        .retain(|response| !replica.was_deleted(response.id));
                    return Ok(found);
                }
                // The response after which the page begins is not there yet.
                Ok(None) => {}
                Err(error) => replica.note_failure(&error),
            }
        }
        let found = self.page_at(self.backend().reader(), owner, page).await?;
        Ok(found.unwrap_or(Paged {
            entries: Vec::new(),
            more: More::Nothing,
        }))
    }

    /// `None` when the response after which the page begins is not there.
    async fn page_at(
        &self,
        connection: &DatabaseConnection,
        owner: &OwnerId,
        page: &Page,
    ) -> Result<Option<Paged<Arc<Response>>>, StoreError> {
        let mut query = matching(owner, page);
        if let Some(after) = page.after {
            let Some(at) = place(connection, owner, after).await? else {
                return Ok(None);
            };
            let here = Expr::tuple([
                Expr::col(response::Column::CreatedAt),
                Expr::col(response::Column::Id),
            ]);
            query = query.filter(here.lt(Expr::tuple([at.into(), after.to_string().into()])));
        }
        let candidates: Vec<(String, i64)> = query
            .order_by_desc(response::Column::CreatedAt)
            .order_by_desc(response::Column::Id)
            .limit(u64::from(page.limit).saturating_add(1))
            .select_only()
            .column(response::Column::Id)
            .expr(Expr::cust(WEIGHT))
            .into_tuple()
            .all(connection)
            .await
            .map_err(from_orm)?;
        let fitting = fitting(&candidates, usize::from(page.limit));
        let more = if candidates.len() > fitting.len() {
            More::Follows
        } else {
            More::Nothing
        };
        // One that was deleted meanwhile is left out.
        let rows = undeleted()
            .filter(is_of(owner))
            .filter(response::Column::Id.is_in(fitting.iter().map(|(id, _)| id.as_str())))
            .order_by_desc(response::Column::CreatedAt)
            .order_by_desc(response::Column::Id)
            .all(connection)
            .await
            .map_err(from_orm)?;
        let entries = self.with_executions(connection, rows).await?;
        Ok(Some(Paged { entries, more }))
    }

    /// The responses of these rows, in their order.
    pub(crate) async fn with_executions(
        &self,
        connection: &DatabaseConnection,
        rows: Vec<response::Model>,
    ) -> Result<Vec<Arc<Response>>, StoreError> {
        let calling = rows
            .iter()
            .filter(|row| row.tool_calls > 0)
            .map(|row| row.id.as_str());
        let calling: Vec<&str> = calling.collect();
        let mut executions = if calling.is_empty() {
            restore::Executions::new()
        } else {
            let found = execution::Entity::find()
                .filter(execution::Column::ResponseId.is_in(calling))
                .order_by_asc(execution::Column::ResponseId)
                .order_by_asc(execution::Column::Ordinal)
                .all(connection)
                .await
                .map_err(from_orm)?;
            restore::executions(&found)?
        };
        rows.iter()
            .map(|row| restore::response(row, executions.remove(&row.id).unwrap_or_default()))
            .collect()
    }

    pub(crate) async fn read_items(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Vec<Arc<Item>>, StoreError> {
        let rows = own_items(owner)
            .filter(item::Column::ResponseId.eq(id.to_string()))
            .order_by_asc(item::Column::Ordinal)
            .all(self.backend().reader())
            .await
            .map_err(from_orm)?;
        rows.iter().map(restore::item).collect()
    }

    pub(crate) async fn read_items_by_id(
        &self,
        owner: &OwnerId,
        ids: &[ItemId],
    ) -> Result<Vec<Arc<Item>>, StoreError> {
        let mut by_parent: HashMap<RawId, Vec<i32>> = HashMap::new();
        for id in ids {
            by_parent
                .entry(id.parent)
                .or_default()
                .push(row::ordinal(id.ordinal));
        }
        let parents: Vec<(RawId, Vec<i32>)> = by_parent.into_iter().collect();
        let mut items = Vec::with_capacity(ids.len());
        for some in parents.chunks(PARENTS) {
            let mut wanted = Condition::any();
            for (parent, ordinals) in some {
                let response = ResponseId::new(*parent).to_string();
                wanted = wanted.add(
                    item::Column::ResponseId
                        .eq(response)
                        .and(item::Column::Ordinal.is_in(ordinals.iter().copied())),
                );
            }
            let rows = all_items(owner)
                .filter(wanted)
                .all(self.backend().reader())
                .await
                .map_err(from_orm)?;
            for row in &rows {
                items.push(restore::item(row)?);
            }
        }
        Ok(items)
    }
}

fn undeleted() -> Select<response::Entity> {
    response::Entity::find().filter(response::Column::DeletedAt.is_null())
}

/// The responses of an owner, for a list.
fn own(owner: &OwnerId) -> Select<response::Entity> {
    undeleted().filter(response::Column::Owner.eq(plain::write(owner.as_str()).into_owned()))
}

/// One response of an owner.
pub(crate) fn own_one(owner: &OwnerId, id: ResponseId) -> Select<response::Entity> {
    undeleted()
        .filter(response::Column::Id.eq(id.to_string()))
        .filter(is_of(owner))
}

/// Whether what was found by its id belongs to this owner; see [`statement`](crate::statement) for the words.
pub(crate) fn is_of(owner: &OwnerId) -> SimpleExpr {
    let owner = plain::write(owner.as_str()).into_owned();
    Expr::col((response::Entity, response::Column::Owner))
        .binary(BinOper::Custom("IS NOT DISTINCT FROM"), owner)
}

/// The items of an owner's responses, of which some are looked for by the ids of these.
fn own_items(owner: &OwnerId) -> Select<item::Entity> {
    all_items(owner).filter(response::Column::DeletedAt.is_null())
}

/// The same with those that the owner put into a conversation, which no response has. Deleted responses have
/// none.
fn all_items(owner: &OwnerId) -> Select<item::Entity> {
    item::Entity::find()
        .inner_join(response::Entity)
        .filter(is_of(owner))
}

/// The first of `candidates`, at most `limit`, that fit into a page by their weight; at least one.
fn fitting(candidates: &[(String, i64)], limit: usize) -> &[(String, i64)] {
    let mut weight: i64 = 0;
    let mut count = 0;
    for (_, bytes) in candidates.iter().take(limit) {
        weight = weight.saturating_add(*bytes);
        if count > 0 && weight > PAGE_BYTES {
            break;
        }
        count += 1;
    }
    candidates.get(..count).unwrap_or_default()
}

fn matching(owner: &OwnerId, page: &Page) -> Select<response::Entity> {
    let mut query = own(owner);
    if let Some(status) = page.status {
        query = query.filter(response::Column::Status.eq(status.as_str()));
        if is_open(status) {
            // The index of what is open is small.
            query = query.filter(response::Column::EndedAt.is_null());
        }
    }
    if let Some(background) = page.background {
        query = query.filter(response::Column::Background.eq(background));
    }
    if let Some(conversation) = page.conversation {
        query = query.filter(response::Column::ConversationId.eq(conversation.to_string()));
    }
    query
}

const fn is_open(status: StatusName) -> bool {
    matches!(status, StatusName::Queued | StatusName::InProgress)
}

/// Whether it waits or runs in the background.
fn is_under_way(response: &Response) -> bool {
    response.spec.delivery == Delivery::Background && !response.status().is_ended()
}

/// Where a response stands in the list of its owner. A deleted one keeps its place, so that a list can be
/// emptied page by page.
async fn place(
    connection: &DatabaseConnection,
    owner: &OwnerId,
    id: ResponseId,
) -> Result<Option<ChronoDateTimeUtc>, StoreError> {
    response::Entity::find()
        .select_only()
        .column(response::Column::CreatedAt)
        .filter(response::Column::Id.eq(id.to_string()))
        .filter(is_of(owner))
        .into_tuple()
        .one(connection)
        .await
        .map_err(from_orm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_what_fits_and_at_least_one() {
        let half = PAGE_BYTES / 2;
        let cases: [(&[i64], usize, usize); 6] = [
            (&[], 10, 0),
            (&[1, 1, 1], 10, 3),
            (&[1, 1, 1], 2, 2),
            (&[half, half, 1], 10, 2),
            (&[PAGE_BYTES * 9, 1], 10, 1),
            (&[1, PAGE_BYTES, 1], 10, 1),
        ];
        for (weights, limit, count) in cases {
            let candidates: Vec<_> = weights
                .iter()
                .map(|bytes| (String::new(), *bytes))
                .collect();
            assert_eq!(fitting(&candidates, limit).len(), count, "{weights:?}");
        }
    }
}
