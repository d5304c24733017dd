//! What an issuer answers.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_identity::fuzz::key_set, 1 << 20, 256);
