//! What a response is, how it changes, what a run still owes, and the doors it needs.
//!
//! Nothing here waits, reads a clock, makes a random number or knows a wire format: time, ids
//! and everything outside come in through the traits in [`ports`]. Read in this order: [`status`]
//! and [`response`] (what a client sees), [`run`] (how an answer comes about), [`event`] (what is
//! told while it does), [`webhook`] (who is told when it is over), [`work`] (what is written), [`ports`].

pub mod json;

pub mod id;
pub mod time;

pub mod api_key;
pub mod caller;
pub mod failure;
pub mod usage;

pub mod item;
pub mod tool;

pub mod spec;
pub mod status;

pub mod execution;
pub mod lease;
pub mod response;

pub mod conversation;
pub mod entry;
pub mod event;
pub mod trace;

pub mod run;

pub mod limit;
pub mod page;
pub mod retention;
pub mod webhook;
pub mod work;

pub mod ports;
