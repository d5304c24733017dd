//! `DELETE /v1/responses/{id}`: forget a response.

use actix_web::HttpRequest;
use bytes::BytesMut;

use super::{Answer, Mounted, about};
use crate::body::Incoming;
use crate::dialect::Responses;
use crate::extract;

pub(crate) async fn delete<D: Responses>(
    at: &Mounted<D>,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let caller = at.caller(request).await?;
    let id = extract::response_id(request)?;
    at.face.engine.delete(&caller.owner, id).await?;
    let mut out = BytesMut::new();
    at.dialect.show_deleted(id, &mut out);
    Ok(about(id, out.freeze()))
}
