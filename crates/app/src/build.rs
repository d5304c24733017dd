//! Settings in, adapters made, ports filled. Each section is taken apart whole, so a setting that
//! nothing reads does not compile.

use std::sync::Arc;

use response_domain::id::{IdGenerator, WorkerId};
use response_domain::ports::auth::Authenticator;
use response_domain::ports::webhook::WebhookPayloads;
use response_engine::Engine;
use response_engine::ports::Ports;
use response_identity::Guest;
use response_llm::ChatClient;
use response_mcp::McpTools;
use response_settings::{AuditLog, Database, Http, Settings, Worker};
use response_store::Store;
use response_vault::Vault;
use response_webhook::HttpSender;
use tokio::runtime::Handle;

use crate::doors::{SystemClock, SystemIds};
use crate::metrics::{self, Metrics};
use crate::{callers, guard, keys, policy, storage, upstreams, webhooks};

/// The service, ready to be given a face.
#[expect(missing_debug_implementations, reason = "the doors inside have none")]
pub struct App {
    /// What can be asked of it.
    pub engine: Engine,
    /// Who is calling.
    pub authenticator: Arc<dyn Authenticator>,
    /// New ids, for requests.
    pub ids: Arc<dyn IdGenerator>,
    /// What is left of the settings for the face.
    pub http: Http,
    /// The same, for the face of a worker.
    pub worker: Worker,
    /// Whether what callers change is told in the log.
    pub audit: AuditLog,
    /// The numbers to watch.
    pub metrics: Metrics,
    pub(crate) store: Arc<Store>,
    pub(crate) tools: Arc<McpTools>,
}

/// Which of the two binaries this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// It takes requests, and works on the queue when the settings say so.
    Api,
    /// It only works on the queue.
    Worker,
}

impl Process {
    /// Whether it can do its part with this database and these keys.
    fn check(self, has_file: bool, has_keys: bool) -> Result<(), BuildError> {
        match self {
            Self::Worker if has_file => Err(BuildError::WorkerNeedsServer),
            Self::Worker if !has_keys => Err(BuildError::WorkerNeedsKeys),
            Self::Worker | Self::Api => Ok(()),
        }
    }
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The database cannot be opened.
    #[error("the database cannot be opened")]
    Store(#[source] response_store::OpenError),
    /// The model server or the tool servers cannot be used as configured.
    #[error(transparent)]
    Upstreams(#[from] upstreams::UpstreamsError),
    /// The keys of the vault cannot be had.
    #[error(transparent)]
    Vault(#[from] keys::VaultError),
    /// Callers cannot be recognised as configured.
    #[error(transparent)]
    Callers(#[from] callers::CallersError),
    /// Webhooks cannot be sent as configured.
    #[error(transparent)]
    Webhooks(#[from] webhooks::WebhooksError),
    /// The numbers cannot be recorded.
    #[error("the metrics cannot be recorded")]
    Metrics(#[from] metrics::MetricsError),
    /// A worker was started on a database that is a file.
    #[error(
        "response-worker shares its database with response-api, so it needs PostgreSQL: set \
         DB_POSTGRESQL_WRITE_DSN; with the embedded database response-api works on background responses \
         itself"
    )]
    WorkerNeedsServer,
    /// A worker was started without keys.
    #[error(
        "response-worker opens the credentials that response-api sealed, so it needs the same \
         RESPONSE_VAULT_KEYS"
    )]
    WorkerNeedsKeys,
}

/// Opens the database and connects the adapters; `payloads` word what webhooks tell, as the face words it.
/// Nothing is done before [`Engine::sign_on`], which is for when the process has its socket. Runs live on
/// the runtime that calls this, which must be the main one.
pub async fn build(
    settings: Settings,
    process: Process,
    payloads: Arc<dyn WebhookPayloads>,
) -> Result<App, BuildError> {
    let guard = guard::of_named_by_callers(&settings);
    let Settings {
        http,
        database,
        llm,
        mcp,
        tools,
        runs,
        background,
        webhooks,
        egress: _,
        vault,
        worker,
        log,
        auth,
        limits,
        retention,
    } = settings;
    let runtime = Handle::current();
    let ids: Arc<dyn IdGenerator> = Arc::new(SystemIds);
    let has_file = database.write_dsn.is_none();
    process.check(has_file, vault.keys.is_some())?;
    let background = policy::background(&background, process, has_file);
    let (webhooks, sender) = webhooks::of(webhooks, guard.clone())?;
    let policy = policy::of(&http, &tools, &runs, background, webhooks);
    let policy = policy::with_owners(policy, &limits, &retention);
    webhooks::tell(&policy);
    let vault = keys::vault(vault, &database)?;
    let metrics = metrics::start()?;
    let store = Arc::new(open(storage::of(process, database, policy.background.workers)).await?);
    let tools = Arc::new(upstreams::tool_servers(mcp, tools, guard, runtime.clone())?);
    let ports = ports(
        &store,
        &runtime,
        Adapters {
            vault,
            sender,
            payloads,
            llm: upstreams::model_server(llm, Arc::new(SystemClock))?,
            tools: Arc::clone(&tools),
            ids: Arc::clone(&ids),
        },
    );
    let authenticator = match process {
        Process::Api => callers::authenticator(auth, store.clone(), runtime.clone())?,
        Process::Worker => Arc::new(Guest::default()),
    };
    Ok(App {
        engine: Engine::new(ports, policy, runtime),
        authenticator,
        ids,
        http,
        worker,
        audit: log.audit,
        metrics,
        store,
        tools,
    })
}

/// What fills the ports besides the store.
struct Adapters {
    vault: Vault,
    sender: HttpSender,
    payloads: Arc<dyn WebhookPayloads>,
    llm: ChatClient,
    tools: Arc<McpTools>,
    ids: Arc<dyn IdGenerator>,
}

fn ports(store: &Arc<Store>, runtime: &Handle, adapters: Adapters) -> Ports {
    let Adapters {
        vault,
        sender,
        payloads,
        llm,
        tools,
        ids,
    } = adapters;
    Ports {
        store: store.clone(),
        workers: store.clone(),
        queue: store.clone(),
        log: store.clone(),
        conversations: store.clone(),
        keys: store.clone(),
        retention: store.clone(),
        bus: Arc::new(store.bus(runtime)),
        vault: Arc::new(vault),
        endpoints: store.clone(),
        outbox: store.clone(),
        sender: Arc::new(sender),
        payloads,
        llm: Arc::new(llm),
        registry: tools.clone(),
        executor: tools,
        clock: Arc::new(SystemClock),
        worker: WorkerId::new(ids.next()),
        ids,
    }
}

/// Opens the database as the settings say.
pub async fn open(database: Database) -> Result<Store, BuildError> {
    let options = storage::options(database).map_err(BuildError::Store)?;
    Store::open(options).await.map_err(BuildError::Store)
}
