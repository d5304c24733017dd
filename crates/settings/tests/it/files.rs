//! The file, the command line, and which source lies over which.

use std::path::PathBuf;

use response_settings::Problem;

use crate::{file, load, only_fault, origin, refused, shown, sources};

#[test]
fn each_source_lies_over_the_ones_before_it() {
    let (_folder, path) = file("[http]\nport = 1001\nheartbeat = '1s'\n[runs]\nmax_depth = 2\n");
    let from_file = sources(&[]).file(&path);
    let loaded = load(&from_file);
    let file_origin = format!("file {}", path.display());
    assert_eq!(
        (shown(&loaded, "http.port"), origin(&loaded, "http.port")),
        ("1001".into(), file_origin.clone())
    );

    let variables = [
        ("RESPONSE_API_PORT", "1002"),
        ("RESPONSE_MAX_TOOL_DEPTH", "3"),
    ];
    let over_it = sources(&variables).file(&path);
    let loaded = load(&over_it);
    assert_eq!(shown(&loaded, "http.port"), "1002");
    assert_eq!(
        origin(&loaded, "http.port"),
        "environment RESPONSE_API_PORT"
    );

    let loaded = load(&over_it.overrides(["http.port=1003", "http.port = 1004"]));
    assert_eq!(
        (shown(&loaded, "http.port"), origin(&loaded, "http.port")),
        ("1004".into(), "command line".into())
    );
    assert_eq!(
        origin(&loaded, "runs.max_depth"),
        "environment RESPONSE_MAX_TOOL_DEPTH"
    );
    assert_eq!(origin(&loaded, "http.heartbeat"), file_origin);
    assert_eq!(origin(&loaded, "http.body_timeout"), "default");
}

#[test]
fn a_variable_names_the_file_and_the_command_line_another() {
    let (_one, named) = file("[http]\nport = 1001\n");
    let (_other, given) = file("[http]\nport = 1002\n");
    let named = named.to_str().unwrap();
    let by_variable = sources(&[("RESPONSE_CONFIG_FILE", named)]);
    assert_eq!(shown(&load(&by_variable), "http.port"), "1001");
    assert_eq!(shown(&load(&by_variable.file(given)), "http.port"), "1002");
}

#[test]
fn a_named_file_must_exist() {
    let missing = PathBuf::from("/nowhere/settings.toml");
    let fault = only_fault(&sources(&[(
        "RESPONSE_CONFIG_FILE",
        "/nowhere/settings.toml",
    )]));
    let expected = "settings file (environment RESPONSE_CONFIG_FILE): the file \
                    `/nowhere/settings.toml` cannot be read: No such file or directory (os error 2)";
    assert_eq!(fault, expected);
    let fault = only_fault(&sources(&[]).file(missing));
    assert!(
        fault.starts_with("settings file (command line): "),
        "{fault}"
    );
}

#[test]
fn a_file_may_write_numbers_and_truth_with_or_without_quotes() {
    let (_folder, path) = file(
        "[http]\nport = '9000'\n[database]\nauto_migrate = false\npool_size = '4'\n\
         [tools]\nresult_share = 10\nidempotent = ['b', 'a']\n",
    );
    let loaded = load(&sources(&[]).file(path));
    let keys = [
        "http.port",
        "database.auto_migrate",
        "database.pool_size",
        "tools.result_share",
    ];
    assert_eq!(
        keys.map(|key| shown(&loaded, key)),
        ["9000", "false", "4", "10%"]
    );
    assert_eq!(shown(&loaded, "tools.idempotent"), "a,b");
}

#[test]
fn an_empty_text_takes_away_what_may_be_absent_and_nothing_else() {
    let (_folder, path) = file("[mcp]\nurl = ''\n[http]\nport = ''\n");
    let fault = only_fault(&sources(&[]).file(&path));
    assert!(fault.starts_with("http.port (file "), "{fault}");

    let with_tools = sources(&[("RESPONSE_MCP_TOOLS_URL", "http://mcp-tools:8091")]);
    let loaded = load(&with_tools.overrides(["mcp.url="]));
    assert!(loaded.settings.mcp.url.is_none());
}

#[test]
fn every_key_that_nobody_knows_is_named_with_the_closest_one() {
    let (_folder, path) = file(
        "colour = 1\n'http.port' = 2\n[htp]\nport = 1\n[http]\nprot = 1\nmax_depth = 2\n[mcp]\nurl_file = 'x'\n",
    );
    let faults = refused(&sources(&[]).file(path)).faults;
    let found: Vec<_> = faults
        .iter()
        .map(|fault| match &fault.problem {
            Problem::Unknown { closest } => (fault.key.as_str(), closest.as_deref()),
            other => panic!("{}: {other}", fault.key),
        })
        .collect();
    let expected = [
        ("colour", None),
        ("htp", Some("http")),
        ("http.max_depth", Some("runs.max_depth")),
        ("http.port", Some("http.port")),
        ("http.prot", Some("http.port")),
        ("mcp.url_file", None),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_section_is_no_value_and_a_value_no_section() {
    let (_folder, path) =
        file("http = 8082\n[log]\nlevel = { least = 'info' }\n[tools]\ntimeout = [1]\n");
    let faults: Vec<_> = refused(&sources(&[]).file(path))
        .faults
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(faults.len(), 3, "{faults:#?}");
    assert!(
        faults[0].ends_with("this is a section: write `[http]` and its settings below"),
        "{faults:#?}"
    );
    assert!(
        faults[1].contains("log.level")
            && faults[1].contains("the value (not shown) is not allowed")
    );
    assert!(faults[2].contains("tools.timeout"));
}

#[test]
fn a_file_that_is_not_toml_says_where() {
    let (_folder, path) = file("[http]\nport = = 1\n");
    let fault = only_fault(&sources(&[]).file(path));
    assert!(
        fault.contains("the file is not TOML: TOML parse error at line 2, column 8: "),
        "{fault}"
    );
}

#[test]
fn overrides_that_nobody_can_read_are_faults() {
    let overrides = ["verbose", "http.prot=1", "=3", "http.port=x"];
    let faults: Vec<_> = refused(&sources(&[]).overrides(overrides))
        .faults
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = [
        " (command line): there is no such setting",
        "http.port (command line): \"x\" is not allowed; allowed is a whole number from 0 to 65535",
        "http.prot (command line): there is no such setting; the closest is `http.port`",
        "override 1 (command line): an override is written `key=value`, such as `http.port=9000`",
    ];
    assert_eq!(faults, expected);
}
