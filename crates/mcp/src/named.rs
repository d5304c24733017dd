//! The servers that callers name: called within the guard, with what their caller gives along and nothing
//! else of it. The terms with one are remembered for a while, for one conversation with the same secrets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use response_domain::caller::Credential;
use response_domain::ports::llm::CallContext;
use response_domain::ports::tools::{ToolError, ToolErrorKind};
use response_domain::ports::webhook::NotAllowed;
use response_domain::tool::{Approval, ToolHome, ToolSpec};
use response_egress::header::HeaderMap;
use response_egress::{MAX_URL_LENGTH, Refusal, Url};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::given::{self, Unsendable};
use crate::listing::Asker;
use crate::names;
use crate::options::{ContextArguments, ServerOptions};
use crate::pace::Pace;
use crate::server::{Common, NamedBy, Server};

/// How many are remembered.
const MAX_KEPT: usize = 1_024;
/// How long one that nobody calls is remembered, and with it what its caller gave along.
const IDLE: Duration = Duration::from_mins(5);
/// How often it is seen to that none is remembered for longer.
const SWEEP: Duration = Duration::from_mins(1);

/// The servers that callers name.
#[derive(Debug)]
pub(crate) struct NamedServers {
    common: Common,
    list_timeout: Duration,
    kept: Mutex<Kept>,
    closed: CancellationToken,
}

#[derive(Debug, Default)]
struct Kept {
    servers: HashMap<Key, Entry>,
    /// Whether somebody looks after those that are kept.
    is_swept: bool,
}

/// A digest of all that must be the same for a server to be the same.
type Key = [u8; 32];

#[derive(Debug)]
struct Entry {
    server: Arc<Server>,
    used: Instant,
}

/// Why a server that a caller names is not asked.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("its address is not allowed: {}", told(.0))]
    Url(Refusal),
    #[error(transparent)]
    Headers(#[from] Unsendable),
}

impl NamedServers {
    /// None yet. Whom `common` may call is the guard's to say.
    pub(crate) fn new(common: Common, list_timeout: Duration) -> Self {
        Self {
            common,
            list_timeout,
            kept: Mutex::default(),
            closed: CancellationToken::new(),
        }
    }

    /// Whether this address would be called at all.
    pub(crate) fn admit(&self, url: &str) -> Result<(), NotAllowed> {
        let judged = self.common.client.parse(url);
        judged.map_or_else(|refusal| Err(NotAllowed(told(&refusal))), |_url| Ok(()))
    }

    /// Its tools, under its own names and in its order.
    pub(crate) async fn list(
        self: &Arc<Self>,
        label: &Arc<str>,
        url: &Arc<str>,
        context: &CallContext,
    ) -> Result<Vec<Arc<ToolSpec>>, ToolError> {
        let server = self.server(label, url, context)?;
        let asker = Asker {
            credential: Credential::Absent,
            request_id: Arc::clone(&context.request_id),
        };
        let pace = Pace::fixed(self.list_timeout);
        let listed = server.list(&asker, None, &pace).await;
        let tools = listed.map_err(|fault| server.error(fault))?.tools;
        let names = names::assign(tools.iter().map(|tool| (None, &*tool.name)));
        let specs = tools.iter().zip(names).map(|(tool, name)| ToolSpec {
            name,
            home: ToolHome::Server {
                label: Arc::clone(label),
                name: Arc::clone(&tool.name),
                url: Some(Arc::clone(url)),
            },
            description: tool.description.clone(),
            parameters: tool.parameters.clone(),
            repeat: tool.repeat,
            strict: None,
            annotations: tool.annotations.clone(),
            approval: Approval::Waived,
        });
        Ok(specs.map(Arc::new).collect())
    }

    /// The server at this address for this caller.
    pub(crate) fn server(
        self: &Arc<Self>,
        label: &Arc<str>,
        url: &str,
        context: &CallContext,
    ) -> Result<Arc<Server>, ToolError> {
        let named = Named::read(self, label, url, context);
        let named = named.map_err(|unfit| ToolError {
            kind: ToolErrorKind::Unavailable,
            message: format!("the tool server `{label}` cannot be called: {unfit}"),
            source: None,
        })?;
        let now = Instant::now();
        let (server, left) = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let found = kept.server(named, &self.common, now);
            if !kept.is_swept {
                kept.is_swept = true;
                self.sweep_from_now_on();
            }
            found
        };
        self.leave_aside(left);
        Ok(server)
    }

    /// Ends every session; from now on nobody is forgotten by himself.
    pub(crate) async fn leave_all(&self) {
        self.closed.cancel();
        let servers: Vec<Entry> = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.servers.drain().map(|(_, entry)| entry).collect()
        };
        join_all(servers.iter().map(|entry| entry.server.leave_all())).await;
    }

    /// Forgets those that nobody calls any more, until none is left.
    fn sweep_from_now_on(self: &Arc<Self>) {
        let named = Arc::clone(self);
        self.common.background.spawn(async move {
            let sweeping = async {
                while named.sweep() {
                    tokio::time::sleep(SWEEP).await;
                }
            };
            named.closed.run_until_cancelled(sweeping).await;
        });
    }

    /// Whether there is something left to sweep.
    fn sweep(self: &Arc<Self>) -> bool {
        let (left, is_swept) = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let left = kept.idle(Instant::now());
            kept.is_swept = !kept.servers.is_empty();
            (left, kept.is_swept)
        };
        self.leave_aside(left);
        is_swept
    }

    /// Ends their sessions, with nobody waiting for it.
    fn leave_aside(&self, left: Vec<Entry>) {
        for Entry { server, .. } in left {
            let leaving = async move { server.leave_all().await };
            self.common.background.spawn(leaving);
        }
    }
}

impl Kept {
    /// The server of this key, and those that had to make room for it.
    fn server(&mut self, named: Named, common: &Common, now: Instant) -> (Arc<Server>, Vec<Entry>) {
        if let Some(entry) = self.servers.get_mut(&named.key) {
            entry.used = now;
            return (Arc::clone(&entry.server), Vec::new());
        }
        let left = self.make_room(now);
        let key = named.key;
        let server = Arc::new(named.into_server(common));
        let entry = Entry {
            server: Arc::clone(&server),
            used: now,
        };
        self.servers.insert(key, entry);
        (server, left)
    }

    /// Takes out those that nobody called for long.
    fn idle(&mut self, now: Instant) -> Vec<Entry> {
        let idle = |_: &Key, entry: &mut Entry| now - entry.used >= IDLE && entry.is_idle();
        let taken = self.servers.extract_if(idle);
        taken.map(|(_, entry)| entry).collect()
    }

    /// The one called longest ago as well while there are too many; never one that is in use.
    fn make_room(&mut self, now: Instant) -> Vec<Entry> {
        if self.servers.len() < MAX_KEPT {
            return Vec::new();
        }
        let mut left = self.idle(now);
        if self.servers.len() >= MAX_KEPT {
            let idle = self.servers.iter().filter(|(_, entry)| entry.is_idle());
            let oldest = idle
                .min_by_key(|(_, entry)| entry.used)
                .map(|(key, _)| *key);
            left.extend(oldest.and_then(|key| self.servers.remove(&key)));
        }
        left
    }
}

impl Entry {
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.server) == 1
    }
}

/// A server as a caller names it.
struct Named {
    key: Key,
    label: Arc<str>,
    url: Url,
    headers: HeaderMap,
}

impl Named {
    fn read(
        servers: &NamedServers,
        label: &Arc<str>,
        url: &str,
        context: &CallContext,
    ) -> Result<Self, Unfit> {
        let url = context.tool_secrets.address(label, url);
        let url = servers.common.client.parse(url).map_err(Unfit::Url)?;
        let headers = given::headers(context.tool_secrets.headers(label))?;
        Ok(Self {
            key: key(label, &url, &headers, context),
            label: Arc::clone(label),
            url,
            headers,
        })
    }

    fn into_server(self, common: &Common) -> Server {
        let mut options = ServerOptions::new(&*self.label, self.url);
        options.headers = self.headers;
        options.context = ContextArguments::Withheld;
        Server::new(&options, NamedBy::Caller, common.clone())
    }
}

/// The conversation is part of it although the server is not told: a session may hold what was done in it,
/// and a conversation has one owner.
fn key(label: &str, url: &Url, headers: &HeaderMap, context: &CallContext) -> Key {
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        // Its length first, so that no two lists of parts are the same bytes.
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    };
    add(label.as_bytes());
    add(url.as_str().as_bytes());
    let conversation = context.conversation.map(|id| id.to_string());
    add(conversation
        .unwrap_or_else(|| context.response.to_string())
        .as_bytes());
    let mut given: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    given.sort_unstable();
    for (name, value) in given {
        add(name.as_bytes());
        add(value);
    }
    digest.finalize().into()
}

/// What is wrong with an address and what is allowed. It repeats nothing of the address but its scheme and
/// its host, and names no network.
fn told(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unreadable(_) | Refusal::NoHost => {
            "it cannot be read: an absolute URL such as `https://example.com/mcp` is needed"
                .to_owned()
        }
        Refusal::TooLong { length } => {
            format!("it is {length} bytes long: at most {MAX_URL_LENGTH} are allowed")
        }
        Refusal::Scheme(scheme) => {
            format!("its scheme is `{scheme}`: only `http` and `https` are allowed")
        }
        Refusal::Userinfo => {
            "it holds a user name or a password: put them into `authorization` or `headers`"
                .to_owned()
        }
        Refusal::Port => "its port is 0: only 1 to 65535 are allowed".to_owned(),
        Refusal::Address { host, .. } => {
            format!("its host `{host}` may not be called: only public addresses are allowed")
        }
    }
}
