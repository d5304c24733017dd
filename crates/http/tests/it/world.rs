//! The face on a real port, over a scripted engine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use response_domain::id::{RawId, WorkerId};
use response_domain::ports::auth::Authenticator;
use response_domain::ports::queue::EventLog;
use response_domain::ports::store::ResponseStore;
use response_domain::ports::webhook::{EndpointStore, WebhookOutbox};
use response_domain::retention::Retention;
use response_domain::spec::{OnMaxDepth, SpecLimits, ToolFailure};
use response_domain::webhook::CallbackSchedule;
use response_engine::Engine;
use response_engine::policy::{Background, Company, OwnerLimits, Policy, Webhooks};
use response_engine::ports::Ports;
use response_http::{
    Face, FaceOptions, HealthFace, HostedTools, Metrics, Payloads, mount, mount_health,
};
use response_testkit::bus::MemoryBus;
use response_testkit::clock::{TestClock, TestIds};
use response_testkit::memory::MemoryStore;
use response_testkit::script::{ScriptedModel, ScriptedTools, TurnScript};
use response_testkit::sender::ScriptedSender;
use response_testkit::vault::TestVault;
use tokio::net::TcpStream;

use crate::who::ByName;

/// A service that runs until it is dropped.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<TestClock>,
    bus: Arc<MemoryBus>,
    pub(crate) model: Arc<ScriptedModel>,
    pub(crate) tools: Arc<ScriptedTools>,
    pub(crate) sender: Arc<ScriptedSender>,
    pub(crate) address: SocketAddr,
    server: ServerHandle,
}

/// What a world is made of.
pub(crate) struct Plan {
    turns: Vec<TurnScript>,
    tools: ScriptedTools,
    policy: Policy,
    options: FaceOptions,
    authenticator: Arc<dyn Authenticator>,
    vault: TestVault,
    clock: Arc<TestClock>,
    store: Arc<MemoryStore>,
    bus: Arc<MemoryBus>,
    sender: Arc<ScriptedSender>,
    process: u16,
    face: Part,
    front: Option<Arc<dyn ResponseStore>>,
    endpoints: Option<Arc<dyn EndpointStore>>,
    outbox: Option<Arc<dyn WebhookOutbox>>,
    log: Option<Arc<dyn EventLog>>,
}

/// How much of the face is mounted.
#[derive(Clone, Copy)]
enum Part {
    Whole,
    Health,
}

impl Plan {
    pub(crate) fn new(turns: impl IntoIterator<Item = TurnScript>) -> Self {
        let clock = Arc::new(TestClock::default());
        Self {
            store: Arc::new(MemoryStore::timed_by(clock.clone())),
            clock,
            bus: Arc::default(),
            sender: Arc::default(),
            vault: TestVault::default(),
            process: 1,
            log: None,
            face: Part::Whole,
            turns: turns.into_iter().collect(),
            tools: ScriptedTools::new([]),
            policy: policy(),
            options: FaceOptions {
                body_bytes: 128 * 1024,
                body_memory: 16 * 1024 * 1024,
                json_depth: 64,
                heartbeat: Duration::from_secs(15),
                body_timeout: Duration::from_secs(30),
                hosted_tools: HostedTools::Ignore,
                audit: true,
            },
            authenticator: Arc::new(ByName),
            front: None,
            endpoints: None,
            outbox: None,
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

    pub(crate) fn options(mut self, change: impl FnOnce(&mut FaceOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Puts a store in front of the one in memory.
    pub(crate) fn front(mut self, store: impl ResponseStore + 'static) -> Self {
        self.front = Some(Arc::new(store));
        self
    }

    /// Keeps endpoints and deliveries elsewhere than in memory.
    pub(crate) fn webhooks<S: EndpointStore + WebhookOutbox + 'static>(mut self, store: S) -> Self {
        let store = Arc::new(store);
        self.endpoints = Some(store.clone());
        self.outbox = Some(store);
        self
    }

    /// Puts a log in front of the one in memory.
    pub(crate) fn log(mut self, log: impl EventLog + 'static) -> Self {
        self.log = Some(Arc::new(log));
        self
    }

    /// A process of this number, over the same database as that of `world`.
    pub(crate) fn beside(mut self, world: &World, number: u16) -> Self {
        self.clock = Arc::clone(&world.clock);
        self.store = Arc::clone(&world.store);
        self.bus = Arc::clone(&world.bus);
        self.sender = Arc::clone(&world.sender);
        self.process = number;
        self
    }

    /// The store in memory, for what stands in front of it.
    pub(crate) fn memory(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }

    /// Only the part of the face that tells how the process is.
    pub(crate) fn health_only(mut self) -> Self {
        self.face = Part::Health;
        self
    }

    pub(crate) fn vault(mut self, vault: TestVault) -> Self {
        self.vault = vault;
        self
    }

    pub(crate) fn authenticator(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.authenticator = Arc::new(authenticator);
        self
    }

    pub(crate) async fn build(self) -> World {
        let part = self.face;
        let (made, face) = self.make().await;
        let (address, server) = match part {
            Part::Whole => serve(mount(face)),
            Part::Health => serve(mount_health(HealthFace {
                engine: face.engine,
                ids: face.ids,
                metrics: face.metrics,
            })),
        };
        World {
            engine: made.engine,
            store: made.store,
            clock: made.clock,
            bus: made.bus,
            model: made.model,
            tools: made.tools,
            sender: made.sender,
            address,
            server,
        }
    }

    /// All but the server, for who brings one.
    pub(crate) async fn make(self) -> (Made, Face) {
        let model = Arc::new(ScriptedModel::new(self.turns));
        let tools = Arc::new(self.tools);
        let store = self.store;
        let ports = Ports {
            store: self.front.unwrap_or_else(|| store.clone()),
            conversations: store.clone(),
            keys: store.clone(),
            retention: store.clone(),
            workers: store.clone(),
            queue: store.clone(),
            log: self.log.unwrap_or_else(|| store.clone()),
            bus: self.bus.clone(),
            vault: Arc::new(self.vault),
            endpoints: self.endpoints.unwrap_or_else(|| store.clone()),
            outbox: self.outbox.unwrap_or_else(|| store.clone()),
            sender: self.sender.clone(),
            payloads: Arc::new(Payloads),
            llm: model.clone(),
            registry: tools.clone(),
            executor: tools.clone(),
            clock: self.clock.clone(),
            ids: Arc::new(TestIds::new(self.process)),
            worker: WorkerId::new(RawId::new(u128::from(self.process))),
        };
        let engine = Engine::new(ports, self.policy, tokio::runtime::Handle::current());
        engine.sign_on().await;
        let face = Face {
            engine: engine.clone(),
            authenticator: self.authenticator,
            ids: Arc::new(TestIds::new(100 * self.process - 98)),
            metrics: Metrics::new(|| "jan_response_api_queue_waiting 7\n".to_owned()),
            options: self.options,
        };
        let made = Made {
            engine,
            store,
            clock: self.clock,
            bus: self.bus,
            model,
            tools,
            sender: self.sender,
        };
        (made, face)
    }
}

/// What stands behind a face.
pub(crate) struct Made {
    engine: Engine,
    store: Arc<MemoryStore>,
    clock: Arc<TestClock>,
    bus: Arc<MemoryBus>,
    pub(crate) model: Arc<ScriptedModel>,
    tools: Arc<ScriptedTools>,
    sender: Arc<ScriptedSender>,
}

/// Serves as the real server does, on a thread of its own.
fn serve<F>(mount: F) -> (SocketAddr, ServerHandle)
where
    F: FnOnce(&mut ServiceConfig) + Clone + Send + 'static,
{
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || App::new().configure(mount.clone()))
                .workers(1)
                .h1_allow_half_closed(false)
                .tcp_nodelay(true)
                .disable_signals()
                .bind(("127.0.0.1", 0))
                .unwrap();
            let address = server.addrs()[0];
            let server = server.run();
            tell.send((address, server.handle())).unwrap();
            server.await.unwrap();
        });
    });
    told.recv().unwrap()
}

impl World {
    pub(crate) async fn new(turns: impl IntoIterator<Item = TurnScript>) -> Self {
        Plan::new(turns).build().await
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The command is sent at once; the future is only its confirmation.
        drop(self.server.stop(false));
    }
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
            // Long: what waits is taken because somebody said so.
            poll_interval: Duration::from_mins(1),
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
