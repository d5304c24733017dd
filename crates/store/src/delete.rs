//! Forgetting a response. What it said and what was said to it goes; a bare row stays, so that the
//! responses that continue it still know what came before, and a conversation keeps its places.

use response_domain::caller::OwnerId;
use response_domain::id::ResponseId;
use response_domain::ports::store::StoreError;
use sea_orm::{ConnectionTrait, Statement};

use crate::Store;
use crate::error::from_orm;
use crate::plain;

const EMPTY: &str = "UPDATE responses
    SET deleted_at = CURRENT_TIMESTAMP, spec = '', progress = '', error_message = NULL, checkpoint = NULL
    WHERE id = $1 AND owner IS NOT DISTINCT FROM $2 AND ended_at IS NOT NULL AND deleted_at IS NULL
    RETURNING background";

const PARTS: [&str; 2] = [
    "DELETE FROM conversation_items WHERE response_id = $1",
    "DELETE FROM tool_executions WHERE response_id = $1",
];

/// What a response in the background has besides. An ended one has no job any more, so no lock is taken in
/// the wrong order here. Its deliveries go before their attempts: whoever is recording one is waited for.
const BACKGROUND_PARTS: [&str; 5] = [
    "DELETE FROM webhook_deliveries WHERE response_id = $1",
    "DELETE FROM webhook_attempts WHERE response_id = $1",
    "DELETE FROM response_events WHERE response_id = $1",
    "DELETE FROM response_secrets WHERE response_id = $1",
    "DELETE FROM response_jobs WHERE response_id = $1",
];

impl Store {
    pub(crate) async fn forget(&self, owner: &OwnerId, id: ResponseId) -> Result<bool, StoreError> {
        let key = id.to_string();
        let transaction = self.backend().begin_write().await.map_err(from_orm)?;
        let backend = transaction.get_database_backend();
        let values = [
            key.as_str().into(),
            plain::write(owner.as_str()).into_owned().into(),
        ];
        let emptied = transaction
            .query_one_raw(Statement::from_sql_and_values(backend, EMPTY, values))
            .await
            .map_err(from_orm)?;
        let Some(emptied) = emptied else {
            return Ok(false);
        };
        let background: bool = emptied.try_get("", "background").map_err(from_orm)?;
        let more: &[&str] = if background { &BACKGROUND_PARTS } else { &[] };
        for part in PARTS.iter().chain(more) {
            transaction
                .execute_raw(Statement::from_sql_and_values(
                    backend,
                    *part,
                    [key.as_str().into()],
                ))
                .await
                .map_err(from_orm)?;
        }
        transaction.commit().await.map_err(from_orm)?;
        self.housekeeping().note_erased();
        if let Some(replica) = self.backend().replica() {
            replica.note_deleted(id);
        }
        Ok(true)
    }
}
