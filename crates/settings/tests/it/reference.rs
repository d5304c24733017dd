//! The documents say what the declarations say, and the declarations what the structs hold.

use std::collections::BTreeSet;

use response_settings::{defaults_document, reference_markdown};

use crate::with;

#[test]
fn the_defaults_file_has_the_comments_of_the_registry() {
    let file = include_str!("../../src/defaults.toml");
    let expected = defaults_document();
    assert!(
        file == expected,
        "run `cargo xtask docs`, or make src/defaults.toml this:\n{expected}"
    );
}

/// Keys of the settings page.
fn documented() -> BTreeSet<String> {
    let page = reference_markdown();
    let (sections, _) = page.split_once("\n## `[[").unwrap();
    sections
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| {
            line.split(" | ")
                .nth(2)?
                .trim()
                .strip_prefix('`')?
                .strip_suffix('`')
        })
        .map(ToOwned::to_owned)
        .collect()
}

/// Keys of the structs, read from what `Debug` prints: sections are indented once, fields twice.
fn held() -> BTreeSet<String> {
    let text = format!("{:#?}", with(&[]).settings);
    let mut section = "";
    let mut keys = BTreeSet::new();
    for line in text.lines() {
        let depth = line.len() - line.trim_start().len();
        let name = line.trim_start().split(':').next().unwrap_or_default();
        match depth {
            4 => section = name,
            8 if line.contains(": ") => {
                keys.insert(format!("{section}.{name}"));
            }
            _ => {}
        }
    }
    keys
}

#[test]
fn every_field_is_documented_and_every_documented_setting_is_a_field() {
    assert_eq!(documented(), held());
    assert!(held().len() > 45);
    let table = with(&[]).origins;
    let rows: BTreeSet<_> = table.rows().iter().map(|row| row.key.clone()).collect();
    assert_eq!(rows, held());
}

#[test]
fn a_row_of_the_page_tells_all_about_a_setting() {
    let page = reference_markdown();
    let row = page
        .lines()
        .find(|line| line.contains("RESPONSE_MAX_TOOL_DEPTH"))
        .unwrap();
    let expected = "| `RESPONSE_MAX_TOOL_DEPTH` | `MAX_TOOL_EXECUTION_DEPTH` | `runs.max_depth` | `8` | \
                    a whole number from 1 to 15 | Most rounds of tool calls in one run. |";
    assert_eq!(row, expected);
    assert!(page.contains(
        "| `RESPONSE_LLM_API_KEY` | `RESPONSE_LLM_API_KEY_FILE` | `llm.api_key` | none |"
    ));
    assert!(page.contains("| `llm.url` | none: must be set |"));
    assert!(page.contains("| only in a file |  | `mcp.servers` | none |"));
    assert!(page.contains("| `mode` | `auto` | auto, bare or session |"));
}

#[test]
fn the_page_asks_for_nothing_that_may_be_left_out() {
    let page = reference_markdown();
    let (sections, _) = page.split_once("\n## `[[").unwrap();
    let needed: Vec<_> = sections
        .lines()
        .filter(|line| line.contains("none: must be set"))
        .collect();
    assert!(
        matches!(needed.as_slice(), [only] if only.contains("`llm.url`")),
        "{needed:#?}"
    );
}

#[test]
fn no_name_means_two_settings() {
    let page = reference_markdown();
    let mut names = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        for cell in line.split(" | ").take(2) {
            for name in cell.trim_start_matches("| ").split(", ") {
                let ours = name.trim_matches('`');
                let variable = ours.len() > 1 && !ours.contains(|c: char| c.is_ascii_lowercase());
                assert!(
                    !variable || names.insert(ours.to_owned()),
                    "{ours} stands twice"
                );
            }
        }
    }
    assert!(names.len() > 55, "{names:?}");
}

#[test]
fn the_table_is_aligned_and_says_where_each_value_came_from() {
    let table = with(&[("RESPONSE_API_PORT", "9000")]).table();
    let mut lines = table.lines();
    let heading = lines.next().unwrap();
    let column = heading.find("VALUE").unwrap();
    assert!(heading.starts_with("SETTING ") && heading.ends_with("FROM"));
    let port = lines.find(|line| line.starts_with("http.port ")).unwrap();
    assert_eq!(&port[column..column + 4], "9000");
    assert!(port.ends_with("environment RESPONSE_API_PORT"), "{port}");
}
