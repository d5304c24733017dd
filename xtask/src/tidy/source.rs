//! Rust files: how they open, how long they are, and tests that sleep.

use super::tree::{Tree, holds_word, numbered};
use crate::finding::Finding;

const LONGEST: usize = 500;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let judge = |(path, text)| {
        let mut findings = Vec::new();
        findings.extend(opening(path, text));
        findings.extend(length(path, text));
        findings.extend(sleeps(path, text));
        findings
    };
    tree.ending(".rs").flat_map(judge).collect()
}

fn opening(path: &str, text: &str) -> Option<Finding> {
    let first = text.lines().next().unwrap_or_default();
    let says = first
        .strip_prefix("//!")
        .is_some_and(|rest| !rest.trim().is_empty());
    let advice = "must open with `//!` and a sentence that says what this file is for";
    (!says).then(|| Finding::new(path, 1, advice))
}

fn length(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let advice = format!("{lines} lines, and {LONGEST} are the most: divide it by what it does");
    (lines > LONGEST).then(|| Finding::new(path, LONGEST + 1, advice))
}

/// Sleeps in tests: everything under `tests/`, and in a source file all that follows the first
/// `#[cfg(test)]`.
fn sleeps(path: &str, text: &str) -> Vec<Finding> {
    let lines = numbered(text);
    let tests: Vec<_> = if is_test(path) {
        lines.collect()
    } else {
        lines
            .skip_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .collect()
    };
    let advice = "a test does not sleep: wait for a signal, or pause the clock and advance it";
    let sleeping = tests.into_iter().filter(|(_, line)| sleeps_here(line));
    sleeping
        .map(|(at, _)| Finding::new(path, at, advice))
        .collect()
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn sleeps_here(line: &str) -> bool {
    let called = ["thread", "time"]
        .iter()
        .any(|module| line.contains(&format!("{module}::sleep")));
    let imported = line.trim_start().starts_with("use ")
        && (line.contains("time::{") || line.contains("thread::{"))
        && (holds_word(line, "sleep") || holds_word(line, "sleep_until"));
    called || imported
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call of sleep that this very file does not contain.
    fn nap(module: &str) -> String {
        format!("//! Waits.\nfn wait() {{ {module}::{}(LONG) }}\n", "sleep")
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        assert_eq!(check(&Tree::of(&[("a.rs", "//! Ids.\n")])), []);
        assert_eq!(check(&Tree::of(&[("a.rs", "//!\nuse x;\n")])).len(), 1);
        assert_eq!(check(&Tree::of(&[("a.rs", "use x;\n")])).len(), 1);
        assert_eq!(check(&Tree::of(&[("a.rs", "")])).len(), 1);
    }

    #[test]
    fn a_file_ends_before_line_five_hundred_and_one() {
        let long = format!("//! Long.\n{}", "\n".repeat(LONGEST - 1));
        assert_eq!(check(&Tree::of(&[("a.rs", &long)])), []);
        let longer = format!("{long}\n");
        let found = check(&Tree::of(&[("a.rs", &longer)]));
        assert_eq!((found.len(), found[0].line), (1, LONGEST + 1));
    }

    #[test]
    fn a_test_does_not_sleep() {
        for module in ["std::thread", "tokio::time"] {
            let found = check(&Tree::of(&[("crates/a/tests/it/b.rs", &nap(module))]));
            assert_eq!((found.len(), found[0].line), (1, 2));
            assert_eq!(check(&Tree::of(&[("crates/a/src/b.rs", &nap(module))])), []);
        }
        let inside = nap("thread").replace("Waits.\n", "Waits.\n#[cfg(test)]\n");
        assert_eq!(check(&Tree::of(&[("crates/a/src/b.rs", &inside)])).len(), 1);
    }

    #[test]
    fn a_test_does_not_import_sleep_either() {
        let import = "//! Waits.\nuse tokio::time::{Duration, sleep};\n";
        assert_eq!(
            check(&Tree::of(&[("crates/a/tests/it/b.rs", import)])).len(),
            1
        );
        let fine = "//! Waits.\nuse tokio::time::{Duration, advance, pause};\n";
        assert_eq!(check(&Tree::of(&[("crates/a/tests/it/b.rs", fine)])), []);
    }
}
