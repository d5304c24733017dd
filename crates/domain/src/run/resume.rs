//! What a later process may do again, and what not. A call that had left when its process died is
//! repeated only when repeating does no harm; otherwise the model learns that nobody knows.

use super::{Advance, CallState, Moment, Next, PendingCall, Phase, Run};
use crate::execution::ExecutionState;
use crate::tool::{Repeat, ToolCall, ToolReply, Verdict};

const UNKNOWN: &str = "The outcome of this call is unknown: the process that made it was lost before the answer \
                       came, and the call may or may not have taken effect. It was not repeated.";

impl Run {
    /// Takes up a round of calls that another process began.
    pub(super) fn take_up_calls(&mut self, mut now: Moment) -> Advance {
        let left: Vec<ToolCall> = match &self.phase {
            Phase::Calls(calls) => calls.iter().filter_map(PendingCall::left).collect(),
            Phase::New | Phase::Tools | Phase::Model | Phase::Ended(_) => Vec::new(),
        };
        let (again, lost): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|call| call.tool.repeat == Repeat::Safe);
        for call in lost {
            let reply = ToolReply::complaint(Verdict::OutcomeUnknown, UNKNOWN);
            self.conclude(call.execution, ExecutionState::Unknown, None, &mut now);
            self.set_returned(call.execution, reply);
        }
        if again.is_empty() {
            return self.settle(now);
        }
        now.then(Next::CallTools(again))
    }
}

impl PendingCall {
    /// The call, when it may have left and has not come back.
    fn left(&self) -> Option<ToolCall> {
        match &self.state {
            CallState::Started(call, _) => Some(call.clone()),
            CallState::Returned(_) | CallState::Callers => None,
        }
    }
}
