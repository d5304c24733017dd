//! A notice on its way to one address.

use std::sync::Arc;

use super::{Attempt, EndpointState, Payload, Secrets, WebhookEvent};
use crate::caller::OwnerId;
use crate::id::{EndpointId, ResponseId, WorkerId};
use crate::time::Timestamp;

/// Which delivery: there is one for each response and address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryKey {
    /// The response that ended.
    pub response: ResponseId,
    /// The registered endpoint; none for the address of the request itself.
    pub endpoint: Option<EndpointId>,
}

/// The right to send a delivery and to record what came of it, as long as nobody has a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryLease {
    /// Of which.
    pub key: DeliveryKey,
    /// Who has it.
    pub worker: WorkerId,
    /// Grows with each claim.
    pub token: u64,
}

/// Who waits for whom: so that addresses which do not answer cannot hold up those which do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// First attempts, to whoever answered last time or was never asked.
    Prompt,
    /// All others.
    Patient,
}

impl Lane {
    /// Both.
    pub const ALL: &[Self] = &[Self::Prompt, Self::Patient];
}

/// A delivery that is to be sent now, with all that takes but the response.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// The right to send it.
    pub lease: DeliveryLease,
    /// Whose response and endpoint it is.
    pub owner: OwnerId,
    /// What is told.
    pub event: WebhookEvent,
    /// When the response ended, and it was written.
    pub created: Timestamp,
    /// How often it was tried since it was last begun.
    pub tried: u16,
    /// How often it was tried in all.
    pub tried_in_all: u32,
    /// Where to.
    pub target: Target,
}

/// Where a delivery goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The address of the request.
    Callback(Arc<str>),
    /// A registered endpoint, as it is now.
    Endpoint {
        /// Its address.
        url: Arc<str>,
        /// What is sent.
        payload: Payload,
        /// What signs it.
        secrets: Secrets,
        /// Whether it is sent anything.
        state: EndpointState,
        /// Since when it has taken nothing; none when it took the last one.
        failing_since: Option<Timestamp>,
    },
}

impl Target {
    /// The address.
    pub const fn url(&self) -> &Arc<str> {
        match self {
            Self::Callback(url) | Self::Endpoint { url, .. } => url,
        }
    }

    /// What is sent.
    pub const fn payload(&self) -> Payload {
        match self {
            Self::Callback(_) => Payload::Full,
            Self::Endpoint { payload, .. } => *payload,
        }
    }
}

/// A delivery as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookDelivery {
    /// Which.
    pub key: DeliveryKey,
    /// What is told.
    pub event: WebhookEvent,
    /// The address: of the request, or of the endpoint as it is now.
    pub url: Arc<str>,
    /// When the response ended.
    pub created: Timestamp,
    /// Where it stands.
    pub state: DeliveryState,
    /// The attempts so far, oldest first.
    pub attempts: Vec<Attempt>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is tried at this time, or being tried.
    Pending {
        /// When; once it is claimed, when that claim is over.
        due: Timestamp,
    },
    /// It arrived.
    Delivered {
        /// When that was recorded.
        at: Timestamp,
    },
    /// It is not tried any more, unless somebody asks for it.
    GivenUp {
        /// When that was decided.
        at: Timestamp,
        /// Why.
        why: GaveUp,
    },
}

/// Why a delivery is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GaveUp {
    /// It was tried as often as the schedule says.
    Spent,
    /// The receiver said that it is gone for good.
    Gone,
    /// The endpoint is disabled.
    EndpointDisabled,
    /// The endpoint's secret cannot be opened, and nothing unsigned is sent to it.
    Unsigned,
    /// The response cannot be read.
    Unreadable,
}

impl GaveUp {
    /// Every reason there is.
    pub const ALL: &[Self] = &[
        Self::Spent,
        Self::Gone,
        Self::EndpointDisabled,
        Self::Unsigned,
        Self::Unreadable,
    ];

    /// Its word in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spent => "attempts_spent",
            Self::Gone => "receiver_gone",
            Self::EndpointDisabled => "endpoint_disabled",
            Self::Unsigned => "secret_unreadable",
            Self::Unreadable => "response_unreadable",
        }
    }

    /// The reason of this word.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|why| why.as_str() == text)
    }
}
