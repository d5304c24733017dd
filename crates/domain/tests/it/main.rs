//! Tests of the domain as its users meet it: runs as scripts, machines under random input, requests as
//! tables.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

mod script;
mod world;

mod assembling;
mod brought;
mod caller_tools;
mod crashes;
mod ended_elsewhere;
mod endings;
mod faults;
mod grammar;
mod limits;
mod lost_process;
mod random;
mod responses;
mod resumed;
mod rounds;
mod spec;
mod spec_ranges;
mod transcript;
