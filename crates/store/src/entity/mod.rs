//! The tables as sea-orm sees them. No entity leaves the crate.

pub(crate) mod execution;
pub(crate) mod item;
pub(crate) mod response;
