//! What servers send, read without copying and without a tree. Unknown fields are passed over; a
//! field of the wrong type is no reason to lose an answer where its meaning is clear.

mod chunk;
mod text;

pub(crate) use chunk::{Call, Chunk, Content, Extent, Function, Message};
pub(crate) use text::{Number, Text};
