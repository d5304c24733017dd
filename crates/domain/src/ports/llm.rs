//! The model server. One turn comes back as deltas in order, several at a time when several came
//! at a time; an adapter puts right what servers do wrong and says so in notes.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::Stream;

use crate::caller::{Credential, ToolSecrets};
use crate::failure::{Failure, FailureCode};
use crate::id::{ConversationId, ResponseId};
use crate::item::Item;
use crate::ports::store::Cause;
use crate::response::{Finish, Note};
use crate::spec::{ResponseSpec, ToolChoice};
use crate::tool::ToolSpec;
use crate::usage::Usage;

/// One question to the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTurn {
    /// The response it is for; gives model, system prompt and controls.
    pub spec: Arc<ResponseSpec>,
    /// The transcript, oldest first, each output behind its call.
    pub transcript: Vec<Arc<Item>>,
    /// The tools on offer.
    pub tools: Arc<[Arc<ToolSpec>]>,
    /// How to choose among them, this time.
    pub choice: ToolChoice,
    /// How the answer is wanted.
    pub mode: TurnMode,
}

/// How an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnMode {
    /// In one piece: nobody reads along.
    Whole,
    /// As it is written.
    Streamed,
}

/// For whom, and on whose behalf, an upstream is called.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// What the caller proved itself with.
    pub credential: Credential,
    /// What it gave along for the tool servers it names.
    pub tool_secrets: ToolSecrets,
    /// The id of the request that began the run.
    pub request_id: Arc<str>,
    /// The response it is for.
    pub response: ResponseId,
    /// Its conversation.
    pub conversation: Option<ConversationId>,
    /// The caller's label for an end user, or else the owner.
    pub user: Arc<str>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// Text of the answer.
    Text(Box<str>),
    /// Text of the reasoning.
    Reasoning(Box<str>),
    /// A piece of a tool call. Slots are dense from 0 and name the calls of one turn.
    Call {
        /// Which call.
        slot: u32,
        /// The tool's name; in the first piece of the slot.
        name: Option<Arc<str>>,
        /// More of the arguments.
        arguments: Box<str>,
    },
    /// The tokens of the turn; the last one counts.
    Usage(Usage),
    /// Something was put right.
    Note(Note),
    /// The model stopped. Nothing but usage and notes follows.
    Finish(Finish),
}

/// Deltas in order, in the groups in which they arrived. A stream that ends without
/// [`Delta::Finish`] or an error does not occur.
pub type DeltaStream = Pin<Box<dyn Stream<Item = Result<Vec<Delta>, LlmError>> + Send>>;

/// How the model server can fail, by what that means for the run. Messages are fit for a client.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct LlmError {
    /// What it means.
    pub kind: LlmErrorKind,
    /// One sentence for a person, without upstream text.
    pub message: String,
    /// The cause, for the log.
    #[source]
    pub source: Option<Cause>,
}

/// What an error of the model server means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LlmErrorKind {
    /// Too many requests, after all retries.
    RateLimited {
        /// When to try again, if told.
        retry_after: Option<Duration>,
    },
    /// It cannot be reached, or fails on its side, after all retries.
    Unavailable,
    /// It did not answer in time.
    Timeout,
    /// It knows no such model.
    ModelNotFound,
    /// It refused the credential.
    Unauthorized,
    /// The question does not fit the model's context.
    ContextLength,
    /// It refused the request for another reason.
    Refused,
    /// It broke off, or told of a fault, in the middle of its answer.
    Broken,
    /// What it sent is no answer of the kind asked for.
    Unreadable,
}

impl From<&LlmError> for Failure {
    fn from(error: &LlmError) -> Self {
        let code = match error.kind {
            LlmErrorKind::RateLimited { .. } => FailureCode::UpstreamRateLimited,
            LlmErrorKind::Unavailable => FailureCode::ModelUnavailable,
            LlmErrorKind::Timeout => FailureCode::ModelTimeout,
            LlmErrorKind::ModelNotFound => FailureCode::ModelNotFound,
            LlmErrorKind::Unauthorized => FailureCode::ModelUnauthorized,
            LlmErrorKind::ContextLength => FailureCode::ContextLengthExceeded,
            LlmErrorKind::Refused | LlmErrorKind::Broken => FailureCode::ModelError,
            LlmErrorKind::Unreadable => FailureCode::InvalidModelOutput,
        };
        let retry_after = match error.kind {
            LlmErrorKind::RateLimited { retry_after } => retry_after,
            _ => None,
        };
        Self {
            code,
            message: error.message.clone(),
            retry_after,
        }
    }
}

/// Asks a model.
#[async_trait]
pub trait LlmClient: Send + Sync {
    /// Asks for one turn. Dropping the stream ends the upstream call.
    async fn stream(
        &self,
        turn: &ModelTurn,
        context: &CallContext,
    ) -> Result<DeltaStream, LlmError>;

    /// The tokens that fit into the model's context; remembered, and a default when nobody knows.
    async fn context_length(&self, model: &str, context: &CallContext) -> u32;
}
