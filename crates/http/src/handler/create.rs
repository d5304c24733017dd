//! `POST /v1/responses`: wait for the answer, or read it along.

use actix_web::{HttpRequest, web};
use response_engine::create::{Created, Request};

use super::{Answer, Mounted};
use crate::dialect::Dialect;
use crate::middleware::request_id;
use crate::{extract, stream};

pub(crate) async fn create<D: Dialect>(
    at: &Mounted<D>,
    request: &HttpRequest,
    payload: web::Payload,
) -> Answer {
    let caller = at.caller(request).await?;
    let options = &at.face.options;
    let draft = {
        let body = extract::body(request, payload, options).await?;
        let body = extract::json(&body, options.json_depth)?;
        at.dialect.parse(body)?
    };
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
        Created::Streaming(reader) => Ok(stream::answer(at.dialect, reader, options.heartbeat)),
    }
}
