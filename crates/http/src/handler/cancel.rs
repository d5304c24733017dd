//! `POST /v1/responses/{id}/cancel`: stop a response. One that has ended stays as it is.

use actix_web::HttpRequest;

use super::{Answer, Mounted};
use crate::body::Incoming;
use crate::dialect::Responses;
use crate::extract;

pub(crate) async fn cancel<D: Responses>(
    at: &Mounted<D>,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let caller = at.caller(request).await?;
    let id = extract::response_id(request)?;
    let response = at.face.engine.cancel(&caller.owner, id).await?;
    Ok(at.shown(&response))
}
