//! The database, as the settings name it.

use std::num::NonZeroU32;

use response_settings::{Database as Section, Migrations};
use response_store::OpenError;
use response_store::options::{Database, Migrate, Options, Share};

use crate::Process;

/// The embedded database's file in the data folder.
const FILE: &str = "responses.db";

/// So many connections keep up with the webhooks that a worker sends.
const FOR_WEBHOOKS: NonZeroU32 = NonZeroU32::MIN.saturating_add(7);

/// The database of a process with so many slots. In a worker a run reads or writes, so there is no use for
/// more connections of either kind than there are runs, and workers are many.
pub(crate) fn of(process: Process, section: Section, slots: u16) -> Section {
    let of_use = match process {
        Process::Api => return section,
        Process::Worker => NonZeroU32::MIN.saturating_add(2 * u32::from(slots) + 1),
    };
    Section {
        pool_size: section.pool_size.min(of_use.max(FOR_WEBHOOKS)),
        ..section
    }
}

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
        share: Share::Alone,
    })
}
