//! What the crate promises, against servers that misbehave on purpose and against real ones.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::panic, reason = "helpers of tests")]
#![expect(clippy::indexing_slicing, reason = "looks into JSON by key")]

mod arguments;
mod cancel;
mod devstack;
mod eras;
mod everything;
mod fake;
mod lists;
mod log;
mod named;
mod replies;
mod retries;
mod sessions;
mod streams;
mod untrusted;
mod world;
