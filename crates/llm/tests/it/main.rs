//! What the crate promises, against recorded answers and against servers that misbehave on purpose.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod answers;
mod catalogue;
mod errors;
mod floods;
mod fuzz;
mod kinds;
mod recorded;
mod requests;
mod server;
mod show;
mod stand_in;
mod timing;
mod turns;
