//! sea-orm for SQLite and PostgreSQL behind the store port.
