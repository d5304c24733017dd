//! The part of the face that only tells how the process is, for a process that takes no requests.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use async_trait::async_trait;
use response_domain::caller::{Caller, Presented};
use response_domain::id::IdGenerator;
use response_domain::ports::auth::{AuthError, Authenticator};
use response_engine::Engine;

use crate::{Face, FaceOptions, HostedTools, Metrics, Shared, routes};

/// What that part needs. Cheap to clone.
#[derive(Clone)]
pub struct HealthFace {
    /// Whose health it is.
    pub engine: Engine,
    /// Ids for requests that bring none.
    pub ids: Arc<dyn IdGenerator>,
    /// What the process counts.
    pub metrics: Metrics,
}

impl std::fmt::Debug for HealthFace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HealthFace")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

/// `/healthz`, `/readyz` and `/metrics`, for `App::configure`; every other path is answered 404, in the
/// same envelope as those of [`mount`](crate::mount).
pub fn mount_health(face: HealthFace) -> impl FnOnce(&mut ServiceConfig) + Clone {
    let HealthFace {
        engine,
        ids,
        metrics,
    } = face;
    let face = Face {
        engine,
        authenticator: Arc::new(Nobody),
        ids,
        metrics,
        options: OPTIONS,
    };
    let shared = Shared::new(&face.options);
    move |app| routes::mount_health(&face, &shared, app)
}

/// None of these routes reads a body or streams.
const OPTIONS: FaceOptions = FaceOptions {
    body_bytes: 0,
    body_memory: 0,
    json_depth: 0,
    heartbeat: Duration::MAX,
    body_timeout: Duration::ZERO,
    hosted_tools: HostedTools::Ignore,
    audit: false,
};

/// Lets nobody in: none of these routes asks who calls.
struct Nobody;

#[async_trait]
impl Authenticator for Nobody {
    async fn authenticate(&self, _presented: Presented) -> Result<Caller, AuthError> {
        Err(AuthError::Missing)
    }
}
