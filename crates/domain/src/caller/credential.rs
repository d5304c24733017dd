//! What a caller proves itself with.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// What a caller proves itself with; passed on upstream as it came. Never printed, and wiped from
/// memory when the last copy goes.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The caller brought none.
    Absent,
    /// `Authorization: Bearer …`.
    Bearer(Arc<Zeroizing<String>>),
    /// `X-API-Key: …`.
    ApiKey(Arc<Zeroizing<String>>),
}

const BEARER: u8 = 1;
const API_KEY: u8 = 2;

impl Credential {
    /// A bearer token, without the word `Bearer`.
    pub fn bearer(token: String) -> Self {
        Self::Bearer(Arc::new(Zeroizing::new(token)))
    }

    /// A key for `X-API-Key`.
    pub fn api_key(key: String) -> Self {
        Self::ApiKey(Arc::new(Zeroizing::new(key)))
    }

    /// The bytes that a vault keeps of it: one for its kind, then its text. `None` when there is none.
    pub fn to_secret(&self) -> Option<Zeroizing<Vec<u8>>> {
        let (kind, text) = match self {
            Self::Absent => return None,
            Self::Bearer(text) => (BEARER, text),
            Self::ApiKey(text) => (API_KEY, text),
        };
        // With room for all of it at once, because growing would leave copies behind.
        let mut secret = Zeroizing::new(Vec::with_capacity(1 + text.len()));
        secret.push(kind);
        secret.extend_from_slice(text.as_bytes());
        Some(secret)
    }

    /// The credential that these bytes were made of.
    pub fn from_secret(secret: &[u8]) -> Option<Self> {
        let (kind, text) = secret.split_first()?;
        let text = std::str::from_utf8(text).ok()?.to_owned();
        match *kind {
            BEARER => Some(Self::bearer(text)),
            API_KEY => Some(Self::api_key(text)),
            _ => None,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Bearer(_) => "Bearer(…)",
            Self::ApiKey(_) => "ApiKey(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_comes_back_from_its_bytes() {
        for credential in [
            Credential::bearer("s3cret".into()),
            Credential::api_key("sk_1".into()),
            Credential::bearer(String::new()),
        ] {
            let secret = credential.to_secret().unwrap();
            assert_eq!(Credential::from_secret(&secret), Some(credential));
        }
        assert!(Credential::Absent.to_secret().is_none());
        for bytes in [&b""[..], b"\0x", b"\x03x", b"\x01\xff"] {
            assert_eq!(Credential::from_secret(bytes), None);
        }
    }
}
