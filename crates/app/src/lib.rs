//! The composition root: the only crate that knows every adapter.

pub mod api_keys;
mod build;
mod callers;
mod descriptors;
pub mod doors;
mod guard;
mod keys;
mod metrics;
mod policy;
pub mod process;
pub mod shutdown;
mod storage;
pub mod telemetry;
pub mod upstreams;
mod webhooks;

pub use build::{App, BuildError, Process, build, open};
pub use callers::CallersError;
pub use keys::VaultError;
pub use metrics::{Metrics, MetricsError};
pub use webhooks::WebhooksError;
