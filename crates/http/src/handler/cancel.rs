//! `POST /v1/responses/{id}/cancel`: stop a response. One that has ended stays as it is.

use actix_web::HttpRequest;

use super::rules::{Rules, UnderWay, may_cancel};
use super::{Answer, Mounted};
use crate::body::Incoming;
use crate::extract;
use response_domain::caller::Caller;

pub(crate) async fn cancel<D: Rules>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::response_id(request)?;
    let engine = &at.face.engine;
    if D::UNDER_WAY == UnderWay::LittleInTheForeground {
        may_cancel(&*engine.get(&owner, id).await?)?;
    }
    let response = engine.cancel(&owner, id).await?;
    let whole = at.with_items(&owner, response).await?;
    Ok(at.shown(&whole.response, &whole.items))
}
