//! Stand-ins for what the service talks to, for local use and for tests: a model ([`model`]), tools
//! ([`tools`]), a gateway ([`gateway`]) and a receiver of webhooks ([`receiver`]).
//!
//! Each starts on a free port unless told otherwise, runs on a thread of its own, and stops
//! when its handle is dropped:
//!
//! ```
//! use response_devstack::model::{Model, ModelOptions};
//!
//! let model = Model::start(&ModelOptions::default())?;
//! assert_eq!(model.url().host_str(), Some("127.0.0.1"));
//! # Ok::<(), response_devstack::StartError>(())
//! ```

mod gate;
pub mod gateway;
mod ledger;
mod markup;
pub mod model;
mod play;
pub mod receiver;
mod serve;
mod token;
pub mod tools;

pub use crate::ledger::{Ledger, Seen, Traffic};
pub use crate::serve::{Listen, StartError};
