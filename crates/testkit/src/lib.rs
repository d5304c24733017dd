//! Fakes, a scripted world, and the suites every adapter must pass. For tests only.

pub mod bus;
pub mod clock;
pub mod faulty;
pub mod grammar;
pub mod memory;
pub mod packages;
pub mod payloads;
pub mod script;
pub mod sender;
pub mod tables;
pub mod vault;
pub mod wire;

pub mod api_key_suite;
pub mod conversation_suite;
pub mod idempotency_suite;
pub mod postgres;
pub mod queue_suite;
pub mod retention_suite;
pub mod store_suite;
pub mod webhook_suite;
