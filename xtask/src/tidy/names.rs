//! Names that say nothing: a type or module called after its shape instead of what it is.

use super::tree::{Tree, numbered};
use crate::finding::Finding;

const EMPTY_WORDS: &[&str] = &[
    "Manager", "Helper", "Util", "Service", "Impl", "Data", "Info",
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.ending(".rs")
        .flat_map(|(path, text)| declared(path, text).chain(filed(path)))
        .collect()
}

fn declared<'a>(path: &'a str, text: &'a str) -> impl Iterator<Item = Finding> + 'a {
    numbered(text).filter_map(move |(at, line)| {
        let (keyword, name) = declaration(line)?;
        let word = if keyword == "mod" {
            empty_module(name)
        } else {
            empty_type(name)
        }?;
        Some(Finding::new(path, at, refusal(name, word)))
    })
}

/// A file or folder is a module, whoever declares it.
fn filed(path: &str) -> Option<Finding> {
    let mut modules = path
        .strip_suffix(".rs")?
        .split('/')
        .skip_while(|part| !is_source(part))
        .skip(1);
    let (name, word) = modules.find_map(|name| Some((name, empty_module(name)?)))?;
    Some(Finding::new(path, 0, refusal(name, word)))
}

fn is_source(folder: &str) -> bool {
    matches!(folder, "src" | "tests" | "benches" | "examples")
}

fn refusal(name: &str, word: &str) -> String {
    format!("`{name}`: {word} says nothing; name it after what it is or does in the field's terms")
}

/// The keyword and the name, where a line declares a type or module.
fn declaration(line: &str) -> Option<(&str, &str)> {
    let mut rest = line.trim_start();
    if let Some(after) = rest.strip_prefix("pub") {
        rest = match after.strip_prefix('(') {
            Some(scope) => scope.split_once(')')?.1,
            None => after,
        };
    }
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("unsafe ").unwrap_or(rest);
    let (keyword, after) = rest.split_once(' ')?;
    let name = after
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()?;
    let declares = matches!(
        keyword,
        "struct" | "enum" | "trait" | "type" | "union" | "mod"
    );
    (declares && !name.is_empty()).then_some((keyword, name))
}

fn empty_type(name: &str) -> Option<&'static str> {
    let plain = name.strip_suffix('s').unwrap_or(name);
    EMPTY_WORDS
        .iter()
        .copied()
        .find(|word| name.ends_with(word) || plain.ends_with(word))
}

fn empty_module(name: &str) -> Option<&'static str> {
    let last = name.rsplit('_').next().unwrap_or(name);
    let plain = last.strip_suffix('s').unwrap_or(last);
    let is = |word: &&str| word.eq_ignore_ascii_case(last) || word.eq_ignore_ascii_case(plain);
    EMPTY_WORDS.iter().copied().find(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn types_named_after_their_shape_are_found() {
        for line in [
            "pub struct RunManager {",
            "pub(crate) enum ToolInfo {",
            "struct UserData<T>(T);",
            "pub(in crate::run) trait StoreService: Send {",
            "    type Helpers = ();",
        ] {
            assert_eq!(found("crates/a/src/b.rs", line), 1, "{line}");
        }
    }

    #[test]
    fn words_that_only_look_like_it_pass() {
        for line in [
            "pub struct Metadata;",
            "struct InformationContent;",
            "// struct RunManager",
            "let data: web::Data<Engine> = fetch();",
            "mod database;",
            "pub fn service(data: Data) -> Impl {",
            "impl Service for Driver {",
        ] {
            assert_eq!(found("crates/a/src/b.rs", line), 0, "{line}");
        }
    }

    #[test]
    fn modules_are_found_where_they_are_declared_and_where_they_lie() {
        assert_eq!(found("crates/a/src/b.rs", "mod string_utils;"), 1);
        assert_eq!(found("crates/a/src/helpers/mod.rs", ""), 1);
        assert_eq!(found("crates/a/tests/it/util.rs", ""), 1);
        assert_eq!(found("crates/data/src/b.rs", ""), 0);
    }
}
