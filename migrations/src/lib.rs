//! The history of the schema, one for both databases. A migration that was released never changes;
//! a new one is added behind it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseTransaction, DbBackend, Statement};

pub use sea_orm_migration::prelude::MigratorTrait;

mod column;
mod m0001_responses;
mod m0002_queue;
mod m0003_webhooks;
mod m0004_conversations;
mod m0005_api_keys;

/// All migrations, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_responses::Migration),
            Box::new(m0002_queue::Migration),
            Box::new(m0003_webhooks::Migration),
            Box::new(m0004_conversations::Migration),
            Box::new(m0005_api_keys::Migration),
        ]
    }
}

/// How the schema of a database stands to the one this release knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Migrations of this release that the database lacks, oldest first.
    pub missing: Vec<String>,
    /// Migrations of the database that this release does not know: a newer release made them.
    pub unknown: Vec<String>,
}

/// The text of each migration, and of what they share.
const SOURCES: &[&str] = &[
    include_str!("column.rs"),
    include_str!("m0001_responses.rs"),
    include_str!("m0002_queue.rs"),
    include_str!("m0003_webhooks.rs"),
    include_str!("m0004_conversations.rs"),
    include_str!("m0005_api_keys.rs"),
];

/// Held by whoever migrates a Postgres database, until its transaction ends.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(7236831470021946531)";

impl Migrator {
    /// Applies all that is missing, and says how the schema stands afterwards. Processes that do this at
    /// the same time wait for each other: on Postgres for a lock that `transaction` holds to its end; on
    /// SQLite `transaction` must have begun as a writing one. A schema that a newer release made is left
    /// as it is.
    pub async fn apply(transaction: &DatabaseTransaction) -> Result<Standing, DbErr> {
        if transaction.get_database_backend() == DbBackend::Postgres {
            transaction.execute_unprepared(MIGRATION_LOCK).await?;
        }
        let standing = Self::standing(transaction).await?;
        if standing.missing.is_empty() || !standing.unknown.is_empty() {
            return Ok(standing);
        }
        Self::up(transaction, None).await?;
        Ok(Standing::default())
    }

    /// How the schema stands. Changes nothing.
    pub async fn standing<'c, C>(connection: C) -> Result<Standing, DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let manager = SchemaManager::new(connection);
        let table = Self::migration_table_name().to_string();
        if !manager.has_table(&table).await? {
            return Ok(Standing::between(&[]));
        }
        let connection = manager.get_connection();
        let query = format!("SELECT version FROM {table} ORDER BY version");
        let rows = connection
            .query_all_raw(Statement::from_string(
                connection.get_database_backend(),
                query,
            ))
            .await?;
        let applied: Result<Vec<String>, DbErr> =
            rows.iter().map(|row| row.try_get("", "version")).collect();
        Ok(Standing::between(&applied?))
    }

    /// Changes when a migration does: a schema made by the same text bears the same number.
    pub fn fingerprint() -> u64 {
        // FNV-1a, which is the same on every build and machine.
        SOURCES
            .iter()
            .flat_map(|source| source.bytes())
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
    }
}

impl Standing {
    fn between(applied: &[String]) -> Self {
        let known: Vec<String> = Migrator::migrations()
            .iter()
            .map(|migration| migration.name().to_owned())
            .collect();
        let lacking = |from: &[String], of: &[String]| {
            let names = of.iter().filter(|name| !from.contains(name));
            names.cloned().collect()
        };
        Self {
            missing: lacking(applied, &known),
            unknown: lacking(&known, applied),
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm_migration::sea_orm::{
        ConnectOptions, Database, DatabaseConnection, TransactionOptions, TransactionTrait,
    };

    use super::*;

    #[test]
    fn a_schema_can_lack_migrations_and_have_unknown_ones() {
        let nothing = Standing::between(&[]);
        let all = [
            "m0001_responses",
            "m0002_queue",
            "m0003_webhooks",
            "m0004_conversations",
            "m0005_api_keys",
        ];
        assert_eq!(nothing.missing, all);
        let newer = Standing::between(&["m0001_responses".into(), "m9999_later".into()]);
        assert_eq!(newer.missing, all[1..]);
        assert_eq!(newer.unknown, ["m9999_later"]);
    }

    async fn apply(database: &DatabaseConnection) -> Standing {
        let transaction = database
            .begin_with_options(TransactionOptions::default())
            .await
            .unwrap();
        let standing = Migrator::apply(&transaction).await.unwrap();
        transaction.commit().await.unwrap();
        standing
    }

    #[tokio::test]
    async fn what_was_applied_can_be_taken_back() {
        let mut options = ConnectOptions::new("sqlite::memory:");
        let database = Database::connect(options.max_connections(1).to_owned());
        let database = database.await.unwrap();
        assert_eq!(apply(&database).await, Standing::default());
        assert_eq!(apply(&database).await, Standing::default());
        Migrator::down(&database, None).await.unwrap();
        let standing = Migrator::standing(&database).await.unwrap();
        assert_eq!(standing, Standing::between(&[]));
        assert_eq!(apply(&database).await, Standing::default());
    }

    #[test]
    fn the_fingerprint_is_of_every_migration() {
        assert_eq!(SOURCES.len(), Migrator::migrations().len() + 1);
        for migration in Migrator::migrations() {
            let name = format!("\"{}\"", migration.name());
            assert!(
                SOURCES.iter().any(|source| source.contains(&name)),
                "{name}"
            );
        }
    }

    #[test]
    fn names_sort_as_the_migrations_are_applied() {
        let names: Vec<String> = Migrator::migrations()
            .iter()
            .map(|migration| migration.name().to_owned())
            .collect();
        assert!(names.is_sorted());
    }
}
