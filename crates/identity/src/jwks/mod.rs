//! The keys of issuers: what stands in a set (`key.rs`, `ring.rs`), where the set is (`source.rs`), and
//! having it at hand when a token comes (`keeper.rs`).

mod keeper;
mod key;
pub(crate) mod ring;
pub(crate) mod source;

pub(crate) use keeper::{Keeper, Surroundings};
pub(crate) use ring::{Finding, Signature};
pub(crate) use source::Source;
