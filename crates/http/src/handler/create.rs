//! `POST /v1/responses`: wait for the answer, read it along, or leave it to the queue.

use actix_web::{HttpRequest, HttpResponse};
use response_domain::caller::OwnerId;
use response_domain::id::ResponseId;
use response_domain::ports::idempotency::{Fingerprint, IdempotencyKey};
use response_domain::spec::Draft;
use response_engine::create::{Created, Request};
use sha2::{Digest, Sha256};

use super::{Answer, Mounted};
use crate::body::Incoming;
use crate::dialect::Responses;
use crate::extract;
use crate::middleware::request_id;
use crate::problem::Problem;
use crate::stream::{self, Replay};

pub(crate) async fn create<D: Responses>(
    at: &Mounted<D>,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let caller = at.caller(request).await?;
    let key = extract::idempotency_key(request)?;
    let options = &at.face.options;
    let body = body.read(request, options).await?;
    let draft = at
        .dialect
        .parse(extract::json(&body, options.json_depth)?)?;
    let is_followed = wants_to_follow(&draft);
    let owner = caller.owner.clone();
    let wish = Request {
        caller,
        draft,
        request_id: request_id(request),
        key: key.map(|text| IdempotencyKey {
            text,
            fingerprint: fingerprint(request.path(), &body),
        }),
        memory: None,
    };
    let heartbeat = options.heartbeat;
    match at.face.engine.create(wish).await? {
        // Dropping either before its end, as the server does when the client goes away, stops the run
        // unless it bears a key.
        Created::Waiting(waiting) => {
            let whole = waiting.ended().await?;
            match at.dialect.refusal(&whole.response) {
                Some(problem) => Err(problem),
                None => Ok(at.shown(&whole.response, &whole.items)),
            }
        }
        Created::Streaming(reader) => Ok(stream::answer(at.dialect, reader, heartbeat)),
        Created::Retold(waiting) => Ok(stream::retold(at.dialect, waiting, heartbeat)),
        Created::Queued(response) if is_followed => at.followed(&owner, response.id).await,
        Created::Queued(response) => Ok(at.queued(&response)),
    }
}

/// Whether the caller of a background response wants to read it along.
fn wants_to_follow(draft: &Draft) -> bool {
    draft.background == Some(true) && draft.stream == Some(true)
}

/// Equal for the same body on the same path. The path holds no zero.
fn fingerprint(path: &str, body: &[u8]) -> Fingerprint {
    let digest = Sha256::new()
        .chain_update(path)
        .chain_update([0])
        .chain_update(body);
    Fingerprint(digest.finalize().into())
}

impl<D: Responses> Mounted<D> {
    /// The events of a background response, from its first on.
    async fn followed(&self, owner: &OwnerId, id: ResponseId) -> Result<HttpResponse, Problem> {
        let follower = self.face.engine.follow(owner, id).await?;
        let heartbeat = self.face.options.heartbeat;
        Ok(Replay::new(self.dialect, follower, None, heartbeat).answer())
    }
}
