//! The answer of a model server in one piece.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_llm::fuzz::document, 1 << 20, 256);
