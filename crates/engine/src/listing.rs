//! Finding out what a run may work with: the tools of the configured servers, of those that its request
//! names, and how much its model can read.

use std::sync::Arc;

use futures::future::join_all;
use response_domain::failure::{Failure, FailureCode};
use response_domain::ports::llm::CallContext;
use response_domain::ports::tools::{ToolError, ToolRegistry};
use response_domain::run::{Listing, Toolbox};
use response_domain::spec::{ResponseSpec, ServerOffer, ToolFailure, ToolOffer, ToolSelection};
use response_domain::tool::{ToolHome, ToolSpec};

use crate::ports::Ports;

type Tools = Arc<[Arc<ToolSpec>]>;

/// What a run of `spec` may work with. Tools that cannot be listed are a failure only where the request
/// wants that.
pub(crate) async fn toolbox(
    ports: &Ports,
    spec: &ResponseSpec,
    context: &CallContext,
) -> Result<Toolbox, Failure> {
    let registry = &*ports.registry;
    let tools = async {
        match &spec.tools {
            ToolSelection::Nothing => Ok::<_, Failure>((Tools::from([]), Vec::new())),
            ToolSelection::All | ToolSelection::Only(_) => {
                let tools = configured(registry, spec, context).await?;
                Ok((tools, Vec::new()))
            }
            ToolSelection::Offered(offers) => {
                let servers = brought(registry, offers, context).await;
                Ok((Tools::from([]), servers))
            }
        }
    };
    let context_tokens = ports.llm.context_length(&spec.model, context);
    let (tools, context_tokens) = tokio::join!(tools, context_tokens);
    let (tools, servers) = tools?;
    Ok(Toolbox {
        tools,
        servers,
        context_tokens,
    })
}

async fn configured(
    registry: &dyn ToolRegistry,
    spec: &ResponseSpec,
    context: &CallContext,
) -> Result<Tools, Failure> {
    match registry.list(context).await {
        Ok(tools) => Ok(tools),
        Err(error) => {
            let failure = unlisted(&error, context);
            match spec.tool_failure {
                ToolFailure::Fail => Err(failure),
                ToolFailure::Report => Ok(Tools::from([])),
            }
        }
    }
}

/// The lists of the servers that the request names, in its order. The configured ones are one list, which
/// is asked for once.
async fn brought(
    registry: &dyn ToolRegistry,
    offers: &[ToolOffer],
    context: &CallContext,
) -> Vec<Listing> {
    let servers: Vec<&ServerOffer> = offers
        .iter()
        .filter_map(|offer| match offer {
            ToolOffer::Server(server) => Some(server),
            ToolOffer::Function(_) => None,
        })
        .collect();
    let configured = async {
        if servers.iter().any(|server| server.url.is_none()) {
            let listed = registry.list(context).await;
            return listed.map_err(|error| unlisted(&error, context));
        }
        Ok(Tools::from([]))
    };
    let named = join_all(servers.iter().map(async |server| match &server.url {
        None => None,
        Some(url) => {
            let listed = registry.list_of(&server.label, url, context).await;
            Some(listed.map_err(|error| strangers(&server.label, &unlisted(&error, context))))
        }
    }));
    let (configured, named) = tokio::join!(configured, named);
    let listing = |(server, named): (&ServerOffer, Option<_>)| Listing {
        label: Arc::clone(&server.label),
        tools: named.unwrap_or_else(|| of_label(&configured, &server.label)),
    };
    servers.into_iter().zip(named).map(listing).collect()
}

fn of_label(
    configured: &Result<Tools, Failure>,
    wanted: &str,
) -> Result<Vec<Arc<ToolSpec>>, Failure> {
    let is_its = |tool: &&Arc<ToolSpec>| match &tool.home {
        ToolHome::Server { label, .. } => **label == *wanted,
        ToolHome::Caller => false,
    };
    match configured {
        Ok(tools) => Ok(tools.iter().filter(is_its).cloned().collect()),
        Err(failure) => Err(failure.clone()),
    }
}

/// The same of a server that the caller names: whether that can be reached, and takes what was given along
/// for it, is the caller's to see to.
fn strangers(label: &str, failure: &Failure) -> Failure {
    let message = format!("the tool server `{label}`: {}", failure.message);
    Failure::new(FailureCode::ToolServerFailed, message)
}

fn unlisted(error: &ToolError, context: &CallContext) -> Failure {
    tracing::warn!(
        response.id = %context.response,
        error = error as &dyn std::error::Error,
        "the tools could not be listed"
    );
    let message = format!("the tools could not be listed: {error}");
    Failure::new(FailureCode::ToolsUnavailable, message)
}
