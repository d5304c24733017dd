//! The engine against a scripted world.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod background;
mod background_crash;
mod brought;
mod cancel;
mod conversations;
mod crash;
mod create;
mod endpoints;
mod keys;
mod leases;
mod limits;
mod owners;
mod reading;
mod retention;
mod shutdown;
mod store_trouble;
mod stream;
mod tokens;
mod tools;
mod webhook_crash;
mod webhooks;
mod world;
