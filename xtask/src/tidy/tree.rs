//! The tree as the rules see it: every path, and the text of every text file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command;
use crate::error::ChoreError;

/// The files that git tracks, and those it would track if they were added.
#[derive(Debug, Default)]
pub(super) struct Tree {
    paths: BTreeSet<String>,
    texts: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the tree under a folder. Files that git ignores are no part of it.
    pub(super) fn read(root: &Path) -> Result<Self, ChoreError> {
        let listing = [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ];
        let listed = command::read(Command::new("git").args(listing).current_dir(root))?;
        let mut tree = Self::default();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            let file = root.join(path);
            // git still lists a file that was deleted and not yet committed.
            if !file.exists() {
                continue;
            }
            let text = fs::read(&file)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            if let Some(text) = text.filter(|text| !text.contains('\0')) {
                tree.texts.insert(path.to_owned(), text);
            }
            tree.add(path);
        }
        Ok(tree)
    }

    /// A tree of these files, for tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.texts.insert((*path).to_owned(), (*text).to_owned());
            tree.add(path);
        }
        tree
    }

    fn add(&mut self, path: &str) {
        let mut path = path;
        while !path.is_empty() {
            self.paths.insert(path.to_owned());
            path = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        }
    }

    /// Whether a file or folder stands at this path.
    pub(super) fn has(&self, path: &str) -> bool {
        path.is_empty() || self.paths.contains(path)
    }

    /// What stands at the top.
    pub(super) fn top(&self) -> impl Iterator<Item = &str> {
        self.paths
            .iter()
            .map(String::as_str)
            .filter(|path| !path.contains('/'))
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Every text file: path and text.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Every text file whose name ends so.
    pub(super) fn ending(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(end))
    }
}

/// The lines of a text, numbered from 1.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line))
}

/// Whether a word stands alone in a line: no letter, digit or underscore beside it.
pub(super) fn holds_word(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_knows_its_folders() {
        let tree = Tree::of(&[("docs/guides/a.md", "")]);
        assert!(tree.has("docs/guides") && tree.has("docs") && tree.has("docs/guides/a.md"));
        assert!(!tree.has("docs/guide"));
        assert_eq!(tree.top().collect::<Vec<_>>(), ["docs"]);
    }

    #[test]
    fn a_word_stands_alone() {
        assert!(holds_word("a `tool_timeout`, b", "tool_timeout"));
        assert!(!holds_word("mcp_tool_timeout", "tool_timeout"));
        assert!(!holds_word("tool_timeouts", "tool_timeout"));
    }
}
