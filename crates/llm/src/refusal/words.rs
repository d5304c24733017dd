//! The words by which servers are understood, and what they ask for. All in small letters.

use crate::concession::{Concession, Concessions};

/// Whether an error, in small letters, is about the length of the context.
pub(crate) fn speaks_of_context(said: &str) -> bool {
    says_any(said, CONTEXT)
}

const CONTEXT: &[&str] = &[
    "context length",
    "context_length",
    "context window",
    "context_window",
    "context size",
    "context_size",
    "maximum context",
    "max_model_len",
    "prompt is too long",
    "prompt too long",
    "too many tokens",
    "token limit exceeded",
    "input is too long",
    "input length",
    "n_ctx",
    "reduce the length of the messages",
];

pub(super) const NO_SUCH_MODEL: &[&str] = &[
    "model_not_found",
    "model not found",
    "invalid model name",
    "no such model",
    "unknown model",
];

pub(super) const NO_SUCH_PATH: &[&str] = &[
    "page not found",
    "\"detail\":\"not found\"",
    "cannot post",
    "no route",
    "route not found",
];

/// Said with 429 by servers that want money, not patience.
pub(super) const SPENT: &[&str] = &["insufficient_quota", "credit balance", "billing"];

const NOT_TAKEN: &[&str] = &[
    "extra input",
    "not permitted",
    "not allowed",
    "unsupported",
    "not supported",
    "unknown",
    "unrecognized",
    "unexpected",
    "additional propert",
];

const ONE_SYSTEM_FIRST: &[&str] = &[
    "system message must be at the beginning",
    "roles must alternate",
    "must alternate",
    "only user, assistant and tool roles",
    "only one system message",
    "multiple system messages",
];

const NO_SYSTEM: &[&str] = &[
    "system role not supported",
    "system role is not supported",
    "only user and assistant roles",
    "developer instruction is not enabled",
];

const NOT_EMPTY: &[&str] = &[
    "must be non-empty",
    "must contain non-whitespace",
    "empty content is not allowed",
    "content must not be empty",
    "content cannot be empty",
    "should be a non-empty string",
];

const NO_FILES: &[&str] = &[
    "content part type",
    "unknown part type",
    "content[].type",
    "unknown variant `file`",
    "either 'text' or 'image_url'",
    "invalid message format",
    "does not match any of the expected tags",
    "'file'",
    "\"file\"",
    "`file`",
    "file_data",
    "file input",
    "file content",
];

const SCHEMA: &[&str] = &[
    "schema",
    "grammar",
    "unknown escape",
    "regex",
    "minitems",
    "failed to parse grammar",
];

/// Whether any of the words is in it.
pub(super) fn says_any(said: &str, words: &[&str]) -> bool {
    words.iter().any(|word| said.contains(word))
}

/// The concession that the server asks for, if it can still be made.
pub(super) fn form(said: &str, possible: Concessions) -> Option<Concession> {
    let reasoning = said.contains("reasoning_content");
    let asks = |one: Concession| match one {
        Concession::NoStreamOptions => says_any(said, &["stream_options", "include_usage"]),
        Concession::MaxCompletionTokens => said.contains("max_completion_tokens"),
        Concession::EveryReasoning => reasoning && says_any(said, &["passed back", "missing"]),
        Concession::NoReasoning => reasoning && says_any(said, NOT_TAKEN),
        Concession::NoSystemRole => says_any(said, NO_SYSTEM),
        Concession::StrictTurns => says_any(said, ONE_SYSTEM_FIRST),
        Concession::NoEmptyContent => says_any(said, NOT_EMPTY),
        Concession::FilesAsText => says_any(said, NO_FILES),
        Concession::PlainSchemas => says_any(said, SCHEMA),
    };
    let mut open = Concession::ALL
        .iter()
        .copied()
        .filter(|one| possible.has(*one));
    open.find(|one| asks(*one))
}
