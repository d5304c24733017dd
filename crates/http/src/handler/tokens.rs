//! What a request would cost to read, and what a long conversation comes down to.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use bytes::BytesMut;
use response_domain::caller::Caller;
use response_domain::spec::Draft;
use response_engine::create::Request;

use super::{Answer, Mounted, json};
use crate::body::Incoming;
use crate::dialect::Tokens;
use crate::middleware::request_id;

/// `POST /responses/input_tokens`: how many tokens a model would read.
pub(crate) async fn count<D: Tokens>(
    at: &Mounted<D>,
    caller: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let draft = at
        .read(request, body, |text| at.dialect.count(text))
        .await?;
    let wish = wish(caller, draft, request);
    let tokens = at.face.engine.count_tokens(wish).await?;
    let mut out = BytesMut::new();
    at.dialect.show_count(tokens, &mut out);
    Ok(json(StatusCode::OK, out.freeze()))
}

/// `POST /responses/compact`: the same in few words.
pub(crate) async fn compact<D: Tokens>(
    at: &Mounted<D>,
    caller: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let draft = at
        .read(request, body, |text| at.dialect.compaction(text))
        .await?;
    let wish = wish(caller, draft, request);
    let compacted = at.face.engine.compact(wish).await?;
    let mut out = BytesMut::with_capacity(1024);
    at.dialect.show_compacted(&compacted, &mut out);
    Ok(json(StatusCode::OK, out.freeze()))
}

fn wish(caller: Caller, draft: Draft, request: &HttpRequest) -> Request {
    Request {
        caller,
        draft,
        request_id: request_id(request),
        key: None,
        memory: None,
    }
}
