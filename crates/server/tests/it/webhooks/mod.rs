//! Webhooks by real processes to a real receiver: what arrives, how often, and signed by whom, whatever dies
//! or answers wrongly on the way.

mod addresses;
mod answers;
mod broken;
mod crash;
mod embedded;
mod ending;
mod endpoints;
mod ends;
mod lanes;
mod seed;
pub(crate) mod stage;
