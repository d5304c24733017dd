//! The whole service as a process, against the stand-ins for its upstreams.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answer;
mod background_postgres;
mod canary;
mod faults;
mod hostile;
mod identity;
mod lifecycle;
mod openai;
mod process;
mod settings;
mod webhooks;
mod wire;
