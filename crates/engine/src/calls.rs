//! The tool calls of one round, side by side up to a bound. Dropping them cancels what is under way.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use response_domain::ports::llm::CallContext;
use response_domain::ports::tools::ToolExecutor;
use response_domain::run::{CallOutcome, CallReturn, Input};
use response_domain::tool::ToolCall;
use tokio::time::Instant;

/// Calls under way, and calls that wait for a free place.
pub(crate) struct InFlight {
    bound: usize,
    waiting: VecDeque<BoxFuture<'static, CallReturn>>,
    running: FuturesUnordered<BoxFuture<'static, CallReturn>>,
}

impl InFlight {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            bound: bound.max(1),
            waiting: VecDeque::new(),
            running: FuturesUnordered::new(),
        }
    }

    /// Sets `calls` going, in their order.
    pub(crate) fn start(
        &mut self,
        executor: &Arc<dyn ToolExecutor>,
        context: &CallContext,
        calls: Vec<ToolCall>,
    ) {
        for call in calls {
            self.waiting
                .push_back(make(Arc::clone(executor), context.clone(), call).boxed());
        }
        self.fill();
    }

    /// The next call that is over. Waits for ever when none is under way.
    pub(crate) async fn next(&mut self) -> Input {
        match self.running.next().await {
            Some(returned) => {
                self.fill();
                Input::CallReturned(returned)
            }
            None => std::future::pending().await,
        }
    }

    fn fill(&mut self) {
        while self.running.len() < self.bound {
            let Some(call) = self.waiting.pop_front() else {
                return;
            };
            self.running.push(call);
        }
    }
}

async fn make(executor: Arc<dyn ToolExecutor>, context: CallContext, call: ToolCall) -> CallReturn {
    let begun = Instant::now();
    let outcome = match executor.call(&call, &context).await {
        Ok(reply) => CallOutcome::Replied(reply),
        Err(error) => {
            tracing::warn!(
                response.id = %context.response,
                call.id = %call.execution,
                tool.name = %call.tool.name,
                error = &error as &dyn std::error::Error,
                "the tool server did not answer"
            );
            CallOutcome::Failed {
                kind: error.kind,
                message: error.message,
            }
        }
    };
    CallReturn {
        execution: call.execution,
        outcome,
        took: begun.elapsed(),
    }
}
