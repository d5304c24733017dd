//! The items of a conversation: listing, reading, adding and taking them out.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use bytes::BytesMut;
use response_domain::caller::Caller;
use response_domain::id::ItemId;
use response_domain::page::{More, Paged};

use super::conversations::of_items;
use super::{Answer, Mounted, json};
use crate::body::Incoming;
use crate::dialect::{Conversations, Items};
use crate::extract;
use crate::problem::Problem;
use crate::query::Query;

/// A page of them, the newest first unless the caller says otherwise.
pub(crate) async fn list<D: Conversations>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::conversation_id(request)?;
    let window = Query::of(request).window(at.dialect)?;
    let engine = &at.face.engine;
    let page = engine.conversation_entries(&owner, id, window).await?;
    Ok(json(StatusCode::OK, at.entries(&page)))
}

/// Adds some at the end, and answers them.
pub(crate) async fn create<D: Conversations>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let id = extract::conversation_id(request)?;
    let items = at
        .read(request, body, |text| at.dialect.items(text))
        .await?;
    let engine = &at.face.engine;
    let added = engine.append_to_conversation(&owner, id, items).await;
    let page = Paged {
        entries: added.map_err(of_items)?,
        more: More::Nothing,
    };
    Ok(json(StatusCode::OK, at.entries(&page)))
}

/// One of them.
pub(crate) async fn get<D: Conversations>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::conversation_id(request)?;
    let item = item_id(at.dialect, request)?;
    let engine = &at.face.engine;
    let entry = engine.conversation_entry(&owner, id, item).await?;
    let mut out = BytesMut::with_capacity(512);
    at.dialect.show_entry(&entry, &mut out);
    Ok(json(StatusCode::OK, out.freeze()))
}

/// Takes one out, and answers the conversation.
pub(crate) async fn delete<D: Conversations>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::conversation_id(request)?;
    let item = item_id(at.dialect, request)?;
    let engine = &at.face.engine;
    let conversation = engine.remove_from_conversation(&owner, id, item).await?;
    Ok(at.conversation(&conversation))
}

/// The item that the path names.
fn item_id(dialect: impl Items, request: &HttpRequest) -> Result<ItemId, Problem> {
    let text = request.match_info().get("item_id").unwrap_or_default();
    dialect.item_id(text).ok_or_else(Problem::no_such_item)
}
