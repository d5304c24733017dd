//! Who may write for a response that runs in the background: the process that claimed it, for as long
//! as nobody else took it over.

use crate::id::{ResponseId, WorkerId};

/// The right to work on one background response. The token grows whenever the response changes hands,
/// so a process that was only slow cannot write any more, not even when it got the response twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The response.
    pub response: ResponseId,
    /// The process that holds it.
    pub worker: WorkerId,
    /// Larger than that of every lease of this response before.
    pub token: u64,
}
