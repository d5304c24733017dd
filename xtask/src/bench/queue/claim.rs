//! What a claim takes when somebody holds an old snapshot: the rows of jobs that are long done cannot be
//! cleaned away, and stand at the head of the index that a claim reads.
//!
//! Both claims are the statements that the workers really send, prepared as they prepare them and asked one
//! after the other on one connection. What the flush of a commit takes is left out: it is the same for all.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::super::logged::Logged;
use super::super::sheet::{Heading, Sheet};
use super::super::table::Table;
use super::stage::Stage;
use super::{peer, statements};
use crate::command;
use crate::db;
use crate::error::{ChoreError, Doing as _};

const HEADINGS: &[Heading] = &[("nothing dead ms", 3), ("160k dead, snapshot held ms", 3)];
/// How many jobs came and went while the snapshot was held.
const DEAD: u32 = 160_000;
/// How many claims are made in a row.
const CLAIMS: usize = 200;
/// How many wait: more than are claimed.
const WAITING: usize = 2 * CLAIMS;
const WITH_MARK: &str = "ours, from the low-water mark on";
const WITHOUT_MARK: &str = "ours, looking at everything";

/// Measures ours and the peer's.
pub(super) async fn measure(stage: &mut Stage) -> Result<Vec<Table>, ChoreError> {
    let ours = claim_of(&statements::of_ours(stage).await?)?;
    let theirs = statements::of_peer(stage).await?;
    let theirs = theirs.map(|logged| claim_of(&logged)).transpose()?;
    let mut sheet = Sheet::new("One claim, when dead rows cannot be cleaned away", HEADINGS);
    // A database of its own: no process looks after jobs that nobody works on.
    let database = &stage.empty().await?;
    let looks = [(WITH_MARK, MARK), (WITHOUT_MARK, "NULL")];
    let claims = looks.map(|(name, mark)| (name, ours.looking_from(mark)));
    for (name, claim) in &claims {
        db::ask(database, "truncate response_jobs")?;
        db::ask(database, &waiting())?;
        let fresh = claim.time(database)?;
        let snapshot = Snapshot::hold(database)?;
        db::ask(database, "truncate response_jobs")?;
        for step in churn() {
            db::ask(database, &step)?;
        }
        db::ask(database, &waiting())?;
        let aged = claim.time(database)?;
        drop(snapshot);
        sheet.note(name, vec![Some(fresh), Some(aged)]);
    }
    if let (Some(peer), Some(claim)) = (&mut stage.peer, theirs) {
        let database = peer.database().to_owned();
        let many = u64::try_from(WAITING).unwrap_or(0);
        peer.fill(many).await?;
        let fresh = claim.time(&database)?;
        peer.clear()?;
        let snapshot = Snapshot::hold(&database)?;
        peer.fill(u64::from(DEAD)).await?;
        for step in CHURN_OF_PEER {
            db::ask(&database, step)?;
        }
        peer.fill(many).await?;
        let aged = claim.time(&database)?;
        drop(snapshot);
        peer.clear()?;
        sheet.note(peer::NAME, vec![Some(fresh), Some(aged)]);
    }
    Ok(vec![sheet.table(&[(WITH_MARK, peer::NAME)])])
}

/// The mark is a minute before the oldest that waits, as the worker sets it.
const MARK: &str =
    "(select min(queued_at) - interval '60 s' from response_jobs where worker_id is null)";

/// Jobs that wait.
fn waiting() -> String {
    format!(
        "insert into response_jobs
            (response_id, owner, queued_at, request_id, lease, attempt, losses)
        select 'waits-' || n, 'bench', clock_timestamp(), 'bench', 0, 0, 0
        from generate_series(1, {WAITING}) n;
        analyze response_jobs"
    )
}

/// Jobs of the last ten minutes, each queued, claimed and done.
fn churn() -> [String; 3] {
    [
        format!(
            "insert into response_jobs
                (response_id, owner, queued_at, request_id, lease, attempt, losses)
            select 'done-' || n, 'bench',
                clock_timestamp() - interval '10 min' * (1 - n::float / {DEAD}), 'bench', 0, 0, 0
            from generate_series(1, {DEAD}) n"
        ),
        "update response_jobs set worker_id = 'bench', lease = 1, attempt = 1,
            claimed_at = clock_timestamp(), deadline_at = clock_timestamp()"
            .to_owned(),
        "delete from response_jobs".to_owned(),
    ]
}

const CHURN_OF_PEER: [&str; 3] = [
    "update graphile_worker._private_jobs
        set attempts = 1, locked_by = 'bench', locked_at = now()",
    "delete from graphile_worker._private_jobs",
    "analyze graphile_worker._private_jobs",
];

/// A claim as a worker sends it.
#[derive(Debug, Clone)]
struct Claim {
    text: String,
    parameters: Vec<String>,
}

/// The claim among the statements of a worker: of those that leave out what others lock, the one that was
/// sent most often.
fn claim_of(logged: &[Logged]) -> Result<Claim, ChoreError> {
    let claims = logged
        .iter()
        .filter(|one| one.text.to_ascii_lowercase().contains("skip locked"));
    let claim = claims.max_by_key(|one| one.times);
    let none = || ChoreError::Refused("the worker was not seen claiming".to_owned());
    claim
        .map(|one| Claim {
            text: one.text.clone(),
            parameters: one.parameters.clone(),
        })
        .ok_or_else(none)
}

impl Claim {
    /// Ours, of one job, looking from this moment on.
    fn looking_from(&self, mark: &str) -> Self {
        let mut parameters = self.parameters.clone();
        for (place, value) in [(1, "1"), (2, mark)] {
            if let Some(parameter) = parameters.get_mut(place) {
                value.clone_into(parameter);
            }
        }
        Self {
            text: self.text.clone(),
            parameters,
        }
    }

    /// The median of many claims in a row, in milliseconds, the way to the server and back included.
    fn time(&self, database: &str) -> Result<f64, ChoreError> {
        let given: Vec<&str> = self.parameters.iter().map(String::as_str).collect();
        // A subquery is no parameter of EXECUTE.
        let mut values = Vec::new();
        for value in given {
            values.push(match value.strip_prefix('(') {
                Some(_) => format!("'{}'", db::ask(database, &format!("select {value}"))?),
                None => value.to_owned(),
            });
        }
        let execute = format!("execute claim ({});\n", values.join(", "));
        let script = format!(
            "set synchronous_commit = off;\nprepare claim as {};\n\\o /dev/null\n\\timing on\n{}",
            self.text,
            execute.repeat(CLAIMS)
        );
        let file = tempfile::NamedTempFile::new().doing(|| "make a temporary file".to_owned())?;
        std::fs::write(file.path(), script).doing(|| "write a temporary file".to_owned())?;
        let answer = command::read(db::client(database)?.arg("--file").arg(file.path()))?;
        let mut times: Vec<f64> = answer.lines().filter_map(milliseconds).collect();
        if times.len() != CLAIMS {
            return Err(ChoreError::Refused(format!(
                "{} claims were timed",
                times.len()
            )));
        }
        times.sort_by(f64::total_cmp);
        Ok(times.get(CLAIMS / 2).copied().unwrap_or_default())
    }
}

/// `Time: 0.123 ms`, and with more words from a second on.
fn milliseconds(line: &str) -> Option<f64> {
    let (number, _) = line.strip_prefix("Time: ")?.split_once(" ms")?;
    number.parse().ok()
}

/// Somebody who reads for a long time: nothing that is deleted meanwhile can be cleaned away.
struct Snapshot {
    child: Child,
    orders: Option<ChildStdin>,
}

impl Snapshot {
    fn hold(database: &str) -> Result<Self, ChoreError> {
        let doing = || "hold a snapshot".to_owned();
        let mut client: Command = db::client(database)?;
        let client = client.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = client.spawn().doing(doing)?;
        let mut orders = child.stdin.take();
        if let Some(orders) = &mut orders {
            let begin = "begin isolation level repeatable read;\nselect count(*) from pg_class;\n";
            orders.write_all(begin.as_bytes()).doing(doing)?;
            orders.flush().doing(doing)?;
        }
        let mut answer = String::new();
        if let Some(told) = child.stdout.take() {
            BufReader::new(told).read_line(&mut answer).doing(doing)?;
        }
        if answer.trim().parse::<u64>().is_err() {
            return Err(ChoreError::Refused("no snapshot could be held".to_owned()));
        }
        Ok(Self { child, orders })
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        drop(self.orders.take());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_claim_is_what_leaves_out_what_is_locked_and_is_sent_most() {
        let logged = |text: &str, times| Logged {
            text: text.to_owned(),
            times,
            planning: 0.0,
            executing: 1.0,
            parameters: ["'w'", "'8'", "NULL", "'600'"].map(str::to_owned).into(),
        };
        let all = [
            logged("select 1", 99),
            logged("rescue FOR UPDATE SKIP LOCKED", 1),
            logged("claim for update skip locked", 50),
        ];
        let claim = claim_of(&all).expect("a claim");
        assert!(claim.text.starts_with("claim"));
        let looking = claim.looking_from("'then'");
        assert_eq!(looking.parameters, ["'w'", "1", "'then'", "'600'"]);
        assert!(claim_of(&all[..1]).is_err());
    }

    #[test]
    fn a_time_is_read_with_and_without_words() {
        assert_eq!(milliseconds("Time: 0.321 ms"), Some(0.321));
        assert_eq!(milliseconds("Time: 1234.500 ms (00:01.235)"), Some(1234.5));
        assert_eq!(milliseconds("Zeit: 1 ms"), None);
    }
}
