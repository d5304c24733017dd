//! New responses that are ready at the same moment are written by one statement. Nobody waits for company:
//! who comes while no write is under way writes at once, alone; who comes while one is goes with the next,
//! together with all who came meanwhile. The more come at once, the less each costs.
//!
//! No task does this. Whoever gets the next turn writes for all that wait; should it be dropped half-way,
//! the others are told that nobody knows, as when the connection breaks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use response_domain::ports::store::StoreError;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::background;
use super::bound::Bound;
use super::postgres::alone;
use crate::backend::Postgres;
use crate::error::{from_sqlx, may_pass};
use crate::row::{Background, ItemRow, ResponseRow};

/// Inserts responses, a column from each array. What follows the first 26 is given.
macro_rules! insert_responses {
    (columns: $columns:literal, values: $values:literal, arrays: $arrays:literal) => {
        concat!(
            "INSERT INTO responses (
        id, owner, conversation_id, conversation_position, conversation_seen,
        previous_response_id, worker_id, background, model, created_at, spec,
        status, incomplete_reason, error_code, error_message,
        queued_at, started_at, ended_at, updated_at,
        turns, rounds, tool_calls, prompt_tokens, completion_tokens, progress",
            $columns,
            ")
    SELECT
        n.id, n.owner, n.conversation_id,
        CASE WHEN n.follows THEN (
            SELECT COALESCE(MAX(o.conversation_position), n.seen) + 1 FROM responses o
            WHERE o.conversation_id = n.conversation_id
        ) ELSE n.place END,
        n.seen, n.previous_response_id, n.worker_id, n.background, n.model, n.created_at, n.spec,
        n.status, n.incomplete_reason, n.error_code, n.error_message,
        n.queued_at, n.started_at, n.ended_at, n.updated_at,
        n.turns, n.rounds, n.tool_calls, n.prompt_tokens, n.completion_tokens, n.progress",
            $values,
            "
    FROM UNNEST(
        $1::text[], $2::text[], $3::text[], $4::bool[], $5::int4[], $6::int4[], $7::text[], $8::text[],
        $9::bool[], $10::text[], $11::timestamptz[], $12::text[], $13::text[], $14::text[], $15::text[],
        $16::text[], $17::timestamptz[], $18::timestamptz[], $19::timestamptz[], $20::timestamptz[],
        $21::int4[], $22::int4[], $23::int4[], $24::int8[], $25::int8[], $26::text[]",
            $arrays,
            "
    ) AS n (
        id, owner, conversation_id, follows, place, seen, previous_response_id, worker_id,
        background, model, created_at, spec, status, incomplete_reason, error_code,
        error_message, queued_at, started_at, ended_at, updated_at,
        turns, rounds, tool_calls, prompt_tokens, completion_tokens, progress",
            $columns,
            "
    )"
        )
    };
}

macro_rules! insert_items {
    () => {
        "WITH items AS (
        INSERT INTO conversation_items (response_id, ordinal, turn, kind, status, body)
        SELECT * FROM UNNEST($27::text[], $28::int4[], $29::int4[], $30::text[], $31::text[], $32::text[])
    )"
    };
}

/// New responses and their items.
const NEW: &str = concat!(
    insert_items!(),
    " ",
    insert_responses!(columns: "", values: "", arrays: ""),
);

/// The same, of which some go into the queue.
const QUEUED: &str = concat!(
    insert_items!(),
    ", jobs AS (
        INSERT INTO response_jobs (response_id, owner, queued_at, request_id, lease, attempt, losses)
        SELECT j.id, j.owner, clock_timestamp(), j.request_id, 0, 0, 0
        FROM UNNEST($1::text[], $2::text[], $33::text[]) AS j (id, owner, request_id)
        WHERE j.request_id IS NOT NULL
    ), secrets AS (
        INSERT INTO response_secrets (response_id, key_id, sealed)
        SELECT s.* FROM UNNEST($1::text[], $34::text[], $35::bytea[]) AS s (id, key_id, sealed)
        WHERE s.key_id IS NOT NULL
    ), log AS (
        INSERT INTO response_events (response_id, number, length, at, body)
        SELECT l.id, 0, l.length, clock_timestamp(), l.body
        FROM UNNEST($1::text[], $36::int4[], $37::text[]) AS l (id, length, body)
        WHERE l.length IS NOT NULL
    ) ",
    insert_responses!(
        columns: ", checkpoint, logged",
        values: ", n.checkpoint, n.logged",
        arrays: ", $38::text[], $39::int8[]"
    ),
);

/// How many go together at most, and about how many bytes.
const MOST: usize = 64;
const MOST_BYTES: usize = 1024 * 1024;

/// How many such writes may be under way: with one, all would wait while the disk does; with many, nobody
/// would have company.
const WRITERS: usize = 2;

/// Those who wait for their turn.
#[derive(Debug)]
pub(crate) struct Together {
    waiting: Mutex<VecDeque<Waiting>>,
    turns: Semaphore,
}

#[derive(Debug)]
struct Waiting {
    new: New,
    outcome: oneshot::Sender<Outcome>,
}

/// All that is written of a response that is new and has called nothing.
#[derive(Debug)]
pub(super) struct New {
    pub(super) row: ResponseRow,
    pub(super) items: Vec<ItemRow>,
    /// What it has besides, if it goes into the queue.
    pub(super) beside: Option<Background>,
}

impl New {
    /// About how long it is.
    fn bytes(&self) -> usize {
        let items: usize = self.items.iter().map(|item| item.body.len()).sum();
        self.row.spec.len() + self.row.state.progress.len() + items
    }

    /// Writes it by itself.
    async fn write(&self, database: &Postgres) -> Result<(), StoreError> {
        match &self.beside {
            None => alone(database, &self.row, &self.items).await,
            Some(beside) => background::queue(database, &self.row, &self.items, beside).await,
        }
    }
}

/// What came of a write, for one of those who waited.
#[derive(Debug)]
enum Outcome {
    Done(Result<(), StoreError>),
    /// Something in what was written together was refused, so nothing was written; each tries by itself.
    Refused(Box<New>),
}

impl Default for Together {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            turns: Semaphore::new(WRITERS),
        }
    }
}

impl Together {
    /// Writes a new response.
    pub(super) async fn write(&self, database: &Postgres, new: New) -> Result<(), StoreError> {
        if let Ok(_turn) = self.turns.try_acquire() {
            // Free turns mean that nobody waits: who waits is woken with the turn.
            return new.write(database).await;
        }
        let (sender, outcome) = oneshot::channel();
        self.waiting().push_back(Waiting {
            new,
            outcome: sender,
        });
        let outcome = timeout(database.writers.patience(), self.outcome(database, outcome)).await;
        let Ok(outcome) = outcome else {
            return Err(from_sqlx(sqlx::Error::PoolTimedOut));
        };
        match outcome {
            Ok(Outcome::Done(result)) => result,
            Ok(Outcome::Refused(new)) => new.write(database).await,
            Err(_dropped) => Err(StoreError::Unavailable(
                "the write was cut short, and may or may not have been done".into(),
            )),
        }
    }

    /// What came of the write of somebody who waits, and who writes for others until it is known.
    async fn outcome(
        &self,
        database: &Postgres,
        mut outcome: oneshot::Receiver<Outcome>,
    ) -> Result<Outcome, oneshot::error::RecvError> {
        loop {
            tokio::select! {
                biased;
                told = &mut outcome => return told,
                _turn = self.turns.acquire() => {
                    let next = self.next();
                    if next.is_empty() {
                        // Another took this one along already.
                        return outcome.await;
                    }
                    write_for(database, next).await;
                }
            }
        }
    }

    /// The next that go together, but for those who left.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let mut next: Vec<Waiting> = Vec::new();
        let mut bytes = 0;
        while let Some(one) = waiting.front() {
            bytes += one.new.bytes();
            if next.len() == MOST || (bytes > MOST_BYTES && !next.is_empty()) {
                break;
            }
            next.extend(waiting.pop_front().filter(|one| !one.outcome.is_closed()));
        }
        next
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes for all of these, and tells each what came of it.
async fn write_for(database: &Postgres, mut batch: Vec<Waiting>) {
    if batch.len() == 1
        && let Some(one) = batch.pop()
    {
        let result = one.new.write(database).await;
        return tell(one.outcome, Outcome::Done(result));
    }
    let result = insert(database, &batch).await.map_err(Arc::new);
    for Waiting { new, outcome } in batch {
        let told = match &result {
            Ok(()) => Outcome::Done(Ok(())),
            Err(error) if may_pass(error) => {
                Outcome::Done(Err(StoreError::Unavailable(Box::new(Arc::clone(error)))))
            }
            Err(_refused) => Outcome::Refused(Box::new(new)),
        };
        tell(outcome, told);
    }
}

fn tell(outcome: oneshot::Sender<Outcome>, told: Outcome) {
    // Who does not wait any more does not care.
    let _ = outcome.send(told);
}

async fn insert(database: &Postgres, batch: &[Waiting]) -> Result<(), sqlx::Error> {
    let all = || batch.iter().map(|one| &one.new);
    let mut bound = Bound::default();
    bound.responses(all().map(|new| &new.row));
    let parents = all().flat_map(|new| new.items.iter().map(|_| &new.row));
    bound.column(parents, |row| row.id.as_str());
    bound.items(all().flat_map(|new| &new.items));
    let statement = if all().all(|new| new.beside.is_none()) {
        NEW
    } else {
        bound.queued(all());
        QUEUED
    };
    let arguments = bound.finish().map_err(sqlx::Error::Encode)?;
    let written = database.writers.execute(statement, arguments).await;
    written.map(|_| ())
}

impl Bound {
    /// Seven columns.
    fn queued<'v>(&mut self, all: impl Iterator<Item = &'v New> + Clone) {
        let beside = |new: &'v New| new.beside.as_ref();
        let job = move |new: &'v New| beside(new)?.job.as_ref();
        let log = move |new: &'v New| beside(new)?.log.as_ref();
        self.column(all.clone(), |new| Some(job(new)?.request_id.as_str()));
        self.column(all.clone(), |new| job(new)?.key_id.as_deref());
        self.column(all.clone(), |new| job(new)?.sealed.as_deref());
        self.column(all.clone(), |new| Some(log(new)?.length));
        self.column(all.clone(), |new| Some(log(new)?.body.as_str()));
        self.column(all.clone(), |new| beside(new)?.checkpoint.as_deref());
        self.column(all, |new| beside(new).map_or(0, |beside| beside.settled));
    }
}
