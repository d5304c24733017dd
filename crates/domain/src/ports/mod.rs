//! The doors to the outside. Each is as wide as one caller's conversation with one outside thing,
//! speaks only the domain's types, and has its promises written on it.

pub mod conversation;
pub mod idempotency;
pub mod queue;
pub mod retention;
pub mod store;

pub mod bus;

pub mod webhook;

pub mod llm;
pub mod tools;

pub mod api_key;
pub mod auth;
pub mod vault;
