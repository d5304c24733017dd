//! LlmClient over an OpenAI-style chat completions server.
