//! The fakes against the suites that the real things pass.

mod bus;
mod faulty;
mod memory;
mod sender;
mod vault;
mod wire;
