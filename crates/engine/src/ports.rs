//! One handle on every door.

use std::sync::Arc;

use response_domain::id::{IdGenerator, WorkerId};
use response_domain::ports::bus::NudgeBus;
use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::idempotency::KeyStore;
use response_domain::ports::llm::LlmClient;
use response_domain::ports::queue::{EventLog, JobQueue};
use response_domain::ports::retention::RetentionStore;
use response_domain::ports::store::{ResponseStore, WorkerRegistry};
use response_domain::ports::tools::{ToolExecutor, ToolRegistry};
use response_domain::ports::vault::SecretVault;
use response_domain::ports::webhook::{
    EndpointStore, WebhookOutbox, WebhookPayloads, WebhookSender,
};
use response_domain::time::Clock;

/// What the engine needs of the outside. Only the engine sees it.
#[derive(Clone)]
pub struct Ports {
    /// Where responses are kept.
    pub store: Arc<dyn ResponseStore>,
    /// Conversations.
    pub conversations: Arc<dyn ConversationStore>,
    /// Idempotency keys.
    pub keys: Arc<dyn KeyStore>,
    /// Forgetting.
    pub retention: Arc<dyn RetentionStore>,
    /// Which processes are alive.
    pub workers: Arc<dyn WorkerRegistry>,
    /// The responses that wait for a worker.
    pub queue: Arc<dyn JobQueue>,
    /// What background responses told.
    pub log: Arc<dyn EventLog>,
    /// Nudges to and from the other processes.
    pub bus: Arc<dyn NudgeBus>,
    /// Keeps callers' credentials while their responses wait, and the secrets of endpoints.
    pub vault: Arc<dyn SecretVault>,
    /// Registered webhook endpoints.
    pub endpoints: Arc<dyn EndpointStore>,
    /// Webhooks on their way.
    pub outbox: Arc<dyn WebhookOutbox>,
    /// Posts webhooks.
    pub sender: Arc<dyn WebhookSender>,
    /// Words them.
    pub payloads: Arc<dyn WebhookPayloads>,
    /// The model server.
    pub llm: Arc<dyn LlmClient>,
    /// Which tools there are.
    pub registry: Arc<dyn ToolRegistry>,
    /// Calling one.
    pub executor: Arc<dyn ToolExecutor>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGenerator>,
    /// This process, new at every start.
    pub worker: WorkerId,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports")
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}
