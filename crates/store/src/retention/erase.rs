//! Erasing what was found. Each function here is one short transaction at most. On PostgreSQL rows are locked
//! in the order of their ids, and what somebody else has locked is left to that one; so several processes that
//! forget at once, and owners who delete meanwhile, do not wait for each other in a ring.

use response_domain::ports::store::StoreError;
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Statement};

use super::look::{holds_items, list, these};
use crate::both::Both;
use crate::error::from_orm;
use crate::{Store, answered};

/// The responses among these that ended and were not deleted.
const RESPONSES: Both = Both {
    sqlite: concat!(
        "SELECT id, background FROM responses WHERE id ",
        these!(sqlite),
        " AND ended_at IS NOT NULL AND deleted_at IS NULL"
    ),
    postgres: concat!(
        "SELECT id, background FROM responses WHERE id ",
        these!(postgres),
        " AND ended_at IS NOT NULL AND deleted_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED"
    ),
};

macro_rules! empty {
    ($database:ident) => {
        concat!(
            "UPDATE responses SET deleted_at = CURRENT_TIMESTAMP, spec = '', progress = '',
                error_message = NULL, checkpoint = NULL WHERE id ",
            these!($database)
        )
    };
}

const EMPTY: Both = crate::both::both!(empty);

/// What belongs to these responses in a table.
macro_rules! parts {
    ($table:literal) => {
        Both {
            sqlite: concat!(
                "DELETE FROM ",
                $table,
                " WHERE response_id ",
                these!(sqlite)
            ),
            postgres: concat!(
                "DELETE FROM ",
                $table,
                " WHERE response_id ",
                these!(postgres)
            ),
        }
    };
}

const PARTS: [Both; 2] = [parts!("conversation_items"), parts!("tool_executions")];

/// What responses in the background have besides; their deliveries before their attempts, as in a delete.
const BACKGROUND_PARTS: [Both; 5] = [
    Both {
        sqlite: concat!(
            "DELETE FROM webhook_deliveries WHERE response_id ",
            these!(sqlite)
        ),
        postgres: concat!(
            "WITH here AS MATERIALIZED (
                SELECT response_id, endpoint_id FROM webhook_deliveries WHERE response_id ",
            these!(postgres),
            " ORDER BY response_id, endpoint_id FOR UPDATE
            )
            DELETE FROM webhook_deliveries d USING here
            WHERE d.response_id = here.response_id AND d.endpoint_id = here.endpoint_id"
        ),
    },
    parts!("webhook_attempts"),
    parts!("response_events"),
    parts!("response_secrets"),
    parts!("response_jobs"),
];

/// The rows among these that hold what was put there.
const PUT: Both = Both {
    sqlite: concat!(
        "SELECT r.id FROM responses r WHERE r.id ",
        these!(sqlite),
        " AND ",
        holds_items!(),
        " = 1"
    ),
    postgres: concat!(
        "SELECT r.id FROM responses r WHERE r.id ",
        these!(postgres),
        " AND ",
        holds_items!(),
        " = 1 ORDER BY r.id FOR UPDATE SKIP LOCKED"
    ),
};

/// Bare rows.
const REMOVE: Both = Both {
    sqlite: concat!(
        "DELETE FROM responses AS r WHERE r.id ",
        these!(sqlite),
        " AND r.deleted_at IS NOT NULL AND ",
        holds_items!(),
        " = 0"
    ),
    postgres: concat!(
        "DELETE FROM responses WHERE id IN (
            SELECT r.id FROM responses r WHERE r.id ",
        these!(postgres),
        " AND r.deleted_at IS NOT NULL AND ",
        holds_items!(),
        " = 0 ORDER BY r.id FOR UPDATE SKIP LOCKED
        )"
    ),
};

const CONVERSATIONS: Both = Both {
    sqlite: concat!("SELECT id FROM conversations WHERE id ", these!(sqlite)),
    postgres: concat!(
        "SELECT id FROM conversations WHERE id ",
        these!(postgres),
        " ORDER BY id FOR UPDATE SKIP LOCKED"
    ),
};

/// Those in which nothing has begun meanwhile.
macro_rules! remove_conversations {
    ($database:ident) => {
        concat!(
            "DELETE FROM conversations WHERE id ",
            these!($database),
            " AND NOT EXISTS (SELECT 1 FROM responses o WHERE o.conversation_id = conversations.id)
            RETURNING id"
        )
    };
}

const REMOVE_CONVERSATIONS: Both = crate::both::both!(remove_conversations);

/// How many bare rows go at once.
const AT_ONCE: usize = 500;

impl Store {
    /// Empties those of these responses that nobody else empties at this moment, and answers which.
    pub(super) async fn empty_responses(&self, ids: &[&str]) -> Result<Vec<String>, StoreError> {
        let transaction = self.backend().begin_write().await.map_err(from_orm)?;
        let found = self.ask(&transaction, RESPONSES, ids).await?;
        let mut emptied = Vec::with_capacity(found.len());
        let mut in_background = Vec::new();
        for row in &found {
            let id: String = row.try_get("", "id").map_err(from_orm)?;
            if row.try_get("", "background").map_err(from_orm)? {
                in_background.push(id.clone());
            }
            emptied.push(id);
        }
        if emptied.is_empty() {
            return Ok(emptied);
        }
        let all = refs(&emptied);
        self.run(&transaction, EMPTY, &all).await?;
        for part in PARTS {
            self.run(&transaction, part, &all).await?;
        }
        let in_background = refs(&in_background);
        for part in BACKGROUND_PARTS
            .iter()
            .filter(|_| !in_background.is_empty())
        {
            self.run(&transaction, *part, &in_background).await?;
        }
        transaction.commit().await.map_err(from_orm)?;
        Ok(emptied)
    }

    /// The same for what owners put into conversations.
    pub(super) async fn empty_put(&self, ids: &[&str]) -> Result<Vec<String>, StoreError> {
        let transaction = self.backend().begin_write().await.map_err(from_orm)?;
        let emptied = names(&self.ask(&transaction, PUT, ids).await?)?;
        if !emptied.is_empty() {
            let [items, _] = PARTS;
            self.run(&transaction, items, &refs(&emptied)).await?;
            transaction.commit().await.map_err(from_orm)?;
        }
        Ok(emptied)
    }

    /// Removes bare rows, some at a time, the oldest first.
    pub(super) async fn remove_rows(&self, mut ids: Vec<&str>) -> Result<(), StoreError> {
        ids.sort_unstable();
        for some in ids.chunks(AT_ONCE) {
            let some = list(some.iter().copied());
            answered(self.write_rows(REMOVE, |sink| sink.text(Some(&some)))).await?;
        }
        Ok(())
    }

    /// Removes conversations with the last of their bare rows, and answers which could be.
    pub(super) async fn remove_conversations(
        &self,
        ids: &[&str],
        rows: &[&str],
    ) -> Result<Vec<String>, StoreError> {
        let transaction = self.backend().begin_write().await.map_err(from_orm)?;
        let held = names(&self.ask(&transaction, CONVERSATIONS, ids).await?)?;
        if held.is_empty() {
            return Ok(held);
        }
        self.run(&transaction, REMOVE, rows).await?;
        let held = refs(&held);
        let removed = self.ask(&transaction, REMOVE_CONVERSATIONS, &held).await?;
        let removed = names(&removed)?;
        transaction.commit().await.map_err(from_orm)?;
        Ok(removed)
    }

    async fn ask(
        &self,
        transaction: &DatabaseTransaction,
        question: Both,
        ids: &[&str],
    ) -> Result<Vec<QueryResult>, StoreError> {
        let asked = transaction.query_all_raw(self.about(question, ids)).await;
        asked.map_err(from_orm)
    }

    async fn run(
        &self,
        transaction: &DatabaseTransaction,
        statement: Both,
        ids: &[&str],
    ) -> Result<(), StoreError> {
        let done = transaction.execute_raw(self.about(statement, ids)).await;
        done.map(drop).map_err(from_orm)
    }

    fn about(&self, statement: Both, ids: &[&str]) -> Statement {
        let backend = self.backend();
        Statement::from_sql_and_values(
            backend.reader().get_database_backend(),
            statement.of(backend),
            [list(ids.iter().copied()).into()],
        )
    }
}

fn names(rows: &[QueryResult]) -> Result<Vec<String>, StoreError> {
    let names = rows
        .iter()
        .map(|row| row.try_get("", "id").map_err(from_orm));
    names.collect()
}

fn refs(ids: &[String]) -> Vec<&str> {
    ids.iter().map(String::as_str).collect()
}
