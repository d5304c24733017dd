//! Every text file: marks left behind, spaces at the end of a line, and addresses that hold on
//! one machine or for one registry only.
//!
//! Recorded bytes (`fixtures`, `golden`, `snapshots`) keep their spaces: they are what a server
//! really sent.

use super::tree::{Tree, holds_word, numbered};
use crate::finding::Finding;

// The words are kept in pieces, or this file would be the first to break its own rules.
const MARKS: &[[&str; 2]] = &[["TO", "DO"], ["FIX", "ME"], ["XX", "X"]];
const MACHINE_FOLDERS: &[&str] = &["work", "root", "home", "Users", "tmp"];
const REGISTRIES: &[&[&str]] = &[
    &["crates", "io"],
    &["npmjs", "org"],
    &["npmjs", "com"],
    &["pypi", "org"],
    &["pythonhosted", "org"],
    &["debian", "org"],
    &["docker", "io"],
    &["ghcr", "io"],
    &["quay", "io"],
    &["proxy", "golang", "org"],
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    // Cargo writes the address of the index into its lock file and reads it back.
    let written = tree.texts().filter(|(path, _)| *path != "Cargo.lock");
    written.flat_map(|(path, text)| judge(path, text)).collect()
}

fn judge(path: &str, text: &str) -> Vec<Finding> {
    let recorded = is_recorded(path);
    let mut findings = Vec::new();
    for (at, line) in numbered(text) {
        let mut find = |advice: String| findings.push(Finding::new(path, at, advice));
        if let Some(mark) = marks().find(|mark| holds_word(line, mark)) {
            find(format!(
                "{mark}: do it now, or file an issue and take the mark out"
            ));
        }
        if !recorded && line.ends_with([' ', '\t']) {
            find("spaces at the end of the line: take them out".to_owned());
        }
        if let Some(folder) = machine_folder(line) {
            find(format!(
                "/{folder}/… is a path of one machine: make it relative or a setting"
            ));
        }
        if let Some(host) = registries().find(|host| names_host(line, host)) {
            find(format!(
                "{host} is the host of a registry: name the package, not the place"
            ));
        }
    }
    findings
}

fn is_recorded(path: &str) -> bool {
    let kept = |part: &str| matches!(part, "fixtures" | "golden" | "snapshots");
    path.split('/').any(kept)
}

fn marks() -> impl Iterator<Item = String> {
    MARKS.iter().map(|pieces| pieces.concat())
}

fn registries() -> impl Iterator<Item = String> {
    REGISTRIES.iter().map(|labels| labels.join("."))
}

/// A folder that is found on one machine, where a path begins with it: a route or a relative path
/// that contains the same word is none.
fn machine_folder(line: &str) -> Option<&'static str> {
    let begins = |at: usize| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.}>)$*~".contains(c))
    };
    let is_path = |folder: &&str| {
        let path = format!("/{folder}/");
        line.match_indices(&path).any(|(at, _)| begins(at))
    };
    MACHINE_FOLDERS.iter().copied().find(is_path)
}

/// Whether a line names this host or one under it as an address: with a path or a scheme beside
/// it, or with a host name in front. The bare name of a registry is a word like any other.
fn names_host(line: &str, host: &str) -> bool {
    line.match_indices(host).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        let after = line.get(at + host.len()..).unwrap_or_default();
        let whole = !after.starts_with(|c: char| c.is_alphanumeric() || c == '-')
            && !before.ends_with(|c: char| c.is_alphanumeric() || c == '-');
        whole && (before.ends_with(['.', '/', '@']) || after.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, line: &str) -> Vec<String> {
        check(&Tree::of(&[(path, line)]))
            .into_iter()
            .map(|finding| finding.advice)
            .collect()
    }

    #[test]
    fn marks_left_behind_are_found_and_plain_words_are_not() {
        for mark in marks() {
            assert_eq!(found("a.rs", &format!("// {mark}: later")).len(), 1);
            assert_eq!(found("a.rs", &format!("let {mark}_COUNT = 1;")), [""; 0]);
        }
    }

    #[test]
    fn spaces_at_the_end_are_found_but_not_in_recorded_bytes() {
        assert_eq!(found("a.md", "one \ntwo\n").len(), 1);
        assert_eq!(found("a.md", "one\n\ttwo\n"), [""; 0]);
        assert_eq!(
            found("crates/llm/tests/fixtures/a.sse", "data: \n"),
            [""; 0]
        );
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        for folder in MACHINE_FOLDERS {
            assert_eq!(found("a.md", &format!("see /{folder}/x")).len(), 1);
            assert_eq!(found("a.md", &format!("`file:///{folder}/x`")).len(), 1);
            assert_eq!(found("a.md", &format!("\"/{folder}/x\"")).len(), 1);
            let elsewhere = format!("GET /v1/{folder}/x, ./{folder}/x, $X/{folder}/x");
            assert_eq!(found("a.md", &elsewhere), [""; 0]);
        }
    }

    #[test]
    fn the_host_of_a_registry_is_found_but_not_its_name() {
        for host in registries() {
            assert_eq!(
                found("a.md", &format!("https://{host}/x")).len(),
                1,
                "{host}"
            );
            assert_eq!(
                found("a.md", &format!("https://static.{host}")).len(),
                1,
                "{host}"
            );
            assert_eq!(
                found("a.md", &format!("a package of {host}, by name")),
                [""; 0]
            );
            assert_eq!(
                found("Cargo.lock", &format!("https://index.{host}/")),
                [""; 0]
            );
        }
    }
}
