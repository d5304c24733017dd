//! Everything that runs during a measurement of the queue.

use std::path::{Path, PathBuf};

use response_devstack::model::{Model, ModelOptions};

use super::super::ours::Ours;
use super::super::postgres::Postgres;
use super::peer::Peer;
use crate::error::ChoreError;
use crate::say;

/// Who is measured, with all that they need. What is dropped first stands first.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) ours: Ours,
    pub(super) peer: Option<Peer>,
    pub(super) model: Model,
    pub(super) postgres: Postgres,
    binaries: PathBuf,
    logs: PathBuf,
}

impl Stage {
    /// Starts everything but the workers.
    pub(super) async fn set(
        binaries: &Path,
        logs: &Path,
        with_peer: bool,
    ) -> Result<Self, ChoreError> {
        say::note("starting PostgreSQL, the model, the service and its peer");
        let postgres = Postgres::start()?;
        let options = ModelOptions {
            keep_requests: 0,
            ..ModelOptions::default()
        };
        let model = Model::start(&options).map_err(|source| ChoreError::StandIn { source })?;
        let database = postgres.database("ours")?;
        let ours = Ours::start(database, model.url().as_str(), binaries, logs).await?;
        let peer = if with_peer {
            Some(Peer::start(postgres.database("peer")?, logs).await?)
        } else {
            None
        };
        Ok(Self {
            ours,
            peer,
            model,
            postgres,
            binaries: binaries.to_owned(),
            logs: logs.to_owned(),
        })
    }

    /// A database with our schema, in which nobody works.
    pub(super) async fn empty(&self) -> Result<String, ChoreError> {
        let database = self.postgres.database("empty")?;
        let model = self.model.url().as_str();
        // The API makes the schema when it starts.
        let api = Ours::start(database.clone(), model, &self.binaries, &self.logs).await?;
        drop(api);
        Ok(database)
    }
}
