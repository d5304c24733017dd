//! `GET /v1/responses/{id}?stream=true`: the events of a background response, from the first or from
//! behind one, and on until its end.

use actix_web::HttpRequest;
use actix_web::http::Method;
use response_domain::caller::OwnerId;
use response_domain::id::ResponseId;
use response_domain::spec::Delivery;
use response_engine::error::FollowError;

use super::rules::{Rules, not_followed};
use super::{Answer, Mounted};
use crate::problem::Problem;
use crate::query::Query;
use crate::stream::{self, NoReplay, Replay};

/// The parameter that says behind which event a stream begins.
pub(super) const STARTING_AFTER: &str = "starting_after";
/// The header in which a browser says the same when it connects again.
const LAST_EVENT_ID: &str = "Last-Event-ID";

/// Where a client left off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    /// What said so.
    name: &'static str,
    /// The number of the last event it has.
    number: u64,
}

impl Cursor {
    /// What the parameter and the header say. A browser that connects again asks for the same address and
    /// adds the header, so of two different numbers the greater one counts: that event was received.
    pub(super) fn of(query: &Query, request: &HttpRequest) -> Result<Option<Self>, Problem> {
        let wanted = query.read(STARTING_AFTER, NUMBER, number)?;
        let header = request.headers().get(LAST_EVENT_ID);
        // A client that has no event yet may say so by an empty header.
        let seen = match header.filter(|value| !value.is_empty()) {
            None => None,
            Some(value) => Some(value.to_str().ok().and_then(number).ok_or_else(|| {
                Problem::invalid(LAST_EVENT_ID, format!("`{LAST_EVENT_ID}` must be {NUMBER}"))
            })?),
        };
        let cursor = |name| move |number| Self { name, number };
        let (wanted, seen) = (
            wanted.map(cursor(STARTING_AFTER)),
            seen.map(cursor(LAST_EVENT_ID)),
        );
        Ok([wanted, seen]
            .into_iter()
            .flatten()
            .max_by_key(|cursor| cursor.number))
    }

    /// Nothing of this number was ever told, nor will be.
    fn leads_nowhere(self, last: u64) -> Problem {
        let Self { name, number } = self;
        Problem::invalid(
            name,
            format!("`{name}` must be at most {last}, the number of the last event, not {number}"),
        )
    }
}

const NUMBER: &str = "the `sequence_number` of an event: a whole number from 0 to 2^64 - 1";

fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

pub(super) async fn replay<D: Rules>(
    at: &Mounted<D>,
    request: &HttpRequest,
    owner: &OwnerId,
    id: ResponseId,
    after: Option<Cursor>,
) -> Answer {
    let engine = &at.face.engine;
    if request.method() == Method::HEAD {
        let response = engine.get(owner, id).await?;
        if response.spec.delivery != Delivery::Background {
            return Err(not_followed::<D>(FollowError::NotKept));
        }
        return Ok(stream::head(&response));
    }
    let follower = engine.follow(owner, id).await;
    let follower = follower.map_err(not_followed::<D>)?;
    let has_ended = follower.response().status().is_ended();
    let number = after.map(|cursor| cursor.number);
    let mut replay = Replay::new(at.dialect, follower, number, at.face.options.heartbeat);
    // Whoever is ahead of a run that goes on has to wait, and is told at once that this works.
    if has_ended || after.is_none() {
        replay.reach().await.map_err(|reason| match reason {
            NoReplay::BeyondTheEnd(last) => after.map_or_else(
                || Problem::internal("a stream without a frame"),
                |cursor| cursor.leads_nowhere(last),
            ),
            NoReplay::Deleted => Problem::no_such_response(),
            NoReplay::Unreadable(error) => error.into(),
        })?;
    }
    Ok(replay.answer())
}
