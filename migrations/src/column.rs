//! The kinds of columns, each with the type it has on both databases.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The columns of one database.
#[derive(Clone, Copy)]
pub(crate) struct Columns(pub(crate) DbBackend);

impl Columns {
    /// Text that is compared byte by byte: ids, owners, and all else that an index holds. SQLite
    /// compares all text so.
    pub(crate) fn key(self, name: &'static str) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        column.text();
        if self.0 == DbBackend::Postgres {
            column.extra(r#"COLLATE "C""#);
        }
        column
    }
}

/// Text.
pub(crate) fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().take()
}

/// A moment.
pub(crate) fn moment(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).timestamp_with_time_zone().take()
}

/// A number of 32 bits.
pub(crate) fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().take()
}

/// A number of 64 bits.
pub(crate) fn large(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}

/// Bytes.
pub(crate) fn bytes(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).binary().take()
}

/// Yes or no.
pub(crate) fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().take()
}

/// The column, of which every row has a value.
pub(crate) fn required(mut column: ColumnDef) -> ColumnDef {
    column.not_null().take()
}
