//! The last look: when nothing is left to do, every response is asked for once more, its whole stream is
//! read, and the database and the processes are looked through.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use response_devstack::Ledger;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::agenda::LEASE;
use super::audit;
use super::chaos::Aftermath;
use super::client::{After, Frame, call, read};
use super::errand::Kind;
use super::load::{Load, Record, has_ended};
use super::replay;
use super::report::Report;
use super::world::{Began, betrays, ready};
use crate::db;
use crate::error::{ChoreError, Doing as _};
use crate::workspace;

/// How long the queue may take to become empty when nobody asks any more.
const EMPTYING: Duration = Duration::from_mins(3);
/// How often a response may lose its worker.
const ATTEMPTS: usize = 3;
/// How many responses are looked at side by side.
const SIDE_BY_SIDE: usize = 8;
/// The longest that one stream that has ended may take.
const READING: Duration = Duration::from_secs(20);
/// More memory than this is not for a process of this load.
const MEMORY: u64 = 400_000_000;
/// More connections than this a process has no use for.
const CONNECTIONS: usize = 24;
/// How often what fails while the database comes back is tried again.
const TRIES: usize = 5;

/// Waits until the queue is empty, and looks the database through.
pub(super) async fn of_database(
    database: &str,
    load: &Load,
    aftermath: &Aftermath,
    report: &mut Report,
) -> Result<(), ChoreError> {
    for member in &aftermath.fleet {
        ready(member.address).await?;
    }
    let begun = Instant::now();
    let left = "select count(*) from response_jobs";
    while db::ask(database, left)? != "0" && begun.elapsed() < EMPTYING {
        sleep(Duration::from_millis(250)).await;
    }
    report.tells(format!(
        "the queue was empty {:.1} s after the load",
        begun.elapsed().as_secs_f64()
    ));
    for rule in audit::RULES {
        for row in db::ask(database, rule.query)?.lines() {
            report.finds(rule.invariant, format!("{row}: {}", rule.breach));
        }
    }
    let made = audit::made(database)?;
    let ids: BTreeSet<&str> = made.iter().map(|(_, id)| id.as_str()).collect();
    let asked: BTreeMap<u64, Record> = load
        .seen()
        .into_iter()
        .map(|record| (record.number, record))
        .collect();
    for record in asked.values() {
        if let Some(id) = record.id().filter(|id| !ids.contains(id)) {
            report.finds(
                "I1",
                format!("#{} {id}: accepted and never stored", record.number),
            );
        }
    }
    let unasked = made
        .iter()
        .filter(|(number, _)| !asked.contains_key(number));
    for (number, id) in unasked {
        report.finds("I1", format!("#{number} {id}: stored and never asked for"));
    }
    let again = db::ask(database, audit::TAKEN_UP_AGAIN)?;
    let numbers: Vec<&str> = again.split('|').collect();
    if let [count, half, most] = numbers.as_slice() {
        report.tells(format!(
            "{count} times a lost response was put back; somebody had it after {half} ms (half of them), \
             {most} ms (the slowest)"
        ));
    }
    Ok(())
}

/// Looks at every response that was accepted, and at every stream.
pub(super) async fn of_responses(
    load: &Load,
    aftermath: &Aftermath,
    began: Began,
    report: &mut Report,
) {
    let losses: Arc<Vec<(f64, f64)>> = Arc::new(
        aftermath
            .losses
            .iter()
            .map(|(from, to)| (began.then(*from), began.then(*to)))
            .collect(),
    );
    let mut records = load.seen().into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < SIDE_BY_SIDE
            && let Some(record) = records.next()
        {
            let (api, losses) = (load.api, Arc::clone(&losses));
            running.spawn(async move { Look::at(api, record, &losses).await });
        }
        let Some(looked) = running.join_next().await else {
            return;
        };
        let Ok(look) = looked else {
            report.finds("I8", "a look at a response got into trouble");
            continue;
        };
        let record = &look.record;
        report.counts(record.kind.name(), record.fate.name(), &look.outcome);
        for (invariant, what) in look.findings {
            let id = record.id().unwrap_or_default();
            report.finds(invariant, format!("#{} {id}: {what}", record.number));
        }
    }
}

/// Looks at the processes: they are well, hold no more than before, and told nobody's secret.
pub(super) async fn of_processes(
    aftermath: &mut Aftermath,
    database: &str,
    upstreams: [&Ledger; 2],
    report: &mut Report,
) -> Result<(), ChoreError> {
    for (name, ledger) in ["model", "tools"].into_iter().zip(upstreams) {
        let quiet = ledger.until(|traffic| traffic.open() == 0);
        if tokio::time::timeout(LEASE, quiet).await.is_err() {
            let open = ledger.traffic().open();
            report.finds(
                "I8",
                format!("{open} requests to the {name} are open though nothing runs"),
            );
        }
    }
    let mut sizes = Vec::new();
    for member in &aftermath.fleet {
        ready(member.address).await?;
        let memory = member
            .program()
            .map_or(Ok(0), crate::bench::Program::memory)?;
        sizes.push(format!("{} {} MB", member.name, memory / 1_000_000));
        if memory > MEMORY {
            report.finds("I8", format!("{} holds {memory} bytes", member.name));
        }
    }
    report.tells(sizes.join(", "));
    let count = "select count(*) from pg_stat_activity where datname = current_database()";
    let open: usize = db::ask(database, count)?.parse().unwrap_or(0);
    report.tells(format!("{open} connections to the database are open"));
    if open > CONNECTIONS * aftermath.fleet.len() {
        report.finds("I8", format!("{open} connections to the database are open"));
    }
    of_logs(report)
}

fn of_logs(report: &mut Report) -> Result<(), ChoreError> {
    let folder = workspace::target()?.join("soak");
    let reading = || format!("read {}", folder.display());
    let mut lines = BTreeMap::<String, usize>::new();
    for entry in fs::read_dir(&folder).doing(reading)? {
        let file = entry.doing(reading)?.path();
        if file.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let text = fs::read(&file).doing(reading)?;
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for line in String::from_utf8_lossy(&text).lines() {
            if betrays(line) {
                report.finds("I9", format!("{name} tells the credential of a caller"));
            }
            if line.contains("panicked at") {
                report.finds("I8", format!("{name}: {line}"));
            }
            let entry: Value = serde_json::from_str(line).unwrap_or_default();
            let level = entry.get("level").and_then(Value::as_str);
            if level == Some("ERROR") {
                let message = entry
                    .get("message")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                *lines.entry(message.to_owned()).or_default() += 1;
            }
        }
    }
    for (message, count) in lines {
        report.tells(format!("{count} times an error was logged: {message}"));
    }
    Ok(())
}

/// One response, looked at for the last time.
struct Look {
    record: Record,
    outcome: String,
    findings: Vec<(&'static str, String)>,
}

impl Look {
    async fn at(api: SocketAddr, record: Record, losses: &[(f64, f64)]) -> Self {
        let mut look = Self {
            record,
            outcome: "unknown".to_owned(),
            findings: Vec::new(),
        };
        let Some(id) = look.record.id().map(str::to_owned) else {
            return look;
        };
        let Some((status, response)) = ask(api, &id).await else {
            look.finds("I8", "the API does not answer");
            return look;
        };
        if look.record.deleted {
            "deleted".clone_into(&mut look.outcome);
            if status != 404 {
                look.finds("I1", format!("was deleted and is answered {status}"));
            }
            return look;
        }
        if status != 200 {
            look.finds("I1", format!("is answered {status}"));
            return look;
        }
        look.judge(&response, losses);
        look.follow(api, &id, &response).await;
        look
    }

    fn judge(&mut self, response: &Value, losses: &[(f64, f64)]) {
        let status = text(response, "/status");
        status.clone_into(&mut self.outcome);
        if !has_ended(status) {
            return self.finds("I1", format!("is {status}"));
        }
        if let Some(seen) = self.record.ended.clone().filter(|seen| seen != status) {
            self.finds("I2", format!("was seen as {seen} and is {status}"));
        }
        let output = text(response, "/output");
        if status == "completed" && !output.contains(&self.record.sign) {
            self.finds("I1", format!("its output is another's: {output:?}"));
        }
        if status == "failed" {
            let code = text(response, "/error/code");
            self.outcome = format!("failed ({code})");
            if code != "worker_lost" {
                self.finds(
                    "I1",
                    format!("failed: {}", response.pointer("/error").unwrap_or_default()),
                );
            } else if lost_within(response, losses) < ATTEMPTS {
                self.finds(
                    "I1",
                    "was given up though its worker was not lost that often",
                );
            }
        }
        let runs = response
            .pointer("/tool_executions")
            .and_then(Value::as_array);
        let calls = match self.record.kind {
            Kind::Plain | Kind::Slow => 0,
            Kind::Repeatable | Kind::Once => 1,
            Kind::Both => 2,
        };
        let count = runs.map_or(0, Vec::len);
        if count > calls || (status == "completed" && count < calls) {
            self.finds("I4", format!("it has {count} tool executions, not {calls}"));
        }
    }

    /// Reads the whole stream, and once more from somewhere in it.
    async fn follow(&mut self, api: SocketAddr, id: &str, response: &Value) {
        let Some(whole) = stream(api, id, After::Nothing).await else {
            return self.finds("I3", "its stream cannot be read");
        };
        for wrong in replay::whole(&whole, response) {
            self.finds("I3", wrong);
        }
        for wrong in replay::part(&self.record.frames, &whole) {
            self.finds("I3", wrong);
        }
        let last = whole.last().map_or(0, |frame| frame.number);
        let mut dice = fastrand::Rng::with_seed(self.record.number);
        let from = dice.u64(..last.max(1));
        let Some(tail) = stream(api, id, After::Parameter(from)).await else {
            return self.finds("I3", format!("its stream cannot be read after {from}"));
        };
        let begins = tail.first().map(|frame| frame.number);
        if last > 0
            && (begins != Some(from + 1) || tail.last().map(|frame| frame.number) != Some(last))
        {
            self.finds(
                "I3",
                format!("its stream after {from} of {last} begins with {begins:?}"),
            );
        }
        for wrong in replay::part(&tail, &whole) {
            self.finds("I3", wrong);
        }
    }

    fn finds(&mut self, invariant: &'static str, what: impl Into<String>) {
        self.findings.push((invariant, what.into()));
    }
}

async fn ask(api: SocketAddr, id: &str) -> Option<(u16, Value)> {
    let path = format!("/v1/responses/{id}");
    for _ in 0..TRIES {
        if let Ok(answer) = call(api, "GET", &path, None).await
            && answer.status != 503
        {
            return Some((answer.status, answer.body));
        }
        sleep(Duration::from_millis(300)).await;
    }
    None
}

async fn stream(api: SocketAddr, id: &str, after: After) -> Option<Vec<Frame>> {
    for _ in 0..TRIES {
        if let Ok((200, frames)) = read(api, id, after, READING).await {
            return Some(frames);
        }
        sleep(Duration::from_millis(300)).await;
    }
    None
}

/// How often a worker was lost while this response was under way. Its times are whole seconds.
fn lost_within(response: &Value, losses: &[(f64, f64)]) -> usize {
    let at = |name: &str| response.pointer(name).and_then(Value::as_f64);
    let begun = at("/created_at").unwrap_or(0.0) - 1.0;
    let ended = at("/failed_at")
        .or_else(|| at("/updated_at"))
        .unwrap_or(f64::MAX)
        + 1.0;
    losses
        .iter()
        .filter(|(from, to)| *from <= ended && *to >= begun)
        .count()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_losses_of_its_own_time_excuse_a_response() {
        let response = json!({"created_at": 100, "failed_at": 160});
        let losses = [
            (10.0, 20.0),
            (98.0, 120.0),
            (130.0, 130.0),
            (160.5, 161.0),
            (170.0, 170.0),
        ];
        assert_eq!(lost_within(&response, &losses), 3);
    }
}
