//! The guard: the one policy for every address that a caller names. Whatever is sent to such an address
//! goes through it, so that no caller reaches what only this service can reach.

use std::net::IpAddr;

use response_egress::{AddressPolicy, IpNet, Url};
use response_settings::{Egress, Settings};

/// Public addresses, and those that the operator lets through; never this service itself, nor the servers
/// it works with, as far as the settings name them by their addresses. Names are not looked up for that.
pub(crate) fn of_named_by_callers(settings: &Settings) -> AddressPolicy {
    let Egress { allow_cidrs } = &settings.egress;
    AddressPolicy::PublicOnly {
        allow: allow_cidrs.iter().collect(),
        deny: own_addresses(settings).map(IpNet::from).collect(),
    }
}

/// On loopback it is the port that tells one server from another, and a net has none: whoever lets
/// loopback through means the receivers there, beside which all of this may be running.
fn own_addresses(settings: &Settings) -> impl Iterator<Item = IpAddr> {
    let listening = [settings.http.host, settings.worker.host];
    let named = upstreams(settings).chain(databases(settings));
    listening
        .into_iter()
        .chain(named)
        .map(|address| address.to_canonical())
        .filter(|address| !address.is_unspecified() && !address.is_loopback())
}

fn upstreams(settings: &Settings) -> impl Iterator<Item = IpAddr> {
    let (llm, mcp) = (&settings.llm, &settings.mcp);
    let auth = &settings.auth;
    let further = mcp.servers.iter().map(|server| &server.url);
    let endpoints = std::iter::once(&llm.url).chain(&mcp.url).chain(further);
    let endpoints = endpoints
        .chain(auth.jwks_url.iter())
        .chain(&auth.api_key_url);
    let issuers = auth
        .issuer
        .iter()
        .filter_map(|issuer| Url::parse(issuer).ok());
    let urls = endpoints
        .map(|endpoint| endpoint.url().clone())
        .chain(issuers);
    urls.filter_map(|url| literal(url.host_str()?))
}

/// The host of a database may stand among the parameters of its URL as well.
fn databases(settings: &Settings) -> impl Iterator<Item = IpAddr> {
    let database = &settings.database;
    let urls = [&database.write_dsn, &database.read_dsn];
    let urls = urls.into_iter().flatten();
    let urls = urls.filter_map(|url| Url::parse(url.expose()).ok());
    urls.flat_map(|url| {
        let parameters = url.query_pairs();
        let hosts = parameters.filter(|(name, _)| matches!(&**name, "host" | "hostaddr"));
        let hosts = hosts.filter_map(|(_, host)| literal(&host));
        let host = url.host_str().and_then(literal);
        host.into_iter().chain(hosts).collect::<Vec<_>>()
    })
}

fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

#[cfg(test)]
mod tests {
    use response_settings::Sources;

    use super::*;

    fn guard(variables: &[(&str, &str)]) -> AddressPolicy {
        let upstream = [
            ("RESPONSE_LLM_API_URL", "http://llm-api:8080"),
            ("AUTH_GUEST", "anywhere"),
        ];
        let given = variables.iter().copied();
        // The later of two holds, so a case may name another upstream.
        let sources = Sources::from_variables(upstream.into_iter().chain(given));
        of_named_by_callers(&Settings::load(&sources).unwrap().settings)
    }

    fn admits(guard: &AddressPolicy, host: &str) -> bool {
        guard.parse(&format!("https://{host}/hook")).is_ok()
    }

    #[test]
    fn without_settings_only_public_addresses_are_let_through() {
        let guard = guard(&[]);
        assert_eq!(guard, AddressPolicy::public_only());
        for (host, is_admitted) in [
            ("1.1.1.1", true),
            ("[2606:4700::1111]", true),
            ("receiver.example", true),
            ("127.0.0.1", false),
            ("10.0.0.1", false),
            ("169.254.169.254", false),
            ("[::1]", false),
        ] {
            assert_eq!(admits(&guard, host), is_admitted, "{host}");
        }
    }

    #[test]
    fn what_the_operator_lets_through_is_let_through() {
        let guard = guard(&[("EGRESS_ALLOW_CIDRS", "10.1.0.0/16,127.0.0.1")]);
        for (host, is_admitted) in [
            ("10.1.2.3", true),
            ("10.2.0.1", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("[::ffff:10.1.2.3]", true),
            ("[::1]", false),
        ] {
            assert_eq!(admits(&guard, host), is_admitted, "{host}");
        }
    }

    #[test]
    fn this_service_and_its_servers_are_never_called_wherever_they_are_named() {
        for (variable, value, own) in [
            ("RESPONSE_HOST", "10.1.2.3", "10.1.2.3"),
            ("RESPONSE_WORKER_HOST", "10.1.2.3", "10.1.2.3"),
            ("RESPONSE_HOST", "1.1.1.1", "1.1.1.1"),
            ("RESPONSE_HOST", "::ffff:10.1.2.3", "10.1.2.3"),
            ("RESPONSE_HOST", "fd00::7", "[fd00::7]"),
            ("RESPONSE_LLM_API_URL", "http://10.1.2.3:1", "10.1.2.3"),
            ("RESPONSE_LLM_API_URL", "http://[fd00::7]:1", "[fd00::7]"),
            ("RESPONSE_MCP_TOOLS_URL", "http://10.1.2.3", "10.1.2.3"),
            ("AUTH_ISSUER", "https://10.1.2.3/realms/a", "10.1.2.3"),
            ("AUTH_JWKS_URL", "https://10.1.2.3/keys", "10.1.2.3"),
            ("AUTH_API_KEY_URL", "https://10.1.2.3/check", "10.1.2.3"),
            (
                "DB_POSTGRESQL_WRITE_DSN",
                "postgres://u:p@10.1.2.3:5432/db",
                "10.1.2.3",
            ),
            (
                "DB_POSTGRESQL_WRITE_DSN",
                "postgres://u:p@[fd00::7]/db",
                "[fd00::7]",
            ),
            (
                "DB_POSTGRESQL_WRITE_DSN",
                "postgres://u:p@name/db?sslmode=disable&hostaddr=10.1.2.3",
                "10.1.2.3",
            ),
        ] {
            let holes = ("EGRESS_ALLOW_CIDRS", "10.0.0.0/8,fd00::/8");
            let guard = guard(&[(variable, value), holes]);
            assert!(!admits(&guard, own), "{variable}={value}");
            assert!(admits(&guard, "10.1.2.4") && admits(&guard, "[fd00::8]"));
        }
    }

    #[test]
    fn a_replica_and_further_tool_servers_are_own_servers_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        let text = "[llm]\nurl = 'http://llm-api'\n\
                    [database]\nwrite_dsn = 'postgres://db/x'\nread_dsn = 'postgres://10.0.0.2/x'\n\
                    [[mcp.servers]]\nlabel = 'a'\nurl = 'http://10.0.0.3/mcp'\n\
                    [egress]\nallow_cidrs = ['10.0.0.0/24']\n";
        std::fs::write(&file, text).unwrap();
        let sources = Sources::from_variables::<&str, &str>([]).file(file);
        let guard = of_named_by_callers(&Settings::load(&sources).unwrap().settings);
        assert!(!admits(&guard, "10.0.0.2") && !admits(&guard, "10.0.0.3"));
        assert!(admits(&guard, "10.0.0.4"));
    }

    #[test]
    fn listening_on_every_address_and_on_loopback_denies_nothing() {
        for host in ["0.0.0.0", "::", "127.0.0.1", "::1"] {
            let holes = ("EGRESS_ALLOW_CIDRS", "127.0.0.0/8,::1");
            let guard = guard(&[("RESPONSE_HOST", host), holes]);
            assert!(
                admits(&guard, "127.0.0.1") && admits(&guard, "[::1]"),
                "{host}"
            );
        }
    }
}
