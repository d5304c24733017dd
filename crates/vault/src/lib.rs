//! `SecretVault`: credentials of callers, sealed while their responses wait, the secrets of webhook
//! endpoints, and the keys that seal them.
//!
//! A secret opens only for the thing and the owner that it was sealed for. The first key of the
//! ring seals and every key opens, so keys are changed by putting a new one in front and taking the old
//! one out when nothing is sealed with it any more. How a sealed secret is laid out stands in
//! `record.rs`.

use std::fmt;
use std::path::Path;

use response_domain::ports::vault::{Binding, Sealed, SecretVault, VaultError};
use response_domain::webhook::SigningSecret;
use zeroize::Zeroizing;

mod file;
mod record;
mod ring;

pub use file::{KEY_FILE, KeyFileError};
pub use ring::{KeyFault, KeysError};

use ring::KeyRing;

/// A vault and its keys. It shows the ids of the keys; the keys themselves are wiped from memory when it
/// goes.
pub struct Vault {
    keys: KeyRing,
}

impl Vault {
    /// A vault that neither seals nor opens anything: it answers [`VaultError::NoKey`].
    pub fn without_keys() -> Self {
        Self {
            keys: KeyRing::empty(),
        }
    }

    /// A vault with the keys of this text: `id:key` pairs, separated by commas or lines. An id is 1 to
    /// 32 letters, digits, `_`, `-` or `.`; a key is 32 bytes in base64.
    pub fn from_keys(text: &str) -> Result<Self, KeysError> {
        let keys = KeyRing::parse(text)?;
        Ok(Self { keys })
    }

    /// A vault with the keys in the file [`KEY_FILE`] of this folder, whose text is that of
    /// [`from_keys`](Self::from_keys). Folder and file are made when they do not exist; of several
    /// processes that start at once one makes the file, and all take its key. Blocks while it reads and
    /// writes.
    pub fn from_file_in(folder: &Path) -> Result<Self, KeyFileError> {
        let keys = file::keys_in(folder)?;
        Ok(Self { keys })
    }

    /// The ids of the keys; the first one seals.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.ids()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl SecretVault for Vault {
    fn seal(&self, secret: &[u8], binding: &Binding) -> Result<Sealed, VaultError> {
        let key = self.keys.first().ok_or(VaultError::NoKey)?;
        Ok(Sealed {
            key: key.id.clone(),
            bytes: record::seal(key, secret, binding)?.into(),
        })
    }

    fn open(&self, sealed: &Sealed, binding: &Binding) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        if self.keys.is_empty() {
            return Err(VaultError::NoKey);
        }
        let key = self
            .keys
            .find(&sealed.key)
            .ok_or_else(|| VaultError::UnknownKey(sealed.key.clone()))?;
        record::open(key, &sealed.bytes, binding).ok_or(VaultError::Tampered)
    }

    fn fresh_signing(&self) -> Result<SigningSecret, VaultError> {
        let text =
            ring::fresh_signing().map_err(|refusal| VaultError::Cipher(Box::new(refusal)))?;
        SigningSecret::parse(&text).map_err(|weak| VaultError::Cipher(Box::new(weak)))
    }
}
