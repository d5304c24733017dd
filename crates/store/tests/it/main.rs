//! The store against both databases: the promises of the port, and what each database adds.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, what cannot be unwrapped is the failure"
)]

mod postgres;
mod sqlite;
