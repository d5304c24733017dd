//! What a server was asked for a while, read off its log, and what of that belongs to one run.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::figures::ratio;
use super::logged::{Logged, gist, statements};
use super::table::Table;
use crate::db;
use crate::error::{ChoreError, Doing as _};

/// What a statement must reach of the runs to be part of one: others are of the process.
const PART_OF_A_RUN: f64 = 0.02;
/// What the measurement itself asks.
const OURS_OWN: [&str; 1] = ["select count(*), (extract("];

/// The log of the server, from a moment on. Connections that are made while it is open are logged whole.
#[derive(Debug)]
pub(super) struct Log {
    database: String,
    name: String,
    file: PathBuf,
    from: u64,
}

impl Log {
    /// Begins.
    pub(super) fn of(database: &str) -> Result<Self, ChoreError> {
        let folder = db::ask(database, "show data_directory")?;
        let file = Path::new(&folder).join("log");
        let length = fs::metadata(&file)
            .doing(|| format!("look at {}", file.display()))?
            .len();
        let name = db::ask(database, "select current_database()")?;
        let log = Self {
            database: database.to_owned(),
            name,
            file,
            from: length,
        };
        log.set("set log_min_duration_statement = 0")?;
        Ok(log)
    }

    fn set(&self, what: &str) -> Result<(), ChoreError> {
        db::ask(
            &self.database,
            &format!("alter database {} {what}", self.name),
        )
        .map(drop)
    }

    /// Ends, and answers what was asked in between.
    pub(super) fn end(self) -> Result<Vec<Logged>, ChoreError> {
        self.set("reset log_min_duration_statement")?;
        let reading = || format!("read {}", self.file.display());
        let mut file = fs::File::open(&self.file).doing(reading)?;
        file.seek(SeekFrom::Start(self.from)).doing(reading)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).doing(reading)?;
        // For whoever wants to know more.
        let kept = super::logs()?.join(format!("statements-{}.log", self.name));
        fs::write(&kept, &text).doing(|| format!("write {}", kept.display()))?;
        Ok(statements(&String::from_utf8_lossy(&text), &OURS_OWN))
    }
}

/// What of it belongs to each of so many runs.
pub(super) fn table(name: &str, logged: &[Logged], runs: u64) -> Table {
    let mut rows = Vec::new();
    let mut all = [0.0; 3];
    for one in logged {
        let each =
            [ratio(one.times, 1), one.planning, one.executing].map(|sum| sum / ratio(runs, 1));
        let [times, ..] = each;
        if times >= PART_OF_A_RUN {
            rows.push(row(gist(&one.text), each));
            for (sum, own) in all.iter_mut().zip(each) {
                *sum += own;
            }
        }
    }
    rows.push(row("all".to_owned(), all));
    Table {
        title: format!("Statements of one run: {name}"),
        headings: ["", "times/run", "planned ms/run", "executed ms/run"]
            .map(str::to_owned)
            .into(),
        rows,
    }
}

fn row(name: String, [times, planning, executing]: [f64; 3]) -> Vec<String> {
    vec![
        name,
        format!("{times:.2}"),
        format!("{planning:.3}"),
        format!("{executing:.3}"),
    ]
}
