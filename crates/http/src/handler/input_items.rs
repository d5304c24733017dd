//! `GET /v1/responses/{id}/input_items`: what the model was sent.

use actix_web::HttpRequest;
use response_domain::id::ItemId;
use response_domain::page::Order;
use response_engine::read::ItemWindow;

use super::{Answer, Mounted, about};
use crate::body::Incoming;
use crate::dialect::Lists;
use crate::query::Query;
use crate::{extract, list};

pub(crate) async fn input_items<D: Lists>(
    at: &Mounted<D>,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let caller = at.caller(request).await?;
    let id = extract::response_id(request)?;
    let query = Query::of(request);
    let order = query.read("order", "`asc` or `desc`", |text| match text {
        "asc" => Some(Order::Ascending),
        "desc" => Some(Order::Descending),
        _ => None,
    })?;
    let window = ItemWindow {
        limit: query.limit()?,
        order: order.unwrap_or(Order::Ascending),
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
