//! What a tool server answers.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_mcp::fuzz::answer, 4 << 20, 512);
