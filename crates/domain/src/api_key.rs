//! Keys that this service gives out itself. Of a key only a digest is kept, so nobody can read one back.

use std::fmt;
use std::sync::Arc;

use crate::caller::OwnerId;
use crate::id::ApiKeyId;
use crate::time::Timestamp;

/// A key, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Names it; is no secret.
    pub id: ApiKeyId,
    /// Whoever brings the key is this owner.
    pub owner: OwnerId,
    /// What it is for, in the words of whoever made it.
    pub label: Option<Arc<str>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is not good any more, if ever.
    pub expires_at: Option<Timestamp>,
    /// Since when it is not good any more, because somebody said so.
    pub revoked_at: Option<Timestamp>,
    /// When it was last seen, as exact as a minute.
    pub last_used_at: Option<Timestamp>,
}

/// What a key is good for at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStanding {
    /// It lets its owner in.
    Good,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

impl KeyStanding {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl ApiKey {
    /// What it is good for at this moment.
    pub fn standing(&self, now: Timestamp) -> KeyStanding {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => KeyStanding::Revoked,
            (None, Some(expires)) if expires <= now => KeyStanding::Expired,
            (None, Some(_) | None) => KeyStanding::Good,
        }
    }
}

/// The SHA-256 of a key's text. That needs no salt and no slow hash, because a key is 256 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest(pub [u8; 32]);

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RawId;

    #[test]
    fn a_key_is_good_until_its_time_is_over_or_somebody_takes_it_back() {
        let at = Timestamp::from_micros;
        let key = |expires_at, revoked_at| ApiKey {
            id: ApiKeyId::new(RawId::new(1)),
            owner: OwnerId::new("ada"),
            label: None,
            created_at: at(0),
            expires_at,
            revoked_at,
            last_used_at: None,
        };
        for (expires, revoked, standing) in [
            (None, None, KeyStanding::Good),
            (Some(at(11)), None, KeyStanding::Good),
            (Some(at(10)), None, KeyStanding::Expired),
            (None, Some(at(99)), KeyStanding::Revoked),
            (Some(at(1)), Some(at(2)), KeyStanding::Revoked),
        ] {
            assert_eq!(key(expires, revoked).standing(at(10)), standing);
        }
    }
}
