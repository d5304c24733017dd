//! The schema: brought up to date at the start if wanted, and compared with the release at any time.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use response_domain::ports::store::Readiness;
use response_migrations::{Migrator, Standing};
use sea_orm::{ConnectionTrait, DbErr};
use tokio::time::timeout;

use crate::backend::{Backend, claim};
use crate::options::Migrate;
use crate::{OpenError, Store};

/// Migrations may take longer than a request may wait.
const NO_TIMEOUTS: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                           SET LOCAL idle_in_transaction_session_timeout = 0";

/// Whoever asks whether the store is ready does not wait longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Brings the schema up to date, in one transaction.
pub(crate) async fn migrate(backend: &Backend) -> Result<(), DbErr> {
    let transaction = backend.begin_write().await?;
    if matches!(backend, Backend::Postgres(_)) {
        transaction.execute_unprepared(NO_TIMEOUTS).await?;
    }
    let standing = Migrator::apply(&transaction).await?;
    transaction.commit().await?;
    if !standing.unknown.is_empty() {
        tracing::warn!(
            migrations = ?standing.unknown,
            "the schema was made by a newer release; it is left as it is"
        );
    }
    Ok(())
}

/// Brings the schema of a file up to date when nobody has it. Whoever has it chose its schema.
pub(crate) async fn migrate_beside(
    backend: &Backend,
    path: &Path,
    wanted: Migrate,
) -> Result<(), OpenError> {
    if wanted == Migrate::Never {
        return Ok(());
    }
    let standing = Migrator::standing(backend.reader()).await;
    if standing.map_err(OpenError::Migrate)?.missing.is_empty() {
        return Ok(());
    }
    let Some(_lock) = claim(path)? else {
        return Ok(());
    };
    migrate(backend).await.map_err(OpenError::Migrate)
}

impl Store {
    pub(crate) async fn check(&self) -> Readiness {
        let standing = Migrator::standing(self.backend().reader());
        let fault: Box<dyn Error> = match timeout(PATIENCE, standing).await {
            Ok(Ok(standing)) => {
                return Readiness {
                    reachable: Ok(()),
                    schema: verdict(&standing),
                };
            }
            Ok(Err(error)) => Box::new(error),
            Err(elapsed) => Box::new(elapsed),
        };
        tracing::warn!(error = &*fault, "the database does not answer");
        Readiness {
            reachable: Err("the database does not answer".to_owned()),
            schema: Err("unknown, because the database does not answer".to_owned()),
        }
    }
}

fn verdict(standing: &Standing) -> Result<(), String> {
    if !standing.unknown.is_empty() {
        let unknown = standing.unknown.join(", ");
        return Err(format!(
            "the schema is newer than this release, which does not know {unknown}"
        ));
    }
    if !standing.missing.is_empty() {
        let missing = standing.missing.join(", ");
        return Err(format!("these migrations are missing: {missing}"));
    }
    Ok(())
}
