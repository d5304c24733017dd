//! The keys that this service gives out. They are few, and asked for by their digest. A stranger to all of
//! them is who brings a text that is none; no owner asks here for another's, so no statement but the list
//! names one.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use response_domain::api_key::{ApiKey, KeyDigest};
use response_domain::caller::OwnerId;
use response_domain::id::ApiKeyId;
use response_domain::ports::api_key::ApiKeyStore;
use response_domain::ports::store::StoreError;
use response_domain::time::Timestamp;
use sea_orm::QueryResult;

use crate::backend::Backend;
use crate::both::Both;
use crate::commit::{Bound, postgres, sqlite};
use crate::error::{corrupt, from_orm};
use crate::row::{Sink, Values};
use crate::{Store, answered, plain, restore};

macro_rules! columns {
    () => {
        "id, owner, label, created_at, expires_at, revoked_at, last_used_at"
    };
}

const ADD: &str = concat!(
    "INSERT INTO api_keys (",
    columns!(),
    ", digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
);

const FIND: &str = concat!("SELECT ", columns!(), " FROM api_keys WHERE digest = $1");

/// Of several that saw it at once one writes.
const NOTE: Both = Both::same(
    "UPDATE api_keys SET last_used_at = $2
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)",
);

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM api_keys ORDER BY created_at, id"
);

const LIST_OF_OWNER: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM api_keys WHERE owner = $1 ORDER BY created_at, id"
);

const REVOKE: &str = concat!(
    "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1 RETURNING ",
    columns!()
);

/// How exact it is when a key was last seen.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// How long whoever brings a key waits for that to be noted.
const NOTE_WITHIN: Duration = Duration::from_secs(1);

impl Store {
    async fn add_api_key(&self, key: &ApiKey, digest: &KeyDigest) -> Result<(), StoreError> {
        match self.backend() {
            Backend::Sqlite(database) => {
                let transaction = database.begin_write().await.map_err(from_orm)?;
                let mut values = Values::default();
                give(key, digest, &mut values);
                sqlite::execute(&transaction, ADD, values.0).await?;
                transaction.commit().await.map_err(from_orm)
            }
            Backend::Postgres(database) => {
                let arguments = || {
                    let mut bound = Bound::default();
                    give(key, digest, &mut bound);
                    bound.finish()
                };
                postgres::write(database, ADD, arguments).await.map(drop)
            }
        }
    }

    async fn find_api_key(&self, digest: &KeyDigest) -> Result<Option<ApiKey>, StoreError> {
        let found = self.rows(FIND, |sink| sink.bytes(Some(&digest.0))).await?;
        found.first().map(read).transpose()
    }

    /// Notes that a key was seen. What does not succeed is left.
    async fn note_api_key(&self, key: &ApiKey, seen: Timestamp) {
        let is_noted = |last: Timestamp| seen.since(last) < NOTED_EVERY;
        if key.last_used_at.is_some_and(is_noted) {
            return;
        }
        let noted = self.write_rows(NOTE, |sink| {
            sink.text(Some(&key.id.to_string()));
            sink.moment(Some(seen.to_utc()));
            sink.moment(Some(seen.before(NOTED_EVERY).to_utc()));
        });
        match tokio::time::timeout(NOTE_WITHIN, noted).await {
            Ok(Ok(_rows)) => {}
            Ok(Err(error)) => tracing::debug!(
                key.id = %key.id,
                error = &error as &dyn std::error::Error,
                "it could not be noted that a key was used"
            ),
            Err(_elapsed) => tracing::debug!(
                key.id = %key.id,
                "there was no time to note that a key was used"
            ),
        }
    }

    async fn list_api_keys(&self, owner: Option<&OwnerId>) -> Result<Vec<ApiKey>, StoreError> {
        let found = match owner {
            None => self.rows(LIST, |_| {}).await?,
            Some(owner) => {
                let owner = plain::write(owner.as_str());
                self.rows(LIST_OF_OWNER, |sink| sink.text(Some(&owner)))
                    .await?
            }
        };
        found.iter().map(read).collect()
    }

    async fn revoke_api_key(
        &self,
        id: ApiKeyId,
        at: Timestamp,
    ) -> Result<Option<ApiKey>, StoreError> {
        let revoked = self.returned(REVOKE, |sink| {
            sink.text(Some(&id.to_string()));
            sink.moment(Some(at.to_utc()));
        });
        revoked.await?.first().map(read).transpose()
    }
}

/// The values of the statement that adds a key.
fn give(key: &ApiKey, digest: &KeyDigest, sink: &mut dyn Sink) {
    let moment = |at: Option<Timestamp>| at.map(Timestamp::to_utc);
    sink.text(Some(&key.id.to_string()));
    sink.text(Some(&plain::write(key.owner.as_str())));
    sink.text(key.label.as_deref().map(plain::write).as_deref());
    sink.moment(Some(key.created_at.to_utc()));
    sink.moment(moment(key.expires_at));
    sink.moment(moment(key.revoked_at));
    sink.moment(moment(key.last_used_at));
    sink.bytes(Some(&digest.0));
}

fn read(row: &QueryResult) -> Result<ApiKey, StoreError> {
    let text = |column| row.try_get::<String>("", column).map_err(from_orm);
    let moment = |column| {
        let at = row.try_get::<Option<DateTime<Utc>>>("", column);
        at.map(|at| at.map(Timestamp::from)).map_err(from_orm)
    };
    let id = text("id")?;
    let label: Option<String> = row.try_get("", "label").map_err(from_orm)?;
    let created: DateTime<Utc> = row.try_get("", "created_at").map_err(from_orm)?;
    Ok(ApiKey {
        owner: OwnerId::new(&plain::read(&text("owner")?)),
        label: label.map(|label| plain::read(&label).into()),
        created_at: created.into(),
        expires_at: moment("expires_at")?,
        revoked_at: moment("revoked_at")?,
        last_used_at: moment("last_used_at")?,
        id: restore::id(&id).map_err(|error| corrupt("api_keys", &id, error))?,
    })
}

#[async_trait]
impl ApiKeyStore for Store {
    async fn add_key(&self, key: &ApiKey, digest: &KeyDigest) -> Result<(), StoreError> {
        answered(self.add_api_key(key, digest)).await
    }

    async fn key_of(
        &self,
        digest: &KeyDigest,
        seen: Timestamp,
    ) -> Result<Option<ApiKey>, StoreError> {
        let found = answered(self.find_api_key(digest)).await?;
        if let Some(key) = &found {
            self.note_api_key(key, seen).await;
        }
        Ok(found)
    }

    async fn keys_of(&self, owner: Option<&OwnerId>) -> Result<Vec<ApiKey>, StoreError> {
        answered(self.list_api_keys(owner)).await
    }

    async fn revoke_key(&self, id: ApiKeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        answered(self.revoke_api_key(id, at)).await
    }
}
