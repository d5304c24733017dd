//! Callers as they come: with tokens, with keys, by way of the gateway, and with forgeries of all of them.
