//! What a response is, how it changes, what a run owes next, and the ports.
