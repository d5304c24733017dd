//! `POST /v1/responses`: wait for the answer, read it along, or leave it to the queue.

use actix_web::HttpRequest;
use response_engine::create::{Created, Request};

use super::{Answer, Mounted};
use crate::body::Incoming;
use crate::dialect::Responses;
use crate::middleware::request_id;
use crate::stream;

pub(crate) async fn create<D: Responses>(
    at: &Mounted<D>,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let caller = at.caller(request).await?;
    let draft = at
        .read(request, body, |text| at.dialect.parse(text))
        .await?;
    let wish = Request {
        caller,
        draft,
        request_id: request_id(request),
    };
    match at.face.engine.create(wish).await? {
        // Dropping either before its end, as the server does when the client goes away, stops the run.
        Created::Waiting(waiting) => {
            let response = waiting.ended().await;
            match at.dialect.refusal(&response) {
                Some(problem) => Err(problem),
                None => Ok(at.shown(&response)),
            }
        }
        Created::Queued(response) => Ok(at.queued(&response)),
        Created::Streaming(reader) => {
            let heartbeat = at.face.options.heartbeat;
            Ok(stream::answer(at.dialect, reader, heartbeat))
        }
    }
}
