//! The streamed answer of a model server.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_llm::fuzz::stream, 1 << 20, 512);
