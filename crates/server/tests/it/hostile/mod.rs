//! Clients that mean no good, against real processes: they read nothing, send drop by drop, send too much or
//! too many at once. None of them costs memory for long, and nobody else notices.

mod bodies;
mod floods;
mod heads;
mod loris;
mod readers;
mod world;
