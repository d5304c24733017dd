//! The environment: aliases, slips of the pen, empty variables, what Kubernetes puts there.

use rstest::rstest;

use crate::{load, notes, only_fault, origin, refused, shown, sources, with};
use response_settings::{Note, Sources};

#[test]
fn one_variable_is_enough() {
    let loaded = load(&Sources::from_variables([(
        "RESPONSE_LLM_API_URL",
        "http://localhost:1",
    )]));
    assert_eq!(loaded.notes, []);
    assert_eq!(
        origin(&loaded, "llm.url"),
        "environment RESPONSE_LLM_API_URL"
    );
    assert_eq!(origin(&loaded, "http.port"), "default");
    assert_eq!(origin(&loaded, "mcp.url"), "not set");
}

#[test]
fn without_an_llm_api_the_fault_says_what_supplies_one() {
    let fault = only_fault(&Sources::from_variables([("PATH", "/bin")]));
    let expected = "llm.url (not set): set RESPONSE_LLM_API_URL (or LLM_API_URL) to an http or https \
                    URL without a query, such as http://localhost:8080. Base URL of the LLM API; \
                    `/v1/chat/completions` is added to it. `cargo xtask dev` supplies a stand-in.";
    assert_eq!(fault, expected);
}

#[rstest]
#[case("HTTP_PORT", "RESPONSE_API_PORT", "http.port", "9001", "9002")]
#[case(
    "LLM_API_URL",
    "RESPONSE_LLM_API_URL",
    "llm.url",
    "http://a/",
    "http://b/"
)]
#[case(
    "MCP_TOOLS_URL",
    "RESPONSE_MCP_TOOLS_URL",
    "mcp.url",
    "http://a/",
    "http://b/"
)]
#[case(
    "MAX_TOOL_EXECUTION_DEPTH",
    "RESPONSE_MAX_TOOL_DEPTH",
    "runs.max_depth",
    "3",
    "4"
)]
#[case(
    "RESPONSE_TOOL_TIMEOUT",
    "TOOL_EXECUTION_TIMEOUT",
    "tools.timeout",
    "2s",
    "3s"
)]
#[case(
    "RESPONSE_API_LOG_LEVEL",
    "RESPONSE_LOG_LEVEL",
    "log.level",
    "warn",
    "debug"
)]
#[case("LOG_LEVEL", "RESPONSE_API_LOG_LEVEL", "log.level", "warn", "debug")]
fn an_alias_is_read_and_the_name_before_it_wins(
    #[case] alias: &str,
    #[case] name: &str,
    #[case] key: &str,
    #[case] one: &str,
    #[case] other: &str,
) {
    let llm = ("llm.url", "http://llm-api:8080");
    // As a file would say it, so that either name of the URL can be given alone.
    let base = |variables: &[(&str, &str)]| {
        let pairs: Vec<_> = variables
            .iter()
            .copied()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let given = pairs.iter().any(|(name, _)| name.ends_with("LLM_API_URL"));
        let overrides = (!given).then(|| format!("{}={}", llm.0, llm.1));
        load(&Sources::from_variables(pairs).overrides(overrides))
    };

    let loaded = base(&[(alias, one)]);
    assert_eq!(
        (shown(&loaded, key), origin(&loaded, key)),
        (one.into(), format!("environment {alias}"))
    );
    assert_eq!(loaded.notes, []);

    let loaded = base(&[(alias, one), (name, other)]);
    assert_eq!(
        (shown(&loaded, key), origin(&loaded, key)),
        (other.into(), format!("environment {name}"))
    );
    let expected = Note::Overruled {
        winner: name.to_owned(),
        loser: alias.to_owned(),
    };
    assert_eq!(loaded.notes, [expected]);

    let loaded = base(&[(alias, one), (name, one)]);
    assert_eq!(loaded.notes, [], "two names that agree are nothing to tell");
}

#[test]
fn the_note_about_two_names_says_which_one_won() {
    let loaded = with(&[("RESPONSE_API_PORT", "9000"), ("HTTP_PORT", "9001")]);
    let expected = "RESPONSE_API_PORT and HTTP_PORT name the same setting and differ; RESPONSE_API_PORT is used";
    assert_eq!(notes(&loaded), [expected]);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let loaded = with(&[("RESPONSE_API_PORT", ""), ("RESPONSE_MCP_TOOLS_URL", "  ")]);
    assert_eq!(
        (
            shown(&loaded, "http.port").as_str(),
            shown(&loaded, "mcp.url").as_str()
        ),
        ("8082", "")
    );
    assert_eq!(loaded.notes, []);

    let loaded = with(&[("RESPONSE_API_PORT", ""), ("HTTP_PORT", "9000")]);
    assert_eq!(origin(&loaded, "http.port"), "environment HTTP_PORT");
}

#[rstest]
#[case("RESPONSE_API_PROT", Some("RESPONSE_API_PORT"))]
#[case("RESPONSE_LLM_API_KEYFILE", Some("RESPONSE_LLM_API_KEY_FILE"))]
#[case("RESPONSE_MAX_TOOLS_DEPTH", Some("RESPONSE_MAX_TOOL_DEPTH"))]
#[case("DB_POSTGRESQL_WRITE_DNS", Some("DB_POSTGRESQL_WRITE_DSN"))]
#[case("TOOL_EXECUTION_TIMEOUTS", Some("TOOL_EXECUTION_TIMEOUT"))]
#[case("RESPONSE_CONFIG", Some("RESPONSE_CONFIG_FILE"))]
#[case("RESPONSE_VAULT_KEY", Some("RESPONSE_VAULT_KEYS"))]
#[case("BACKGROUND_WORKERS_COUNT", Some("BACKGROUND_WORKER_COUNT"))]
#[case("WEBHOOK_SECRETS", Some("WEBHOOK_SECRET"))]
#[case("WEBHOOK_SECRETFILE", Some("WEBHOOK_SECRET_FILE"))]
#[case("EGRESS_ALLOW_CIDR", Some("EGRESS_ALLOW_CIDRS"))]
#[case("AUTH_JWKS", Some("AUTH_JWKS_URL"))]
#[case("AUTH_GATEWAY_SECRETS", Some("AUTH_GATEWAY_SECRET"))]
#[case("LIMIT_REQUEST", Some("LIMIT_REQUESTS"))]
#[case("WEBHOOK_ENVELOPES_PER_FORTNIGHT", None)]
fn a_variable_of_ours_that_no_setting_knows_is_told(
    #[case] variable: &str,
    #[case] closest: Option<&str>,
) {
    let loaded = with(&[(variable, "7")]);
    let expected = Note::UnknownVariable {
        variable: variable.to_owned(),
        closest: closest.map(ToOwned::to_owned),
    };
    assert_eq!(loaded.notes, [expected]);
}

#[test]
fn other_programs_variables_are_nobodys_business() {
    let theirs = [
        ("PATH", "/bin"),
        ("HTTP_PROXY", "x"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel-collector:4317"),
    ];
    assert_eq!(with(&theirs).notes, []);
}

#[test]
fn what_kubernetes_says_about_a_service_of_our_name_is_no_setting() {
    let links = [
        ("RESPONSE_API_SERVICE_HOST", "10.3.0.7"),
        ("RESPONSE_API_SERVICE_PORT", "8082"),
        ("RESPONSE_API_PORT", "tcp://10.3.0.7:8082"),
        ("RESPONSE_API_PORT_8082_TCP", "tcp://10.3.0.7:8082"),
        ("RESPONSE_API_PORT_8082_TCP_ADDR", "10.3.0.7"),
    ];
    let loaded = with(&links);
    assert_eq!(shown(&loaded, "http.port"), "8082");
    assert_eq!(
        loaded.notes,
        [Note::ServiceLink {
            variable: "RESPONSE_API_PORT".to_owned()
        }]
    );

    let mut own_port = links;
    own_port[2].1 = "9000";
    let loaded = with(&own_port);
    assert_eq!(
        (shown(&loaded, "http.port").as_str(), loaded.notes.len()),
        ("9000", 0)
    );

    let fault = only_fault(&sources(&[("RESPONSE_API_PORT", "tcp://10.3.0.7:8082")]));
    assert!(
        fault.contains("is not allowed"),
        "without such a service it is a mistake: {fault}"
    );
}

#[test]
fn every_variable_of_the_registry_reaches_its_setting() {
    let with_nonsense: Vec<_> = response_settings::reference_markdown()
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .filter(|(name, _)| {
            name.chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        })
        .map(|(name, _)| (name.to_owned(), "\u{1}".to_owned()))
        .collect();
    assert!(with_nonsense.len() > 40, "{with_nonsense:?}");
    let faults = refused(&Sources::from_variables(with_nonsense.clone()));
    for (name, _) in with_nonsense {
        // A path may hold anything but NUL.
        if name != "RESPONSE_DATA_DIR" {
            let origin = format!("environment {name}");
            let found = faults
                .faults
                .iter()
                .any(|fault| fault.origin.to_string() == origin);
            assert!(found, "{name} was not read");
        }
    }
}
