//! Fakes, a scripted world, and the suites every adapter must pass.
