//! Tool servers that speak MCP over streamable HTTP, and those that only take bare JSON-RPC.
//!
//! [`McpTools`] is both ports of the domain over the servers that the operator configured, whose tools
//! are one list, and over those that callers name, each by itself. Sessions, lists and the terms each server is spoken to on are found out
//! once and shared; a call of a tool is one POST. A server's words are data: its text is cleaned
//! and capped, its names are made fit, its schemas never make this service fetch anything, and
//! what it says about its own tools counts only where the operator trusts it.

mod annotations;
mod arguments;
mod call;
mod check;
mod checker;
mod clean;
mod content;
mod exchange;
mod fault;
mod few;
mod given;
mod handshake;
mod link;
mod listing;
mod logged;
mod message;
mod mirror;
mod named;
mod names;
mod options;
mod pace;
mod registry;
mod result;
mod schema;
mod server;
mod tool;
mod wire;

#[cfg(any(test, fuzzing))]
pub mod fuzz;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use response_domain::ports::llm::CallContext;
use response_domain::ports::tools::{ToolError, ToolErrorKind, ToolExecutor, ToolRegistry};
use response_domain::ports::webhook::NotAllowed;
use response_domain::tool::{ToolCall, ToolHome, ToolReply, ToolSpec};
use response_egress::EgressClient;
use tokio::runtime::Handle;

use crate::call::Limits;
use crate::listing::Asker;
use crate::named::NamedServers;
pub use crate::options::{
    ContextArguments, CredentialUse, First, Mode, Options, OptionsError, ServerOptions, Trust,
};
use crate::pace::Pace;
use crate::registry::Catalog;
use crate::server::{Background, Common, NamedBy, Server};

/// The tools of one or more servers. Clones share everything.
#[derive(Debug, Clone)]
pub struct McpTools {
    catalog: Arc<Catalog>,
    /// None when only configured servers are called.
    named: Option<Arc<NamedServers>>,
    background: Background,
    call_timeout: Duration,
    call_cap: Duration,
    result_limit: usize,
}

/// Who may say where a tool server is, and who calls it there.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Calls the configured servers.
    pub configured: EgressClient,
    /// Calls the servers that callers name, within the guard; none when callers may not name any.
    pub guarded: Option<EgressClient>,
}

impl McpTools {
    /// Takes the servers; none of them is called before the first list or call. What nobody
    /// waits for runs on `runtime`.
    pub fn new(options: &Options, clients: Clients, runtime: Handle) -> Result<Self, OptionsError> {
        options.check()?;
        let Clients {
            configured: client,
            guarded,
        } = clients;
        for server in &options.servers {
            let vetted = client.vet(&server.endpoint());
            vetted.map_err(|refusal| OptionsError::Url {
                label: server.label.clone(),
                refusal,
            })?;
        }
        let background = Background::new(runtime);
        let common = Common::new(options, client, background.clone());
        let server = |server| Arc::new(Server::new(server, NamedBy::Operator, common.clone()));
        let servers = options.servers.iter().map(server).collect();
        let named = guarded.map(|guarded| {
            let common = Common::new(options, guarded, background.clone());
            Arc::new(NamedServers::new(common, options.list_timeout()))
        });
        Ok(Self {
            catalog: Arc::new(Catalog::new(servers, options, common.clone())),
            named,
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
        let leaving_named = async {
            if let Some(named) = &self.named {
                named.leave_all().await;
            }
        };
        let all = async {
            tokio::join!(join_all(leaving), leaving_named);
            self.background.finish().await;
        };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::debug!("not every session at a tool server was ended in time");
        }
    }

    fn named(&self) -> Result<&Arc<NamedServers>, NotAllowed> {
        let named = self.named.as_ref();
        named.ok_or_else(|| {
            NotAllowed("only the tool servers that are configured here are called".to_owned())
        })
    }
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

    fn admit(&self, url: &str) -> Result<(), NotAllowed> {
        self.named()?.admit(url)
    }

    async fn list_of(
        &self,
        label: &Arc<str>,
        url: &Arc<str>,
        context: &CallContext,
    ) -> Result<Vec<Arc<ToolSpec>>, ToolError> {
        let named = self.named().map_err(|why| not_called(label, &why))?;
        named.list(label, url, context).await
    }
}

#[async_trait]
impl ToolExecutor for McpTools {
    async fn call(&self, call: &ToolCall, context: &CallContext) -> Result<ToolReply, ToolError> {
        let limits = Limits {
            pace: Pace::new(self.call_timeout, self.call_cap),
            result: self.result_limit,
        };
        let ToolHome::Server { label, name, url } = &call.tool.home else {
            return Ok(call::homeless(call));
        };
        let Some(url) = url else {
            return call::configured(&self.catalog, (label, name), call, context, limits).await;
        };
        let named = self.named().map_err(|why| not_called(label, &why))?;
        let server = named.server(label, url, context)?;
        call::strange(&server, name, call, context, limits).await
    }
}

fn not_called(label: &str, why: &NotAllowed) -> ToolError {
    ToolError {
        kind: ToolErrorKind::Unavailable,
        message: format!("the tool server `{label}` is not called: {why}"),
        source: None,
    }
}
