//! The engine against a scripted world.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod background;
mod background_crash;
mod cancel;
mod crash;
mod create;
mod endpoints;
mod leases;
mod limits;
mod reading;
mod shutdown;
mod store_trouble;
mod stream;
mod tools;
mod webhook_crash;
mod webhooks;
mod world;
