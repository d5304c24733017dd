//! What a soak comes to: what was done, what became of it, and everything that should not have been.

use std::collections::BTreeMap;
use std::fmt;

use super::chaos::Aftermath;
use super::load::{Load, Made};

/// How many findings of one kind are told in full.
const TOLD: usize = 12;

/// The report.
#[derive(Debug)]
pub(super) struct Report {
    seed: u64,
    deeds: BTreeMap<&'static str, usize>,
    /// How many responses of what kind and fate came to what.
    outcomes: BTreeMap<(&'static str, &'static str), BTreeMap<String, usize>>,
    facts: Vec<String>,
    findings: BTreeMap<&'static str, Vec<String>>,
}

impl Report {
    pub(super) fn of(load: &Load, aftermath: &Aftermath, seed: u64) -> Self {
        let mut report = Self {
            seed,
            deeds: aftermath.deeds.clone(),
            outcomes: BTreeMap::new(),
            facts: Vec::new(),
            findings: BTreeMap::new(),
        };
        let records = load.seen();
        let unknown = records
            .iter()
            .filter(|record| record.made == Made::Unknown)
            .count();
        report.tells(format!(
            "{} responses asked for, {} accepted, {unknown} unanswered",
            records.len(),
            records.len() - unknown
        ));
        for record in &records {
            let number = record.number;
            for finding in &record.findings {
                report.finds(
                    "seen",
                    format!("#{number} ({}): {finding}", record.fate.name()),
                );
            }
        }
        for gone in &aftermath.gone {
            report.tells(gone.clone());
        }
        report
    }

    /// Counts how a response ended.
    pub(super) fn counts(&mut self, kind: &'static str, fate: &'static str, outcome: &str) {
        let outcomes = self.outcomes.entry((kind, fate)).or_default();
        *outcomes.entry(outcome.to_owned()).or_default() += 1;
    }

    /// Adds something worth knowing.
    pub(super) fn tells(&mut self, fact: impl Into<String>) {
        self.facts.push(fact.into());
    }

    /// Adds something that should not be, under the invariant that it breaks.
    pub(super) fn finds(&mut self, invariant: &'static str, what: impl Into<String>) {
        self.findings
            .entry(invariant)
            .or_default()
            .push(what.into());
    }

    /// How much there is that should not be.
    pub(super) fn findings(&self) -> usize {
        self.findings.values().map(Vec::len).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nSoak with seed {}", self.seed)?;
        for (deed, times) in &self.deeds {
            writeln!(f, "  {times:>5}  {deed}")?;
        }
        writeln!(f, "\nWhat became of the responses")?;
        for ((kind, fate), outcomes) in &self.outcomes {
            let counts = outcomes
                .iter()
                .map(|(outcome, count)| format!("{count} {outcome}"));
            let counts = counts.collect::<Vec<_>>().join(", ");
            writeln!(f, "  {kind:<16} {fate:<11} {counts}")?;
        }
        writeln!(f)?;
        for fact in &self.facts {
            writeln!(f, "  {fact}")?;
        }
        if self.findings.is_empty() {
            return write!(f, "\nNothing was lost, nothing was doubled.");
        }
        for (invariant, findings) in &self.findings {
            writeln!(f, "\n{invariant}: {} that should not be", findings.len())?;
            for finding in findings.iter().take(TOLD) {
                writeln!(f, "  {finding}")?;
            }
            if findings.len() > TOLD {
                writeln!(f, "  and {} more", findings.len() - TOLD)?;
            }
        }
        Ok(())
    }
}
