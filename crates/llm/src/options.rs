//! How a model server is called.

use std::time::Duration;

use response_domain::caller::Credential;
use response_egress::Url;

/// How a model server is called.
#[derive(Debug, Clone)]
pub struct ChatOptions {
    /// Where the server is. `/v1/chat/completions` is added, or as much of it as is missing.
    pub base: Url,
    /// What is sent for a caller that has no credential of its own.
    pub fallback: Credential,
    /// How long each try may take from the request to the first byte of a streamed answer. An answer
    /// that is asked for whole comes when the model is done, so only `turn_timeout` holds for it.
    pub first_byte_timeout: Duration,
    /// The longest silence within an answer that has begun.
    pub idle_timeout: Duration,
    /// How long a turn may take, from the first try to the last byte.
    pub turn_timeout: Duration,
    /// How often a turn is tried again after 429, 5xx or a failed connection, as long as nothing of
    /// the answer has come.
    pub retries: u32,
    /// The tokens that a model takes when the server does not say.
    pub context_length: u32,
    /// How long the server's word on a model is kept. Zero asks every time.
    pub catalogue_cache: Duration,
    /// The longest answer of one turn, in bytes on the wire.
    pub max_answer_bytes: usize,
}

impl ChatOptions {
    /// The usual: no key of its own, two minutes to the first byte and between two, ten minutes for a
    /// turn, two retries, 8,192 tokens of context, five minutes of cache, 32 MiB for an answer.
    pub fn new(base: Url) -> Self {
        Self {
            base,
            fallback: Credential::Absent,
            first_byte_timeout: Duration::from_mins(2),
            idle_timeout: Duration::from_mins(2),
            turn_timeout: Duration::from_mins(10),
            retries: 2,
            context_length: 8_192,
            catalogue_cache: Duration::from_mins(5),
            max_answer_bytes: 32 << 20,
        }
    }
}
