//! A page of a tool server's list.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_mcp::fuzz::list, 64 << 20, 4096);
