//! The model server and the tool servers, as the settings name them.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::Credential;
use response_domain::time::Clock;
use response_egress::header::{
    HeaderMap, HeaderName, HeaderValue, InvalidHeaderName, InvalidHeaderValue,
};
use response_egress::{AddressPolicy, BuildError, ClientOptions, EgressClient, Versions};
use response_llm::{BadBaseUrl, ChatClient, ChatOptions};
use response_mcp::{
    Clients, ContextArguments, CredentialUse, First, McpTools, Mode, Options, ServerOptions, Trust,
};
use response_settings::{
    CallerCredential, CallerServers, ExposeSecret, Llm, Mcp, McpMode, McpServer, PLATFORM_LABEL,
    SecretHeaders, Tools,
};
use tokio::runtime::Handle;

/// Why an upstream cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamsError {
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] BuildError),
    /// The model server's URL does not work.
    #[error("RESPONSE_LLM_API_URL cannot be used")]
    Model(#[from] BadBaseUrl),
    /// The tool servers' options do not work.
    #[error("the MCP servers cannot be used as configured")]
    Tools(#[source] response_mcp::OptionsError),
    /// A header that has no valid name.
    #[error("a header of the MCP server `{server}` has no valid name")]
    HeaderName {
        /// Whose.
        server: String,
        /// Why not.
        #[source]
        source: InvalidHeaderName,
    },
    /// A header that has no valid value.
    #[error("a header of the MCP server `{server}` has no valid value")]
    HeaderValue {
        /// Whose.
        server: String,
        /// Why not.
        #[source]
        source: InvalidHeaderValue,
    },
}

pub(crate) fn model_server(llm: Llm, clock: Arc<dyn Clock>) -> Result<ChatClient, UpstreamsError> {
    let Llm {
        url,
        api_key,
        connect_timeout,
        first_byte_timeout,
        idle_timeout,
        turn_timeout,
        retries,
        context_length,
        catalogue_cache,
        max_answer,
    } = llm;
    let client = EgressClient::new(ClientOptions {
        connect_timeout,
        ..ClientOptions::default()
    })?;
    let options = ChatOptions {
        base: url.url().clone(),
        fallback: api_key.map_or(Credential::Absent, |key| {
            Credential::bearer(key.expose_secret().to_owned())
        }),
        first_byte_timeout,
        idle_timeout,
        turn_timeout,
        retries,
        context_length: context_length.get(),
        catalogue_cache,
        max_answer_bytes: max_answer.in_memory(),
    };
    Ok(ChatClient::new(options, client, clock)?)
}

pub(crate) fn tool_servers(
    mcp: Mcp,
    tools: Tools,
    guard: AddressPolicy,
    runtime: Handle,
) -> Result<McpTools, UpstreamsError> {
    let Mcp {
        url,
        list_cache,
        caller_servers,
        servers,
    } = mcp;
    // The engine has read how many calls run side by side and what a failing tool does.
    let Tools {
        timeout,
        timeout_cap,
        parallelism: _,
        result_limit,
        result_share: _,
        failure: _,
        idempotent,
    } = tools;
    let mut known = Vec::with_capacity(servers.len() + 1);
    let first = if url.is_some() {
        First::Main
    } else {
        First::LikeOthers
    };
    if let Some(url) = url {
        // The platform's own server: what it says of its tools is believed, and it judges the caller.
        let mut platform = ServerOptions::new(PLATFORM_LABEL, url.url().clone());
        platform.trust = Trust::Trusted;
        platform.credential = CredentialUse::Forwarded;
        known.push(platform);
    }
    for server in servers {
        known.push(further(server)?);
    }
    let mut options = Options::new(known);
    options.first = first;
    options.call_timeout = timeout;
    options.call_cap = timeout_cap;
    options.list_fresh = list_cache;
    options.result_limit = result_limit.in_memory();
    options.repeat_safe = idempotent.iter().map(str::to_owned).collect();
    let clients = Clients {
        configured: EgressClient::new(ClientOptions::default())?,
        guarded: match caller_servers {
            CallerServers::Called => Some(guarded(guard)?),
            CallerServers::Refused => None,
        },
    };
    McpTools::new(&options, clients, runtime).map_err(UpstreamsError::Tools)
}

/// What calls the servers that callers name.
fn guarded(policy: AddressPolicy) -> Result<EgressClient, BuildError> {
    EgressClient::new(ClientOptions {
        pool_idle_timeout: Duration::from_secs(15),
        max_idle_per_host: 16,
        policy,
        // A server that hangs must not hold up the calls of others on a connection they share.
        versions: Versions::Only1,
        ..ClientOptions::default()
    })
}

fn further(server: McpServer) -> Result<ServerOptions, UpstreamsError> {
    let McpServer {
        label,
        url,
        mode,
        headers,
        trusted,
        forward_credential,
    } = server;
    let mut options = ServerOptions::new(label.as_str(), url.url().clone());
    options.mode = match mode {
        McpMode::Auto => Mode::Auto,
        McpMode::Bare => Mode::Bare,
        McpMode::Session => Mode::Session,
    };
    options.headers = header_map(label.as_str(), &headers)?;
    options.trust = match trusted {
        response_settings::Trust::Trusted => Trust::Trusted,
        response_settings::Trust::Untrusted => Trust::Untrusted,
    };
    (options.credential, options.context) = match forward_credential {
        CallerCredential::Forwarded => (CredentialUse::Forwarded, ContextArguments::Given),
        CallerCredential::Withheld => (CredentialUse::Withheld, ContextArguments::Withheld),
    };
    Ok(options)
}

fn header_map(server: &str, headers: &SecretHeaders) -> Result<HeaderMap, UpstreamsError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter() {
        let name = HeaderName::try_from(name).map_err(|source| UpstreamsError::HeaderName {
            server: server.to_owned(),
            source,
        })?;
        let mut value = HeaderValue::try_from(value.expose_secret()).map_err(|source| {
            UpstreamsError::HeaderValue {
                server: server.to_owned(),
                source,
            }
        })?;
        value.set_sensitive(true);
        map.insert(name, value);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use response_domain::ports::tools::ToolRegistry;
    use response_settings::{Settings, Sources};

    use super::*;

    fn tools(variables: &[(&str, &str)]) -> McpTools {
        let upstream = [
            ("RESPONSE_LLM_API_URL", "http://llm-api:8080"),
            ("RESPONSE_MCP_TOOLS_URL", "http://mcp-tools:8091"),
        ];
        let given = variables.iter().copied();
        let sources = Sources::from_variables(upstream.into_iter().chain(given));
        let settings = Settings::load(&sources).unwrap().settings;
        let guard = crate::guard::of_named_by_callers(&settings);
        tool_servers(settings.mcp, settings.tools, guard, Handle::current()).unwrap()
    }

    #[tokio::test]
    async fn the_platforms_server_has_the_label_that_the_settings_tell() {
        assert_eq!(tools(&[]).labels(), [Arc::from(PLATFORM_LABEL)]);
    }

    #[tokio::test]
    async fn servers_that_callers_name_are_called_within_the_guard_unless_switched_off() {
        let admits = |tools: &McpTools, host: &str| {
            let url = format!("https://{host}/mcp");
            tools.admit(&url).is_ok()
        };
        let usual = tools(&[]);
        assert!(admits(&usual, "mcp.example") && admits(&usual, "1.1.1.1"));
        assert!(!admits(&usual, "127.0.0.1") && !admits(&usual, "10.1.2.3"));
        let opened = tools(&[("EGRESS_ALLOW_CIDRS", "10.1.0.0/16")]);
        assert!(admits(&opened, "10.1.2.3") && !admits(&opened, "10.2.0.1"));
        let closed = tools(&[("MCP_CALLER_SERVERS", "false")]);
        assert!(!admits(&closed, "mcp.example") && !admits(&closed, "1.1.1.1"));
    }
}
