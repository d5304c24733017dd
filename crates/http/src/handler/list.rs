//! `GET /v1/responses`: the caller's responses, newest first.

use std::collections::VecDeque;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use response_domain::caller::{Caller, OwnerId};
use response_domain::id::{ConversationId, ResponseId};
use response_domain::page::{More, Page, Paged};
use response_domain::response::Response;
use response_domain::status::{Status, StatusName};
use response_engine::Engine;
use response_engine::error::ReadError;

use super::{Answer, Mounted, json};
use crate::body::Incoming;
use crate::dialect::Lists;
use crate::list;
use crate::problem::Problem;
use crate::query::Query;

pub(crate) async fn list<D: Lists>(
    at: &Mounted<D>,
    caller: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let query = Query::of(request);
    let word = query.read(
        "status",
        "`queued`, `in_progress`, `completed`, `failed` or `cancelled`",
        |word| Some(word.to_owned()).filter(|word| !at.dialect.statuses(word).is_empty()),
    )?;
    let page = page(&query)?;
    let (engine, owner) = (&at.face.engine, &caller.owner);
    let found = match word {
        None => engine.list(owner, &page).await?,
        Some(word) => {
            let names = at.dialect.statuses(&word);
            let fits = |status: &Status| at.dialect.status_word(status) == word;
            merged(engine, owner, &page, names, fits).await?
        }
    };
    let show = |response: &Arc<Response>, out: &mut _| at.dialect.show(response, &[], out);
    let body = list::json(&found, |response| response.id, show);
    Ok(json(StatusCode::OK, body))
}

fn page(query: &Query) -> Result<Page, Problem> {
    Ok(Page {
        limit: query.limit()?,
        after: query.id::<ResponseId>("after", "the id of a response (`resp_…`)")?,
        status: None,
        background: query.truth("background")?,
        conversation: query
            .id::<ConversationId>("conversation", "the id of a conversation (`conv_…`)")?,
    })
}

/// The responses of one status, waiting to be merged with those of another.
struct Lane {
    page: Page,
    waiting: VecDeque<Arc<Response>>,
    more: More,
}

impl Lane {
    /// Makes sure that the next response waits, if there is one.
    async fn fill(
        &mut self,
        engine: &Engine,
        owner: &OwnerId,
        fits: impl Fn(&Status) -> bool,
    ) -> Result<(), ReadError> {
        while self.waiting.is_empty() && self.more == More::Follows {
            let Paged { entries, more } = engine.list(owner, &self.page).await?;
            self.more = more;
            self.page.after = entries.last().map(|last| last.id).or(self.page.after);
            let fitting = entries.into_iter().filter(|found| fits(found.status()));
            self.waiting.extend(fitting);
        }
        Ok(())
    }
}

/// A page of responses that have one word in the dialect but more than one status in the house. Each
/// status is a lane of its own, and the newest head of all lanes is next.
async fn merged(
    engine: &Engine,
    owner: &OwnerId,
    page: &Page,
    names: &[StatusName],
    fits: impl Fn(&Status) -> bool + Copy,
) -> Result<Paged<Arc<Response>>, ReadError> {
    let lane = |name: &StatusName| Lane {
        page: Page {
            status: Some(*name),
            ..page.clone()
        },
        waiting: VecDeque::new(),
        more: More::Follows,
    };
    let mut lanes: Vec<Lane> = names.iter().map(lane).collect();
    let mut entries = Vec::new();
    loop {
        for lane in &mut lanes {
            lane.fill(engine, owner, fits).await?;
        }
        let age = |lane: &Lane| {
            lane.waiting
                .front()
                .map(|head| (head.times.created, head.id))
        };
        let newest = lanes.iter_mut().max_by_key(|lane| age(lane));
        let more = match newest.filter(|lane| !lane.waiting.is_empty()) {
            None => More::Nothing,
            Some(_) if entries.len() >= usize::from(page.limit) => More::Follows,
            Some(lane) => {
                entries.extend(lane.waiting.pop_front());
                continue;
            }
        };
        return Ok(Paged { entries, more });
    }
}
