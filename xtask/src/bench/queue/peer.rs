//! The peer: `graphile-worker`, the Postgres queue of the package index of Node.js that is measured most. It
//! runs as its own documentation has it run, by a small program that stands in `xtask/peers`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::super::ours::SLOTS;
use super::super::process::Program;
use crate::command;
use crate::db;
use crate::error::{ChoreError, Doing as _};
use crate::{say, workspace};

/// The package and the version that is measured; the lock file beside the program says it too.
pub(super) const NAME: &str = "graphile-worker 0.17.3";

/// How many queue at once where many do.
pub(super) const WRITERS: usize = 32;

const FILES: [(&str, &str); 3] = [
    (
        "package.json",
        include_str!("../../../peers/graphile-worker/package.json"),
    ),
    (
        "package-lock.json",
        include_str!("../../../peers/graphile-worker/package-lock.json"),
    ),
    (
        PROGRAM,
        include_str!("../../../peers/graphile-worker/peer.cjs"),
    ),
];
const PROGRAM: &str = "peer.cjs";
/// The longest that an answer may take.
const LONGEST: Duration = Duration::from_mins(2);
const TABLE: &str = "graphile_worker._private_jobs";

/// How its worker is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setup {
    /// As it is without a word.
    Default,
    /// As its documentation says it is fastest.
    Batched,
}

/// Installs the pinned version into a folder of its own under `target`.
pub(in crate::bench) fn install() -> Result<(), ChoreError> {
    let folder = folder()?;
    write_files(&folder)?;
    let mut npm = std::process::Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    command::run(npm.current_dir(&folder))?;
    say::line(format_args!("{NAME} is in {}", folder.display()));
    Ok(())
}

fn folder() -> Result<PathBuf, ChoreError> {
    Ok(workspace::target()?.join("bench-peers/graphile-worker"))
}

fn write_files(folder: &Path) -> Result<(), ChoreError> {
    fs::create_dir_all(folder).doing(|| format!("make {}", folder.display()))?;
    for (name, text) in FILES {
        let file = folder.join(name);
        fs::write(&file, text).doing(|| format!("write {}", file.display()))?;
    }
    Ok(())
}

/// The peer over a database of its own.
#[derive(Debug)]
pub(super) struct Peer {
    asker: Node,
    database: String,
    logs: PathBuf,
}

/// Its worker. Dropping it ends it.
#[derive(Debug)]
pub(super) struct PeerWorker(Node);

impl Peer {
    /// Starts the one that queues.
    pub(super) async fn start(database: String, logs: &Path) -> Result<Self, ChoreError> {
        let writers = WRITERS.to_string();
        let asker = Node::start(&["ask", &database, &writers], "peer-ask", logs).await?;
        Ok(Self {
            asker,
            database,
            logs: logs.to_owned(),
        })
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// The table of its jobs.
    pub(super) fn table() -> &'static str {
        TABLE
    }

    /// The program that queues.
    pub(super) fn asker(&self) -> Result<Program, ChoreError> {
        self.asker.program()
    }

    /// Starts its worker and waits until it works.
    pub(super) async fn work(&self, setup: Setup) -> Result<PeerWorker, ChoreError> {
        let slots = SLOTS.to_string();
        let how = match setup {
            Setup::Default => "plain",
            Setup::Batched => "batched",
        };
        let words = ["work", &self.database, &slots, how];
        Node::start(&words, "peer-work", &self.logs)
            .await
            .map(PeerWorker)
    }

    /// Queues so many jobs that do nothing.
    pub(super) async fn fill(&mut self, count: u64) -> Result<(), ChoreError> {
        self.asker.ask(&format!("fill {count}")).await.map(drop)
    }

    /// Queues one job that tells when it starts. Answers when it was asked for and when it was queued, in
    /// nanoseconds.
    pub(super) async fn one(&mut self) -> Result<(u64, u64), ChoreError> {
        let answer = self.asker.ask("one").await?;
        Ok((number(&answer, "asked")?, number(&answer, "added")?))
    }

    /// Queues side by side for a time. Answers how many, and in how many nanoseconds.
    pub(super) async fn flood(&mut self, span: Duration) -> Result<(u64, u64), ChoreError> {
        let order = format!("flood {} {WRITERS}", span.as_millis());
        let answer = self.asker.ask(&order).await?;
        Ok((number(&answer, "count")?, number(&answer, "nanoseconds")?))
    }

    /// Forgets all jobs.
    pub(super) fn clear(&self) -> Result<(), ChoreError> {
        db::ask(&self.database, &format!("truncate {TABLE}")).map(drop)
    }
}

impl PeerWorker {
    pub(super) fn program(&self) -> Result<Program, ChoreError> {
        self.0.program()
    }

    /// When the next job that tells it was started, in nanoseconds.
    pub(super) async fn started(&mut self) -> Result<u64, ChoreError> {
        number(&self.0.answer().await?, "started")
    }

    /// Ends it in its own order.
    pub(super) async fn stop(mut self) -> Result<(), ChoreError> {
        drop(self.0.orders.take());
        let ended = self.0.child.wait().await;
        ended
            .doing(|| "wait for the peer's worker".to_owned())
            .map(drop)
    }
}

/// One process of it. It ends when its standard input does, so it does not outlive this one.
#[derive(Debug)]
struct Node {
    child: Child,
    orders: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Node {
    async fn start(words: &[&str], log: &str, logs: &Path) -> Result<Self, ChoreError> {
        let folder = folder()?;
        if !folder.join("node_modules/graphile-worker").is_dir() {
            return Err(ChoreError::Missing {
                tool: NAME.to_owned(),
                install: "`cargo xtask bench peers-install`".to_owned(),
            });
        }
        write_files(&folder)?;
        let log = logs.join(format!("{log}.log"));
        let complaints = File::create(&log).doing(|| format!("make {}", log.display()))?;
        let starting = || "start the peer".to_owned();
        let mut child = Command::new("node")
            .arg(PROGRAM)
            .args(words)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints)
            .kill_on_drop(true)
            .spawn()
            .doing(starting)?;
        let orders = child.stdin.take();
        let mute = || ChoreError::Refused("the peer has no standard output".to_owned());
        let answers = BufReader::new(child.stdout.take().ok_or_else(mute)?).lines();
        let mut node = Self {
            child,
            orders,
            answers,
        };
        node.answer().await?;
        Ok(node)
    }

    fn program(&self) -> Result<Program, ChoreError> {
        let ended = || ChoreError::Refused("the peer has ended".to_owned());
        self.child.id().map(Program::of).ok_or_else(ended)
    }

    async fn ask(&mut self, order: &str) -> Result<Value, ChoreError> {
        let telling = || format!("tell the peer to {order}");
        if let Some(orders) = &mut self.orders {
            let line = format!("{order}\n");
            orders.write_all(line.as_bytes()).await.doing(telling)?;
            orders.flush().await.doing(telling)?;
        }
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Value, ChoreError> {
        let silent = || ChoreError::Refused("the peer does not answer; see its log".to_owned());
        let line = timeout(LONGEST, self.answers.next_line()).await;
        let line = line
            .map_err(|_late| silent())?
            .doing(|| "read the peer's answer".to_owned())?;
        serde_json::from_str(&line.ok_or_else(silent)?).map_err(|source| ChoreError::Answer {
            program: PROGRAM.to_owned(),
            source,
        })
    }
}

fn number(answer: &Value, name: &str) -> Result<u64, ChoreError> {
    let strange = || ChoreError::Refused(format!("the peer answered {answer}"));
    answer.get(name).and_then(Value::as_u64).ok_or_else(strange)
}
