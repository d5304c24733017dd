//! `GET /v1/responses/{id}/input_items`: what the model was sent.

use actix_web::HttpRequest;
use bytes::Bytes;
use response_domain::caller::Caller;
use response_domain::entry::Entry;
use response_domain::id::ItemId;
use response_domain::page::{Order, Paged};
use response_engine::read::ItemWindow;

use super::rules::{Rules, may_read};
use super::{Answer, Mounted, about};
use crate::body::Incoming;
use crate::dialect::{Items, Lists};
use crate::query::Query;
use crate::{extract, list};

/// As the model read it, round by round.
pub(crate) async fn input_items<D: Lists>(
    at: &Mounted<D>,
    caller: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::response_id(request)?;
    let query = Query::of(request);
    let window = ItemWindow {
        order: query.order()?.unwrap_or(Order::Ascending),
        limit: query.limit()?,
        after: query.id::<ItemId>("after", "the id of an item (`item_…`)")?,
    };
    let items = at
        .face
        .engine
        .input_items(&caller.owner, id, window)
        .await?;
    let show = |item: &_, out: &mut _| at.dialect.show_item(item, out);
    let body = list::json(&items, |item| item.id, |item, out| show(&**item, out));
    Ok(about(id, body))
}

/// As its caller gave it: what came before the response and its input, but nothing that it wrote.
pub(crate) async fn input_entries<D: Rules + Items>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::response_id(request)?;
    let window = Query::of(request).window(at.dialect)?;
    let engine = &at.face.engine;
    may_read::<D>(&*engine.get(&owner, id).await?)?;
    let page = engine.input_entries(&owner, id, window).await?;
    Ok(about(id, at.entries(&page)))
}

impl<D: Items> Mounted<D> {
    /// A page of items, with what came of them.
    pub(super) fn entries(&self, page: &Paged<Entry>) -> Bytes {
        let show = |entry: &_, out: &mut _| self.dialect.show_entry(entry, out);
        list::json(page, |entry| self.dialect.entry_id(entry), show)
    }
}
