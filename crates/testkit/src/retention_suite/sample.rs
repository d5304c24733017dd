//! Moments, and what is there after them.

use std::sync::Arc;
use std::time::Duration;

use response_domain::item::Item;
use response_domain::response::Response;
use response_domain::retention::Expiry;
use response_domain::spec::ResponseSpec;
use response_domain::status::Change;
use response_domain::time::Timestamp;

use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    accepted, ada, asked, at, changed, conversation, id, put, spec, talk,
};

/// Nobody.
pub const NONE: [u32; 0] = [];

/// No items.
pub const NOTHING: [(u32, u32); 0] = [];

/// When the response of this number ended, if it ended at once.
pub fn end_of(number: u32) -> Timestamp {
    at(i64::from(number) * 1_000 + 500_000)
}

/// Everything that ended before this moment.
pub fn before(moment: Timestamp) -> Expiry {
    Expiry {
        conversations: Some(moment),
        ..answers_before(moment)
    }
}

/// Responses that ended before this moment, and nothing else.
pub fn answers_before(moment: Timestamp) -> Expiry {
    Expiry {
        completed: Some(moment),
        failed: Some(moment),
        cancelled: Some(moment),
        conversations: None,
    }
}

/// A day after most of what the samples make, and long before now.
pub fn next_day() -> Timestamp {
    at(0).after(Duration::from_hours(24))
}

/// After everything, whatever clock it bears.
pub fn far_away() -> Timestamp {
    at(0).after(Duration::from_hours(24 * 365 * 100))
}

/// Forgets at most this many; answers how many it were.
pub async fn forget(fixture: &Fixture, expiry: Expiry, at_most: u16) -> u32 {
    let forgotten = fixture.retention().expire(&expiry, at_most).await;
    let Ok(forgotten) = forgotten else {
        panic!("nothing could be forgotten: {forgotten:?}")
    };
    assert!(forgotten <= u32::from(at_most), "{forgotten}");
    forgotten
}

/// Forgets all that is past its time; answers how much it was.
pub async fn forget_all(fixture: &Fixture, expiry: Expiry) -> u32 {
    forget(fixture, expiry, u16::MAX).await
}

/// Completes the response of this number with a question and an answer.
pub async fn answer(fixture: &Fixture, number: u32) -> Response {
    end(fixture, accepted(number), Change::Complete).await
}

/// The same for one that continues `previous` in the conversation of the number `home`.
pub async fn go_on(fixture: &Fixture, number: u32, previous: u32, home: u32) -> Response {
    end(
        fixture,
        continuing(number, previous, home),
        Change::Complete,
    )
    .await
}

/// The response of this number that continues `previous` in the conversation of the number `home`.
pub fn continuing(number: u32, previous: u32, home: u32) -> Response {
    let asks = ResponseSpec {
        previous: Some(id(previous)),
        ..spec()
    };
    let mut response = asked(number, asks);
    response.conversation = Some(conversation(home));
    response
}

/// Writes a response as it ended at once.
pub async fn end(fixture: &Fixture, response: Response, change: Change) -> Response {
    let ended = changed(response, change);
    put(fixture.store(), &ended, talk(&ended)).await;
    ended
}

/// Which of these responses of ada's are there.
pub async fn there(fixture: &Fixture, numbers: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut there = Vec::new();
    for number in numbers {
        let found = fixture.store().find(&ada(), id(number)).await;
        assert!(found.is_ok(), "{found:?}");
        if found.ok().flatten().is_some() {
            there.push(number);
        }
    }
    there
}

/// The number of each item of a talk, as the numbers of its response and its own.
pub fn names(number: u32, items: &[Arc<Item>]) -> Vec<(u32, u32)> {
    items.iter().map(|item| (number, item.id.ordinal)).collect()
}
