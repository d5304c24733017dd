//! Fakes, a scripted world, and the suites every adapter must pass. For tests only.

pub mod clock;
pub mod faulty;
pub mod grammar;
pub mod memory;
pub mod script;

pub mod postgres;
pub mod store_suite;
