//! `DELETE /v1/responses/{id}`: forget a response.

use actix_web::HttpRequest;
use bytes::BytesMut;
use response_domain::caller::Caller;

use super::rules::{Rules, UnderWay, may_delete};
use super::{Answer, Mounted, about};
use crate::body::Incoming;
use crate::extract;

pub(crate) async fn delete<D: Rules>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::response_id(request)?;
    let engine = &at.face.engine;
    if D::UNDER_WAY == UnderWay::LittleInTheForeground {
        may_delete(&*engine.get(&owner, id).await?)?;
    }
    engine.delete(&owner, id).await?;
    let mut out = BytesMut::new();
    at.dialect.show_deleted(id, &mut out);
    Ok(about(id, out.freeze()))
}
