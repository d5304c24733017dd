//! A vault for tests. It keeps the promises of the port but for the one that matters in earnest: what it
//! seals is not safe from somebody who tries.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use response_domain::caller::Credential;
use response_domain::ports::vault::{Binding, Sealed, SecretVault, VaultError};

/// A vault with any number of keys; the first one seals.
pub struct TestVault(Vec<Arc<str>>);

impl Default for TestVault {
    fn default() -> Self {
        Self::with_keys(["test"])
    }
}

impl fmt::Debug for TestVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestVault").field(&self.0).finish()
    }
}

impl TestVault {
    /// A vault that seals with the first of these keys and opens with all. Without any it does neither.
    pub fn with_keys<'k>(keys: impl IntoIterator<Item = &'k str>) -> Self {
        Self(keys.into_iter().map(Arc::from).collect())
    }
}

/// What comes before the text, by kind.
const KINDS: [u8; 3] = *b"-BK";
const TAG: usize = 8;

fn plain(credential: &Credential) -> Vec<u8> {
    let [absent, bearer, api_key] = KINDS;
    let (kind, text) = match credential {
        Credential::Absent => (absent, ""),
        Credential::Bearer(token) => (bearer, token.as_str()),
        Credential::ApiKey(key) => (api_key, key.as_str()),
    };
    [&[kind], text.as_bytes()].concat()
}

fn read(plain: &[u8]) -> Option<Credential> {
    let (kind, text) = plain.split_first()?;
    let text = str::from_utf8(text).ok()?.to_owned();
    match KINDS.iter().position(|known| known == kind)? {
        0 => Some(Credential::Absent),
        1 => Some(Credential::bearer(text)),
        _ => Some(Credential::api_key(text)),
    }
}

fn mixed(key: &str, binding: &Binding, with: impl Hash) -> [u8; TAG] {
    let mut hasher = DefaultHasher::new();
    (key, &binding.owner, binding.response).hash(&mut hasher);
    with.hash(&mut hasher);
    hasher.finish().to_be_bytes()
}

/// Turns plain into sealed bytes, and back.
fn stir(key: &str, binding: &Binding, bytes: &[u8]) -> Vec<u8> {
    let mut stirred = Vec::with_capacity(bytes.len());
    for (number, block) in bytes.chunks(TAG).enumerate() {
        let mask = mixed(key, binding, number);
        stirred.extend(block.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    }
    stirred
}

impl SecretVault for TestVault {
    fn seal(&self, credential: &Credential, binding: &Binding) -> Result<Sealed, VaultError> {
        let key = self.0.first().ok_or(VaultError::NoKey)?;
        let plain = plain(credential);
        let tag = mixed(key, binding, &plain);
        let bytes = [tag.as_slice(), &stir(key, binding, &plain)].concat();
        Ok(Sealed {
            key: Arc::clone(key),
            bytes: bytes.into(),
        })
    }

    fn open(&self, sealed: &Sealed, binding: &Binding) -> Result<Credential, VaultError> {
        if self.0.is_empty() {
            return Err(VaultError::NoKey);
        }
        if !self.0.contains(&sealed.key) {
            return Err(VaultError::UnknownKey(Arc::clone(&sealed.key)));
        }
        let (tag, bytes) = sealed
            .bytes
            .split_at_checked(TAG)
            .ok_or(VaultError::Tampered)?;
        let plain = stir(&sealed.key, binding, bytes);
        if mixed(&sealed.key, binding, &plain) != tag {
            return Err(VaultError::Tampered);
        }
        read(&plain).ok_or(VaultError::Tampered)
    }
}
