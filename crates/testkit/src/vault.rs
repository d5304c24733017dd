//! A vault for tests. It keeps the promises of the port but for the one that matters in earnest: what it
//! seals is not safe from somebody who tries.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use response_domain::ports::vault::{Binding, Purpose, Sealed, SecretVault, VaultError};
use response_domain::webhook::SigningSecret;
use zeroize::Zeroizing;

/// A vault with any number of keys; the first one seals.
pub struct TestVault(Vec<Arc<str>>, AtomicU64);

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
        Self(keys.into_iter().map(Arc::from).collect(), AtomicU64::new(0))
    }
}

const TAG: usize = 8;

fn mixed(key: &str, binding: &Binding, with: impl Hash) -> [u8; TAG] {
    let mut hasher = DefaultHasher::new();
    let (purpose, id) = match binding.purpose {
        Purpose::Credential(response) => (0, Some(response.raw())),
        Purpose::Signing(endpoint) => (1, Some(endpoint.raw())),
        Purpose::Content => (2, None),
    };
    (key, &binding.owner, purpose, id).hash(&mut hasher);
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
    fn seal(&self, secret: &[u8], binding: &Binding) -> Result<Sealed, VaultError> {
        let key = self.0.first().ok_or(VaultError::NoKey)?;
        let tag = mixed(key, binding, secret);
        let bytes = [tag.as_slice(), &stir(key, binding, secret)].concat();
        Ok(Sealed {
            key: Arc::clone(key),
            bytes: bytes.into(),
        })
    }

    fn open(&self, sealed: &Sealed, binding: &Binding) -> Result<Zeroizing<Vec<u8>>, VaultError> {
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
        Ok(Zeroizing::new(plain))
    }

    /// The first one is always the same, and so are those that follow.
    fn fresh_signing(&self) -> Result<SigningSecret, VaultError> {
        let number = self.1.fetch_add(1, Ordering::Relaxed);
        let text = format!("whsec_{number:032}");
        SigningSecret::parse(&text).map_err(|weak| VaultError::Cipher(Box::new(weak)))
    }
}
