//! Everything that runs during a measurement of webhooks.

use std::path::Path;

use response_devstack::model::{Model, ModelOptions};
use response_devstack::receiver::{Receiver, ReceiverOptions, Secret};
use serde_json::json;

use super::super::BenchError;
use super::super::ours::{self, Ours, WEBHOOK_SECRET};
use super::super::postgres::Postgres;
use crate::error::ChoreError;
use crate::say;
use crate::wire::{self, Wire};

/// What the service is called in errors.
pub(super) const OURS: &str = "ours";

/// Who is measured, with all that they need. What is dropped first stands first.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) ours: Ours,
    _model: Model,
    /// Somebody who takes everything, and checks the signatures.
    pub(super) receiver: Receiver,
    pub(super) postgres: Postgres,
}

impl Stage {
    /// Starts everything but the workers.
    pub(super) async fn set(binaries: &Path, logs: &Path) -> Result<Self, ChoreError> {
        say::note("starting PostgreSQL, the model, a receiver and the service");
        let postgres = Postgres::start()?;
        let stand_in = |source| ChoreError::StandIn { source };
        let options = ModelOptions {
            keep_requests: 0,
            ..ModelOptions::default()
        };
        let model = Model::start(&options).map_err(stand_in)?;
        let options = ReceiverOptions {
            secrets: vec![Secret::new(WEBHOOK_SECRET)],
            ..ReceiverOptions::default()
        };
        let receiver = Receiver::start(&options).map_err(stand_in)?;
        let database = postgres.database("ours")?;
        let ours = Ours::start(database, model.url().as_str(), binaries, logs).await?;
        Ok(Self {
            ours,
            _model: model,
            receiver,
            postgres,
        })
    }

    /// Registers an endpoint for everything, and answers its secret.
    pub(super) async fn register(&self, url: &str) -> Result<String, ChoreError> {
        let register = async {
            let body = json!({"url": url, "events": ["*"]}).to_string();
            let mut wire = Wire::connect(self.ours.address).await?;
            let (status, body) = ours::ask(&mut wire, &wire::post("/v1/webhooks", &body)).await?;
            ours::field(status, &body, "secret")
        };
        let failed = |error: BenchError| error.of(OURS, "registering an endpoint");
        register.await.map_err(failed)
    }
}
