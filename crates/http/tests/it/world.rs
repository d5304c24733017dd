//! The face on a real port, over a scripted engine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use response_domain::id::{RawId, WorkerId};
use response_domain::ports::auth::Authenticator;
use response_domain::ports::store::ResponseStore;
use response_domain::spec::{OnMaxDepth, SpecLimits, ToolFailure};
use response_engine::Engine;
use response_engine::policy::Policy;
use response_engine::ports::Ports;
use response_http::{Face, FaceOptions, mount};
use response_testkit::clock::{TestClock, TestIds};
use response_testkit::memory::MemoryStore;
use response_testkit::script::{ScriptedModel, ScriptedTools, TurnScript};
use tokio::net::TcpStream;

use crate::who::ByName;

/// A service that runs until it is dropped.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) model: Arc<ScriptedModel>,
    pub(crate) tools: Arc<ScriptedTools>,
    address: SocketAddr,
    server: ServerHandle,
}

/// What a world is made of.
pub(crate) struct Plan {
    turns: Vec<TurnScript>,
    tools: ScriptedTools,
    policy: Policy,
    options: FaceOptions,
    authenticator: Arc<dyn Authenticator>,
    front: Option<Arc<dyn ResponseStore>>,
}

impl Plan {
    pub(crate) fn new(turns: impl IntoIterator<Item = TurnScript>) -> Self {
        Self {
            turns: turns.into_iter().collect(),
            tools: ScriptedTools::new([]),
            policy: policy(),
            options: FaceOptions {
                body_bytes: 128 * 1024,
                json_depth: 64,
                heartbeat: Duration::from_secs(15),
                body_timeout: Duration::from_secs(30),
            },
            authenticator: Arc::new(ByName),
            front: None,
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

    pub(crate) fn authenticator(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.authenticator = Arc::new(authenticator);
        self
    }

    pub(crate) async fn build(self) -> World {
        let model = Arc::new(ScriptedModel::new(self.turns));
        let tools = Arc::new(self.tools);
        let store: Arc<MemoryStore> = Arc::default();

        let ids = Arc::new(TestIds::new(1));
        let ports = Ports {
            store: self.front.unwrap_or_else(|| store.clone()),
            workers: store.clone(),
            llm: model.clone(),
            registry: tools.clone(),
            executor: tools.clone(),
            clock: Arc::new(TestClock::default()),
            ids,
            worker: WorkerId::new(RawId::new(1)),
        };
        let engine = Engine::new(ports, self.policy, tokio::runtime::Handle::current());
        engine.sign_on().await;
        let face = Face {
            engine: engine.clone(),
            authenticator: self.authenticator,
            ids: Arc::new(TestIds::new(2)),
            options: self.options,
        };
        let (address, server) = serve(face);
        World {
            engine,
            store,
            model,
            tools,
            address,
            server,
        }
    }
}

/// Serves as the real server does, on a thread of its own.
fn serve(face: Face) -> (SocketAddr, ServerHandle) {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || App::new().configure(mount(face.clone())))
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
    }
}
