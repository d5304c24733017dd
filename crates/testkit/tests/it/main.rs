//! The fakes keep the promises of what they stand for.

mod memory;
