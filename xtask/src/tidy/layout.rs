//! The top of the repository: what stands there, and nothing else.

use super::tree::Tree;
use crate::finding::Finding;

/// What the repository opens with. `deploy` may be missing, because git keeps no empty folder.
const MUST: &[&str] = &[
    ".cargo",
    ".ci",
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "crates",
    "docs",
    "migrations",
    "xtask",
];
const MAY: &[&str] = &["deploy"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let known =
        |entry: &str| entry.starts_with('.') || MUST.contains(&entry) || MAY.contains(&entry);
    let strays = tree.top().filter(|entry| !known(entry)).map(|entry| {
        let advice = format!(
            "does not belong at the top; only {} and {} stand there: move it into one of them",
            MUST.join(", "),
            MAY.join(", ")
        );
        Finding::new(entry, 0, advice)
    });
    let missing = MUST
        .iter()
        .filter(|entry| !tree.has(entry))
        .map(|entry| Finding::new(entry, 0, "is missing from the top of the repository"));
    strays.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(extra: &[(&'static str, &'static str)]) -> Tree {
        let mut files = vec![
            (".cargo/config.toml", ""),
            (".ci/run", ""),
            ("Cargo.lock", ""),
            ("Cargo.toml", ""),
            ("README.md", ""),
            ("crates/domain/Cargo.toml", ""),
            ("docs/a.md", ""),
            ("migrations/Cargo.toml", ""),
            ("xtask/Cargo.toml", ""),
        ];
        files.extend_from_slice(extra);
        Tree::of(&files)
    }

    #[test]
    fn the_agreed_top_and_dot_files_pass() {
        assert_eq!(
            check(&whole(&[(".gitignore", ""), ("deploy/Dockerfile", "")])),
            []
        );
    }

    #[test]
    fn a_stray_entry_is_found() {
        let found = check(&whole(&[("scripts/go.sh", "")]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "scripts");
    }

    #[test]
    fn a_missing_entry_is_found() {
        assert_eq!(check(&Tree::of(&[])).len(), MUST.len());
    }
}
