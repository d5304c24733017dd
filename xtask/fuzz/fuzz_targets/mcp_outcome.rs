//! The result of a tool's call.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_mcp::fuzz::outcome, 4 << 20, 256);
