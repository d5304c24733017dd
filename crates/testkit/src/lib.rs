//! Fakes, a scripted world, and the suites every adapter must pass. For tests only.

pub mod store_suite;
