//! The model server: [`ChatClient`] asks any server that speaks the chat completions format
//! (`POST {base}/v1/chat/completions`), streamed or whole.
//!
//! Servers differ from the format and from each other. What can be put right is put right, and every
//! correction is told as a [`Note`](response_domain::response::Note) whose codes are those of
//! [`Correction`]: on the way out a [`Concession`] changes the request for a server that refused the
//! usual one, on the way in [`AnswerReader`] turns what came into deltas. Read in this order:
//! `client` (one turn from question to stream), `request` (a turn as bytes), `answer` (the stream,
//! its clocks and its end), `reader` (bytes into deltas), `catalogue` (how much a model takes).

mod answer;
mod catalogue;
mod client;
mod concession;
mod correction;
mod endpoint;
mod error;
mod manners;
mod options;
mod reader;
mod refusal;
mod request;
mod retry;
mod wire;

#[cfg(any(test, fuzzing))]
pub mod fuzz;

pub use crate::client::ChatClient;
pub use crate::concession::Concession;
pub use crate::correction::Correction;
pub use crate::endpoint::BadBaseUrl;
pub use crate::options::ChatOptions;
pub use crate::reader::{AnswerReader, Asked, Opening, Progress};
pub use crate::retry::{Jitter, RandomJitter};
