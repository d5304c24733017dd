//! A body of the house's own API.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_http::fuzz::native, 4 << 20, 512);
