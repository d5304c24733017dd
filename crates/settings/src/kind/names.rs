//! Names: lists of tools, labels of servers, what a client calls itself.

use std::collections::BTreeSet;
use std::fmt;

use super::{Given, Kind, Presence, Refusal};

/// The longest name that MCP lets a tool have.
const TOOL_NAME_LENGTH: usize = 128;
const LABEL_LENGTH: usize = 32;
const USER_AGENT_LENGTH: usize = 256;

/// Names of tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolNames(BTreeSet<String>);

impl ToolNames {
    /// Whether this tool is among them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl Kind for ToolNames {
    type Limits = ();
    const PRESENCE: Presence = Presence::Optional;

    fn allowed((): &()) -> String {
        format!(
            "names of tools, separated by commas (in a file also a list), each of at most \
             {TOOL_NAME_LENGTH} letters, digits, `_`, `-`, `.` or `/`"
        )
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        match given {
            Given::Text(text) => text
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(tool_name)
                .collect::<Option<_>>()
                .map(Self)
                .ok_or(Refusal::NotAllowed),
            Given::List(values) => values
                .iter()
                .map(|value| Given::of(value).parse(tool_name))
                .collect::<Result<_, _>>()
                .map(Self),
            Given::Table(_) | Given::Nothing => Err(Refusal::NotAllowed),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn show(&self) -> String {
        self.iter().collect::<Vec<_>>().join(",")
    }
}

fn tool_name(name: &str) -> Option<String> {
    let usable = (1..=TOOL_NAME_LENGTH).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
    usable.then(|| name.to_owned())
}

/// The short name of a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label(String);

impl Label {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Kind for Label {
    type Limits = ();

    fn allowed((): &()) -> String {
        format!("1 to {LABEL_LENGTH} lower-case letters, digits, `_` or `-`, a letter first")
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        given.parse(|text| {
            let usable = text.len() <= LABEL_LENGTH
                && text.starts_with(|first: char| first.is_ascii_lowercase())
                && text.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte)
                });
            usable.then(|| Self(text.to_owned()))
        })
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// What a client calls itself, as it stands in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAgent(String);

impl UserAgent {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Kind for UserAgent {
    type Limits = ();

    fn allowed((): &()) -> String {
        format!("1 to {USER_AGENT_LENGTH} printable ASCII characters")
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        given.parse(|text| {
            let usable = (1..=USER_AGENT_LENGTH).contains(&text.len())
                && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            usable.then(|| Self(text.to_owned()))
        })
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}
