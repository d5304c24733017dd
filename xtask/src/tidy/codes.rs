//! Every code a response can fail with stands in the pages of the API.

use super::tree::{Tree, holds_word, numbered};
use crate::finding::Finding;

const CODES: &str = "crates/domain/src/failure.rs";
const NATIVE: &str = "docs/api-native.md";
/// The page of the other dialect, once that dialect is there.
const OPENAI: &str = "docs/api-openai.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(source) = tree.text(CODES) else {
        return vec![Finding::new(
            CODES,
            0,
            "is missing: the failure codes are read from it",
        )];
    };
    let codes = codes(source);
    if codes.is_empty() {
        return vec![Finding::new(
            CODES,
            0,
            "holds no failure code that could be read",
        )];
    }
    let Some(native) = tree.text(NATIVE) else {
        return vec![Finding::new(
            NATIVE,
            0,
            "is missing: it documents every failure code",
        )];
    };
    let pages = std::iter::once((NATIVE, native)).chain(tree.text(OPENAI).map(|it| (OPENAI, it)));
    pages
        .flat_map(|(page, text)| missing(&codes, page, text))
        .collect()
}

fn missing(codes: &[(usize, &str)], page: &str, text: &str) -> Vec<Finding> {
    let stands = |code: &str| text.lines().any(|line| holds_word(line, code));
    let tell = |(line, code): &(usize, &str)| {
        let advice = format!("the code `{code}` does not stand in {page}: say there when it comes");
        Finding::new(CODES, *line, advice)
    };
    codes
        .iter()
        .filter(|(_, code)| !stands(code))
        .map(tell)
        .collect()
}

/// The texts of the codes: the string literals in lower snake case, tests aside.
fn codes(source: &str) -> Vec<(usize, &str)> {
    let code_lines = numbered(source)
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"));
    let literals = code_lines.flat_map(|(at, line)| {
        line.split('"')
            .skip(1)
            .step_by(2)
            .map(move |text| (at, text))
    });
    let is_code = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    literals.filter(|(_, text)| is_code(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "codes! {\n    /// \"not_this\"\n    A = \"tool_timeout\",\n    \
                          B = \"internal\",\n}\nwrite!(f, \"{}: {}\")\n\
                          #[cfg(test)]\nmod tests { \"nonsense\" }\n";

    #[test]
    fn the_codes_are_read_from_their_literals() {
        assert_eq!(codes(SOURCE), [(3, "tool_timeout"), (4, "internal")]);
    }

    #[test]
    fn a_code_that_no_page_names_is_found_where_it_is_declared() {
        let tree = Tree::of(&[(CODES, SOURCE), (NATIVE, "| `tool_timeout` | late |")]);
        let found = check(&tree);
        assert_eq!((found.len(), found[0].line), (1, 4));
        let whole = Tree::of(&[(CODES, SOURCE), (NATIVE, "`tool_timeout`, `internal`")]);
        assert_eq!(check(&whole), []);
    }

    #[test]
    fn the_second_dialect_is_held_to_it_once_its_page_exists() {
        let native = "`tool_timeout`, `internal`";
        let tree = Tree::of(&[(CODES, SOURCE), (NATIVE, native), (OPENAI, "")]);
        assert_eq!(check(&tree).len(), 2);
    }

    #[test]
    fn a_missing_file_is_told() {
        assert_eq!(check(&Tree::of(&[])).len(), 1);
        assert_eq!(check(&Tree::of(&[(CODES, SOURCE)])).len(), 1);
        assert_eq!(
            check(&Tree::of(&[(CODES, "enum FailureCode {}"), (NATIVE, "")])).len(),
            1
        );
    }
}
