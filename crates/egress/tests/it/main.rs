//! What the crate promises, against servers that misbehave on purpose.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod calls;
mod names;
mod policy;
mod server;
mod sse;
