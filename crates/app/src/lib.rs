//! The composition root: the only crate that knows every adapter.
