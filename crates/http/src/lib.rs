//! The face: what the engine can do, over HTTP, in the words of a dialect.
//!
//! A request passes the middleware, finds its handler in the table of routes, and every handler does
//! the same three things: extract, ask the engine, show. What goes wrong is a problem; a dialect makes
//! JSON of it, as it does of everything else.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use response_domain::id::IdGenerator;
use response_domain::ports::auth::Authenticator;
use response_engine::Engine;

use crate::audit::Audit;
use crate::room::Room;

mod access;
mod admission;
mod audit;
mod body;
mod dialect;
mod extract;
mod handler;
mod head;
mod health;
mod json_text;
mod list;
mod metrics;
mod middleware;
mod openapi;
mod payloads;
mod problem;
mod query;
mod room;
mod routes;
mod stream;
mod visit;
mod websocket;

#[cfg(any(test, fuzzing))]
pub mod fuzz;

pub use crate::health::{HealthFace, mount_health};
pub use crate::metrics::Metrics;
pub use crate::payloads::Payloads;

/// What the face needs. Cheap to clone.
#[derive(Clone)]
pub struct Face {
    /// What can be asked of the service.
    pub engine: Engine,
    /// Who is calling.
    pub authenticator: Arc<dyn Authenticator>,
    /// Ids for requests that bring none.
    pub ids: Arc<dyn IdGenerator>,
    /// What the process counts.
    pub metrics: Metrics,
    /// How much one request may ask.
    pub options: FaceOptions,
}

/// What becomes of tools that OpenAI runs and this service does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostedTools {
    /// They are passed over.
    #[default]
    Ignore,
    /// A request that names one is refused.
    Refuse,
}

/// How much one request may ask.
#[derive(Debug, Clone, Copy)]
pub struct FaceOptions {
    /// The most bytes of a body; more is answered 413.
    pub body_bytes: usize,
    /// The deepest nesting of JSON in a body; deeper is answered 400. At most 120.
    pub json_depth: usize,
    /// The most bytes of bodies that are held at once, of all requests together; what does not fit any more is
    /// answered 503.
    pub body_memory: usize,
    /// How long a stream may be silent before it gets a comment line.
    pub heartbeat: Duration,
    /// Time within which a whole body must have come; later is answered 408.
    pub body_timeout: Duration,
    /// What becomes of a tool that a request of OpenAI's dialect wants and this service does not have.
    pub hosted_tools: HostedTools,
    /// Whether requests that change something, and refused credentials, leave a line in the audit log.
    pub audit: bool,
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Face")
            .field("engine", &self.engine)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The whole API, for `App::configure`: every path of the application, with an error envelope also for
/// those that lead nowhere.
///
/// The server that it is mounted on must not allow half-closed connections
/// (`HttpServer::h1_allow_half_closed(false)`), or a client that goes away is not noticed while its
/// handler waits, and should set `tcp_nodelay(true)`.
///
/// All that is configured by clones of the answer shares what the face counts, so it is to be called once for
/// all threads of a server.
pub fn mount(face: Face) -> impl FnOnce(&mut ServiceConfig) + Clone {
    let shared = Shared::new(&face.options);
    move |app| routes::mount(&face, &shared, app)
}

/// What all threads of a server count together. Cheap to clone.
#[derive(Clone)]
struct Shared {
    audit: Audit,
    room: Room,
}

impl Shared {
    fn new(options: &FaceOptions) -> Self {
        Self {
            audit: Audit::new(options.audit),
            room: Room::new(options.body_memory),
        }
    }
}

/// The `OpenAPI` document of all dialects, as it is served under `/openapi.json`.
pub fn openapi_json() -> String {
    openapi::document()
}
