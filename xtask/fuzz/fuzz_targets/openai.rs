//! A body of OpenAI's API.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_http::fuzz::openai, 4 << 20, 512);
