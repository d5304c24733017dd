//! The face over a scripted world, spoken to as clients do: bytes over a socket.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod about;
mod access;
mod audit;
mod background;
mod bad_fields;
mod bad_requests;
mod busy;
mod client;
mod connection;
mod conversation;
mod deliveries;
mod failures;
mod follower;
mod health;
mod hostile;
mod input;
mod layout;
mod limits;
mod lists;
mod log;
mod openai;
mod openai_api;
mod openai_requests;
mod openai_shapes;
mod openai_stream;
mod payloads;
mod replay;
mod responses;
mod sample;
mod sdk;
mod secrets;
mod shapes;
mod strangers;
mod stream;
mod trouble;
mod webhook_faults;
mod webhook_requests;
mod webhooks;
mod who;
mod world;
