//! `POST /v1/responses`: wait for the answer, read it along, or leave it to the queue.

use actix_web::HttpRequest;
use response_domain::caller::Caller;
use response_domain::ports::idempotency::{Fingerprint, IdempotencyKey};
use response_domain::spec::Draft;
use response_engine::create::{Created, Request};
use sha2::{Digest, Sha256};

use super::{Answer, Mounted};
use crate::body::Incoming;
use crate::dialect::Responses;
use crate::extract;
use crate::middleware::request_id;
use crate::stream::{self, Replay};

pub(crate) async fn create<D: Responses>(
    at: &Mounted<D>,
    caller: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let key = extract::idempotency_key(request)?;
    let options = &at.face.options;
    let body = body.read(request, options).await?;
    let draft = at
        .dialect
        .parse(extract::json(&body, options.json_depth)?)?;
    let owner = caller.owner.clone();
    let engine = &at.face.engine;
    // Before there is a response: who is refused a stream is not left with what it would have told.
    let place = if wants_to_follow(&draft) {
        Some(engine.open_stream(&owner)?)
    } else {
        None
    };
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
    drop(body);
    let heartbeat = options.heartbeat;
    match engine.create(wish).await? {
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
        Created::Retold(waiting) => {
            let place = engine.open_stream(&owner)?;
            Ok(stream::retold(at.dialect, waiting, place, heartbeat))
        }
        Created::Queued(response) => match place {
            Some(place) => {
                let follower = engine.follow_in(place, &owner, response.id).await?;
                Ok(Replay::new(at.dialect, follower, None, heartbeat).answer())
            }
            None => Ok(at.queued(&response)),
        },
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
