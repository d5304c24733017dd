//! What a caller proves itself with.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_identity::fuzz::token, 1 << 20, 64);
