//! What a use case can answer instead of what was asked for.

use std::sync::Arc;
use std::time::Duration;

use response_domain::failure::Failure;
use response_domain::id::{ConversationId, ItemId, ResponseId};
use response_domain::ports::store::StoreError;
use response_domain::ports::vault::VaultError;
use response_domain::ports::webhook::NotAllowed;
use response_domain::run::IllegalInput;
use response_domain::run::pairs::Unpaired;
use response_domain::spec::SpecFaults;

use crate::input::Unresolved;

/// Why no response was created. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The request is not acceptable.
    #[error("the request is not acceptable")]
    Refused(#[source] SpecFaults),
    /// It names a tool that is not available.
    #[error("the tool `{name}` is not available")]
    ToolNotAvailable {
        /// Where it is named: a place in the list of tools, or none when the choice names it.
        index: Option<usize>,
        /// The name.
        name: Arc<str>,
    },
    /// There is no such conversation.
    #[error("there is no conversation `{0}`")]
    ConversationNotFound(ConversationId),
    /// There is no such response to continue.
    #[error("there is no response `{0}`")]
    PreviousNotFound(ResponseId),
    /// The response to continue has not ended.
    #[error("the response `{0}` has not ended yet")]
    PreviousInProgress(ResponseId),
    /// The response to continue belongs to another conversation.
    #[error("`previous_response_id` does not belong to `conversation`")]
    PreviousElsewhere,
    /// The input refers to an item that does not exist.
    #[error("there is no item `{0}`")]
    ItemNotFound(ItemId),
    /// The input brings the output of a call that was never made, or a call without its output.
    #[error("a call or an output in the input stands alone")]
    Unpaired(Unpaired),
    /// The credential cannot be kept until the response runs, because the vault has no key.
    #[error("this server has no key to keep the credential with until a background response runs")]
    BackgroundUnavailable,
    /// As many responses as allowed wait already.
    #[error("{}", .whose.message())]
    QueueFull {
        /// Which limit it is.
        whose: Backlog,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The credential will not be good any more when the response runs.
    #[error("the credential expires before the response can run")]
    CredentialExpires,
    /// As many runs as allowed are under way.
    #[error("the server has as many responses under way as it allows")]
    Overloaded,
    /// The caller has as many runs under way as it may.
    #[error("as many of your responses are under way as this server allows")]
    TooManyRuns,
    /// The caller's models read and wrote as much as they may in a time.
    #[error("the tokens that you may use in a time are used up")]
    TokensSpent {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The process is about to end.
    #[error("the server is shutting down")]
    Draining,
    /// The credential cannot be sealed.
    #[error("the credential cannot be kept")]
    Vault(#[source] VaultError),
    /// The tools that the request names could not be looked up.
    #[error("{}", .0.message)]
    Tools(Failure),
    /// The conversation has another response under way.
    #[error("another response of the conversation `{0}` has not ended yet")]
    ConversationBusy(ConversationId),
    /// The idempotency key stands for another request, or for a response that is gone.
    #[error("the idempotency key stands for another request, or for a response that is gone")]
    KeyReused,
    /// No configured tool server has the label.
    #[error("no tool server is called `{label}`")]
    UnknownServer {
        /// The place among the tools.
        index: usize,
        /// The label.
        label: Arc<str>,
    },
    /// The address of a tool server cannot be called.
    #[error("the tool server `{label}` cannot be called")]
    ServerNotAllowed {
        /// The place among the tools.
        index: usize,
        /// The label.
        label: Arc<str>,
        /// Why not.
        #[source]
        reason: NotAllowed,
    },
    /// What the caller brings back sealed does not open.
    #[error("the sealed item of the input cannot be opened")]
    Sealed {
        /// Its place in the input.
        place: usize,
    },
    /// What is given to the caller to keep cannot be sealed, because the vault has no key.
    #[error("this server has no key to seal what it gives away")]
    NoKey,
    /// The model server did not do what was asked.
    #[error("{}", .0.message)]
    Model(Failure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing was done about a conversation.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// There is none, or none that the caller may see.
    #[error("there is no such conversation")]
    NotFound,
    /// There is no such item, or not in it.
    #[error("there is no item `{0}`")]
    ItemNotFound(ItemId),
    /// What the caller brings back sealed does not open.
    #[error("the sealed item cannot be opened")]
    Sealed {
        /// Its place among the items.
        place: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Unresolved> for CreateError {
    fn from(unresolved: Unresolved) -> Self {
        match unresolved {
            Unresolved::Missing(id) => Self::ItemNotFound(id),
            Unresolved::Sealed { place } => Self::Sealed { place },
            Unresolved::Store(error) => Self::Store(error),
        }
    }
}

impl From<Unresolved> for ConversationError {
    fn from(unresolved: Unresolved) -> Self {
        match unresolved {
            Unresolved::Missing(id) => Self::ItemNotFound(id),
            Unresolved::Sealed { place } => Self::Sealed { place },
            Unresolved::Store(error) => Self::Store(error),
        }
    }
}

/// Whose responses are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    /// Those of all owners together.
    Everybodys,
    /// Those of the caller.
    Callers,
}

impl Backlog {
    const fn message(self) -> &'static str {
        match self {
            Self::Everybodys => "as many background responses wait as this server allows",
            Self::Callers => "as many of your background responses wait as this server allows",
        }
    }
}

/// Why a response could not be read, cancelled or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is none, or none that the caller may see.
    #[error("there is no such response")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing was done about a webhook endpoint or its deliveries.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// What it is to be is not acceptable.
    #[error("the endpoint is not acceptable")]
    Refused(#[source] SpecFaults),
    /// There is none, or none that the caller may see.
    #[error("there is no such webhook endpoint")]
    NotFound,
    /// There is no such delivery to it.
    #[error("there is no such delivery")]
    NoSuchDelivery,
    /// That delivery was tried as often as is kept.
    #[error("the delivery was tried {attempts} times, which is enough")]
    TriedEnough {
        /// So many times.
        attempts: usize,
    },
    /// Others change it at this moment.
    #[error("the webhook endpoint is being changed by others")]
    Contended,
    /// As many tests as allowed are under way.
    #[error("as many tests of webhook endpoints are under way as this server allows")]
    TooManyTests,
    /// The caller has as many as allowed.
    #[error("at most {at_most} webhook endpoints are allowed")]
    Full {
        /// That many.
        at_most: u32,
    },
    /// Its secret cannot be kept, because the vault has no key.
    #[error("this server has no key to keep the secret of a webhook endpoint with")]
    NoKey,
    /// Its secret cannot be sealed or opened.
    #[error("the secret of the endpoint cannot be used")]
    Vault(#[source] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why one more stream cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooManyStreams {
    /// All owners together have as many as allowed.
    #[error("as many streams are open as this server allows")]
    OfEverybody,
    /// The caller has as many as it may.
    #[error("as many of your streams are open as this server allows")]
    OfOwner,
}

/// Why the events of a response cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// There is no such response, or none that the caller may see.
    #[error("there is no such response")]
    NotFound,
    /// It did not run in the background, so nothing was kept of what it told.
    #[error("only a response that runs in the background can be streamed again")]
    NotKept,
    /// As many streams as allowed are open.
    #[error(transparent)]
    TooManyStreams(#[from] TooManyStreams),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a run cannot go on in this process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriveError {
    /// Somebody else ended or deleted the response.
    #[error("the response was ended elsewhere")]
    Overtaken,
    /// The store failed, also when asked again.
    #[error("the run could not be recorded")]
    Store(#[source] StoreError),
    /// It is to be left as it is: somebody else goes on with it.
    #[error("the run was handed back")]
    HandedBack,
    /// The driver and the machine disagree: a fault of this program.
    #[error("the run was fed what it does not take")]
    Illegal(#[source] IllegalInput),
}

impl From<VaultError> for EndpointError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::NoKey => Self::NoKey,
            error @ (VaultError::UnknownKey(_) | VaultError::Tampered | VaultError::Cipher(_)) => {
                Self::Vault(error)
            }
        }
    }
}

impl From<ReadError> for FollowError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFound => Self::NotFound,
            ReadError::Store(error) => Self::Store(error),
        }
    }
}
