//! What a client sends on a WebSocket.
#![cfg_attr(fuzzing, no_main)]

response_fuzz::target!(response_http::fuzz::websocket, 4 << 20, 256);
