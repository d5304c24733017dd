//! The invariants of `docs/architecture.md`: each names what holds it, and that exists.
//!
//! Under the heading `## Invariants`, every item of a list and every row of a table contains
//! "held by" and after it one or more names in backticks. A name is one of
//!
//! - `domain::status::every_change`: a test function, after any parts of its file's path;
//! - `clippy::unwrap_used`, `rustc::unsafe_code`: a lint that the root manifest sets;
//! - `tokio::spawn`: a method that `.cargo/clippy.toml` forbids;
//! - `cargo xtask layers`: a chore.

use super::links::prose;
use super::tree::{Tree, holds_word};
use crate::finding::Finding;

const PAGE: &str = "docs/architecture.md";
const CHORES: &[&str] = &["layers", "tidy", "docs", "check", "test"];
const LINES_ABOVE: usize = 8;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(PAGE) else {
        return vec![Finding::new(
            PAGE,
            0,
            "is missing: it holds the invariants of the house",
        )];
    };
    let items = items(text);
    if items.is_empty() {
        let advice = "has no items under `## Invariants`: list them, each with what holds it";
        return vec![Finding::new(PAGE, 0, advice)];
    }
    items
        .iter()
        .flat_map(|(line, item)| judge(tree, *line, item))
        .collect()
}

/// The items under the heading, each with the line it begins at. A line that begins no item goes
/// on with the one above it.
fn items(text: &str) -> Vec<(usize, String)> {
    let mut items: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    let section = prose(text)
        .skip_while(|(_, line)| line.trim() != "## Invariants")
        .skip(1)
        .take_while(|(_, line)| !line.starts_with("# ") && !line.starts_with("## "));
    let mut above_is_header = false;
    for (at, line) in section {
        let line = line.trim();
        if line.starts_with("|--") || line.starts_with("| -") || line.starts_with("|:-") {
            // The rule of a table makes a header of the row above it.
            if above_is_header {
                items.pop();
            }
        } else if let Some(begun) = begins(line) {
            items.push((at, begun.to_owned()));
            open = true;
        } else if line.is_empty() || line.starts_with('#') {
            open = false;
        } else if let Some((_, item)) = items.last_mut().filter(|_| open) {
            item.push(' ');
            item.push_str(line);
        }
        above_is_header = line.starts_with('|');
    }
    items
}

/// The text of a list item or table row, where a line begins one.
fn begins(line: &str) -> Option<&str> {
    let numbered = || {
        let (number, rest) = line.split_once(". ")?;
        number.chars().all(|c| c.is_ascii_digit()).then_some(rest)
    };
    let bullet = line.strip_prefix("- ").or_else(|| line.strip_prefix("* "));
    bullet.or_else(|| line.strip_prefix('|')).or_else(numbered)
}

fn judge(tree: &Tree, line: usize, item: &str) -> Vec<Finding> {
    let names = holders(item);
    if names.is_empty() {
        let advice = "an invariant ends in \"held by\" and the test or lint in backticks";
        return vec![Finding::new(PAGE, line, advice)];
    }
    let missing = names.into_iter().filter(|name| !exists(tree, name));
    let tell = |name: &str| {
        let advice = format!("`{name}` holds nothing: there is no such test, lint or chore");
        Finding::new(PAGE, line, advice)
    };
    missing.map(tell).collect()
}

/// The names in backticks after the last "held by".
fn holders(item: &str) -> Vec<&str> {
    let Some((_, after)) = item.rsplit_once("held by") else {
        return Vec::new();
    };
    after.split('`').skip(1).step_by(2).collect()
}

fn exists(tree: &Tree, name: &str) -> bool {
    if let Some(chore) = name.strip_prefix("cargo xtask ") {
        return CHORES.contains(&chore);
    }
    let manifest = tree.text("Cargo.toml").unwrap_or_default();
    let set = |lint: &str| {
        manifest
            .lines()
            .any(|line| line.starts_with(&format!("{lint} = ")))
    };
    if let Some(lint) = name
        .strip_prefix("clippy::")
        .or_else(|| name.strip_prefix("rustc::"))
    {
        return set(lint);
    }
    let doors = tree.text(".cargo/clippy.toml").unwrap_or_default();
    doors.contains(&format!("path = \"{name}\"")) || is_test(tree, name)
}

/// Whether a test function of this name stands in a file whose path has the parts before it.
fn is_test(tree: &Tree, name: &str) -> bool {
    let mut parts: Vec<&str> = name.split("::").collect();
    let Some(function) = parts.pop() else {
        return false;
    };
    parts.retain(|part| *part != "tests");
    let fits = |path: &str| {
        let stem = path.strip_suffix(".rs").unwrap_or(path);
        parts.iter().all(|part| {
            let part = part.strip_prefix("response_").unwrap_or(part);
            stem.split('/').any(|folder| folder == part)
        })
    };
    tree.ending(".rs")
        .any(|(path, text)| fits(path) && tests(path, text, function))
}

/// Whether a file has a function of this name under a test attribute. A suite of the testkit is a
/// function that the adapters' tests call, so there the function alone will do.
fn tests(path: &str, text: &str, function: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let signature = format!("fn {function}");
    let is_function = |line: &str| line.contains(&signature) && holds_word(line, function);
    let is_suite = path.starts_with("crates/testkit/");
    lines
        .iter()
        .enumerate()
        .filter(|(_, line)| is_function(line))
        .any(|(at, _)| {
            let above = lines.iter().take(at).rev().take(LINES_ABOVE);
            let mut attributes = above.take_while(|line| !line.is_empty() && **line != "}");
            is_suite || attributes.any(|line| is_test_attribute(line))
        })
}

fn is_test_attribute(line: &str) -> bool {
    let attribute = line.strip_prefix("#[").unwrap_or_default();
    let path = attribute.split(['(', ']']).next().unwrap_or_default();
    matches!(path.rsplit("::").next(), Some("test" | "rstest" | "case"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(invariants: &str) -> Vec<String> {
        let page = format!("# A\n- free\n## Invariants\n\n{invariants}\n## Walks\n- free\n");
        let tree = Tree::of(&[
            (PAGE, &page),
            (
                "Cargo.toml",
                "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n",
            ),
            (
                ".cargo/clippy.toml",
                "{ path = \"tokio::spawn\", reason = \"x\" },\n",
            ),
            (
                "crates/testkit/src/suite.rs",
                "pub async fn promises(store: S) {}\n",
            ),
            (
                "crates/domain/src/status.rs",
                "#[cfg(test)]\nmod tests {\n    #[test]\n    fn every_change() {\n    }\n\n\
                 \x20   fn no_test() {}\n}\n",
            ),
            (
                "crates/engine/tests/it/crash.rs",
                "#[tokio::test(start_paused = true)]\nasync fn dies() {}\n",
            ),
        ]);
        check(&tree)
            .into_iter()
            .map(|finding| finding.advice)
            .collect()
    }

    #[test]
    fn what_exists_holds() {
        for name in [
            "every_change",
            "domain::status::every_change",
            "response_domain::status::tests::every_change",
            "engine::crash::dies",
            "testkit::suite::promises",
            "rustc::unsafe_code",
            "tokio::spawn",
            "cargo xtask layers",
        ] {
            assert_eq!(
                advice(&format!("- A thing is so; held by `{name}`.")),
                [""; 0],
                "{name}"
            );
        }
    }

    #[test]
    fn what_does_not_exist_is_found() {
        for name in [
            "every_chang",
            "no_test",
            "engine::status::every_change",
            "clippy::unwrap_used",
            "tokio::spawn_local",
            "cargo xtask hope",
        ] {
            let said = advice(&format!("- A thing is so; held by `{name}`."));
            assert_eq!(said.len(), 1, "{name}");
            assert!(said[0].contains(name), "{said:?}");
        }
    }

    #[test]
    fn an_invariant_without_a_holder_is_found() {
        assert_eq!(advice("- A thing is so.").len(), 1);
        assert_eq!(advice("- A thing is so, `every_change` says.").len(), 1);
        assert_eq!(advice("").len(), 1);
    }

    #[test]
    fn items_go_on_over_lines_and_rows_of_tables_count() {
        assert_eq!(
            advice("- A thing\n  is so; held by\n  `every_change`, `dies`.\n- B."),
            ["an invariant ends in \"held by\" and the test or lint in backticks"]
        );
        let table = "| what | by |\n|---|---|\n| a | held by `dies` |\n| b | held by `nothing` |";
        assert_eq!(advice(table).len(), 1);
        assert_eq!(advice("1. A thing is so; held by `dies`."), [""; 0]);
    }

    #[test]
    fn a_tree_without_the_page_is_told_so() {
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
