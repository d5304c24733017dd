//! Tool servers that speak MCP over streamable HTTP, and those that only take bare JSON-RPC.
//!
//! [`McpTools`] is both ports of the domain over one or more servers: it lists their tools as one
//! list, and calls them. Sessions, lists and the terms each server is spoken to on are found out
//! once and shared; a call of a tool is one POST. A server's words are data: its text is cleaned
//! and capped, its names are made fit, its schemas never make this service fetch anything, and
//! what it says about its own tools counts only where the operator trusts it.

mod annotations;
mod arguments;
mod call;
mod clean;
mod content;
mod exchange;
mod fault;
mod handshake;
mod link;
mod listing;
mod message;
mod mirror;
mod names;
mod options;
mod pace;
mod registry;
mod result;
mod schema;
mod server;
mod tool;
mod wire;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use response_domain::ports::llm::CallContext;
use response_domain::ports::tools::{ToolError, ToolErrorKind, ToolExecutor, ToolRegistry};
use response_domain::ports::webhook::NotAllowed;
use response_domain::tool::{ToolCall, ToolReply, ToolSpec};
use response_egress::EgressClient;
use tokio::runtime::Handle;

use crate::listing::Asker;
pub use crate::options::{
    ContextArguments, CredentialUse, First, Mode, Options, OptionsError, ServerOptions, Trust,
};
use crate::pace::Pace;
use crate::registry::Catalog;
use crate::server::{Background, Server};

/// The tools of one or more servers. Clones share everything.
#[derive(Debug, Clone)]
pub struct McpTools {
    catalog: Arc<Catalog>,
    background: Background,
    call_timeout: Duration,
    call_cap: Duration,
    result_limit: usize,
}

impl McpTools {
    /// Takes the servers; none of them is called before the first list or call. What nobody
    /// waits for runs on `runtime`.
    pub fn new(
        options: &Options,
        client: &EgressClient,
        runtime: Handle,
    ) -> Result<Self, OptionsError> {
        options.check()?;
        for server in &options.servers {
            let vetted = client.vet(&server.endpoint());
            vetted.map_err(|refusal| OptionsError::Url {
                label: server.label.clone(),
                refusal,
            })?;
        }
        let background = Background::new(runtime);
        let changed = Arc::new(AtomicBool::new(false));
        let server = |server| {
            Arc::new(Server::new(
                server,
                options,
                client.clone(),
                Arc::clone(&changed),
                background.clone(),
            ))
        };
        let servers = options.servers.iter().map(server).collect();
        Ok(Self {
            catalog: Arc::new(Catalog::new(
                servers,
                options,
                Arc::clone(&changed),
                background.clone(),
            )),
            background,
            call_timeout: options.call_timeout,
            call_cap: options.call_cap,
            result_limit: options.result_limit,
        })
    }

    /// Ends every session at its server and waits for what is under way behind the calls; no
    /// longer than `limit`. Calls after it are none of its concern.
    pub async fn close(&self, limit: Duration) {
        let leaving = self.catalog.servers.iter().map(|server| server.leave_all());
        let all = async {
            futures::future::join_all(leaving).await;
            self.background.finish().await;
        };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::debug!("not every session at a tool server was ended in time");
        }
    }
}

/// Why a server that a caller names is not called.
fn not_called() -> NotAllowed {
    NotAllowed("only the tool servers that the operator configured are called here".to_owned())
}

#[async_trait]
impl ToolRegistry for McpTools {
    async fn list(&self, context: &CallContext) -> Result<Arc<[Arc<ToolSpec>]>, ToolError> {
        let asker = || Asker {
            credential: context.credential.clone(),
            request_id: Arc::clone(&context.request_id),
        };
        self.catalog.list(asker).await
    }

    fn labels(&self) -> &[Arc<str>] {
        &self.catalog.labels
    }

    fn admit(&self, _url: &str) -> Result<(), NotAllowed> {
        Err(not_called())
    }

    async fn list_of(
        &self,
        _label: &Arc<str>,
        _url: &Arc<str>,
        _context: &CallContext,
    ) -> Result<Vec<Arc<ToolSpec>>, ToolError> {
        Err(ToolError {
            kind: ToolErrorKind::Unavailable,
            message: not_called().0,
            source: None,
        })
    }
}

#[async_trait]
impl ToolExecutor for McpTools {
    async fn call(&self, call: &ToolCall, context: &CallContext) -> Result<ToolReply, ToolError> {
        let pace = Pace::new(self.call_timeout, self.call_cap);
        call::call(&self.catalog, call, context, pace, self.result_limit).await
    }
}
