//! One tool server: where it is, what its requests carry, and what goes on behind the calls.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use response_domain::caller::Credential;
use response_domain::ports::tools::ToolError;
use response_egress::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use response_egress::{Bytes, EgressClient, Outbound, Url};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::checker::Checker;
use crate::exchange::is_stream;
use crate::fault::Fault;
use crate::link::{Era, Link, Links};
use crate::listing::MAX_LISTED;
use crate::message::Question;
use crate::options::{ContextArguments, CredentialUse, Mode, Options, ServerOptions, Trust};
use crate::wire::{self, Cancelled, Identity};

/// How long a message that nobody waits for may take.
const ASIDE_TIMEOUT: Duration = Duration::from_secs(5);
/// How many questions of a server are answered at once; more are ignored.
const QUESTIONS_AT_ONCE: usize = 4;
/// An answer may be this much larger than the text that is kept of it: it holds pictures, and
/// escapes.
const MIN_ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// How much the list of a server may have that a caller names: it is kept with the response.
const STRANGERS_LIST: usize = 1024 * 1024;
/// How many tools it may have.
const STRANGERS_TOOLS: usize = 512;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const CANCELLED: &str = "notifications/cancelled";
const METHOD: HeaderName = HeaderName::from_static("mcp-method");

/// Runs what nobody waits for on the main runtime, and knows when all of it is done.
#[derive(Debug, Clone)]
pub(crate) struct Background {
    runtime: Handle,
    tasks: TaskTracker,
}

impl Background {
    pub(crate) fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            tasks: TaskTracker::new(),
        }
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(task, &self.runtime);
    }

    /// Runs what takes the whole of a thread.
    pub(crate) fn spawn_blocking<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.tasks.spawn_blocking_on(task, &self.runtime)
    }

    /// Waits until everything that was spawned is done.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Who says where a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// The operator, who knows it.
    Operator,
    /// Whoever sent the request. It may be anybody's, gets nothing but what its caller gives it, and its
    /// words stay out of the log.
    Caller,
}

/// What servers have in common.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    pub(crate) client: EgressClient,
    pub(crate) background: Background,
    pub(crate) checker: Checker,
    /// Set when a server tells that its tools have changed.
    pub(crate) changed: Arc<AtomicBool>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) answer_limit: usize,
}

impl Common {
    pub(crate) fn new(options: &Options, client: EgressClient, background: Background) -> Self {
        Self {
            client,
            checker: Checker::new(background.clone()),
            background,
            changed: Arc::default(),
            identity: Arc::new(Identity {
                name: options.client_name.clone(),
                version: options.client_version.clone(),
            }),
            answer_limit: MIN_ANSWER_LIMIT.max(options.result_limit.saturating_mul(4)),
        }
    }
}

/// One tool server.
pub(crate) struct Server {
    pub(crate) label: Arc<str>,
    pub(crate) named_by: NamedBy,
    pub(crate) mode: Mode,
    pub(crate) trust: Trust,
    pub(crate) context: ContextArguments,
    pub(crate) common: Common,
    pub(crate) links: Links,
    /// How much an answer may have that is not a tool's, and a list in all.
    pub(crate) list_limit: usize,
    /// How many tools of a list are taken.
    pub(crate) most_tools: usize,
    pub(crate) url: Url,
    headers: HeaderMap,
    credential: CredentialUse,
    ids: AtomicU64,
    questions: Arc<Semaphore>,
}

impl Server {
    pub(crate) fn new(server: &ServerOptions, named_by: NamedBy, common: Common) -> Self {
        let mut headers = server.headers.clone();
        headers
            .values_mut()
            .for_each(|value| value.set_sensitive(true));
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream"),
        );
        let (url, list_limit, most_tools) = match named_by {
            NamedBy::Operator => (server.endpoint(), common.answer_limit, MAX_LISTED),
            NamedBy::Caller => (server.url.clone(), STRANGERS_LIST, STRANGERS_TOOLS),
        };
        Self {
            label: Arc::from(server.label.as_str()),
            named_by,
            mode: server.mode,
            trust: server.trust,
            context: server.context,
            links: Links::new(server.credential),
            list_limit,
            most_tools,
            common,
            url,
            headers,
            credential: server.credential,
            ids: AtomicU64::new(1),
            questions: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE)),
        }
    }

    /// What a fault of this server is to a run.
    pub(crate) fn error(&self, fault: Fault) -> ToolError {
        match self.named_by {
            NamedBy::Operator => fault.into_tool_error(&self.label),
            NamedBy::Caller => fault.into_strangers_error(&self.label),
        }
    }

    /// An id that no other request to this server has.
    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// The headers of a message of this method, on these terms, for this caller.
    pub(crate) fn headers(&self, link: &Link, credential: &Credential, method: &str) -> HeaderMap {
        let mut headers = self.headers.clone();
        if let Some(session) = &link.session {
            headers.insert(SESSION, session.clone());
        }
        if let Some(version) = &link.version {
            headers.insert(VERSION, version.clone());
        }
        if link.era == Era::Modern
            && let Ok(method) = HeaderValue::from_str(method)
        {
            headers.insert(METHOD, method);
        }
        if self.credential == CredentialUse::Forwarded {
            forward(&mut headers, credential);
        }
        headers
    }

    /// Says which request it is for, to a server that the operator knows.
    pub(crate) fn name_request(&self, headers: &mut HeaderMap, request_id: &str) {
        if self.named_by == NamedBy::Operator
            && let Ok(request) = HeaderValue::from_str(request_id)
        {
            headers.insert(REQUEST_ID, request);
        }
    }

    /// Sends a notification, or an answer, that nothing comes back to. Whether it arrived is not
    /// known.
    pub(crate) async fn tell(&self, body: Bytes, mut headers: HeaderMap, until: Instant) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let outbound = Outbound::post(&self.url)
            .headers(headers)
            .body(body)
            .deadline(until);
        match self.common.client.send(outbound).await {
            // What little comes is read, so that the connection can serve again. A stream is not:
            // it may never end.
            Ok(inbound) if is_stream(&inbound) => {}
            Ok(inbound) => drop(inbound.bytes_up_to(1024, until).await),
            Err(error) => tracing::debug!(
                mcp.server = &*self.label,
                error = &error as &dyn std::error::Error,
                "a notification did not reach the tool server"
            ),
        }
    }

    /// Tells the server, behind the caller's back, that nobody waits for a request any more. Only
    /// a server of the handshake's era wants that; others see it from the closed connection.
    pub(crate) fn cancel(self: &Arc<Self>, link: &Link, credential: &Credential, id: u64) {
        if link.era != Era::Handshake {
            return;
        }
        let params = Cancelled {
            request: id,
            reason: "the caller no longer waits for the result",
        };
        self.tell_aside(
            wire::notification(CANCELLED, params),
            self.headers(link, credential, CANCELLED),
        );
    }

    /// Answers a question of the server, unless it asks too many at once.
    pub(crate) fn answer(
        self: &Arc<Self>,
        link: &Link,
        credential: &Credential,
        question: &Question,
    ) {
        let Ok(place) = Arc::clone(&self.questions).try_acquire_owned() else {
            return;
        };
        let body = wire::answer(question);
        let headers = self.headers(link, credential, "");
        let server = Arc::clone(self);
        self.common.background.spawn(async move {
            server
                .tell(body, headers, Instant::now() + ASIDE_TIMEOUT)
                .await;
            drop(place);
        });
    }

    /// Ends a session at the server, if it has one.
    pub(crate) async fn leave(&self, link: &Link, credential: &Credential) {
        if link.session.is_none() {
            return;
        }
        let until = Instant::now() + ASIDE_TIMEOUT;
        let outbound = Outbound::new(response_egress::Method::DELETE, &self.url)
            .headers(self.headers(link, credential, ""))
            .deadline(until);
        if let Ok(inbound) = self.common.client.send(outbound).await {
            drop(inbound.bytes_up_to(1024, until).await);
        }
    }

    fn tell_aside(self: &Arc<Self>, body: Bytes, headers: HeaderMap) {
        let server = Arc::clone(self);
        self.common.background.spawn(async move {
            server
                .tell(body, headers, Instant::now() + ASIDE_TIMEOUT)
                .await;
        });
    }
}

impl fmt::Debug for Server {
    /// Without its URL, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("label", &self.label)
            .field("mode", &self.mode)
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

/// Sets the caller's credential as it came.
fn forward(headers: &mut HeaderMap, credential: &Credential) {
    let (name, value) = match credential {
        Credential::Absent => return,
        Credential::Bearer(token) => (
            AUTHORIZATION,
            HeaderValue::from_str(&format!("Bearer {}", token.as_str())),
        ),
        Credential::ApiKey(key) => (API_KEY, HeaderValue::from_str(key)),
    };
    if let Ok(mut value) = value {
        value.set_sensitive(true);
        headers.insert(name, value);
    }
}
