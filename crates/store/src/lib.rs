//! sea-orm for SQLite and PostgreSQL behind the store port. Which of the two it is, the URL says at run
//! time; entities, records, migrations and the promises of the port are the same for both.
//!
//! Read in this order: [`options`], `backend` (the connections), `row` and `record` (what is written),
//! `commit`, then the reads; `conversation`, `queue` and `webhook` are what others take from here to work on.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::{ItemId, ResponseId, WorkerId};
use response_domain::item::Item;
use response_domain::lease::Lease;
use response_domain::page::{Page, Paged};
use response_domain::ports::queue::{
    Claim, Claimed, Depth, EventLog, JobQueue, Recorded, Rescue, Standing, TakenUp,
};
use response_domain::ports::store::{
    History, HistoryRef, Readiness, ResponseStore, StoreError, WorkerRegistry,
};
use response_domain::response::Response;
use response_domain::work::{Append, Committed, UnitOfWork};

pub mod options;

mod api_keys;
mod backend;
mod both;
mod commit;
mod conversation;
mod delete;
mod entity;
mod error;
mod history;
mod keys;
mod log;
mod plain;
mod queue;
mod read;
mod record;
mod restore;
mod retention;
mod row;
mod schema;
mod standing;
mod statement;
mod wake;
mod webhook;
mod workers;

pub use wake::Bus;

use backend::{Backend, Postgres, Sqlite};
use commit::Together;
use options::{Database, Migrate, Options, Share};
use retention::Sweep;
use wake::Wake;
use workers::Housekeeping;

/// A store over one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backend: Backend,
    together: Together,
    wake: Wake,
    housekeeping: Housekeeping,
    sweep: Sweep,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database this store knows.
    #[error(
        "a database is named by `postgres://…`, or by the path of a SQLite file with or without `sqlite:`"
    )]
    UnknownUrl,
    /// The URL of a PostgreSQL server cannot be read.
    #[error("the URL of the PostgreSQL server cannot be read")]
    Url(#[source] sqlx::Error),
    /// A replica was named for a SQLite file.
    #[error(
        "only a PostgreSQL server has a replica to read from, and the database is a SQLite file"
    )]
    ReplicaOfFile,
    /// Another process has the SQLite file.
    #[error(
        "another process uses {}: a SQLite file is for one process; stop the other one, or use PostgreSQL",
        .path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The SQLite file, or the lock beside it, cannot be made or opened.
    #[error("{} cannot be opened", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The database cannot be connected to.
    #[error("the database at {address} cannot be connected to")]
    Connect {
        /// Where it is.
        address: String,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("the schema of the database could not be brought up to date")]
    Migrate(#[source] sea_orm::DbErr),
}

impl Store {
    /// Connects to the database and, if wanted, brings its schema up to date.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let backend = match &options.database {
            Database::Sqlite(path) => Backend::Sqlite(Sqlite::open(path, &options).await?),
            Database::Postgres { primary, replica } => {
                let opened = Postgres::open(primary, replica.as_deref(), &options).await?;
                Backend::Postgres(Box::new(opened))
            }
        };
        match (options.share, &options.database) {
            (Share::Beside, Database::Sqlite(path)) => {
                schema::migrate_beside(&backend, path, options.migrate).await?;
            }
            (Share::Alone | Share::Beside, _) => {
                if options.migrate == Migrate::AtOpen {
                    let migrated = schema::migrate(&backend).await;
                    migrated.map_err(OpenError::Migrate)?;
                }
                let forgotten = workers::forget_lost(&backend).await;
                forgotten.map_err(OpenError::Migrate)?;
            }
        }
        Ok(Self(Arc::new(Inner {
            backend,
            together: Together::default(),
            wake: Wake::default(),
            housekeeping: Housekeeping::default(),
            sweep: Sweep::default(),
        })))
    }

    /// Closes every connection, after what is under way has ended and what was sent over the bus is told.
    /// What is asked afterwards is answered [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.0.wake.close().await;
        self.0.backend.close().await;
    }

    fn backend(&self) -> &Backend {
        &self.0.backend
    }

    fn together(&self) -> &Together {
        &self.0.together
    }

    fn wake(&self) -> &Wake {
        &self.0.wake
    }

    fn housekeeping(&self) -> &Housekeeping {
        &self.0.housekeeping
    }

    fn sweep(&self) -> &Sweep {
        &self.0.sweep
    }
}

/// How long one question to the database may take, whatever it waits for: a server behind a connection
/// that has gone silent says nothing for ever.
const ANSWER: Duration = Duration::from_secs(15);

/// What the database answers, or that it does not.
async fn answered<T>(
    question: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = |_elapsed| {
        let silence = io::Error::new(io::ErrorKind::TimedOut, "no answer within 15 s");
        StoreError::Unavailable(Box::new(silence))
    };
    tokio::time::timeout(ANSWER, question).await.map_err(late)?
}

#[async_trait]
impl ResponseStore for Store {
    async fn find(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Arc<Response>>, StoreError> {
        answered(self.read_response(owner, id)).await
    }

    async fn page(&self, owner: &OwnerId, page: &Page) -> Result<Paged<Arc<Response>>, StoreError> {
        answered(self.read_page(owner, page)).await
    }

    async fn history(
        &self,
        owner: &OwnerId,
        from: HistoryRef,
    ) -> Result<Option<History>, StoreError> {
        match from {
            HistoryRef::Response(id) => answered(self.history_of_response(owner, id)).await,
            HistoryRef::Conversation(id) => answered(self.history_of_conversation(owner, id)).await,
        }
    }

    async fn items(&self, owner: &OwnerId, id: ResponseId) -> Result<Vec<Arc<Item>>, StoreError> {
        answered(self.read_items(owner, id)).await
    }

    async fn items_by_id(
        &self,
        owner: &OwnerId,
        ids: &[ItemId],
    ) -> Result<Vec<Arc<Item>>, StoreError> {
        answered(self.read_items_by_id(owner, ids)).await
    }

    async fn commit(&self, work: UnitOfWork) -> Result<Committed, StoreError> {
        self.write(&work).await
    }

    async fn delete(&self, owner: &OwnerId, id: ResponseId) -> Result<bool, StoreError> {
        answered(self.forget(owner, id)).await
    }

    async fn readiness(&self) -> Readiness {
        self.check().await
    }
}

#[async_trait]
impl WorkerRegistry for Store {
    async fn beat(&self, worker: WorkerId) -> Result<Vec<Lease>, StoreError> {
        answered(self.record_beat(worker)).await
    }

    async fn leave(&self, worker: WorkerId) -> Result<(), StoreError> {
        answered(self.forget_worker(worker)).await
    }

    async fn orphans(&self, at_most: u16) -> Result<Vec<Arc<Response>>, StoreError> {
        answered(self.find_orphans(at_most)).await
    }
}

#[async_trait]
impl JobQueue for Store {
    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
        answered(self.claim_jobs(claim)).await
    }

    async fn take_up(&self, lease: &Lease) -> Result<Option<TakenUp>, StoreError> {
        answered(self.take_up_job(lease)).await
    }

    async fn hand_back(&self, lease: &Lease) -> Result<(), StoreError> {
        answered(self.hand_back_job(lease)).await
    }

    async fn seize(&self, worker: WorkerId, id: ResponseId) -> Result<(), StoreError> {
        answered(self.seize_job(worker, id)).await
    }

    async fn rescue(
        &self,
        worker: WorkerId,
        attempts: u16,
        at_most: u16,
    ) -> Result<Rescue, StoreError> {
        answered(self.rescue_jobs(worker, attempts, at_most)).await
    }

    async fn depth(&self) -> Result<Depth, StoreError> {
        answered(self.depth_of_queue()).await
    }

    async fn waiting_of(&self, owner: &OwnerId, at_most: u32) -> Result<u32, StoreError> {
        answered(self.count_waiting(owner, at_most)).await
    }
}

#[async_trait]
impl EventLog for Store {
    async fn events(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        from: u64,
        at_most: u16,
    ) -> Result<Option<Vec<Recorded>>, StoreError> {
        answered(self.read_events(owner, id, from, at_most)).await
    }

    async fn append(&self, lease: &Lease, log: &Append) -> Result<(), StoreError> {
        self.append_log(lease, log).await
    }

    async fn standing(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Standing>, StoreError> {
        answered(self.read_standing(owner, id)).await
    }
}
