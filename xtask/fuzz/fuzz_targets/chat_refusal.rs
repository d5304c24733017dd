//! What a model server says instead of an answer.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_llm::fuzz::refusal, 1 << 20, 64);
