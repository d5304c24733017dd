//! Kinds of settings: how a value is read, what is allowed, how it is shown. Every unit is in its
//! type.

mod address;
mod callers;
mod choice;
mod database_url;
mod duration;
mod list;
mod names;
mod nets;
mod number;
mod secret;
mod shared_secrets;
mod signing_secrets;
mod size;
mod vault_keys;

use std::borrow::Cow;
use std::fmt::Display;
use std::io;
use std::path::PathBuf;

use config::{Map, Value, ValueKind};

use crate::fault::Fault;

pub use address::Endpoint;
pub(crate) use address::UrlShape;
pub use callers::{Audiences, Endpoints, Issuers, SignatureAlgorithm, SignatureAlgorithms};
pub use choice::{
    AuditLog, CallerCredential, CallerServers, EmbeddedWorkers, GatewayWord, Guests, HostedTools,
    LogFormat, LogLevel, McpMode, Migrations, OnMaxDepth, OnToolFailure, OwnKeys, TokenChecks,
    TraceExport, Trust,
};
pub use database_url::DatabaseUrl;
pub(crate) use duration::DurationText;
pub use duration::read_duration;
pub use names::{Label, ToolNames, UserAgent};
pub use nets::Nets;
pub use number::{Ceiling, Factor, Percent, Threads};
pub use secret::SecretHeaders;
pub use shared_secrets::SharedSecrets;
pub use signing_secrets::SigningSecrets;
pub use size::ByteSize;
pub use vault_keys::VaultKeys;

/// The key under which the file of a secret is named.
pub(crate) const FILE_KEY: &str = "file";

/// The longest part of a given value that a fault repeats.
const SHOWN_CHARACTERS: usize = 120;

/// A kind of setting.
pub(crate) trait Kind: Sized {
    /// What narrows the kind down for one setting.
    type Limits: 'static;
    /// How much of a value that cannot be read may be repeated.
    const SECRECY: Secrecy = Secrecy::Open;
    const PRESENCE: Presence = Presence::Needed;

    /// What is allowed, for a person.
    fn allowed(limits: &Self::Limits) -> String;

    fn read(given: &Given<'_>, limits: &Self::Limits) -> Result<Self, Refusal>;

    /// The value when nobody gives one; `None` when somebody must.
    fn absent() -> Option<Self> {
        None
    }

    /// The value with nothing secret in it, as an operator would write it.
    fn show(&self) -> String;
}

/// Whether somebody must give a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Needed,
    Optional,
}

/// How much of what was given may be repeated when it cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// All of it.
    Open,
    /// All but what may hold a credential.
    Url,
    /// Nothing; it may stand in a file of its own.
    Secret,
    /// Nothing; each of its parts may stand in a file of its own.
    SecretParts,
}

impl Secrecy {
    pub(crate) fn shown(self, given: &Given<'_>) -> Option<String> {
        let Given::Text(text) = given else {
            return None;
        };
        let text: String = text.chars().take(SHOWN_CHARACTERS).collect();
        match self {
            Self::Open => Some(text),
            Self::Url => Some(address::without_credentials(&text)),
            Self::Secret | Self::SecretParts => None,
        }
    }
}

/// Why a value cannot be used.
pub(crate) enum Refusal {
    NotAllowed,
    Unreadable {
        path: PathBuf,
        source: io::Error,
    },
    /// Some of the value's parts cannot be used: what is wrong with each, with nothing secret in it.
    Parts(Vec<String>),
    /// The faults are those of the value's parts; their keys are to follow the setting's own.
    Inside(Vec<Fault>),
}

/// A layered value, whichever source it came from.
pub(crate) enum Given<'a> {
    Text(Cow<'a, str>),
    List(&'a [Value]),
    Table(&'a Map<String, Value>),
    Nothing,
}

impl<'a> Given<'a> {
    /// A number or a truth value is its text: a file may write `8082` or `"8082"`.
    pub(crate) fn of(value: &'a Value) -> Self {
        match &value.kind {
            ValueKind::Nil => Self::Nothing,
            ValueKind::String(text) => Self::text(text),
            ValueKind::Table(table) => Self::Table(table),
            ValueKind::Array(values) => Self::List(values),
            ValueKind::Boolean(value) => Self::shown(value),
            ValueKind::I64(value) => Self::shown(value),
            ValueKind::I128(value) => Self::shown(value),
            ValueKind::U64(value) => Self::shown(value),
            ValueKind::U128(value) => Self::shown(value),
            ValueKind::Float(value) => Self::shown(value),
        }
    }

    pub(crate) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text.trim()))
    }

    fn shown(value: &impl Display) -> Self {
        Self::Text(Cow::Owned(value.to_string()))
    }

    /// What `parse` makes of the text; anything that is not text is not allowed.
    fn parse<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Refusal> {
        match self {
            Self::Text(text) => parse(text).ok_or(Refusal::NotAllowed),
            Self::List(_) | Self::Table(_) | Self::Nothing => Err(Refusal::NotAllowed),
        }
    }
}

/// A setting that may be absent.
impl<T: Kind> Kind for Option<T> {
    type Limits = T::Limits;
    const SECRECY: Secrecy = T::SECRECY;
    const PRESENCE: Presence = Presence::Optional;

    fn allowed(limits: &Self::Limits) -> String {
        T::allowed(limits)
    }

    fn read(given: &Given<'_>, limits: &Self::Limits) -> Result<Self, Refusal> {
        T::read(given, limits).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }
}

impl Kind for PathBuf {
    type Limits = ();

    fn allowed((): &()) -> String {
        "the path of a folder".to_owned()
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        given.parse(|text| {
            let usable = !text.is_empty() && !text.contains('\0');
            usable.then(|| Self::from(text))
        })
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}
