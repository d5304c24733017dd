//! The figures of the queue, as a section of the document.

use super::super::document::Section;
use super::super::machine;
use super::super::table::Table;
use super::stage::Stage;
use super::{Plan, peer};
use crate::error::ChoreError;

/// What the service is called in the tables.
pub(super) const OURS: &str = "ours";
/// What the peer is called in its fastest setting.
pub(super) const BATCHED: &str = "graphile-worker 0.17.3, batched";

const HEADLINE: &str = "The queue";

/// Everything that was measured.
#[derive(Debug)]
pub(super) struct Report {
    plan: Plan,
    facts: Vec<(&'static str, String)>,
    with_peer: bool,
    tables: Vec<Table>,
}

impl Report {
    pub(super) fn of(stage: &Stage, plan: &Plan) -> Result<Self, ChoreError> {
        Ok(Self {
            plan: *plan,
            facts: machine::facts(stage.postgres.version())?,
            with_peer: stage.peer.is_some(),
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
        let peer = if self.with_peer { peer::NAME } else { "nobody" };
        format!(
            "## {HEADLINE}

Measured by `cargo xtask bench queue`, beside {peer} over the same PostgreSQL, which syncs every
commit. Each figure is the median of {rounds} rounds of {seconds} s; the rounds take turns. Ours is
`response-api`, which queues, and one `response-worker` with 8 slots, over a model that answers at
once; the peer is one process with 8 slots and a task that does nothing, with its defaults and in
the setting that its own documentation calls fastest (a local queue of 500, completions in batches).

What waits is queued beforehand: ours through the API, with a credential that is sealed; the
peer's in batches of 5,000. A round counts what was taken out of the table of jobs between two
looks at it. Processor time is that of the worker, and of all processes of PostgreSQL; that of the
model, which shares the two cores with ours, is not in it. \"Started\" is the moment at which the
model is asked, or the task entered; the process that queues is another than the one that works.

A run is more than a job: a response that can be read, streamed once more from its first event,
continued and taken up by another process when its own dies. So one run that does nothing writes its
response twice, its items and the events of its log, and erases a sealed credential, where a job of
the peer is one row that is locked and deleted. The tables of statements say what that comes to.

| | |
|---|---|
",
            seconds = span.as_secs(),
        )
    }
}
