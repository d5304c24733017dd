//! The text of the keys that this service gives out: `sk_ra_`, then 32 random bytes, then a checksum.
//!
//! Bytes are written in Crockford's base32 without capitals, which has no two characters that look alike.
//! The checksum is the first 35 bits of the SHA-256 of what stands before it. It keeps nobody out: it tells
//! a slip of the pen from a key without asking the database, and lets a scanner of leaked secrets be sure.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest as hash};
use response_domain::api_key::KeyDigest;
use zeroize::Zeroizing;

/// How every key begins.
pub const PREFIX: &str = "sk_ra_";
const RANDOM: usize = 32;
const BODY: usize = 52;
const CHECKSUM: usize = 7;
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A key that nobody has yet.
pub struct FreshKey {
    /// What its owner keeps. It is not to be had again.
    pub text: Zeroizing<String>,
    /// What this service keeps.
    pub digest: KeyDigest,
}

impl fmt::Debug for FreshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreshKey(…)")
    }
}

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

/// A key that nobody can guess.
pub fn fresh() -> Result<FreshKey, NoRandomness> {
    let mut random = Zeroizing::new([0; RANDOM]);
    aws_lc_rs::rand::fill(&mut *random).map_err(|_unspecified| NoRandomness)?;
    let text = spell(&random);
    let digest = KeyDigest(sha256(text.as_bytes()));
    Ok(FreshKey { text, digest })
}

/// What is kept of the key with this text; `None` when it is not one of this service.
pub fn digest(text: &str) -> Option<KeyDigest> {
    let (body, checksum) = text.split_at_checked(PREFIX.len() + BODY)?;
    let digits = body.strip_prefix(PREFIX)?;
    if !digits.bytes().all(|digit| DIGITS.contains(&digit)) {
        return None;
    }
    let mut expected = Zeroizing::new(String::with_capacity(CHECKSUM));
    push_digits(&mut expected, &sha256(body.as_bytes()), CHECKSUM);
    (*expected == checksum).then(|| KeyDigest(sha256(text.as_bytes())))
}

/// Whether this is a key of this service, or is meant to be one: then it is shown to nobody else.
pub(crate) fn is_meant_for_us(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// The key of these random bytes.
fn spell(random: &[u8; RANDOM]) -> Zeroizing<String> {
    // With room for all of it at once, because growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + BODY + CHECKSUM));
    text.push_str(PREFIX);
    push_digits(&mut text, random, BODY);
    let checksum = sha256(text.as_bytes());
    push_digits(&mut text, &checksum, CHECKSUM);
    text
}

/// The first digits of these bytes, five bits each. Past the last byte come zeros.
fn push_digits(text: &mut String, bytes: &[u8], count: usize) {
    let bit = |at: usize| {
        let byte = bytes.get(at / 8).copied().unwrap_or(0);
        (byte >> (7 - at % 8)) & 1
    };
    for digit in 0..count {
        let value = (0..5).fold(0, |value, at| (value << 1) | bit(digit * 5 + at));
        let digit = DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
        text.push(char::from(digit));
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    let digest = hash(&SHA256, bytes);
    for (to, from) in sum.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    sum
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_key_is_spelt_the_same_for_ever() {
        // Keys are out there: were they spelt otherwise tomorrow, none would be good any more. These were
        // worked out by another program.
        let counted = std::array::from_fn(|at| u8::try_from(at).unwrap());
        for (random, text) in [
            (
                [0; RANDOM],
                "sk_ra_0000000000000000000000000000000000000000000000000000d9envbv",
            ),
            (
                [0xff; RANDOM],
                "sk_ra_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzg99aahst",
            ),
            (
                counted,
                "sk_ra_000g40r40m30e209185gr38e1w8124gk2gahc5rr34d1p70x3rfgx3pzs41",
            ),
        ] {
            assert_eq!(*spell(&random), text);
            assert!(digest(text).is_some());
        }
    }

    #[test]
    fn a_fresh_key_is_known_by_its_digest_and_no_two_are_the_same() {
        let mut seen = HashSet::new();
        for _ in 0..100 {
            let key = fresh().unwrap();
            assert_eq!(digest(&key.text), Some(key.digest));
            assert_eq!(key.text.len(), 65);
            assert!(seen.insert(key.text.to_string()));
            assert!(!format!("{key:?}").contains(&key.text[6..]));
        }
    }

    #[test]
    fn a_key_with_any_other_character_is_none() {
        let key = fresh().unwrap().text;
        for at in 0..key.len() {
            for other in ["0", "1", "z", "A", "l", " ", "ü", ""] {
                let mut text = key.to_string();
                text.replace_range(at..=at, other);
                assert_eq!(digest(&text).is_some(), *text == *key, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_key_of_ours_has_no_digest() {
        let key = fresh().unwrap().text;
        let odd = [
            String::new(),
            "sk_".into(),
            PREFIX.into(),
            format!("{}x", *key),
            format!(" {}", *key),
            key.to_uppercase(),
            key[..64].into(),
            format!("sk_{}", "a".repeat(48)),
            "ü".repeat(40),
            "x".repeat(1 << 20),
        ];
        for text in odd {
            assert_eq!(digest(&text), None, "{text:.80}");
        }
    }
}
