//! Callers as they come: with tokens, with keys, by way of the gateway, and with forgeries of all of them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the functions that scenarios share fail a test by panicking"
)]

mod foreign;
mod forgeries;
mod gateway;
mod issuers;
mod options;
mod order;
mod own;
mod rotation;
mod server;
mod signer;
mod tokens;
mod world;
