//! Links of the documents: each leads to a file or folder of the tree, and its `#part` to a
//! heading.

use std::collections::BTreeSet;

use super::tree::{Tree, numbered};
use crate::finding::Finding;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let judge = |(path, text)| {
        let broken = move |(at, target): (usize, String)| {
            let fault = fault(tree, path, &target)?;
            Some(Finding::new(
                path,
                at,
                format!("the link to `{target}` {fault}"),
            ))
        };
        links(text).into_iter().filter_map(broken)
    };
    tree.ending(".md").flat_map(judge).collect()
}

/// What is wrong with a link, if anything.
fn fault(tree: &Tree, page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, part) = target.split_once('#').unwrap_or((target, ""));
    let Some(file) = resolve(page, path) else {
        return Some("leaves the repository".to_owned());
    };
    if !tree.has(&file) {
        return Some(format!("leads nowhere: there is no {file}"));
    }
    let has_headings = file.rsplit('.').next() == Some("md");
    let text = tree
        .text(&file)
        .filter(|_| has_headings && !part.is_empty())?;
    let missing = !anchors(text).contains(part);
    missing.then(|| format!("names a part that {file} does not have: no heading becomes #{part}"))
}

/// The path that a link means, seen from the page it stands on; none if it climbs out.
fn resolve(page: &str, path: &str) -> Option<String> {
    if path.is_empty() {
        return Some(page.to_owned());
    }
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = match path.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => folder.split('/').filter(|part| !part.is_empty()).collect(),
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The lines of a page that are prose, without what stands between code fences.
pub(super) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    numbered(text).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Every target of `[text](target)` and `[name]: target`, with its line.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (at, line) in prose(text) {
        let line = without_code(line);
        for (found, _) in line.match_indices("](") {
            let rest = line.get(found + 2..).unwrap_or_default();
            let inside = rest.split(')').next().unwrap_or_default();
            links.extend(target(inside).map(|target| (at, target)));
        }
        let named = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "));
        links.extend(
            named
                .and_then(|(_, rest)| target(rest))
                .map(|target| (at, target)),
        );
    }
    links
}

/// The target without its title and brackets.
fn target(inside: &str) -> Option<String> {
    let target = inside.split_whitespace().next()?;
    Some(
        target
            .trim_start_matches('<')
            .trim_end_matches('>')
            .to_owned(),
    )
}

/// A line whose inline code is blank, so that code is not taken for links.
fn without_code(line: &str) -> String {
    let pieces = line.split('`').enumerate();
    let kept = pieces.map(|(at, piece)| if at % 2 == 0 { piece } else { " " });
    kept.collect()
}

/// What the headings of a page are called in links.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        let Some(heading) = line.trim_start_matches('#').strip_prefix(' ') else {
            continue;
        };
        if !line.starts_with('#') {
            continue;
        }
        let name = anchor(heading);
        let again = (1..).map(|count| format!("{name}-{count}"));
        let free = std::iter::once(name.clone())
            .chain(again)
            .find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(page: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("docs/guides/a.md", page),
            (
                "docs/b.md",
                "# One thing\n## One thing\n## `GET /v1/x`: it\n",
            ),
            ("README.md", ""),
        ]);
        check(&tree)
            .into_iter()
            .map(|finding| finding.advice)
            .collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let page = "[b](../b.md), [`top`](../../README.md \"title\"), [folder](..), [self](#part)\n\
                    # Part\n[root](/docs/b.md) [out](https://example.com/x.md)\n[b]: ../b.md\n";
        assert_eq!(faults(page), [""; 0]);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for link in [
            "[x](b.md)",
            "[x](../../../x.md)",
            "[x]: ../c.md",
            "[x](../b.md#two)",
        ] {
            assert_eq!(faults(link).len(), 1, "{link}");
        }
    }

    #[test]
    fn a_part_is_a_heading_and_the_second_of_a_name_is_numbered() {
        for part in ["one-thing", "one-thing-1", "get-v1x-it"] {
            assert_eq!(faults(&format!("[x](../b.md#{part})")), [""; 0]);
        }
        assert_eq!(faults("[x](../b.md#one-thing-2)").len(), 1);
    }

    #[test]
    fn code_is_no_link() {
        assert_eq!(faults("`[x](y)`\n```\n[x](y)\n```\n"), [""; 0]);
        assert_eq!(faults("```\n```\n[x](y)\n").len(), 1);
    }
}
