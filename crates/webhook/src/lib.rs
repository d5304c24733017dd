//! Posts webhook deliveries to whom callers name, who may be anybody: slow, hostile, or inside.
//!
//! [`HttpSender`] takes one letter at a time, signs it and says what came of it, within a time that nothing
//! the receiver does can stretch. Which addresses it may call is the policy of `egress`; when a delivery is
//! sent again is the engine's.

mod answer;
mod fault;
mod headers;
mod send;
mod sign;

pub use response_egress::BuildError;

pub use crate::send::{HttpSender, Options};
