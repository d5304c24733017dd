//! Secrets, inline or from a file, and headers that bear them. None is ever shown.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use config::{Map, Value};
use secrecy::{ExposeSecret, SecretString};

use super::{FILE_KEY, Given, Kind, Presence, Refusal, Secrecy};
use crate::fault::{Fault, Problem};

pub(super) const HIDDEN: &str = "(set, not shown)";

/// Headers that the protocol itself needs, or that would change where a message ends.
const RESERVED: [&str; 8] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
];

impl Kind for SecretString {
    type Limits = ();
    const SECRECY: Secrecy = Secrecy::Secret;

    fn allowed((): &()) -> String {
        "printable ASCII text".to_owned()
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        let text = secret_text(given)?;
        let usable = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if usable {
            Ok(Self::from(text.as_ref()))
        } else {
            Err(Refusal::NotAllowed)
        }
    }

    fn show(&self) -> String {
        HIDDEN.to_owned()
    }
}

/// The text itself, or that of the file which `{ file = "…" }` names.
pub(super) fn secret_text<'a>(given: &'a Given<'_>) -> Result<Cow<'a, str>, Refusal> {
    match given {
        Given::Text(text) => Ok(Cow::Borrowed(text)),
        Given::Table(table) => {
            let path = file_in(table).ok_or(Refusal::NotAllowed)?;
            match read_secret(&path) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(source) => Err(Refusal::Unreadable { path, source }),
            }
        }
        Given::List(_) | Given::Nothing => Err(Refusal::NotAllowed),
    }
}

/// At least one secret, separated by commas or lines, each once; `fault_of` says what is wrong with one,
/// without a word of it.
pub(super) fn secret_list(
    given: &Given<'_>,
    fault_of: impl Fn(&str) -> Option<&'static str>,
) -> Result<Vec<SecretString>, Refusal> {
    let text = secret_text(given)?;
    let mut secrets: Vec<SecretString> = Vec::new();
    let mut wrong = Vec::new();
    let entries = text.split([',', '\n']).map(str::trim);
    for (at, entry) in entries.filter(|entry| !entry.is_empty()).enumerate() {
        let known = |secret: &SecretString| secret.expose_secret() == entry;
        match fault_of(entry) {
            Some(why) => wrong.push(format!("entry {} (not shown) {why}", at + 1)),
            None if secrets.iter().any(known) => wrong.push(format!(
                "entry {} (not shown) is there a second time",
                at + 1
            )),
            None => secrets.push(SecretString::from(entry)),
        }
    }
    if !wrong.is_empty() {
        return Err(Refusal::Parts(wrong));
    }
    if secrets.is_empty() {
        return Err(Refusal::NotAllowed);
    }
    Ok(secrets)
}

/// The text of the file that holds a secret, without the line end that editors leave.
fn read_secret(path: &Path) -> io::Result<String> {
    let mut text = std::fs::read_to_string(path)?;
    text.truncate(text.trim_end().len());
    Ok(text)
}

fn file_in(table: &Map<String, Value>) -> Option<PathBuf> {
    let path = table.get(FILE_KEY).filter(|_| table.len() == 1)?;
    match Given::of(path) {
        Given::Text(path) if !path.is_empty() => Some(PathBuf::from(path.as_ref())),
        _ => None,
    }
}

/// Headers whose values are secret. Names are in lower case.
#[derive(Debug, Clone, Default)]
pub struct SecretHeaders(BTreeMap<String, SecretString>);

impl SecretHeaders {
    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl fmt::Display for SecretHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let names: Vec<_> = self.0.keys().map(String::as_str).collect();
        write!(f, "{} {HIDDEN}", names.join(", "))
    }
}

impl Kind for SecretHeaders {
    type Limits = ();
    const SECRECY: Secrecy = Secrecy::SecretParts;
    const PRESENCE: Presence = Presence::Optional;

    fn allowed((): &()) -> String {
        "a table of header names and printable ASCII values; not the headers of the protocol itself"
            .to_owned()
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        let Given::Table(table) = given else {
            return Err(Refusal::NotAllowed);
        };
        let mut headers = BTreeMap::new();
        let mut faults = Vec::new();
        for (name, value) in *table {
            let read = SecretString::read(&Given::of(value), &());
            let name = name.to_ascii_lowercase();
            match read {
                Ok(secret) if is_usable(&name) => {
                    headers.insert(name, secret);
                }
                Ok(_) | Err(Refusal::NotAllowed | Refusal::Parts(_) | Refusal::Inside(_)) => {
                    let problem = Problem::NotAllowed {
                        given: None,
                        allowed: Self::allowed(&()),
                    };
                    faults.push(Fault::of_value(format!(".{name}"), value, problem));
                }
                Err(Refusal::Unreadable { path, source }) => {
                    let problem = Problem::Unreadable { path, source };
                    faults.push(Fault::of_value(format!(".{name}"), value, problem));
                }
            }
        }
        if faults.is_empty() {
            Ok(Self(headers))
        } else {
            Err(Refusal::Inside(faults))
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A header name as HTTP defines it, and none that the protocol sets.
fn is_usable(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token) && !RESERVED.contains(&name)
}
