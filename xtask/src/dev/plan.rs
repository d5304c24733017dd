//! What is to run where: the settings as the service will read them, and what they leave open.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use response_settings::{EmbeddedWorkers, Origin, Problem, Settings, Sources};

use super::Dev;
use super::ports::{self, Port, Wanted};
use super::webhooks::Signing;
use crate::error::ChoreError;
use crate::workspace;

/// The platform's ports.
const MODEL: u16 = 8080;
const TOOLS: u16 = 8091;
const RECEIVER: u16 = 9000;

/// What is to run where.
#[derive(Debug)]
pub(super) struct Plan {
    /// Where the service listens.
    pub(super) service: SocketAddr,
    /// The gateway's port; 0 for any.
    pub(super) gateway: u16,
    /// The model's stand-in, when no setting names an LLM API.
    pub(super) model: Option<Port>,
    /// The tools' stand-in, when no setting names an MCP server.
    pub(super) tools: Option<Port>,
    /// The port of the receiver of webhooks.
    pub(super) receiver: Port,
    /// What signs webhooks.
    pub(super) signing: Signing,
    /// Whether nobody chose the networks that may be called although they are not public.
    pub(super) allows_loopback: bool,
    /// The folder of the embedded database, when no setting names one.
    pub(super) data: Option<PathBuf>,
    /// Where responses are kept, in words.
    pub(super) store: String,
    /// Whether nobody chose the shape of the log's lines.
    pub(super) sets_log_format: bool,
    /// Who works on background responses.
    pub(super) workers: Workers,
}

/// Who works on background responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Workers {
    /// The service, as it does by itself: so many at once.
    Service(u16),
    /// The service, which has to be told: there is no other process here.
    ServiceTold(u16),
    /// Nobody, as the settings say.
    Nobody,
}

impl Workers {
    fn of(count: u16, embedded: EmbeddedWorkers, on_postgres: bool, nobody_chose: bool) -> Self {
        match (count, embedded) {
            (0, _) => Self::Nobody,
            (_, EmbeddedWorkers::On) => Self::Service(count),
            (_, EmbeddedWorkers::Auto) if !on_postgres => Self::Service(count),
            (_, EmbeddedWorkers::Auto) if nobody_chose => Self::ServiceTold(count),
            (_, EmbeddedWorkers::Auto | EmbeddedWorkers::Off) => Self::Nobody,
        }
    }
}

impl Plan {
    /// Reads the settings and looks at the ports; tells everything that is wrong before anything
    /// is built.
    pub(super) fn read(dev: &Dev) -> Result<Self, ChoreError> {
        let sources = Sources::of_process();
        let needs_model = lacks_model(&sources);
        let sources = if needs_model {
            sources.overrides(["llm.url=http://127.0.0.1:1"])
        } else {
            sources
        };
        let loaded =
            Settings::load(&sources).map_err(|faults| ChoreError::Refused(faults.to_string()))?;
        let (settings, origins) = (loaded.settings, loaded.origins);
        let nobody_chose = |key| matches!(origins.of(key), Some(Origin::Default | Origin::Nowhere));
        let needs_tools = settings.mcp.url.is_none() && settings.mcp.servers.is_empty();
        let port = dev.api_port.unwrap_or(settings.http.port);
        let service = ports::one(settings.http.host, port)?;
        ports::require_free(&[
            Wanted::new("the service", service, "--api-port"),
            Wanted::new("the gateway", local(dev.gateway_port), "--gateway-port"),
            Wanted::chosen(
                "the model",
                dev.model_port.filter(|_| needs_model),
                "--model-port",
            ),
            Wanted::chosen(
                "the tools",
                dev.tools_port.filter(|_| needs_tools),
                "--tools-port",
            ),
            Wanted::chosen("the receiver", dev.receiver_port, "--receiver-port"),
        ])?;
        let on_postgres = settings.database.write_dsn.is_some();
        let default = nobody_chose("database.data_dir") && !on_postgres;
        let data = default.then(|| workspace::target().map(|target| target.join("dev")));
        let data = data.transpose()?;
        let folder = data.as_ref().unwrap_or(&settings.database.data_dir);
        let background = &settings.background;
        let workers = Workers::of(
            background.worker_count,
            background.embedded,
            on_postgres,
            nobody_chose("background.embedded"),
        );
        let store = if on_postgres {
            "PostgreSQL".to_owned()
        } else {
            format!("SQLite in {}", folder.display())
        };
        Ok(Self {
            service,
            gateway: dev.gateway_port,
            model: needs_model.then(|| Port::new(dev.model_port, MODEL)),
            tools: needs_tools.then(|| Port::new(dev.tools_port, TOOLS)),
            receiver: Port::new(dev.receiver_port, RECEIVER),
            signing: Signing::of(settings.webhooks.secret.as_ref()),
            allows_loopback: nobody_chose("egress.allow_cidrs"),
            store,
            data,
            sets_log_format: nobody_chose("log.format"),
            workers,
        })
    }

    /// Where the service is reached from this machine.
    pub(super) fn reach(&self) -> SocketAddr {
        reached_at(self.service)
    }
}

/// Where a server on this machine is reached that may listen on every address.
pub(super) fn reached_at(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        host => host,
    };
    SocketAddr::new(host, address.port())
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Whether no source names an LLM API, which the service cannot do without.
fn lacks_model(sources: &Sources) -> bool {
    let is_missing = |problem: &Problem| matches!(problem, Problem::Missing { .. });
    Settings::load(sources).is_err_and(|faults| {
        let mut faults = faults.faults.iter();
        faults.any(|fault| fault.key == "llm.url" && is_missing(&fault.problem))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_llm_api_lacks_where_no_source_names_one() {
        let sources = |pairs: &[(&str, &str)]| Sources::from_variables(pairs.iter().copied());
        assert!(lacks_model(&sources(&[])));
        let named = [("RESPONSE_LLM_API_URL", "http://localhost:9")];
        assert!(!lacks_model(&sources(&named)));
        // A name that cannot be used is a fault to be told, not a gap to be filled.
        assert!(!lacks_model(&sources(&[(
            "RESPONSE_LLM_API_URL",
            "nonsense"
        )])));
    }

    #[test]
    fn background_responses_are_worked_on_unless_somebody_says_otherwise() {
        use EmbeddedWorkers::{Auto, Off, On};
        let on_file = |count, embedded| Workers::of(count, embedded, false, false);
        assert_eq!(on_file(4, Auto), Workers::Service(4));
        assert_eq!(on_file(4, Off), Workers::Nobody);
        assert_eq!(on_file(0, On), Workers::Nobody);
        assert_eq!(Workers::of(4, On, true, false), Workers::Service(4));
        assert_eq!(Workers::of(4, Auto, true, true), Workers::ServiceTold(4));
        assert_eq!(Workers::of(4, Auto, true, false), Workers::Nobody);
    }

    #[test]
    fn what_listens_everywhere_is_reached_here() {
        let reached = |text: &str| reached_at(text.parse().expect("an address")).to_string();
        assert_eq!(reached("0.0.0.0:1"), "127.0.0.1:1");
        assert_eq!(reached("[::]:1"), "[::1]:1");
        assert_eq!(reached("192.0.2.7:1"), "192.0.2.7:1");
    }
}
