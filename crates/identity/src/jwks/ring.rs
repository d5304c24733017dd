//! The keys of an issuer at one time.

use serde_json::Value;

use super::key::Key;
use crate::json::Object;
use crate::keys::sha256;
use crate::options::Algorithm;

/// No issuer has nearly as many keys.
const MOST_KEYS: usize = 100;
/// Of keys with the same name so many are tried.
const MOST_TRIED: usize = 4;

/// The keys that signatures can be verified with.
#[derive(Debug)]
pub(crate) struct Ring {
    keys: Vec<Key>,
    /// Of the document that they stand in.
    pub(crate) digest: [u8; 32],
}

/// What came of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It is by a key of this ring.
    Signed,
    /// It is not by the key that it names.
    Forged,
    /// There is no such key, or it is not to be told which.
    NoKey,
}

impl Ring {
    /// The keys of this document that can be used, if there are any.
    pub(crate) fn read(document: &[u8]) -> Option<Self> {
        let set = Object::read(document)?;
        let keys = set.get("keys").and_then(Value::as_array)?;
        let keys: Vec<Key> = keys.iter().filter_map(Key::read).take(MOST_KEYS).collect();
        let digest = sha256(document);
        (!keys.is_empty()).then_some(Self { keys, digest })
    }

    /// Whether a signature is by the key of this name; without a name, by the only key that it can be of.
    pub(crate) fn judge(&self, signature: &Signature<'_>) -> Finding {
        let fits = |key: &&Key| key.fits(signature.algorithm);
        let signed = |key: &Key| {
            let Signature { message, text, .. } = signature;
            key.signed(message, text, signature.algorithm)
        };
        let fitting = self.keys.iter().filter(fits);
        let candidates: Vec<&Key> = match signature.kid {
            Some(kid) => fitting
                .filter(|key| key.kid.as_deref() == Some(kid))
                .take(MOST_TRIED)
                .collect(),
            None => fitting.take(2).collect(),
        };
        match candidates.as_slice() {
            [] => Finding::NoKey,
            [_, _, ..] if signature.kid.is_none() => Finding::NoKey,
            candidates if candidates.iter().any(|key| signed(key)) => Finding::Signed,
            _ => Finding::Forged,
        }
    }
}

/// A signature, and what it is said to be of.
#[derive(Debug)]
pub(crate) struct Signature<'a> {
    /// What was signed.
    pub(crate) message: &'a str,
    /// The signature, in base64url.
    pub(crate) text: &'a str,
    /// How it was made.
    pub(crate) algorithm: Algorithm,
    /// The name of the key that made it.
    pub(crate) kid: Option<&'a str>,
}
