//! Authenticator: who is calling.
//!
//! [`Guest`] asks nobody for anything. [`Identity`] knows four ways, in this order: the word of the
//! gateway (`gateway.rs`), keys of this service (`own.rs`, and `keys.rs` for their text), keys that another
//! service vouches for (`foreign.rs`), and tokens that an issuer signed (`token/`, with the issuers' keys
//! in `jwks/`). Whatever the way, the same person is the same owner. Which ways are open is the operator's
//! choice: [`Options`].

mod answers;
mod expiry;
mod foreign;
mod gateway;
mod guest;
mod identity;
mod json;
mod jwks;
pub mod keys;
mod options;
mod own;
mod token;
mod watch;

#[cfg(any(test, fuzzing))]
pub mod fuzz;

pub use crate::guest::Guest;
pub use crate::identity::Identity;
pub use crate::options::{
    Algorithm, Gateway, Issuer, KeySet, Options, OptionsError, Tokens, UnknownAlgorithm,
};
pub use crate::watch::describe;
