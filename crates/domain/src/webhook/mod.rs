//! Webhooks: who is told how a background response ended, what about it, and how hard that is tried.
//!
//! A response that ends makes one [`Notice`]. Each address that wants it gets a delivery: the one in the
//! request's own metadata ([`Callback`]) and every registered [`Endpoint`] of the owner that asked for such
//! events. A delivery is tried until it arrives or its [`Schedule`] ends; each try is an [`Attempt`].

mod attempt;
mod callback;
mod delivery;
mod endpoint;
mod event;
mod schedule;
mod secret;

pub use attempt::{Answer, Attempt, EXCERPT, SendFault};
pub use callback::Callback;
pub use delivery::{
    DeliveryKey, DeliveryLease, DeliveryState, Due, GaveUp, Lane, Target, WebhookDelivery,
};
pub use endpoint::{
    Disabled, Endpoint, EndpointDraft, EndpointSpec, EndpointState, PreviousSecret, Secrets,
};
pub use event::{EventPattern, Notice, Payload, UnknownPattern, WebhookEvent};
pub use schedule::{CallbackSchedule, Effect, GONE, LONG_GAPS, Outcome, Schedule, Verdict};
pub use secret::{SECRET_PREFIX, SigningSecret, WeakSecret};
