//! Background responses on one PostgreSQL with real processes, each of which may be killed, stopped, cut off or
//! told to end. After each fault the same things are looked at (`invariants`).

pub(crate) mod broken;
mod cancel;
mod cluster;
mod commands;
mod contested;
mod crash;
mod cut_off;
mod delete;
mod ending;
pub(crate) mod fleet;
pub(crate) mod invariants;
mod limits;
mod locks;
mod order;
mod outage;
mod proxy;
mod time;
