//! Deliveries and their attempts, out of the rows of both: one row for each attempt, one for a delivery that
//! has none.

use std::time::Duration;

use response_domain::ports::store::StoreError;
use response_domain::webhook::{Answer, Attempt, DeliveryState, WebhookDelivery};
use sea_orm::FromQueryResult;
use sea_orm::prelude::ChronoDateTimeUtc;

use super::row::{key, required, text, unreadable};
use crate::record::{RecordError, word};
use crate::restore::number;

/// What a [`ShownRow`] is made of.
macro_rules! shown_columns {
    () => {
        "d.response_id, d.endpoint_id, d.event, COALESCE(d.callback_url, e.url) AS delivery_url,
        d.created_at, d.state, d.ended_at, d.why, d.due_at,
        a.at, a.url, a.duration_us, a.status, a.excerpt, a.retry_after, a.fault"
    };
}

pub(super) use shown_columns;

/// Where a delivery stands, as its column has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeliveryWord {
    Pending,
    Delivered,
    GivenUp,
}

/// A delivery with one of its attempts, if it has any.
#[derive(FromQueryResult)]
pub(super) struct ShownRow {
    response_id: String,
    endpoint_id: String,
    event: String,
    delivery_url: Option<String>,
    created_at: ChronoDateTimeUtc,
    state: String,
    ended_at: Option<ChronoDateTimeUtc>,
    why: Option<String>,
    due_at: Option<ChronoDateTimeUtc>,
    at: Option<ChronoDateTimeUtc>,
    url: Option<String>,
    duration_us: Option<i64>,
    status: Option<i32>,
    excerpt: Option<String>,
    retry_after: Option<i64>,
    fault: Option<String>,
}

/// The deliveries of these rows, which come one after the other, each with its attempts in order.
pub(super) fn deliveries(rows: &[ShownRow]) -> Result<Vec<WebhookDelivery>, StoreError> {
    let same = |one: &ShownRow, next: &ShownRow| {
        one.response_id == next.response_id && one.endpoint_id == next.endpoint_id
    };
    let groups = rows.chunk_by(same);
    groups
        .filter_map(|group| Some((group.first()?, group)))
        .map(|(first, group)| {
            let delivery = first.delivery(group);
            delivery.map_err(|error| unreadable(&first.response_id, &first.endpoint_id, error))
        })
        .collect()
}

impl ShownRow {
    /// The delivery of this row, with the attempts of all its rows.
    fn delivery(&self, group: &[Self]) -> Result<WebhookDelivery, RecordError> {
        Ok(WebhookDelivery {
            key: key(&self.response_id, &self.endpoint_id)?,
            event: word::read(&self.event)?,
            url: text(self.delivery_url.as_deref())?,
            created: self.created_at.into(),
            state: self.state()?,
            attempts: group
                .iter()
                .filter_map(|row| row.attempt().transpose())
                .collect::<Result<_, _>>()?,
        })
    }

    fn state(&self) -> Result<DeliveryState, RecordError> {
        Ok(match word::read(&self.state)? {
            DeliveryWord::Pending => DeliveryState::Pending {
                due: required(self.due_at)?.into(),
            },
            DeliveryWord::Delivered => DeliveryState::Delivered {
                at: required(self.ended_at)?.into(),
            },
            DeliveryWord::GivenUp => DeliveryState::GivenUp {
                at: required(self.ended_at)?.into(),
                why: word::read(required(self.why.as_deref())?)?,
            },
        })
    }

    fn attempt(&self) -> Result<Option<Attempt>, RecordError> {
        let Some(at) = self.at else {
            return Ok(None);
        };
        let answer = match (self.status, &self.fault) {
            (Some(status), _) => Ok(Answer {
                status: number(status)?,
                retry_after: self
                    .retry_after
                    .map(positive)
                    .transpose()?
                    .map(Duration::from_secs),
                excerpt: text(self.excerpt.as_deref())?,
            }),
            (None, fault) => Err(word::read(required(fault.as_deref())?)?),
        };
        Ok(Some(Attempt {
            at: at.into(),
            url: text(self.url.as_deref())?,
            duration: Duration::from_micros(positive(required(self.duration_us)?)?),
            answer,
        }))
    }
}

fn positive(number: i64) -> Result<u64, RecordError> {
    u64::try_from(number).map_err(|_negative| RecordError::Number(number))
}
