//! Endpoints and what is due, out of the rows that stand for them.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::id::{EndpointId, WorkerId};
use response_domain::ports::store::StoreError;
use response_domain::ports::vault::Sealed;
use response_domain::time::Timestamp;
use response_domain::webhook::{
    DeliveryKey, DeliveryLease, Due, Endpoint, EndpointSpec, EndpointState, EventPattern,
    PreviousSecret, Secrets, Target,
};
use sea_orm::FromQueryResult;
use sea_orm::prelude::ChronoDateTimeUtc;

use super::CALLBACK;
use crate::error::corrupt;
use crate::plain;
use crate::record::{RecordError, read, word, write};
use crate::restore::{id, number};
use crate::row::Sink;

/// What a [`TargetRow`] is made of.
macro_rules! target_columns {
    () => {
        "e.url, e.payload, e.disabled_at, e.disabled_why, e.key_id, e.sealed, e.hint,
        e.previous_key_id, e.previous_sealed, e.previous_until, e.failing_since"
    };
}

/// What an [`EndpointRow`] is made of.
macro_rules! endpoint_columns {
    () => {
        concat!(
            "e.id, e.owner, e.name, e.events, e.created_at, e.updated_at, e.revision, ",
            target_columns!()
        )
    };
}

pub(super) use {endpoint_columns, target_columns};

/// What of an endpoint matters to a delivery. Empty where there is no endpoint.
#[derive(FromQueryResult)]
pub(super) struct TargetRow {
    url: Option<String>,
    payload: Option<String>,
    disabled_at: Option<ChronoDateTimeUtc>,
    disabled_why: Option<String>,
    key_id: Option<String>,
    sealed: Option<Vec<u8>>,
    hint: Option<String>,
    previous_key_id: Option<String>,
    previous_sealed: Option<Vec<u8>>,
    previous_until: Option<ChronoDateTimeUtc>,
    failing_since: Option<ChronoDateTimeUtc>,
}

/// A whole endpoint.
#[derive(FromQueryResult)]
pub(super) struct EndpointRow {
    id: String,
    owner: String,
    name: String,
    events: String,
    created_at: ChronoDateTimeUtc,
    updated_at: ChronoDateTimeUtc,
    revision: i32,
    #[sea_orm(nested)]
    target: TargetRow,
}

/// A delivery that was claimed, with the token of that claim.
#[derive(FromQueryResult)]
pub(super) struct DueRow {
    pub(super) response_id: String,
    pub(super) endpoint_id: String,
    owner: String,
    event: String,
    callback_url: Option<String>,
    created_at: ChronoDateTimeUtc,
    tried: i32,
    attempts: i32,
    pub(super) lease: i64,
    /// Since when it was due before it was claimed.
    pub(super) since: ChronoDateTimeUtc,
    #[sea_orm(nested)]
    target: TargetRow,
}

impl DueRow {
    /// Whether it goes to an endpoint that is not there any more.
    pub(super) fn is_stray(&self) -> bool {
        self.endpoint_id != CALLBACK && self.target.url.is_none()
    }

    pub(super) fn read(&self, worker: WorkerId) -> Result<Due, StoreError> {
        let due = || {
            let key = key(&self.response_id, &self.endpoint_id)?;
            let target = match (&key.endpoint, &self.callback_url) {
                (None, url) => Target::Callback(text(url.as_deref())?),
                (Some(_), _) => self.target.read()?,
            };
            Ok::<_, RecordError>(Due {
                lease: DeliveryLease {
                    key,
                    worker,
                    token: self.lease.unsigned_abs(),
                },
                owner: OwnerId::new(&plain::read(&self.owner)),
                event: word::read(&self.event)?,
                created: self.created_at.into(),
                tried: number(self.tried)?,
                tried_in_all: number(self.attempts)?,
                target,
            })
        };
        due().map_err(|error| unreadable(&self.response_id, &self.endpoint_id, error))
    }
}

impl TargetRow {
    fn read(&self) -> Result<Target, RecordError> {
        Ok(Target::Endpoint {
            url: text(self.url.as_deref())?,
            payload: word::read(required(self.payload.as_deref())?)?,
            secrets: self.secrets()?,
            state: self.state()?,
            failing_since: self.failing_since.map(Into::into),
        })
    }

    fn state(&self) -> Result<EndpointState, RecordError> {
        Ok(match self.disabled_at {
            None => EndpointState::Active,
            Some(at) => EndpointState::Disabled {
                at: at.into(),
                why: word::read(required(self.disabled_why.as_deref())?)?,
            },
        })
    }

    fn secrets(&self) -> Result<Secrets, RecordError> {
        let previous = match (
            &self.previous_key_id,
            &self.previous_sealed,
            self.previous_until,
        ) {
            (None, None, None) => None,
            (key, bytes, until) => Some(PreviousSecret {
                sealed: sealed(key.as_deref(), bytes.as_deref())?,
                until: required(until)?.into(),
            }),
        };
        Ok(Secrets {
            current: sealed(self.key_id.as_deref(), self.sealed.as_deref())?,
            hint: text(self.hint.as_deref())?,
            previous,
        })
    }
}

impl EndpointRow {
    pub(super) fn read(&self) -> Result<Endpoint, StoreError> {
        let endpoint = || {
            let target = &self.target;
            Ok::<_, RecordError>(Endpoint {
                id: id(&self.id)?,
                owner: OwnerId::new(&plain::read(&self.owner)),
                spec: EndpointSpec {
                    name: text(Some(&self.name))?,
                    url: text(target.url.as_deref())?,
                    events: patterns(&self.events)?,
                    payload: word::read(required(target.payload.as_deref())?)?,
                },
                state: target.state()?,
                secrets: target.secrets()?,
                failing_since: target.failing_since.map(Into::into),
                created: self.created_at.into(),
                updated: self.updated_at.into(),
                revision: number(self.revision)?,
            })
        };
        endpoint().map_err(|error| corrupt("webhook_endpoints", &self.id, error))
    }
}

/// The eighteen values of an endpoint.
pub(super) fn give(endpoint: &Endpoint, sink: &mut dyn Sink) {
    let Endpoint { spec, secrets, .. } = endpoint;
    let disabled = match endpoint.state {
        EndpointState::Active => None,
        EndpointState::Disabled { at, why } => Some((at, why)),
    };
    sink.text(Some(&endpoint.id.to_string()));
    sink.text(Some(&plain::write(endpoint.owner.as_str())));
    sink.text(Some(&plain::write(&spec.name)));
    sink.text(Some(&plain::write(&spec.url)));
    sink.text(Some(&write_patterns(&spec.events)));
    sink.text(Some(spec.payload.as_str()));
    sink.moment(disabled.map(|(at, _)| at.to_utc()));
    sink.text(disabled.map(|(_, why)| why.as_str()));
    give_sealed(Some(&secrets.current), sink);
    sink.text(Some(&plain::write(&secrets.hint)));
    let previous = secrets.previous.as_ref();
    give_sealed(previous.map(|previous| &previous.sealed), sink);
    sink.moment(previous.map(|previous| previous.until.to_utc()));
    sink.moment(endpoint.failing_since.map(Timestamp::to_utc));
    sink.moment(Some(endpoint.created.to_utc()));
    sink.moment(Some(endpoint.updated.to_utc()));
    sink.number(Some(i32::try_from(endpoint.revision).unwrap_or(i32::MAX)));
}

fn give_sealed(sealed: Option<&Sealed>, sink: &mut dyn Sink) {
    sink.text(sealed.map(|sealed| plain::write(&sealed.key)).as_deref());
    sink.bytes(sealed.map(|sealed| &*sealed.bytes));
}

/// The list as it stands in its column: see [`entries`](crate::row::entries).
fn write_patterns(patterns: &[EventPattern]) -> String {
    let texts: Vec<&str> = patterns.iter().map(|pattern| pattern.as_str()).collect();
    write(&texts, 64)
}

fn patterns(list: &str) -> Result<Vec<EventPattern>, RecordError> {
    let texts: Vec<String> = read(list)?;
    let pattern = |text: String| text.parse().map_err(|_unknown| RecordError::Word(text));
    texts.into_iter().map(pattern).collect()
}

/// Which delivery these columns name.
pub(super) fn key(response: &str, endpoint: &str) -> Result<DeliveryKey, RecordError> {
    let endpoint: Option<EndpointId> = match endpoint {
        CALLBACK => None,
        endpoint => Some(id(endpoint)?),
    };
    Ok(DeliveryKey {
        response: id(response)?,
        endpoint,
    })
}

pub(super) fn required<T>(value: Option<T>) -> Result<T, RecordError> {
    value.ok_or(RecordError::Absent)
}

pub(super) fn text(value: Option<&str>) -> Result<Arc<str>, RecordError> {
    required(value).map(|text| plain::read(text).into())
}

fn sealed(key: Option<&str>, bytes: Option<&[u8]>) -> Result<Sealed, RecordError> {
    Ok(Sealed {
        key: text(key)?,
        bytes: required(bytes)?.into(),
    })
}

/// A delivery that cannot be read.
pub(super) fn unreadable(response: &str, endpoint: &str, error: RecordError) -> StoreError {
    let which = format!("{response} {endpoint}");
    corrupt("webhook_deliveries", which.trim_end(), error)
}
