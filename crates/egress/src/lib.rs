//! Outbound HTTP: who may be called, how long, with which headers.
