//! An address that an owner registered, and what it is to be sent.

use std::sync::Arc;
use std::time::Duration;

use super::callback::URL_LENGTH;
use super::{EventPattern, Payload, SigningSecret};
use crate::caller::OwnerId;
use crate::id::EndpointId;
use crate::ports::vault::Sealed;
use crate::spec::{Fault, FaultKind, SpecFaults};
use crate::time::Timestamp;

const NAME_LENGTH: usize = 256;
const PATTERNS: usize = 32;
/// How long the secret before a rotation goes on signing.
const OVERLAP: Duration = Duration::from_hours(24);

/// An address that an owner registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What its owner decides.
    pub spec: EndpointSpec,
    /// Whether it is sent anything.
    pub state: EndpointState,
    /// What signs what it is sent.
    pub secrets: Secrets,
    /// Since when it has taken nothing; none when it took the last one, or was never sent any.
    pub failing_since: Option<Timestamp>,
    /// When it was registered.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Grows with each change; a change of an older one is refused.
    pub revision: u32,
}

/// What the owner of an endpoint decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSpec {
    /// A label.
    pub name: Arc<str>,
    /// The address, as it was written.
    pub url: Arc<str>,
    /// What it wants to hear of; never empty.
    pub events: Vec<EventPattern>,
    /// What it is sent.
    pub payload: Payload,
}

/// Whether an endpoint is sent anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointState {
    /// It is.
    Active,
    /// It is not.
    Disabled {
        /// Since when.
        at: Timestamp,
        /// Why.
        why: Disabled,
    },
}

/// Why an endpoint is sent nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disabled {
    /// Its owner does not want it.
    ByOwner,
    /// It said that it is gone for good.
    Gone,
    /// It took nothing for five days.
    Failing,
}

impl Disabled {
    /// Every reason there is.
    pub const ALL: &[Self] = &[Self::ByOwner, Self::Gone, Self::Failing];

    /// Its word in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByOwner => "by_owner",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    /// The reason of this word.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|why| why.as_str() == text)
    }
}

/// The secrets of an endpoint, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The one that its owner has.
    pub current: Sealed,
    /// The end of its text.
    pub hint: Arc<str>,
    /// The one before, as long as it goes on signing.
    pub previous: Option<PreviousSecret>,
}

/// A secret that is being replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    /// It, sealed.
    pub sealed: Sealed,
    /// Until when it signs.
    pub until: Timestamp,
}

impl Secrets {
    /// Those of an endpoint with this secret.
    pub fn new(secret: &SigningSecret, sealed: Sealed) -> Self {
        Self {
            current: sealed,
            hint: secret.hint().into(),
            previous: None,
        }
    }

    /// These, with another secret; the one until now goes on signing for a day when it is to.
    #[must_use]
    pub fn rotated(
        &self,
        secret: &SigningSecret,
        sealed: Sealed,
        keep_until_from: Option<Timestamp>,
    ) -> Self {
        let previous = keep_until_from.map(|now| PreviousSecret {
            sealed: self.current.clone(),
            until: now.after(OVERLAP),
        });
        Self {
            previous,
            ..Self::new(secret, sealed)
        }
    }

    /// Those that sign at this time, the newest first.
    pub fn signing_at(&self, now: Timestamp) -> impl Iterator<Item = &Sealed> {
        let previous = self.previous.as_ref();
        let previous = previous.filter(move |previous| now < previous.until);
        std::iter::once(&self.current).chain(previous.map(|previous| &previous.sealed))
    }
}

/// What somebody wants an endpoint to be; what is absent stays, or is as usual.
#[derive(Debug, Clone, Default)]
pub struct EndpointDraft {
    /// See [`EndpointSpec::name`].
    pub name: Option<Arc<str>>,
    /// See [`EndpointSpec::url`].
    pub url: Option<Arc<str>>,
    /// Texts of patterns.
    pub events: Option<Vec<Arc<str>>>,
    /// See [`EndpointSpec::payload`].
    pub payload: Option<Payload>,
    /// Whether it is to be sent anything.
    pub active: Option<bool>,
    /// A secret that its owner made up.
    pub secret: Option<Arc<str>>,
}

impl EndpointSpec {
    /// Checks a draft for a new endpoint, or for a change of `before`. A name that is absent is the address;
    /// the payload is `payload` then. Whether the address may be called, the sender knows.
    pub fn check(
        draft: &EndpointDraft,
        before: Option<&Self>,
        payload: Payload,
    ) -> Result<Self, SpecFaults> {
        let mut faults = Vec::new();
        let url = draft
            .url
            .clone()
            .or_else(|| before.map(|it| Arc::clone(&it.url)));
        match &url {
            None => faults.push(Fault::new(
                "url",
                FaultKind::Missing,
                "`url` is required".to_owned(),
            )),
            Some(url) if url.len() > URL_LENGTH || url.is_empty() => faults.push(Fault::invalid(
                "url",
                format!("`url` must have 1 to {URL_LENGTH} bytes, not {}", url.len()),
            )),
            Some(_) => {}
        }
        if let Some(name) = &draft.name
            && !(1..=NAME_LENGTH).contains(&name.len())
        {
            let length = name.len();
            faults.push(Fault::invalid(
                "name",
                format!("`name` must have 1 to {NAME_LENGTH} bytes, not {length}"),
            ));
        }
        let events = match (&draft.events, before) {
            (Some(texts), _) => patterns(texts, &mut faults),
            (None, Some(before)) => before.events.clone(),
            (None, None) => {
                faults.push(Fault::new(
                    "events",
                    FaultKind::Missing,
                    "`events` is required: a list such as `[\"response.*\"]`".to_owned(),
                ));
                Vec::new()
            }
        };
        let (Some(url), true) = (url, faults.is_empty()) else {
            return Err(SpecFaults(faults));
        };
        let name = draft
            .name
            .clone()
            .or_else(|| before.map(|it| Arc::clone(&it.name)));
        let payload = draft
            .payload
            .or_else(|| before.map(|it| it.payload))
            .unwrap_or(payload);
        Ok(Self {
            name: name.unwrap_or_else(|| Arc::clone(&url)),
            url,
            events,
            payload,
        })
    }
}

fn patterns(texts: &[Arc<str>], faults: &mut Vec<Fault>) -> Vec<EventPattern> {
    if !(1..=PATTERNS).contains(&texts.len()) {
        let count = texts.len();
        faults.push(Fault::invalid(
            "events",
            format!("`events` must have 1 to {PATTERNS} entries, not {count}"),
        ));
        return Vec::new();
    }
    let mut patterns = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match text.parse::<EventPattern>() {
            Ok(pattern) if patterns.contains(&pattern) => {}
            Ok(pattern) => patterns.push(pattern),
            Err(unknown) => faults.push(Fault::invalid(
                format!("events[{index}]"),
                unknown.to_string(),
            )),
        }
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::super::WebhookEvent;
    use super::*;

    fn draft(url: &str, events: &[&str]) -> EndpointDraft {
        EndpointDraft {
            url: Some(url.into()),
            events: Some(events.iter().map(|&text| text.into()).collect()),
            ..EndpointDraft::default()
        }
    }

    fn fields(draft: &EndpointDraft) -> Vec<String> {
        let faults = EndpointSpec::check(draft, None, Payload::Full).unwrap_err();
        faults.0.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn a_draft_becomes_a_spec_and_a_change_keeps_what_it_does_not_name() {
        let spec = EndpointSpec::check(
            &draft("https://a/b", &["response.*", "response.*"]),
            None,
            Payload::Thin,
        )
        .unwrap();
        assert_eq!(
            (&*spec.name, &*spec.url, spec.payload),
            ("https://a/b", "https://a/b", Payload::Thin)
        );
        assert_eq!(spec.events, [EventPattern::EveryResponse]);
        let change = EndpointDraft {
            name: Some("mine".into()),
            events: Some(vec!["response.failed".into()]),
            ..EndpointDraft::default()
        };
        let changed = EndpointSpec::check(&change, Some(&spec), Payload::Full).unwrap();
        assert_eq!(
            (&*changed.name, &*changed.url, changed.payload),
            ("mine", "https://a/b", Payload::Thin)
        );
        assert_eq!(changed.events, [EventPattern::Only(WebhookEvent::Failed)]);
        let nothing = EndpointSpec::check(&EndpointDraft::default(), Some(&changed), Payload::Full);
        assert_eq!(nothing.unwrap(), changed);
    }

    #[test]
    fn every_fault_is_told_by_its_field() {
        assert_eq!(fields(&EndpointDraft::default()), ["url", "events"]);
        assert_eq!(fields(&draft("", &[])), ["url", "events"]);
        assert_eq!(fields(&draft(&"u".repeat(URL_LENGTH + 1), &["*"])), ["url"]);
        assert_eq!(
            fields(&draft("http://a", &["*", "message.*", "response"])),
            ["events[1]", "events[2]"]
        );
        assert_eq!(fields(&draft("http://a", &["*"; PATTERNS + 1])), ["events"]);
        let named = EndpointDraft {
            name: Some("".into()),
            ..draft("http://a", &["*"])
        };
        assert_eq!(fields(&named), ["name"]);
    }

    #[test]
    fn the_secret_before_a_rotation_signs_for_a_day_when_it_is_to() {
        let sealed = |name: &str| Sealed {
            key: name.into(),
            bytes: Arc::from(&b"sealed"[..]),
        };
        let secret = SigningSecret::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let secrets = Secrets::new(&secret, sealed("a"));
        let now = Timestamp::from_micros(5_000_000);
        let signing = |secrets: &Secrets, at| -> Vec<String> {
            secrets
                .signing_at(at)
                .map(|sealed| sealed.key.to_string())
                .collect()
        };
        assert_eq!(signing(&secrets, now), ["a"]);
        let kept = secrets.rotated(&secret, sealed("b"), Some(now));
        assert_eq!(signing(&kept, now), ["b", "a"]);
        assert_eq!(signing(&kept, now.after(OVERLAP)), ["b"]);
        assert_eq!(&*kept.hint, secret.hint());
        assert_eq!(
            signing(&kept.rotated(&secret, sealed("c"), None), now),
            ["c"]
        );
        assert_eq!(
            signing(&kept.rotated(&secret, sealed("c"), Some(now)), now),
            ["c", "b"]
        );
    }
}
