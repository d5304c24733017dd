//! Servers that callers name: what they are sent, what is believed of them, whom they can reach.

mod guard;
mod hostile;
mod lists;
mod log;
mod secrets;
mod sessions;
mod stage;
