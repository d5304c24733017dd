//! What an operator may choose: defaults, sources, checks.
