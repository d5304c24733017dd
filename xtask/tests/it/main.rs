//! The chores as they are run, from outside.

mod dev;
mod hold;
