//! The figures as a section of the document.

use super::super::document::Section;
use super::super::machine;
use super::super::table::Table;
use super::{CONNECTIONS, Plan};
use crate::error::ChoreError;

const HEADLINE: &str = "Who calls";

/// The section: how it was measured, on what, and what came of it.
pub(super) fn section(plan: Plan, tables: &[Table]) -> Result<Section, ChoreError> {
    let Plan { span, rounds } = plan;
    let mut text = format!(
        "## {HEADLINE}

Measured by `cargo xtask bench identity`: what it costs to know who calls, beside not asking. One process takes
everybody for the guest; another checks tokens (RS256, 2048 bits), keys of the service and a gateway's secret, and
counts what each owner has left. A third one does the same with `AUTH_TOKEN_CACHE=0`, so that every token is
verified anew. All are asked the same over {CONNECTIONS} connections, and their rounds take turns: each figure is the
median of {rounds} rounds of {seconds} s, after one that does not count. \"Beside the guest\" is the difference within
one round. Processor time is that of the service.

| | |
|---|---|
",
        seconds = span.as_secs(),
    );
    let facts = machine::facts("not used")?;
    for (name, value) in facts.iter().filter(|(name, _)| *name != "PostgreSQL") {
        text.extend(["| ", name, " | ", value, " |\n"]);
    }
    text.push('\n');
    for table in tables {
        text.push_str(&table.markdown());
    }
    Ok((HEADLINE, text))
}
