//! The one HTTP client of the house and the one place that sends a request.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout_at;

use crate::error::{EgressError, Waiting};
use crate::inbound::Inbound;
use crate::lookup::{Lookup, SystemLookup};
use crate::outbound::Outbound;
use crate::policy::{AddressPolicy, Refusal};
use crate::resolve::GuardedResolver;

/// How a client connects and whom it may call.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How long the name lookup, the TCP connection and the TLS handshake may take together.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept open for the next request.
    pub pool_idle_timeout: Duration,
    /// How many unused connections are kept for each host.
    pub max_idle_per_host: usize,
    /// The `User-Agent` of every request that names no other.
    pub user_agent: String,
    /// Which addresses may be called.
    pub policy: AddressPolicy,
    /// How names become addresses.
    pub lookup: Arc<dyn Lookup>,
    /// Which versions of HTTP are spoken.
    pub versions: Versions,
}

/// Which versions of HTTP a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// HTTP/2 where the server offers it over TLS, otherwise HTTP/1.1.
    UpTo2,
    /// HTTP/1.1 alone: each request has a connection to itself while it lasts, so one that hangs
    /// holds up no other.
    Only1,
}

impl Default for ClientOptions {
    /// Five seconds to connect, connections kept for a minute, at most 256 unused ones for
    /// each host, any address: what an upstream that the operator configured needs.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            pool_idle_timeout: Duration::from_mins(1),
            max_idle_per_host: 256,
            user_agent: concat!("response-api/", env!("CARGO_PKG_VERSION")).to_owned(),
            policy: AddressPolicy::Any,
            lookup: Arc::new(SystemLookup::default()),
            versions: Versions::UpTo2,
        }
    }
}

/// The options do not make a client.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built")]
pub struct BuildError(#[source] reqwest::Error);

/// A handle on one connection pool and one address policy; clones share both.
#[derive(Clone, Debug)]
pub struct EgressClient {
    http: reqwest::Client,
    options: Arc<ClientOptions>,
}

impl EgressClient {
    /// Builds a client with a connection pool of its own.
    ///
    /// On a machine without CA certificates it still calls `http` URLs; `https` ones then fail
    /// to connect, and a warning says why.
    pub fn new(options: ClientOptions) -> Result<Self, BuildError> {
        let options = Arc::new(options);
        let http = match builder(&options).build() {
            Ok(http) => http,
            Err(error) => {
                let without_roots = builder(&options).tls_certs_only([]);
                let http = without_roots.build().map_err(BuildError)?;
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(
                    cause,
                    "no CA certificates can be used: every https call will fail"
                );
                http
            }
        };
        Ok(Self { http, options })
    }

    /// Sends a request and waits for the headers of its answer, whatever their status.
    ///
    /// Dropping the future, or what it answers before the body is read, closes the connection.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub async fn send(&self, outbound: Outbound) -> Result<Inbound, EgressError> {
        self.vet(outbound.request.url())?;
        let answer = self.http.execute(outbound.request);
        let answer = match outbound.deadline {
            Some(deadline) => timeout_at(deadline, answer)
                .await
                .map_err(|_elapsed| EgressError::Timeout(Waiting::Headers))?,
            None => answer.await,
        };
        answer
            .map(Inbound::new)
            .map_err(EgressError::before_headers)
    }

    /// Reads a URL, and judges it as [`EgressClient::vet`] does.
    pub fn parse(&self, text: &str) -> Result<url::Url, Refusal> {
        self.options.policy.parse(text)
    }

    /// Says whether this client would try to call the URL. A name may still be refused when it
    /// is looked up, because only then are its addresses known.
    pub fn vet(&self, url: &url::Url) -> Result<(), Refusal> {
        self.options.policy.vet(url)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the door")]
fn builder(options: &Arc<ClientOptions>) -> reqwest::ClientBuilder {
    let builder = match options.versions {
        Versions::UpTo2 => reqwest::Client::builder(),
        Versions::Only1 => reqwest::Client::builder().http1_only(),
    };
    builder
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(options.pool_idle_timeout)
        .pool_max_idle_per_host(options.max_idle_per_host)
        .user_agent(options.user_agent.as_str())
        .dns_resolver(GuardedResolver(Arc::clone(options)))
}
