//! A sealed secret, byte by byte.
//!
//! ```text
//! 0         version, 1
//! 1..33     salt, random
//! 33..45    nonce, random
//! 45..n-16  the encrypted secret
//! n-16..n   tag
//! ```
//!
//! The cipher is AES-256-GCM. Its key is made for this record alone: HKDF-SHA256 of the ring's key with
//! the salt. Authenticated besides, and not in the bytes: the version, the id of the ring's key, the
//! owner, the purpose and the id of what the secret is for, if it is for one thing, each with its length
//! before it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use response_domain::ports::vault::{Binding, Purpose, VaultError};
use zeroize::Zeroizing;

use crate::ring::{KEY_LENGTH, Key};

const VERSION: u8 = 1;
const SALT_LENGTH: usize = 32;

/// What the key of a record is for.
const USE: &[u8] = b"response-vault: key of a record";

pub(crate) fn seal(key: &Key, secret: &[u8], binding: &Binding) -> Result<Vec<u8>, VaultError> {
    // Encrypted where it lies, so that no second copy of it needs wiping; wiped if the cipher refuses.
    let mut body = Zeroizing::new(secret.to_vec());
    let mut salt = [0; SALT_LENGTH];
    let bound = Aad::from(associated(key, binding));
    let (nonce, tag) = aws_lc_rs::rand::fill(&mut salt)
        .and_then(|()| key_of_record(key, &salt))
        .and_then(|record| record.seal_in_place_separate_tag(bound, &mut body))
        .map_err(|refusal| VaultError::Cipher(Box::new(refusal)))?;
    Ok([&[VERSION], &salt[..], nonce.as_ref(), &body, tag.as_ref()].concat())
}

/// The secret; none when the bytes, the key or the binding are others.
pub(crate) fn open(key: &Key, bytes: &[u8], binding: &Binding) -> Option<Zeroizing<Vec<u8>>> {
    let (&version, rest) = bytes.split_first()?;
    let (salt, rest) = rest.split_first_chunk::<SALT_LENGTH>()?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
    if version != VERSION {
        return None;
    }
    let mut body = Zeroizing::new(rest.to_vec());
    let bound = Aad::from(associated(key, binding));
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = key_of_record(key, salt)
        .and_then(|record| Ok(record.open_in_place(nonce, bound, &mut body)?.len()))
        .ok()?;
    body.truncate(opened);
    Some(body)
}

/// The key of one record. No two records share one, as their salts differ.
fn key_of_record(key: &Key, salt: &[u8; SALT_LENGTH]) -> Result<RandomizedNonceKey, Unspecified> {
    let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
    Salt::new(HKDF_SHA256, salt)
        .extract(&**key.secret)
        .expand(&[USE], &AES_256_GCM)?
        .fill(&mut *bytes)?;
    RandomizedNonceKey::new(&AES_256_GCM, &*bytes)
}

/// What a record is bound to. The lengths keep two bindings apart whose parts would read the same when
/// joined.
fn associated(key: &Key, binding: &Binding) -> Vec<u8> {
    let (id, purpose) = match binding.purpose {
        Purpose::Credential(response) => (Some(response.raw()), &b"upstream credential"[..]),
        Purpose::Signing(endpoint) => (Some(endpoint.raw()), &b"webhook signing"[..]),
        Purpose::Content => (None, &b"content to keep"[..]),
    };
    let id = id.map(|id| id.bits().to_be_bytes());
    let parts = [
        &[VERSION][..],
        key.id.as_bytes(),
        binding.owner.as_str().as_bytes(),
        id.as_ref().map_or(&[][..], |bytes| bytes),
        purpose,
    ];
    let mut bound = Vec::new();
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        bound.extend_from_slice(&length.to_be_bytes());
        bound.extend_from_slice(part);
    }
    bound
}
