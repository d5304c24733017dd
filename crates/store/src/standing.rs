//! How a background response stands, with all that ending it or going on with it takes: for whoever claimed
//! it, and for whoever ends it from elsewhere. One that waits for its first run costs one query; executions
//! cost another, and so do events of a turn that is not over.

use std::sync::LazyLock;

use response_domain::caller::OwnerId;
use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use response_domain::ports::queue::{Standing, TakenUp};
use response_domain::ports::store::StoreError;
use response_domain::ports::vault::Sealed;
use response_domain::work::Job;
use sea_orm::{ConnectionTrait, FromQueryResult, IdenStatic, Iterable, Statement, Value};

use crate::Store;
use crate::entity::response;
use crate::error::{corrupt, from_orm};
use crate::plain;
use crate::queue::token;
use crate::record::checkpoint::read_checkpoint;
use crate::statement::end_of_log;

/// Both databases read it.
static STANDING: LazyLock<String> = LazyLock::new(|| {
    let columns = columns();
    format!(
        "SELECT {columns} FROM responses r
        WHERE r.id = $1 AND r.owner IS NOT DISTINCT FROM $2 AND r.deleted_at IS NULL AND r.background"
    )
});

/// The same of a response whose job somebody holds, with what waited beside it. Both databases read it.
static TAKEN_UP: LazyLock<String> = LazyLock::new(|| {
    let columns = columns();
    format!(
        "SELECT {columns}, j.request_id, s.key_id, s.sealed FROM response_jobs j
        JOIN responses r ON r.id = j.response_id
        LEFT JOIN response_secrets s ON s.response_id = j.response_id
        WHERE j.response_id = $1 AND j.worker_id = $2 AND j.lease = $3 AND r.deleted_at IS NULL"
    )
});

/// What a [`StandingRow`] is made of. Named one by one: a column that a later release adds is not read by
/// this one.
fn columns() -> String {
    let own = response::Column::iter().map(|column| format!("r.{}, ", column.as_str()));
    let own: String = own.collect();
    let end = end_of_log!("r.id");
    format!("{own}r.checkpoint, r.logged, {end} AS next")
}

/// A response with where its run stands.
#[derive(FromQueryResult)]
struct StandingRow {
    #[sea_orm(nested)]
    response: response::Model,
    checkpoint: Option<String>,
    logged: i64,
    next: i64,
}

/// A claimed response with what waited beside it.
#[derive(FromQueryResult)]
struct TakenUpRow {
    #[sea_orm(nested)]
    standing: StandingRow,
    request_id: String,
    key_id: Option<String>,
    sealed: Option<Vec<u8>>,
}

impl Store {
    /// How a background response stands.
    pub(crate) async fn read_standing(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Standing>, StoreError> {
        let owner = plain::write(owner.as_str()).into_owned();
        let row: Option<StandingRow> = self
            .stands(&STANDING, vec![id.to_string().into(), owner.into()])
            .await?;
        match row {
            Some(row) => self.standing(id, row).await,
            None => Ok(None),
        }
    }

    /// All about a claimed response.
    pub(crate) async fn take_up_job(&self, lease: &Lease) -> Result<Option<TakenUp>, StoreError> {
        let id = lease.response;
        let values = vec![
            id.to_string().into(),
            lease.worker.to_string().into(),
            token(lease).into(),
        ];
        let Some(TakenUpRow {
            standing,
            request_id,
            key_id,
            sealed,
        }) = self.stands(&TAKEN_UP, values).await?
        else {
            return Ok(None);
        };
        let credential = key_id.zip(sealed).map(|(key, bytes)| Sealed {
            key: plain::read(&key).into(),
            bytes: bytes.into(),
        });
        let job = Job {
            request_id: plain::read(&request_id).into(),
            credential,
        };
        let standing = self.standing(id, standing).await?;
        Ok(standing.map(|standing| TakenUp { standing, job }))
    }

    async fn stands<R: FromQueryResult>(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Option<R>, StoreError> {
        let connection = self.backend().reader();
        let backend = connection.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, values);
        let row = connection
            .query_one_raw(statement)
            .await
            .map_err(from_orm)?;
        let row = row.map(|row| R::from_query_result(&row, ""));
        row.transpose().map_err(from_orm)
    }

    async fn standing(
        &self,
        id: ResponseId,
        row: StandingRow,
    ) -> Result<Option<Standing>, StoreError> {
        let StandingRow {
            response,
            checkpoint,
            logged,
            next,
        } = row;
        let connection = self.backend().reader();
        let mut whole = self.with_executions(connection, vec![response]).await?;
        let Some(response) = whole.pop() else {
            return Ok(None);
        };
        let broken = |error| corrupt("responses", format!("{id}: its checkpoint"), error);
        let executions = &response.progress.executions;
        let checkpoint = checkpoint.map(|text| read_checkpoint(&text, executions));
        let checkpoint = checkpoint.transpose().map_err(broken)?;
        let tail = if logged < next {
            self.tail(&response, logged, next).await?
        } else {
            Vec::new()
        };
        Ok(Some(Standing {
            response,
            checkpoint,
            next: u64::try_from(next).unwrap_or(0),
            tail,
        }))
    }
}
