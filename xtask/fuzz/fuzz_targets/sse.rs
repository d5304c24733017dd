//! Server-sent events, from whomever.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_egress::fuzz::sse, 1 << 20, 64);
