//! What a receiver knows a delivery by.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// What a secret in the manner of Standard Webhooks begins with; base64 of its bytes follows.
pub const SECRET_PREFIX: &str = "whsec_";

/// Fewest and most bytes behind [`SECRET_PREFIX`], and of a secret without it.
const KEY_BYTES: (usize, usize) = (24, 64);
const PLAIN_BYTES: (usize, usize) = (16, 256);

/// A secret that signs deliveries: `whsec_` and base64, or plain text that somebody made up. Never printed,
/// and wiped from memory when the last copy goes.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Arc<Zeroizing<String>>);

/// Text that is no good as a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// What follows the prefix is not base64 of 24 to 64 bytes.
    #[error("`whsec_` must be followed by base64 of 24 to 64 bytes")]
    NotAKey,
    /// Plain text that is too short, too long, or not of visible ASCII characters.
    #[error(
        "a secret must be `whsec_` with base64 of 24 to 64 bytes, or 16 to 256 visible ASCII characters"
    )]
    NotPlain,
}

impl SigningSecret {
    /// Takes a secret as it is written.
    pub fn parse(text: &str) -> Result<Self, WeakSecret> {
        let within = |length, (least, most)| (least..=most).contains(&length);
        match text.strip_prefix(SECRET_PREFIX) {
            Some(key) if !decoded_length(key).is_some_and(|length| within(length, KEY_BYTES)) => {
                Err(WeakSecret::NotAKey)
            }
            None if !within(text.len(), PLAIN_BYTES)
                || !text.bytes().all(|b| b.is_ascii_graphic()) =>
            {
                Err(WeakSecret::NotPlain)
            }
            Some(_) | None => Ok(Self(Arc::new(Zeroizing::new(text.to_owned())))),
        }
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its last four characters, by which its owner knows it again.
    pub fn hint(&self) -> &str {
        let at = self.0.len().saturating_sub(4);
        self.0.get(at..).unwrap_or_default()
    }
}

/// How many bytes this base64 stands for; none when it is none. Padding may be left out.
fn decoded_length(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let fits = padding == 0 || (padding <= 2 && text.len().is_multiple_of(4));
    (fits && digits.len() % 4 != 1 && digits.bytes().all(is_digit)).then_some(digits.len() * 3 / 4)
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_guessed_is_a_secret() {
        let key = |length: usize| format!("whsec_{}", "A".repeat(length));
        for good in [
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            &key(32),
            &key(86),
            &format!("{}==", key(86)),
            "your-webhook-secret-key",
        ] {
            let secret = SigningSecret::parse(good).unwrap();
            assert_eq!(secret.expose(), good);
            assert!(good.ends_with(secret.hint()) && secret.hint().len() == 4);
            assert!(!format!("{secret:?}").contains(good));
        }
        for bad in [
            &key(0),
            &key(31),
            &key(33),
            &key(90),
            "whsec_not base64, for it has spaces!",
            &format!("{}===", key(29)),
        ] {
            assert_eq!(SigningSecret::parse(bad), Err(WeakSecret::NotAKey), "{bad}");
        }
        for bad in [
            "",
            "short",
            "has a space inside",
            "has\na line feed in",
            &"x".repeat(257),
            "ümläüte-are-not-ascii",
        ] {
            assert_eq!(
                SigningSecret::parse(bad),
                Err(WeakSecret::NotPlain),
                "{bad}"
            );
        }
    }
}
