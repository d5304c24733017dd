//! Settings in, adapters made, ports filled. Each section is taken apart whole, so a setting that
//! nothing reads does not compile.

use std::sync::Arc;

use response_domain::id::{IdGenerator, WorkerId};
use response_domain::ports::auth::Authenticator;
use response_domain::time::Clock;
use response_engine::Engine;
use response_engine::ports::Ports;
use response_identity::Guest;
use response_mcp::McpTools;
use response_settings::{Auth, Database, Http, Settings, TokenChecks};
use response_store::Store;

use crate::doors::{SystemClock, SystemIds};
use crate::{policy, storage, upstreams};

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
    pub(crate) tools: Arc<McpTools>,
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
}

/// Opens the database, connects the adapters and signs the process on. Runs live on the runtime that
/// calls this, which must be the main one.
pub async fn build(settings: Settings) -> Result<App, BuildError> {
    let Settings {
        http,
        database,
        llm,
        mcp,
        tools,
        runs,
        log: _,
        auth,
    } = settings;
    let Auth {
        enabled: TokenChecks::Off,
    } = auth;
    let runtime = tokio::runtime::Handle::current();
    let ids: Arc<dyn IdGenerator> = Arc::new(SystemIds);
    let policy = policy::of(&http, &tools, &runs);
    let store = Arc::new(open(database).await?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let llm = upstreams::model_server(llm, Arc::clone(&clock))?;
    let tools = Arc::new(upstreams::tool_servers(mcp, tools, runtime.clone())?);
    let ports = Ports {
        store: store.clone(),
        workers: store,
        llm: Arc::new(llm),
        registry: tools.clone(),
        executor: tools.clone(),
        clock,
        ids: Arc::clone(&ids),
        worker: WorkerId::new(ids.next()),
    };
    let engine = Engine::new(ports, policy, runtime);
    engine.sign_on().await;
    Ok(App {
        engine,
        authenticator: Arc::new(Guest::default()),
        ids,
        http,
        tools,
    })
}

/// Opens the database as the settings say.
pub async fn open(database: Database) -> Result<Store, BuildError> {
    let options = storage::options(database).map_err(BuildError::Store)?;
    Store::open(options).await.map_err(BuildError::Store)
}
