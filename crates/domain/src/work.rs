//! All that one step wants written, as a value: a store writes the whole of it or nothing.

use std::sync::Arc;

use crate::execution::Execution;
use crate::id::WorkerId;
use crate::item::Item;
use crate::response::Response;

/// One write. No transaction leaves the store, so none can stay open while a model thinks.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitOfWork {
    /// On what condition it is written.
    pub guard: Guard,
    /// The response as it is to stand afterwards; its executions are written through
    /// [`executions`](Self::executions).
    pub response: Arc<Response>,
    /// Items to add.
    pub items: Vec<Arc<Item>>,
    /// Executions to add, or to put in the place of those with the same id.
    pub executions: Vec<Arc<Execution>>,
}

/// The condition of a write. When it does not hold nothing is written and the store answers
/// [`StoreError::Stale`](crate::ports::store::StoreError::Stale).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The response has no row yet; from now on this process holds it.
    New(WorkerId),
    /// The response has not ended and this process holds it.
    Held(WorkerId),
    /// The response has not ended, whoever holds it.
    Open,
}
