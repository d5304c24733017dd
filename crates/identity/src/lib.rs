//! Authenticator: who is calling.
