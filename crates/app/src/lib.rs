//! The composition root: the only crate that knows every adapter.

mod build;
pub mod doors;
mod policy;
pub mod shutdown;
mod storage;
pub mod telemetry;
pub mod upstreams;

pub use build::{App, BuildError, build, open};
