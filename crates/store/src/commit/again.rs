//! Whether a write that was refused is one that was done before, and whose answer was lost.

use response_domain::ports::store::StoreError;
use response_domain::time::Timestamp;
use response_domain::work::UnitOfWork;
use sea_orm::Value;

use super::unwritable;
use crate::Store;
use crate::error::from_orm;
use crate::record::word::Word;
use crate::row::Background;

/// The response stands as `$2` says since `$3`, the log has these events, and the job is still held by `$7`,
/// unless it ended with this write. Nobody but the holder writes at that moment and with these events.
const WRITTEN: &str = "SELECT 1 AS written FROM responses r
    WHERE r.id = $1 AND r.status = $2 AND r.updated_at = $3 AND r.deleted_at IS NULL
        AND ($5 = 0 OR EXISTS (
            SELECT 1 FROM response_events e
            WHERE e.response_id = $1 AND e.number = $4 AND e.length = $5 AND e.body = $6
        ))
        AND (r.ended_at IS NOT NULL OR EXISTS (
            SELECT 1 FROM response_jobs j
            WHERE j.response_id = $1 AND j.worker_id = $7 AND j.lease = $8
        ))";

impl Store {
    /// [`StoreError::Stale`] when it was not done.
    pub(super) async fn is_written(&self, work: &UnitOfWork) -> Result<(), StoreError> {
        let Some(beside) = Background::of(work).map_err(unwritable)? else {
            return Err(StoreError::Stale);
        };
        let response = &work.response;
        let (log, holder) = (beside.log, beside.holder);
        let values: Vec<Value> = vec![
            response.id.to_string().into(),
            response.status().name().word().into(),
            Timestamp::to_utc(response.times.updated).into(),
            log.as_ref().map(|log| log.number).into(),
            log.as_ref().map_or(0, |log| log.length).into(),
            log.map(|log| log.body).into(),
            holder.as_ref().map(|holder| holder.worker.clone()).into(),
            holder.map(|holder| holder.token).into(),
        ];
        let found = self.one(WRITTEN, values).await.map_err(from_orm)?;
        found.ok_or(StoreError::Stale)
    }
}
