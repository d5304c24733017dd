//! Secrets that sign: checked here, so that all that is wrong is told at the start, and shown nowhere.

use std::fmt;

use secrecy::SecretString;

use super::secret::{HIDDEN, secret_list};
use super::{Given, Kind, Refusal, Secrecy};

const PREFIX: &str = "whsec_";
/// Fewest and most bytes behind the prefix, and of a secret without it.
const KEY_BYTES: (usize, usize) = (24, 64);
const PLAIN_BYTES: (usize, usize) = (16, 256);

/// At least one secret; the newest is the first.
#[derive(Clone)]
pub struct SigningSecrets(Vec<SecretString>);

impl SigningSecrets {
    /// Each as it is written, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &SecretString> {
        self.0.iter()
    }
}

impl fmt::Display for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "1 secret {HIDDEN}"),
            many => write!(f, "{many} secrets {HIDDEN}"),
        }
    }
}

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningSecrets({self})")
    }
}

impl Kind for SigningSecrets {
    type Limits = ();
    const SECRECY: Secrecy = Secrecy::Secret;

    fn allowed((): &()) -> String {
        let ((least_key, most_key), (least, most)) = (KEY_BYTES, PLAIN_BYTES);
        format!(
            "one or more secrets, separated by commas or lines; each is `{PREFIX}` and base64 of \
             {least_key} to {most_key} bytes (`echo {PREFIX}$(openssl rand -base64 32)` makes one), or \
             {least} to {most} visible ASCII characters without a comma"
        )
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        secret_list(given, fault_of).map(Self)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// What is wrong with a secret, without a word of it.
fn fault_of(secret: &str) -> Option<&'static str> {
    let within = |length, (least, most)| (least..=most).contains(&length);
    if let Some(key) = secret.strip_prefix(PREFIX) {
        return match decoded_length(key) {
            Some(length) if within(length, KEY_BYTES) => None,
            Some(_) => Some("is `whsec_` and base64 of too few or too many bytes"),
            None => Some("is `whsec_` and something else than base64"),
        };
    }
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("has a space or a character that is not visible ASCII");
    }
    (!within(secret.len(), PLAIN_BYTES)).then_some("is too short or too long")
}

/// How many bytes this base64 stands for; none when it is none. Padding may be left out.
fn decoded_length(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let fits = padding == 0 || (padding <= 2 && text.len().is_multiple_of(4));
    (fits && digits.len() % 4 != 1 && digits.bytes().all(is_digit)).then_some(digits.len() * 3 / 4)
}
