//! What a later process may do again, and what not. A call that had left when its process died is
//! repeated only when repeating does no harm; otherwise the model learns that nobody knows.

use std::sync::Arc;

use super::{Advance, CallState, Next, Phase, Run};
use crate::execution::ExecutionState;
use crate::time::Timestamp;
use crate::tool::{Repeat, ToolCall, ToolReply, Verdict};

const UNKNOWN: &str = "The outcome of this call is unknown: the process that made it was lost before the answer \
                       came, and the call may or may not have taken effect. It was not repeated.";

impl Run {
    /// Takes up a round of calls that another process began.
    pub(super) fn take_up_calls(&mut self, at: Timestamp) -> Advance {
        let mut events = Vec::new();
        let Phase::Calls(calls) = &mut self.phase else {
            return Advance {
                events,
                next: Next::Wait,
            };
        };
        let mut again: Vec<ToolCall> = Vec::new();
        let mut lost = Vec::new();
        for pending in calls {
            let CallState::Started(call, _) = &pending.state else {
                continue;
            };
            match call.tool.repeat {
                Repeat::Safe => again.push(call.clone()),
                Repeat::Unsafe => {
                    lost.push(call.execution);
                    let reply = ToolReply::complaint(Verdict::OutcomeUnknown, Arc::from(UNKNOWN));
                    pending.state = CallState::Returned(reply);
                }
            }
        }
        for execution in lost {
            self.set_execution(execution, ExecutionState::Unknown, at, &mut events);
        }
        if again.is_empty() {
            return self.settle(at, events);
        }
        Advance {
            events,
            next: Next::CallTools(again),
        }
    }
}
