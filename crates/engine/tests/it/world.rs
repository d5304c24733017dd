//! A whole engine over fakes.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::{Caller, Credential, Means, OwnerId};
use response_domain::event::Event;
use response_domain::id::{RawId, ResponseId, WorkerId};
use response_domain::item::{ItemBody, Message, Role};
use response_domain::json::Json;
use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::idempotency::KeyStore;
use response_domain::ports::queue::{EventLog, JobQueue};
use response_domain::ports::store::{ResponseStore, WorkerRegistry};
use response_domain::ports::webhook::{EndpointStore, WebhookOutbox};
use response_domain::response::Response;
use response_domain::retention::Retention;
use response_domain::spec::{Draft, InputItem, OnMaxDepth, SpecLimits, ToolFailure};
use response_domain::status::StatusName;
use response_domain::time::{Clock, Timestamp};
use response_domain::webhook::CallbackSchedule;
use response_engine::Engine;
use response_engine::create::{Created, Reader, Request, Waiting};
use response_engine::error::CreateError;
use response_engine::policy::{Background, Company, OwnerLimits, Policy, Webhooks};
use response_engine::ports::Ports;
use response_testkit::bus::MemoryBus;
use response_testkit::clock::{TestClock, TestIds};
use response_testkit::faulty::FaultyStore;
use response_testkit::memory::MemoryStore;
use response_testkit::payloads::PlainPayloads;
use response_testkit::script::{ScriptedModel, ScriptedTools, TurnScript};
use response_testkit::sender::ScriptedSender;
use response_testkit::vault::TestVault;
use tokio::time::Instant;

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) bus: Arc<MemoryBus>,
    pub(crate) model: Arc<ScriptedModel>,
    pub(crate) tools: Arc<ScriptedTools>,
    pub(crate) sender: Arc<ScriptedSender>,
    pub(crate) process: u16,
}

/// What a world is made of.
pub(crate) struct Plan {
    pub(crate) turns: Vec<TurnScript>,
    pub(crate) tools: ScriptedTools,
    pub(crate) policy: Policy,
    pub(crate) store: Arc<MemoryStore>,
    /// Stands before the store, if anything does.
    pub(crate) front: Option<Arc<FaultyStore<MemoryStore>>>,
    pub(crate) bus: Arc<MemoryBus>,
    pub(crate) vault: TestVault,
    pub(crate) sender: Arc<ScriptedSender>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Takes signs of life in place of the store, if anything does.
    pub(crate) registry: Option<Arc<dyn WorkerRegistry>>,
    /// Is read in place of the store's log, if anything is.
    pub(crate) log: Option<Arc<dyn EventLog>>,
    pub(crate) process: u16,
}

impl Plan {
    pub(crate) fn new(turns: impl IntoIterator<Item = TurnScript>) -> Self {
        Self {
            turns: turns.into_iter().collect(),
            tools: ScriptedTools::new([]),
            policy: policy(),
            store: Arc::default(),
            front: None,
            bus: Arc::default(),
            vault: TestVault::default(),
            sender: Arc::default(),
            clock: Arc::new(TestClock::default()),
            registry: None,
            log: None,
            process: 1,
        }
    }

    pub(crate) fn tools(mut self, tools: ScriptedTools) -> Self {
        self.tools = tools;
        self
    }

    pub(crate) fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    /// On a store and a clock that run with the time of the runtime.
    pub(crate) fn running(mut self) -> Self {
        let clock = Arc::new(RunningClock::default());
        self.store = Arc::new(MemoryStore::timed_by(clock.clone()));
        self.clock = clock;
        self
    }

    pub(crate) async fn build(self) -> World {
        let model = Arc::new(ScriptedModel::new(self.turns));
        let tools = Arc::new(self.tools);
        let (store, queue, log): (Arc<dyn ResponseStore>, Arc<dyn JobQueue>, Arc<dyn EventLog>) =
            match self.front.clone() {
                Some(front) => (front.clone(), front.clone(), front),
                None => (self.store.clone(), self.store.clone(), self.store.clone()),
            };
        let (conversations, keys): (Arc<dyn ConversationStore>, Arc<dyn KeyStore>) =
            match self.front.clone() {
                Some(front) => (front.clone(), front),
                None => (self.store.clone(), self.store.clone()),
            };
        let (endpoints, outbox): (Arc<dyn EndpointStore>, Arc<dyn WebhookOutbox>) = match self.front
        {
            Some(front) => (front.clone(), front),
            None => (self.store.clone(), self.store.clone()),
        };
        let ports = Ports {
            store,
            queue,
            log: self.log.unwrap_or(log),
            bus: self.bus.clone(),
            vault: Arc::new(self.vault),
            conversations,
            keys,
            retention: self.store.clone(),
            endpoints,
            outbox,
            sender: self.sender.clone(),
            payloads: Arc::new(PlainPayloads),
            workers: self.registry.unwrap_or_else(|| self.store.clone()),
            llm: model.clone(),
            registry: tools.clone(),
            executor: tools.clone(),
            clock: self.clock,
            ids: Arc::new(TestIds::new(self.process)),
            worker: WorkerId::new(RawId::new(u128::from(self.process))),
        };
        let engine = Engine::new(ports, self.policy, tokio::runtime::Handle::current());
        engine.sign_on().await;
        World {
            engine,
            store: self.store,
            bus: self.bus,
            model,
            tools,
            sender: self.sender,
            process: self.process,
        }
    }

    /// The next process beside `world`: the same store and bus.
    pub(crate) fn beside(mut self, world: &World) -> Self {
        self.store = Arc::clone(&world.store);
        self.bus = Arc::clone(&world.bus);
        self.sender = Arc::clone(&world.sender);
        self.process = world.process + 1;
        self
    }

    /// With this many workers.
    pub(crate) fn workers(mut self, workers: u16) -> Self {
        self.policy.background.workers = workers;
        self
    }
}

/// A request of Ada.
pub(crate) fn asks(draft: Draft) -> Request {
    Request {
        caller: ada(),
        draft,
        request_id: Arc::from("req-1"),
        key: None,
        memory: None,
    }
}

/// The ended response of a run of this process.
pub(crate) async fn end_of(waiting: Waiting) -> Arc<Response> {
    waiting.ended().await.unwrap().response
}

impl World {
    pub(crate) async fn new(turns: impl IntoIterator<Item = TurnScript>) -> Self {
        Plan::new(turns).build().await
    }

    pub(crate) async fn create(&self, draft: Draft) -> Result<Created, CreateError> {
        self.engine.create(asks(draft)).await
    }

    pub(crate) async fn wait(&self, draft: Draft) -> Waiting {
        match self.create(draft).await.unwrap() {
            Created::Waiting(waiting) => waiting,
            Created::Streaming(_) | Created::Queued(_) | Created::Retold(_) => {
                panic!("the draft asks for something else")
            }
        }
    }

    pub(crate) async fn answer(&self, draft: Draft) -> Arc<Response> {
        end_of(self.wait(draft).await).await
    }

    pub(crate) async fn stream(&self, draft: Draft) -> Reader {
        match self
            .create(Draft {
                stream: Some(true),
                ..draft
            })
            .await
            .unwrap()
        {
            Created::Streaming(reader) => reader,
            Created::Waiting(_) | Created::Queued(_) | Created::Retold(_) => {
                panic!("the draft asks for something else")
            }
        }
    }
}

impl World {
    /// Puts a response into the queue.
    pub(crate) async fn enqueue(&self, draft: Draft) -> Arc<Response> {
        let draft = Draft {
            background: Some(true),
            ..draft
        };
        match self.create(draft).await.unwrap() {
            Created::Queued(response) => response,
            Created::Waiting(_) | Created::Streaming(_) | Created::Retold(_) => {
                panic!("a draft for the queue waits")
            }
        }
    }

    /// Reads along to the end, and answers the ended response and all that was told.
    pub(crate) async fn followed(&self, id: ResponseId) -> (Arc<Response>, Vec<Event>) {
        let mut follower = self.engine.follow(&ada().owner, id).await.unwrap();
        let mut told = Vec::new();
        while let Some(events) = follower.next().await.unwrap() {
            told.extend(events);
        }
        let Some(Event::Ended(ended)) = told.last().cloned() else {
            panic!("the log does not end: {told:?}");
        };
        (ended, told)
    }
}

/// A clock that runs with the time of the runtime.
#[derive(Debug)]
pub(crate) struct RunningClock(Instant);

impl Default for RunningClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for RunningClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_705_315_800_000_000).after(self.0.elapsed())
    }
}

/// Lets everything happen that does not wait for time to pass.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Lets so many seconds pass, and everything happen that does.
pub(crate) async fn pass(seconds: u16) {
    for _ in 0..seconds {
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
    }
}

/// All events to the end.
pub(crate) async fn read_all(reader: &mut Reader) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(group) = reader.next().await {
        events.extend(group);
    }
    events
}

pub(crate) fn ada() -> Caller {
    Caller {
        owner: OwnerId::new("ada"),
        credential: Credential::bearer("ada's token".into()),
        expires: None,
        means: Means::Token,
    }
}

/// A request that says `text`.
pub(crate) fn says(text: &str) -> Draft {
    let message = Message::text(Role::User, text);
    Draft {
        model: Some(Arc::from("jan-v2-30b")),
        input: Some(Json::from_value(&serde_json::Value::from(text))),
        items: vec![InputItem::New(ItemBody::Message(message))],
        ..Draft::default()
    }
}

/// A request that says "hi", changed.
pub(crate) fn but(change: impl FnOnce(&mut Draft)) -> Draft {
    let mut draft = says("hi");
    change(&mut draft);
    draft
}

pub(crate) fn status(response: &Response) -> StatusName {
    response.status().name()
}

pub(crate) fn output(response: &Response) -> &str {
    response.progress.output.as_deref().unwrap_or("(no output)")
}

fn policy() -> Policy {
    Policy {
        spec: SpecLimits {
            tools: 128,
            items: 512,
            metadata_bytes: 65_536,
            max_rounds: 8,
            on_max_depth: OnMaxDepth::Fail,
            tool_failure: ToolFailure::Fail,
        },
        calls_per_round: 32,
        calls: 128,
        parallel_calls: 8,
        repairs: 3,
        result_share: 25,
        run_timeout: Duration::from_mins(10),
        write_after: Duration::from_millis(250),
        reader_patience: Duration::from_secs(30),
        runs: 1_000,
        streams: 1_000,
        owners: OwnerLimits::default(),
        background: Background {
            workers: 0,
            poll_interval: Duration::from_secs(2),
            task_timeout: Duration::from_mins(10),
            max_attempts: 3,
            owner_limit: None,
            queue_limit: None,
            owner_queue_limit: None,
            company: Company::Others,
        },
        webhooks: Webhooks {
            secrets: Vec::new(),
            callback: CallbackSchedule {
                attempts: 3,
                delay: Duration::from_secs(2),
                growth: 1.0,
            },
            timeout: Duration::from_secs(10),
            prompt: 64,
            patient: 16,
        },
        retention: Retention::default(),
    }
}
