//! Documents that are written by the code they describe, or found to be stale.

use std::fs;

use clap::Args;

use crate::error::{ChoreError, Doing as _};
use crate::finding::{self, Finding};
use crate::{say, workspace};

/// A document that code writes.
struct Document {
    /// Where it stands, relative to the root.
    path: &'static str,
    /// Its text as it should be.
    text: fn() -> String,
}

/// Every generated document. To add one, add a line and the crate that writes it.
const DOCUMENTS: &[Document] = &[
    Document {
        path: "docs/settings.md",
        text: response_settings::reference_markdown,
    },
    Document {
        path: "crates/settings/src/defaults.toml",
        text: response_settings::defaults_document,
    },
    Document {
        path: "docs/openapi.json",
        text: response_http::openapi_json,
    },
];

#[derive(Debug, Args)]
pub(crate) struct Docs {
    /// Write nothing; fail when a document is stale
    #[arg(long)]
    check: bool,
}

impl Docs {
    /// Checks or writes.
    pub(crate) fn run(&self) -> Result<(), ChoreError> {
        if self.check { check() } else { write() }
    }
}

/// Fails when a document is not what its code would write now.
pub(crate) fn check() -> Result<(), ChoreError> {
    let mut findings = Vec::new();
    for document in DOCUMENTS {
        let stands = fs::read_to_string(workspace::root().join(document.path)).unwrap_or_default();
        findings.extend(staleness(document.path, &stands, &(document.text)()));
    }
    finding::report("docs", findings)
}

fn write() -> Result<(), ChoreError> {
    for document in DOCUMENTS {
        let file = workspace::root().join(document.path);
        let text = (document.text)();
        if fs::read_to_string(&file).is_ok_and(|stands| stands == text) {
            say::line(format_args!("{} is as it should be", document.path));
            continue;
        }
        fs::write(&file, text).doing(|| format!("write {}", file.display()))?;
        say::line(format_args!("{} written", document.path));
    }
    Ok(())
}

/// The first line in which a document differs from what it should be.
fn staleness(path: &str, stands: &str, should: &str) -> Option<Finding> {
    if stands == should {
        return None;
    }
    let same = stands
        .lines()
        .zip(should.lines())
        .take_while(|(is, ought)| is == ought)
        .count();
    let advice = "differs from what the code says; run `cargo xtask docs` and commit the result";
    Some(Finding::new(path, same + 1, advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_document_is_found_at_its_first_differing_line() {
        assert_eq!(staleness("docs/a.md", "one\ntwo\n", "one\ntwo\n"), None);
        let found = staleness("docs/a.md", "one\ntwo\n", "one\n2\n").expect("they differ");
        assert_eq!((found.path.as_str(), found.line), ("docs/a.md", 2));
        assert_eq!(
            staleness("docs/a.md", "", "one\n").expect("missing").line,
            1
        );
        assert_eq!(
            staleness("docs/a.md", "one", "one\n")
                .expect("no last newline")
                .line,
            2
        );
    }
}
