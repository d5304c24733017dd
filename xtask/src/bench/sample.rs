//! How far a worker has come at one moment, and what it took until then.

use std::time::Instant;

use super::figures::ratio;
use super::postgres::Postgres;
use super::process::Program;
use crate::db;
use crate::error::ChoreError;

/// One look at a queue, its worker and the database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    queue: Queue,
    cost: Cost,
}

/// What the database tells.
#[derive(Debug, Clone, Copy)]
struct Queue {
    /// Jobs that are not done.
    left: u64,
    /// When, in microseconds.
    at: u64,
    /// The number of the next transaction that writes.
    next_write: u64,
    /// Bytes of the write-ahead log.
    logged: u64,
}

/// Processor time so far, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    program: u64,
    database: u64,
    at: Instant,
}

/// What happened between two samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Between {
    /// Jobs that were done.
    pub(super) done: u64,
    /// Jobs that were left at the end.
    pub(super) left: u64,
    figures: [f64; 5],
}

impl Cost {
    /// As it is now.
    pub(super) fn now(program: Program, postgres: &Postgres) -> Result<Self, ChoreError> {
        Ok(Self {
            program: program.processor()?,
            database: postgres.program().processor()?,
            at: Instant::now(),
        })
    }

    /// Milliseconds of the program and of the database per job, where there were so many a second.
    pub(super) fn each_since(&self, before: &Self, per_second: f64) -> (f64, f64) {
        let span = self.at.duration_since(before.at).as_secs_f64();
        let each = |after: u64, before: u64| ratio(after - before, 1) / span / per_second.max(1e-9);
        (
            each(self.program, before.program),
            each(self.database, before.database),
        )
    }
}

impl Sample {
    /// Looks at a table of jobs.
    pub(super) fn take(
        database: &str,
        table: &str,
        program: Program,
        postgres: &Postgres,
    ) -> Result<Self, ChoreError> {
        Ok(Self {
            queue: Queue::read(database, table)?,
            cost: Cost::now(program, postgres)?,
        })
    }

    /// What happened since an earlier one.
    pub(super) fn since(&self, before: &Self) -> Between {
        let done = before.queue.left.saturating_sub(self.queue.left);
        let per_second = ratio(done * 1_000_000, self.queue.at - before.queue.at);
        let (program, database) = self.cost.each_since(&before.cost, per_second);
        // Looking takes a number itself.
        let writes = self.queue.next_write - before.queue.next_write - 1;
        let logged = ratio(self.queue.logged - before.queue.logged, 1024) / ratio(done.max(1), 1);
        Between {
            done,
            left: self.queue.left,
            figures: [per_second, program, database, ratio(writes, done), logged],
        }
    }
}

impl Between {
    /// Jobs a second; milliseconds of worker and database, commits and KiB of log for each.
    pub(super) fn figures(&self) -> Vec<Option<f64>> {
        self.figures.iter().copied().map(Some).collect()
    }
}

impl Queue {
    fn read(database: &str, table: &str) -> Result<Self, ChoreError> {
        let look = format!(
            "select count(*), (extract(epoch from statement_timestamp()) * 1000000)::bigint, \
             txid_current(), pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint from {table}"
        );
        let answer = db::ask(database, &look)?;
        let numbers: Vec<u64> = answer
            .split('|')
            .filter_map(|text| text.parse().ok())
            .collect();
        match numbers.as_slice() {
            &[left, at, next_write, logged] => Ok(Self {
                left,
                at,
                next_write,
                logged,
            }),
            _ => Err(ChoreError::Refused(format!(
                "{answer:?} tells nothing of a queue"
            ))),
        }
    }
}

/// How many jobs a table holds.
pub(super) fn left(database: &str, table: &str) -> Result<u64, ChoreError> {
    Queue::read(database, table).map(|queue| queue.left)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn figures_are_per_job() {
        let begun = Instant::now();
        let sample = |seconds: u64, left, program, database| Sample {
            queue: Queue {
                left,
                at: seconds * 1_000_000,
                next_write: 10 + seconds * 1001,
                logged: seconds * 1024 * 4000,
            },
            cost: Cost {
                program,
                database,
                at: begun + Duration::from_secs(seconds),
            },
        };
        let between = sample(2, 100, 1200, 2100).since(&sample(0, 2100, 200, 100));
        assert_eq!((between.done, between.left), (2000, 100));
        let expected = [1000.0, 0.5, 1.0, 1.0005, 4.0].map(Some);
        assert_eq!(between.figures(), expected);
    }
}
