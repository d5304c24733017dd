//! `GET /v1/responses/{id}`: one response as it stands.

use actix_web::HttpRequest;

use super::{Answer, Mounted};
use crate::body::Incoming;
use crate::dialect::Dialect;
use crate::extract;
use crate::problem::Problem;
use crate::query::Query;

pub(crate) async fn get<D: Dialect>(
    at: &Mounted<D>,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let caller = at.caller(request).await?;
    let id = extract::response_id(request)?;
    let streams = Query::of(request).truth("stream")?;
    let response = at.face.engine.get(&caller.owner, id).await?;
    if streams == Some(true) {
        return Err(Problem::invalid(
            "stream",
            "only a background response can be read along after it was created",
        ));
    }
    Ok(at.shown(&response))
}
