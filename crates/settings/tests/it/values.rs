//! One value at a time: what is read, what it becomes, what is refused.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use response_settings::{
    AuditLog, EmbeddedWorkers, GatewayWord, Guests, LogFormat, LogLevel, Migrations, OnMaxDepth,
    OnToolFailure, OwnKeys, Settings, Threads, TokenChecks, TraceExport,
};
use rstest::rstest;

use crate::{only_fault, shown, sources, with};

/// What holds when only the LLM API is named: the contract's figures.
const DEFAULTS: [(&str, &str); 101] = [
    ("http.port", "8082"),
    ("http.host", "127.0.0.1"),
    ("http.body_limit", "10MiB"),
    ("http.json_depth", "64"),
    ("http.max_tools", "128"),
    ("http.max_input_items", "512"),
    ("http.hosted_tools", "ignore"),
    ("http.metadata_limit", "64KiB"),
    ("http.threads", "0"),
    ("http.heartbeat", "15s"),
    ("http.header_timeout", "10s"),
    ("http.body_timeout", "30s"),
    ("http.max_connections", "25000"),
    ("http.connections_per_address", "0"),
    ("http.body_memory", "512MiB"),
    ("http.max_streams", "10000"),
    ("http.max_foreground_runs", "1024"),
    ("http.shutdown_soft", "25s"),
    ("http.shutdown_hard", "5s"),
    ("database.write_dsn", ""),
    ("database.read_dsn", ""),
    ("database.auto_migrate", "true"),
    ("database.pool_size", "16"),
    ("database.connect_timeout", "5s"),
    ("database.statement_timeout", "30s"),
    ("database.lock_timeout", "5s"),
    ("database.data_dir", "./data"),
    ("llm.url", "http://llm-api:8080/"),
    ("llm.api_key", ""),
    ("llm.connect_timeout", "5s"),
    ("llm.first_byte_timeout", "2m"),
    ("llm.idle_timeout", "1m"),
    ("llm.turn_timeout", "5m"),
    ("llm.retries", "2"),
    ("llm.context_length", "32768"),
    ("llm.catalogue_cache", "5m"),
    ("llm.max_answer", "16MiB"),
    ("mcp.url", ""),
    ("mcp.list_cache", "1m"),
    ("mcp.caller_servers", "true"),
    ("mcp.servers", "none"),
    ("tools.timeout", "45s"),
    ("tools.timeout_cap", "10m"),
    ("tools.parallelism", "8"),
    ("tools.result_limit", "1MiB"),
    ("tools.result_share", "25%"),
    ("tools.failure", "fail"),
    ("tools.idempotent", ""),
    ("runs.max_depth", "8"),
    ("runs.on_max_depth", "fail"),
    ("runs.max_calls_per_round", "32"),
    ("runs.max_calls", "128"),
    ("runs.foreground_timeout", "10m"),
    ("runs.write_behind", "250ms"),
    ("runs.repair_limit", "3"),
    ("background.worker_count", "4"),
    ("background.poll_interval", "2s"),
    ("background.task_timeout", "10m"),
    ("background.max_attempts", "3"),
    ("background.embedded", "auto"),
    ("background.owner_limit", "0"),
    ("background.queue_limit", "100000"),
    ("background.owner_queue_limit", "1000"),
    ("webhooks.max_attempts", "3"),
    ("webhooks.retry_delay", "2s"),
    ("webhooks.retry_backoff", "1"),
    ("webhooks.timeout", "10s"),
    ("webhooks.user_agent", "jan-response-api/1.0"),
    ("webhooks.secret", ""),
    ("webhooks.parallelism", "2048"),
    ("egress.allow_cidrs", ""),
    ("vault.keys", ""),
    ("worker.host", "127.0.0.1"),
    ("worker.port", "8083"),
    ("log.level", "info"),
    ("log.format", "auto"),
    ("log.audit", "true"),
    ("log.traces", "false"),
    ("auth.enabled", "false"),
    ("auth.issuer", ""),
    ("auth.audience", "account"),
    ("auth.jwks_url", ""),
    ("auth.algorithms", "RS256, PS256, ES256, EdDSA"),
    ("auth.leeway", "30s"),
    ("auth.token_cache", "10000"),
    ("auth.api_keys", "true"),
    ("auth.api_key_url", ""),
    ("auth.key_cache", "30s"),
    ("auth.gateway_headers", "false"),
    ("auth.gateway_cidrs", ""),
    ("auth.gateway_secret", ""),
    ("auth.guest", "loopback"),
    ("limits.requests", "3000"),
    ("limits.tokens", "0"),
    ("limits.foreground_runs", "64"),
    ("limits.streams", "128"),
    ("retention.responses", "0s"),
    ("retention.completed", ""),
    ("retention.failed", ""),
    ("retention.cancelled", ""),
    ("retention.conversations", ""),
];

#[test]
fn the_defaults_are_those_of_the_contract() {
    let loaded = with(&[]);
    let rows: Vec<_> = loaded
        .origins
        .rows()
        .iter()
        .map(|row| (row.key.as_str(), row.value.as_str()))
        .collect();
    assert_eq!(rows, DEFAULTS);
}

#[test]
fn the_defaults_have_their_types() {
    let Settings {
        http,
        database,
        llm,
        mcp,
        tools,
        runs,
        background,
        webhooks,
        egress,
        vault,
        worker,
        log,
        auth: _,
        limits: _,
        retention: _,
    } = with(&[]).settings;
    assert_eq!((http.port, http.host), (8082, IpAddr::from([127, 0, 0, 1])));
    assert_eq!(http.threads, Threads::PerCore);
    assert_eq!(http.body_limit.in_memory(), 10 * 1024 * 1024);
    assert!(database.write_dsn.is_none() && database.read_dsn.is_none());
    assert_eq!(database.auto_migrate, Migrations::AtStart);
    assert_eq!(llm.first_byte_timeout, Duration::from_mins(2));
    assert!(llm.api_key.is_none() && mcp.url.is_none() && mcp.servers.is_empty());
    assert_eq!(
        (tools.failure, tools.idempotent.iter().count()),
        (OnToolFailure::Fail, 0)
    );
    assert_eq!(
        (runs.max_depth.get(), runs.on_max_depth),
        (8, OnMaxDepth::Fail)
    );
    assert_eq!(runs.write_behind, Duration::from_millis(250));
    assert_eq!(
        (background.worker_count, background.max_attempts.get()),
        (4, 3)
    );
    assert_eq!(background.embedded, EmbeddedWorkers::Auto);
    assert_eq!(background.owner_limit.limit(), None);
    assert_eq!(
        background.queue_limit.limit().map(NonZeroU32::get),
        Some(100_000)
    );
    assert_eq!(
        background.owner_queue_limit.limit().map(NonZeroU32::get),
        Some(1000)
    );
    assert_eq!(
        (webhooks.max_attempts.get(), webhooks.parallelism.get()),
        (3, 2048)
    );
    assert!((webhooks.retry_backoff.get() - 1.0).abs() < f64::EPSILON);
    assert!(webhooks.secret.is_none() && egress.allow_cidrs.is_empty());
    assert!(vault.keys.is_none());
    assert_eq!((worker.host.is_loopback(), worker.port), (true, 8083));
    assert_eq!((log.level, log.format), (LogLevel::Info, LogFormat::Auto));
    assert_eq!((log.traces, log.audit), (TraceExport::Off, AuditLog::On));
}

#[test]
fn the_defaults_about_callers_have_their_types() {
    let Settings {
        auth,
        limits,
        retention,
        ..
    } = with(&[]).settings;
    assert_eq!(
        (auth.enabled, auth.gateway_headers, auth.guest),
        (TokenChecks::Off, GatewayWord::Ignored, Guests::Loopback)
    );
    assert_eq!((auth.api_keys, auth.token_cache), (OwnKeys::Taken, 10_000));
    assert_eq!(auth.leeway, Duration::from_secs(30));
    assert_eq!(
        (
            limits.requests.limit().map(NonZeroU32::get),
            limits.tokens.limit()
        ),
        (Some(3000), None)
    );
    assert_eq!(
        (retention.responses, retention.failed),
        (Duration::ZERO, None)
    );
}

#[rstest]
#[case("1024", 1024, "1KiB")]
#[case("2048B", 2048, "2KiB")]
#[case("64KiB", 65_536, "64KiB")]
#[case("64 kib", 65_536, "64KiB")]
#[case("10MiB", 10_485_760, "10MiB")]
#[case("10MB", 10_000_000, "10MB")]
#[case("1025", 1025, "1025B")]
#[case("1GiB", 1_073_741_824, "1GiB")]
fn a_size_is_read_and_shown(#[case] text: &str, #[case] bytes: u64, #[case] again: &str) {
    let loaded = with(&[
        ("RESPONSE_BODY_LIMIT", text),
        ("RESPONSE_BODY_MEMORY", "1GiB"),
    ]);
    assert_eq!(loaded.settings.http.body_limit.bytes(), bytes);
    assert_eq!(shown(&loaded, "http.body_limit"), again);
}

#[rstest]
#[case("1023")]
#[case("2GiB")]
#[case("10 apples")]
#[case("-1KiB")]
#[case("1.5MiB")]
#[case("MiB")]
#[case("99999999999GiB")]
fn a_size_is_refused(#[case] text: &str) {
    let fault = only_fault(&sources(&[("RESPONSE_BODY_LIMIT", text)]));
    assert!(
        fault.ends_with("allowed is a size from 1KiB to 1GiB, written like 512KiB or 10MiB"),
        "{fault}"
    );
}

#[rstest]
#[case("RESPONSE_API_PORT", "http.port", "0", "65535", "65536")]
#[case("RESPONSE_MAX_TOOL_DEPTH", "runs.max_depth", "1", "15", "16")]
#[case("RESPONSE_MAX_TOOL_DEPTH", "runs.max_depth", "1", "15", "0")]
#[case("RESPONSE_TOOL_PARALLELISM", "tools.parallelism", "1", "64", "65")]
#[case("RESPONSE_TOOL_PARALLELISM", "tools.parallelism", "1", "64", "-1")]
#[case("RESPONSE_TOOL_PARALLELISM", "tools.parallelism", "1", "64", "8.5")]
#[case("RESPONSE_LLM_RETRIES", "llm.retries", "0", "10", "two")]
#[case("RESPONSE_HTTP_THREADS", "http.threads", "0", "1024", "1025")]
#[case(
    "DB_POOL_SIZE",
    "database.pool_size",
    "1",
    "1000",
    "99999999999999999999"
)]
fn a_number_is_held_to_its_range(
    #[case] variable: &str,
    #[case] key: &str,
    #[case] least: &str,
    #[case] most: &str,
    #[case] bad: &str,
) {
    for good in [least, most] {
        assert_eq!(shown(&with(&[(variable, good)]), key), good);
    }
    let expected = format!(
        "{key} (environment {variable}): {bad:?} is not allowed; allowed is a whole number from \
         {least} to {most}"
    );
    assert_eq!(only_fault(&sources(&[(variable, bad)])), expected);
}

#[rstest]
#[case("1", 1)]
#[case("25%", 25)]
#[case("100 %", 100)]
fn a_share_is_read(#[case] text: &str, #[case] percent: u8) {
    let share = with(&[("RESPONSE_TOOL_RESULT_SHARE", text)])
        .settings
        .tools
        .result_share;
    assert_eq!(share.percent(), percent);
    assert_eq!(share.of(32_768), 32_768 * u64::from(percent) / 100);
}

#[rstest]
#[case("0")]
#[case("101%")]
#[case("%")]
#[case("0.25")]
fn a_share_is_refused(#[case] text: &str) {
    let fault = only_fault(&sources(&[("RESPONSE_TOOL_RESULT_SHARE", text)]));
    assert!(
        fault.ends_with("allowed is a share from 1% to 100%, such as 25%"),
        "{fault}"
    );
}

#[rstest]
#[case("RESPONSE_ON_MAX_DEPTH", "runs.on_max_depth", "answer", "answer")]
#[case("RESPONSE_HOSTED_TOOLS", "http.hosted_tools", "Refuse", "refuse")]
#[case("MCP_CALLER_SERVERS", "mcp.caller_servers", "off", "false")]
#[case("RESPONSE_TOOL_FAILURE", "tools.failure", "Report", "report")]
#[case("RESPONSE_LOG_LEVEL", "log.level", "WARNING", "warn")]
#[case("RESPONSE_LOG_LEVEL", "log.level", "off", "off")]
#[case("RESPONSE_LOG_FORMAT", "log.format", "json", "json")]
#[case("AUTO_MIGRATE", "database.auto_migrate", "0", "false")]
#[case("AUTO_MIGRATE", "database.auto_migrate", "yes", "true")]
#[case("AUTH_ENABLED", "auth.enabled", "FALSE", "false")]
#[case("AUTH_GUEST", "auth.guest", "Anywhere", "anywhere")]
#[case("AUTH_API_KEYS", "auth.api_keys", "no", "false")]
#[case("RESPONSE_AUDIT_LOG", "log.audit", "off", "false")]
#[case("ENABLE_TRACING", "log.traces", "off", "false")]
fn a_word_is_read(
    #[case] variable: &str,
    #[case] key: &str,
    #[case] given: &str,
    #[case] expected: &str,
) {
    assert_eq!(shown(&with(&[(variable, given)]), key), expected);
}

#[rstest]
#[case("RESPONSE_ON_MAX_DEPTH", "stop", "fail or answer")]
#[case("RESPONSE_TOOL_FAILURE", "ignore", "fail or report")]
#[case("RESPONSE_HOSTED_TOOLS", "drop", "ignore or refuse")]
#[case("MCP_CALLER_SERVERS", "some", "true or false")]
#[case("RESPONSE_LOG_LEVEL", "loud", "trace, debug, info, warn, error or off")]
#[case("RESPONSE_LOG_FORMAT", "xml", "auto, json or pretty")]
#[case("AUTO_MIGRATE", "maybe", "true or false")]
#[case("AUTH_ENABLED", "maybe", "true or false")]
#[case("AUTH_GUEST", "nowhere", "loopback or anywhere")]
#[case("RESPONSE_AUDIT_LOG", "some", "true or false")]
#[case(
    "ENABLE_TRACING",
    "true",
    "false (traces are not exported by this build)"
)]
fn a_word_is_refused(#[case] variable: &str, #[case] given: &str, #[case] allowed: &str) {
    let fault = only_fault(&sources(&[(variable, given)]));
    assert!(
        fault.ends_with(&format!("{given:?} is not allowed; allowed is {allowed}")),
        "{fault}"
    );
}

#[rstest]
#[case("http://mcp-tools:8091", "http://mcp-tools:8091/")]
#[case("https://tools.example/v1/mcp", "https://tools.example/v1/mcp")]
#[case("http://[::1]:8091", "http://[::1]:8091/")]
#[case(
    "https://tools.example/@scope/name",
    "https://tools.example/@scope/name"
)]
fn a_url_is_read(#[case] text: &str, #[case] expected: &str) {
    let loaded = with(&[("RESPONSE_MCP_TOOLS_URL", text)]);
    assert_eq!(
        loaded
            .settings
            .mcp
            .url
            .as_ref()
            .map(|url| url.url().as_str()),
        Some(expected)
    );
    assert_eq!(shown(&loaded, "mcp.url"), expected);
}

#[rstest]
#[case("mcp-tools:8091")]
#[case("mcp-tools")]
#[case("ftp://mcp-tools")]
#[case("http:mcp-tools")]
#[case("http://")]
#[case("http://host:99999")]
#[case("http://host/#part")]
#[case("not a url")]
fn a_url_is_refused(#[case] text: &str) {
    let fault = only_fault(&sources(&[("RESPONSE_MCP_TOOLS_URL", text)]));
    let expected = format!(
        "mcp.url (environment RESPONSE_MCP_TOOLS_URL): {text:?} is not allowed; allowed is an http or \
         https URL, such as http://localhost:8080"
    );
    assert_eq!(fault, expected);
}

#[test]
fn a_base_url_has_no_query_because_a_path_is_added_to_it() {
    let variable = ("RESPONSE_LLM_API_URL", "http://llm-api:8080/?key=1");
    let fault = only_fault(&sources(&[variable]));
    assert!(
        fault.contains("an http or https URL without a query"),
        "{fault}"
    );
}

#[rstest]
#[case("0.0.0.0", "0.0.0.0")]
#[case("::1", "::1")]
#[case("[::]", "::")]
fn an_address_is_read(#[case] text: &str, #[case] expected: &str) {
    let loaded = with(&[("RESPONSE_HOST", text), ("AUTH_GUEST", "anywhere")]);
    assert_eq!(shown(&loaded, "http.host"), expected);
}

#[rstest]
#[case("localhost")]
#[case("127.0.0.1:8082")]
#[case("300.0.0.1")]
fn an_address_is_refused(#[case] text: &str) {
    let fault = only_fault(&sources(&[("RESPONSE_HOST", text)]));
    assert!(
        fault.contains("allowed is an IP address, such as 127.0.0.1"),
        "{fault}"
    );
}

#[test]
fn names_of_tools_are_separated_by_commas() {
    let loaded = with(&[(
        "RESPONSE_IDEMPOTENT_TOOLS",
        "search, docs/fetch.page,,search",
    )]);
    let names = &loaded.settings.tools.idempotent;
    assert_eq!(
        names.iter().collect::<Vec<_>>(),
        ["docs/fetch.page", "search"]
    );
    assert!(names.contains("search") && !names.contains("pay"));
    assert_eq!(shown(&loaded, "tools.idempotent"), "docs/fetch.page,search");
}

#[rstest]
#[case("two words")]
#[case("söarch")]
#[case("good,*")]
fn names_of_tools_are_refused(#[case] text: &str) {
    let fault = only_fault(&sources(&[("RESPONSE_IDEMPOTENT_TOOLS", text)]));
    assert!(
        fault.contains("names of tools, separated by commas"),
        "{fault}"
    );
}
