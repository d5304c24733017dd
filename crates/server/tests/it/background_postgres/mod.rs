//! Background responses on one PostgreSQL with real processes, each of which may be killed, stopped, cut off or
//! told to end. After each fault the same things are looked at (`invariants`).

mod broken;
mod cancel;
mod cluster;
mod commands;
mod contested;
mod crash;
mod cut_off;
mod delete;
mod ending;
mod fleet;
mod invariants;
mod limits;
mod locks;
mod order;
mod outage;
mod proxy;
mod time;
