//! The routes under `/openai/v1` of real processes, as the client libraries of others find them. What the
//! libraries are asked to do stands in `tests/sdk`.

mod answers;
mod background;
mod guide;
mod lost;
mod others;
mod sealed;
pub(crate) mod stage;
mod streams;
mod tools;
mod wire;
