//! The store against both databases: the promises of the port, and what each database adds.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, what cannot be unwrapped is the failure"
)]

mod gate_postgres;
mod postgres;
mod postgres_server;
mod records;
mod refused;
mod replica_postgres;
mod schema;
mod sqlite;
mod sqlite_file;
mod together_postgres;
