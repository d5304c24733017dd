//! `GET /v1/responses/{id}`: one response as it stands, or its events once more.

use actix_web::HttpRequest;

use super::rules::{Rules, may_read};
use super::{Answer, Mounted, replay};
use crate::body::Incoming;
use crate::extract;
use crate::problem::Problem;
use crate::query::Query;
use response_domain::caller::Caller;

pub(crate) async fn get<D: Rules>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::response_id(request)?;
    let query = Query::of(request);
    if query.truth("stream")? == Some(true) {
        let after = replay::Cursor::of(&query, request)?;
        return replay::replay(at, request, &owner, id, after).await;
    }
    if query.has(replay::STARTING_AFTER) {
        return Err(Problem::invalid(
            replay::STARTING_AFTER,
            "`starting_after` is about a stream: it needs `stream=true`",
        ));
    }
    let whole = at.find(&owner, id).await?;
    may_read::<D>(&whole.response)?;
    Ok(at.shown(&whole.response, &whole.items))
}
