//! The figures of webhooks, as a section of the document.

use super::super::document::Section;
use super::super::machine;
use super::super::table::Table;
use super::Plan;
use super::stage::Stage;
use crate::error::ChoreError;

const HEADLINE: &str = "Webhooks";

/// Everything that was measured.
#[derive(Debug)]
pub(super) struct Report {
    plan: Plan,
    facts: Vec<(&'static str, String)>,
    tables: Vec<Table>,
}

impl Report {
    pub(super) fn of(stage: &Stage, plan: &Plan) -> Result<Self, ChoreError> {
        Ok(Self {
            plan: *plan,
            facts: machine::facts(stage.postgres.version())?,
            tables: Vec::new(),
        })
    }

    pub(super) fn add(&mut self, tables: Vec<Table>) {
        self.tables.extend(tables);
    }

    /// All tables in order.
    pub(super) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The section of the document.
    pub(super) fn section(&self) -> Section {
        let mut text = self.method();
        for (name, value) in &self.facts {
            text.extend(["| ", name, " | ", value, " |\n"]);
        }
        text.push('\n');
        for table in &self.tables {
            text.push_str(&table.markdown());
        }
        (HEADLINE, text)
    }

    fn method(&self) -> String {
        let Plan { span, rounds } = self.plan;
        format!(
            "## {HEADLINE}

Measured by `cargo xtask bench webhooks`: `response-api`, which queues, and one `response-worker` with
8 slots, which works and sends, over a PostgreSQL that syncs every commit, a model that answers at
once, and receivers on the same machine. Each figure is the median of {rounds} rounds of {seconds} s; the
rounds take turns.

\"Ended\" is the moment that stands in the database, before the write that says so; \"received\" is when
the receiver had read the whole delivery. Every delivery is checked: what is not signed as it should be
voids the run. Those that are dead are other addresses of 127.0.0.0/8 and belong to the same owner as
the live one; each dead address has one delivery due at once and one more every ten seconds, each dead
endpoint all that the live one has. Processor time is that of the worker, and of all processes of
PostgreSQL.

| | |
|---|---|
",
            seconds = span.as_secs(),
        )
    }
}
