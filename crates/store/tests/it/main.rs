//! The store against both databases: the promises of the port, and what each database adds.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, what cannot be unwrapped is the failure"
)]

mod background;
mod background_postgres;
mod behind;
mod beside;
mod claims_postgres;
mod conversations;
mod deliveries;
mod erasure;
mod forgetting;
mod gate_postgres;
mod jobs;
mod model;
mod nudges_postgres;
mod outbox_plans_postgres;
mod outbox_postgres;
mod plans_postgres;
mod postgres;
mod postgres_server;
mod records;
mod records_background;
mod records_brought;
mod refused;
mod replica_postgres;
mod rescue_postgres;
mod schema;
mod sqlite;
mod sqlite_file;
mod stage;
mod talks;
mod together_postgres;
mod webhooks;
mod webhooks_damaged;
mod webhooks_postgres;
mod webhooks_storm;
