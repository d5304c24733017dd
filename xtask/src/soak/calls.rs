//! What the tools were really asked: the one record that no process of the service writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use response_devstack::{Ledger, Seen};
use serde_json::Value;
use tokio::time::sleep;

use super::errand::{Kind, hidden};
use super::load::Load;
use super::report::Report;

const LOOK: Duration = Duration::from_millis(500);

/// The calls of all responses by their numbers: the keys under which each tool was called.
#[derive(Debug, Default)]
pub(super) struct Calls {
    repeatable: BTreeMap<u64, Vec<String>>,
    once: BTreeMap<u64, Vec<String>>,
    /// Calls without a key.
    without_key: usize,
}

/// Notes every call until the load is over.
pub(super) async fn watch(load: &Arc<Load>, ledger: Ledger) -> Calls {
    let mut calls = Calls::default();
    loop {
        let is_over = load.is_over();
        for seen in ledger.take() {
            calls.note(&seen);
        }
        if is_over {
            return calls;
        }
        sleep(LOOK).await;
    }
}

impl Calls {
    fn note(&mut self, seen: &Seen) {
        let body = seen.json();
        if body.get("method").and_then(Value::as_str) != Some("tools/call") {
            return;
        }
        let argument = |name: &str| body.pointer(&format!("/params/arguments/{name}"));
        let (calls, number) = match body.pointer("/params/name").and_then(Value::as_str) {
            Some("calculator") => {
                let text = argument("expression")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                (
                    &mut self.repeatable,
                    text.split('+').next().and_then(|text| text.parse().ok()),
                )
            }
            Some("wait") => {
                let seconds = argument("seconds").and_then(Value::as_f64);
                (&mut self.once, seconds.map(hidden))
            }
            _ => return,
        };
        let key = seen.header("idempotency-key");
        self.without_key += usize::from(key.is_none());
        let known = calls.entry(number.unwrap_or(u64::MAX)).or_default();
        known.push(key.unwrap_or_default().to_owned());
    }

    /// Tells what was called that should not have been.
    pub(super) fn judge(&self, load: &Load, report: &mut Report) {
        if self.without_key > 0 {
            report.finds(
                "I4",
                format!("{} calls bore no idempotency key", self.without_key),
            );
        }
        for (number, keys) in &self.once {
            if keys.len() > 1 {
                let what =
                    format!("#{number}: the tool that must not be repeated was called {keys:?}");
                report.finds("I4", what);
            }
        }
        let mut again = 0;
        for (number, keys) in &self.repeatable {
            again += keys.len() - 1;
            if keys.iter().any(|key| Some(key) != keys.first()) {
                report.finds(
                    "I4",
                    format!("#{number}: a repeated call has another key: {keys:?}"),
                );
            }
        }
        let completed = load
            .seen()
            .into_iter()
            .filter(|record| record.ended.as_deref() == Some("completed"));
        for record in completed {
            let is_due = matches!(record.kind, Kind::Repeatable | Kind::Both);
            let is_missing = is_due && !self.repeatable.contains_key(&record.number);
            if is_missing {
                report.finds(
                    "I4",
                    format!("#{}: completed without its call", record.number),
                );
            }
        }
        let all = |calls: &BTreeMap<u64, Vec<String>>| calls.values().map(Vec::len).sum::<usize>();
        report.tells(format!(
            "{} calls that may be repeated, {again} of them made again; {} calls that may not",
            all(&self.repeatable),
            all(&self.once)
        ));
    }
}
