//! The stand-ins as their clients see them, over HTTP.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(
    clippy::indexing_slicing,
    reason = "helpers of tests read JSON whose shape they know"
)]

mod chat;
mod gateway;
mod mcp;
mod model;
mod model_faults;
mod model_forms;
mod model_quirks;
mod notes;
mod protocol;
mod receiver;
mod tools;
