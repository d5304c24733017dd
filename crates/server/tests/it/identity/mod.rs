//! Who gets in and who does not, by real processes and a real `OpenID` provider: tokens and forgeries of them,
//! keys of this service and of others, a gateway's word, and what one owner may take from others.

mod foreign;
mod forgeries;
mod gateway;
mod guests;
mod keys;
mod limits;
mod outage;
pub(crate) mod provider;
mod rotation;
mod stage;
mod tokens;
pub(crate) mod validator;
