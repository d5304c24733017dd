//! What a later process may do again, and what not. A call that had left when its process died is
//! repeated only when repeating does no harm; otherwise the model learns that nobody knows.

use std::sync::Arc;

use super::{Advance, CallState, Moment, Next, Phase, Run};
use crate::execution::ExecutionState;
use crate::tool::{Repeat, ToolCall, ToolReply, Verdict};

const UNKNOWN: &str = "The outcome of this call is unknown: the process that made it was lost before the answer \
                       came, and the call may or may not have taken effect. It was not repeated.";

impl Run {
    /// Takes up a round of calls that another process began.
    pub(super) fn take_up_calls(&mut self, mut now: Moment) -> Advance {
        let Phase::Calls(calls) = &mut self.phase else {
            return now.then(Next::Wait);
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
            self.set_execution(execution, ExecutionState::Unknown, &mut now);
        }
        if again.is_empty() {
            return self.settle(now);
        }
        now.then(Next::CallTools(again))
    }
}
