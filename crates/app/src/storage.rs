//! The database, as the settings name it.

use response_settings::{Database as Section, Migrations};
use response_store::OpenError;
use response_store::options::{Database, Migrate, Options};

/// The embedded database's file in the data folder.
const FILE: &str = "responses.db";

pub(crate) fn options(section: Section) -> Result<Options, OpenError> {
    let Section {
        write_dsn,
        read_dsn,
        auto_migrate,
        pool_size,
        connect_timeout,
        statement_timeout,
        lock_timeout,
        data_dir,
    } = section;
    let database = match (write_dsn, read_dsn) {
        (None, _) => Database::Sqlite(data_dir.join(FILE)),
        (Some(primary), None) => primary.expose().parse()?,
        (Some(primary), Some(replica)) => primary
            .expose()
            .parse::<Database>()?
            .with_replica(replica.expose())?,
    };
    Ok(Options {
        database,
        connections: pool_size.get(),
        connect_timeout,
        statement_timeout,
        lock_timeout,
        migrate: match auto_migrate {
            Migrations::AtStart => Migrate::AtOpen,
            Migrations::ByHand => Migrate::Never,
        },
    })
}
