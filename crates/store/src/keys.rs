//! The keys by which callers mark their requests. All times are by the clock of the database. What takes a
//! key is part of a commit.

use std::time::Duration;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::ports::idempotency::{
    Fingerprint, IdempotencyKey, KEY_LIFE, KeyStore, KeyUse, Keyed,
};
use response_domain::ports::store::StoreError;
use response_domain::work::{Committed, UnitOfWork};
use sea_orm::QueryResult;

use crate::backend::Backend;
use crate::both::{Both, both};
use crate::error::{corrupt, from_orm};
use crate::record::RecordError;
use crate::{Store, answered, plain, restore};

/// So many seconds ago.
macro_rules! before {
    (sqlite, $seconds:literal) => {
        concat!(
            "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-' || ",
            $seconds,
            " || ' seconds')"
        )
    };
    (postgres, $seconds:literal) => {
        concat!("clock_timestamp() - ", $seconds, " * interval '1 second'")
    };
}

pub(crate) use before;

macro_rules! find {
    ($database:ident) => {
        concat!(
            "SELECT fingerprint, response_id FROM idempotency_keys
            WHERE owner = $1 AND key = $2 AND created_at >= ",
            before!($database, "$3")
        )
    };
}

const FIND: Both = both!(find);

/// The oldest go first. On PostgreSQL what another is about to forget, or to take anew, is left to that one.
macro_rules! forget {
    ($database:ident, $skip:literal) => {
        concat!(
            "DELETE FROM idempotency_keys WHERE (owner, key) IN (
                SELECT k.owner, k.key FROM idempotency_keys k WHERE k.created_at < ",
            before!($database, "$1"),
            " ORDER BY k.created_at LIMIT $2",
            $skip,
            ")"
        )
    };
}

const FORGET: Both = Both {
    sqlite: forget!(sqlite, ""),
    postgres: forget!(postgres, " FOR UPDATE SKIP LOCKED"),
};

/// How often it is asked again what a key stands for, when it was taken and then was not there.
const TRIES: u32 = 3;

pub(crate) fn seconds(life: Duration) -> i64 {
    i64::try_from(life.as_secs()).unwrap_or(i64::MAX)
}

impl Store {
    async fn find_key(&self, owner: &OwnerId, key: &str) -> Result<Option<KeyUse>, StoreError> {
        let question = match self.backend() {
            Backend::Sqlite(_) => FIND.sqlite,
            Backend::Postgres(_) => FIND.postgres,
        };
        let found = self.rows(question, |sink| {
            sink.text(Some(&plain::write(owner.as_str())));
            sink.text(Some(&plain::write(key)));
            sink.large(Some(seconds(KEY_LIFE)));
        });
        let found = found.await?;
        found.first().map(|row| read(owner, row)).transpose()
    }

    /// When the key stands for this very response the answer to the same write was lost.
    async fn take_key(&self, work: &UnitOfWork, key: &IdempotencyKey) -> Result<Keyed, StoreError> {
        for _ in 0..TRIES {
            if let Some(committed) = self.write_keyed(work, key).await? {
                return Ok(Keyed::Written(committed));
            }
            let response = &work.response;
            match self.find_key(&response.owner, &key.text).await? {
                Some(known) if known.response == response.id => {
                    return Ok(Keyed::Written(Committed::default()));
                }
                Some(_) => return Ok(Keyed::Taken),
                // Its life ended at this moment.
                None => {}
            }
        }
        Err(StoreError::Unavailable(
            "a key is taken and forgotten again and again".into(),
        ))
    }

    async fn forget_old_keys(&self, at_most: u16) -> Result<u32, StoreError> {
        let forgotten = self.write_rows(FORGET, |sink| {
            sink.large(Some(seconds(KEY_LIFE)));
            sink.large(Some(i64::from(at_most)));
        });
        Ok(u32::try_from(forgotten.await?).unwrap_or(u32::MAX))
    }
}

fn read(owner: &OwnerId, row: &QueryResult) -> Result<KeyUse, StoreError> {
    let unreadable = |error| corrupt("idempotency_keys", owner, error);
    let fingerprint: Vec<u8> = row.try_get("", "fingerprint").map_err(from_orm)?;
    let fingerprint = <[u8; 32]>::try_from(fingerprint.as_slice()).map_err(|_length| {
        unreadable(RecordError::Number(
            i64::try_from(fingerprint.len()).unwrap_or(i64::MAX),
        ))
    })?;
    let response: String = row.try_get("", "response_id").map_err(from_orm)?;
    Ok(KeyUse {
        fingerprint: Fingerprint(fingerprint),
        response: restore::id(&response).map_err(unreadable)?,
    })
}

#[async_trait]
impl KeyStore for Store {
    async fn key_use(&self, owner: &OwnerId, key: &str) -> Result<Option<KeyUse>, StoreError> {
        answered(self.find_key(owner, key)).await
    }

    async fn commit_keyed(
        &self,
        work: UnitOfWork,
        key: &IdempotencyKey,
    ) -> Result<Keyed, StoreError> {
        self.take_key(&work, key).await
    }

    async fn forget_keys(&self, at_most: u16) -> Result<u32, StoreError> {
        answered(self.forget_old_keys(at_most)).await
    }
}
