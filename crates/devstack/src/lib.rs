//! Stand-ins for the upstreams, for local use and for tests.
