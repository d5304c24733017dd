//! The key ring: several keys with ids, the first of which seals. Its text is that of a setting and of
//! the key file alike.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::error::Unspecified;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use response_domain::webhook::SECRET_PREFIX;
use zeroize::Zeroizing;

/// Bytes of a key.
pub(crate) const KEY_LENGTH: usize = 32;

/// The longest id.
const ID_LENGTH: usize = 32;

/// Takes a key with and without the padding at its end; writes it with.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The most that base64 text of a key's length decodes to, and more than a key.
const ROOM: usize = 64;

/// Why a text is not a key ring. No part of a key is in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// It names no key.
    #[error("no key is in it")]
    Empty,
    /// One of its entries cannot be used.
    #[error("entry {entry} of the keys cannot be used")]
    Entry {
        /// Which one, counted from 1.
        entry: usize,
        /// What is wrong with it.
        #[source]
        fault: KeyFault,
    },
}

/// What is wrong with one entry. Text that may be part of a key is not repeated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// There is no colon.
    #[error("it is not written `id:key`")]
    NotAPair,
    /// What stands before the colon is no id.
    #[error("its id is not 1 to {ID_LENGTH} letters, digits, `_`, `-` or `.`")]
    Id,
    /// An earlier entry has the same id.
    #[error("the id `{0}` is given twice")]
    Twice(Arc<str>),
    /// The key is not base64.
    #[error("the key `{0}` is not base64")]
    NotBase64(Arc<str>),
    /// The key has another length.
    #[error("the key `{0}` is not {KEY_LENGTH} bytes long")]
    Length(Arc<str>),
}

/// A key and its name.
pub(crate) struct Key {
    pub(crate) id: Arc<str>,
    /// Boxed, so that it lies at one place in memory and no move leaves a copy behind.
    pub(crate) secret: Box<Zeroizing<[u8; KEY_LENGTH]>>,
}

/// Keys with different ids.
pub(crate) struct KeyRing(Vec<Key>);

impl KeyRing {
    pub(crate) fn empty() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn parse(text: &str) -> Result<Self, KeysError> {
        let mut ring = Self::empty();
        let entries = text.split([',', '\n']).map(str::trim);
        for (at, entry) in entries.filter(|entry| !entry.is_empty()).enumerate() {
            let key = ring.entry(entry).map_err(|fault| KeysError::Entry {
                entry: at + 1,
                fault,
            })?;
            ring.0.push(key);
        }
        if ring.is_empty() {
            return Err(KeysError::Empty);
        }
        Ok(ring)
    }

    fn entry(&self, entry: &str) -> Result<Key, KeyFault> {
        let (id, key) = entry.split_once(':').ok_or(KeyFault::NotAPair)?;
        let (id, key) = (id.trim_end(), key.trim_start());
        if !is_id(id) {
            return Err(KeyFault::Id);
        }
        let id: Arc<str> = Arc::from(id);
        if self.find(&id).is_some() {
            return Err(KeyFault::Twice(id));
        }
        let secret = decoded(key, &id)?;
        Ok(Key { id, secret })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that seals.
    pub(crate) fn first(&self) -> Option<&Key> {
        self.0.first()
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| &*key.id == id)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| &*key.id)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// The text of a ring with one key that nobody has had before.
pub(crate) fn fresh() -> Result<Zeroizing<String>, Unspecified> {
    let mut name = [0; 4];
    aws_lc_rs::rand::fill(&mut name)?;
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    aws_lc_rs::rand::fill(&mut *key)?;
    // The id is as random as the key: what was sealed before a lost file then names a key that is
    // missing, instead of one that does not fit.
    let id = u32::from_be_bytes(name);
    let mut text = Zeroizing::new(format!("file-{id:08x}:"));
    text.reserve_exact(ROOM);
    BASE64.encode_string(*key, &mut text);
    text.push('\n');
    Ok(text)
}

/// A signing secret that nobody has had before, in the manner of Standard Webhooks.
pub(crate) fn fresh_signing() -> Result<Zeroizing<String>, Unspecified> {
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    aws_lc_rs::rand::fill(&mut *key)?;
    let mut text = Zeroizing::new(String::with_capacity(SECRET_PREFIX.len() + ROOM));
    text.push_str(SECRET_PREFIX);
    BASE64.encode_string(*key, &mut text);
    Ok(text)
}

fn is_id(text: &str) -> bool {
    (1..=ID_LENGTH).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

fn decoded(text: &str, id: &Arc<str>) -> Result<Box<Zeroizing<[u8; KEY_LENGTH]>>, KeyFault> {
    let mut room = Zeroizing::new([0; ROOM]);
    let length = || KeyFault::Length(Arc::clone(id));
    if text.len() > ROOM {
        return Err(length());
    }
    let decoded = BASE64
        .decode_slice(text, &mut *room)
        .map_err(|_| KeyFault::NotBase64(Arc::clone(id)))?;
    let bytes = room
        .get(..decoded)
        .filter(|bytes| bytes.len() == KEY_LENGTH);
    let mut key = Box::new(Zeroizing::new([0; KEY_LENGTH]));
    key.copy_from_slice(bytes.ok_or_else(length)?);
    Ok(key)
}
