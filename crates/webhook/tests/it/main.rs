//! What a sender promises, against receivers that do everything wrong and verifiers that others wrote.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::panic, reason = "helpers of tests")]
#![expect(clippy::indexing_slicing, reason = "helpers of tests")]

mod answers;
mod deadline;
mod guard;
mod guide;
mod log;
mod others;
mod receiver;
mod verifiers;
mod wire;
mod world;
