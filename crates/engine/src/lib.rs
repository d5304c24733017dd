//! The use cases and the one loop that awaits the ports.
