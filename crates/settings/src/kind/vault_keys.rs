//! The keys of the vault: checked here, so that all that is wrong is told at the start, and shown by
//! their ids only.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::secret::{HIDDEN, secret_text};
use super::{Given, Kind, Refusal, Secrecy};

const ID_LENGTH: usize = 32;
const KEY_LENGTH: usize = 32;

/// Takes a key with and without the padding at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// More than the text of a key decodes to.
const ROOM: usize = 64;

/// Keys with different ids; the first one seals.
#[derive(Clone)]
pub struct VaultKeys {
    ids: Vec<String>,
    text: SecretString,
}

impl VaultKeys {
    /// The ids of the keys, in their order. They are no secret.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().map(String::as_str)
    }

    /// `id:key` pairs, separated by commas or lines, keys included.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

impl fmt::Display for VaultKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {HIDDEN}", self.ids.join(", "))
    }
}

impl fmt::Debug for VaultKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultKeys({self})")
    }
}

impl Kind for VaultKeys {
    type Limits = ();
    const SECRECY: Secrecy = Secrecy::Secret;

    fn allowed((): &()) -> String {
        format!(
            "`id:key` pairs, separated by commas or lines; an id is 1 to {ID_LENGTH} letters, digits, \
             `_`, `-` or `.`, a key is {KEY_LENGTH} bytes in base64 (`openssl rand -base64 \
             {KEY_LENGTH}` makes one)"
        )
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        let text = secret_text(given)?;
        let mut ids: Vec<String> = Vec::new();
        let mut wrong = Vec::new();
        let entries = text.split([',', '\n']).map(str::trim);
        for (at, entry) in entries.filter(|entry| !entry.is_empty()).enumerate() {
            match id_of(entry) {
                Ok(id) if ids.iter().any(|known| known == id) => {
                    wrong.push(format!(
                        "entry {} gives the id `{id}` a second time",
                        at + 1
                    ));
                }
                Ok(id) => ids.push(id.to_owned()),
                Err(why) => wrong.push(format!("entry {} {why}", at + 1)),
            }
        }
        if !wrong.is_empty() {
            return Err(Refusal::Parts(wrong));
        }
        if ids.is_empty() {
            return Err(Refusal::NotAllowed);
        }
        Ok(Self {
            ids,
            text: SecretString::from(text.as_ref()),
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// The id of an entry whose key can be used; else what the entry is. Text is repeated only when it
/// cannot be a part of a key: an id is too short for that.
fn id_of(entry: &str) -> Result<&str, String> {
    let Some((id, key)) = entry.split_once(':') else {
        return Err("is not written `id:key`".to_owned());
    };
    let id = id.trim_end();
    if id.is_empty() {
        return Err("has no id".to_owned());
    }
    if !is_id(id) {
        return Err("has an id (not shown) that cannot be used".to_owned());
    }
    match decoded_length(key.trim_start()) {
        Some(KEY_LENGTH) => Ok(id),
        Some(length) => Err(format!("has a key (`{id}`, not shown) of {length} bytes")),
        None => Err(format!("has a key (`{id}`, not shown) that is not base64")),
    }
}

fn is_id(text: &str) -> bool {
    text.len() <= ID_LENGTH
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// How many bytes this base64 text stands for. One that is far too long is not decoded.
fn decoded_length(key: &str) -> Option<usize> {
    if key.len() > ROOM {
        return Some(key.len() / 4 * 3);
    }
    BASE64
        .decode_slice(key, &mut *Zeroizing::new([0; ROOM]))
        .ok()
}
