//! The dialects over one engine.
