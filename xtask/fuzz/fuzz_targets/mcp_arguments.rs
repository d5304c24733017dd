//! What a model writes, held to what a tool server wants.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_mcp::fuzz::arguments, 32 << 20, 4096);
