//! Secrets that two servers share: whoever sends one is the other. Shown nowhere.

use std::fmt;

use secrecy::SecretString;

use super::secret::{HIDDEN, secret_list};
use super::{Given, Kind, Refusal, Secrecy};

/// Fewest and most characters. Whoever may try often must not find a shorter one.
const LENGTH: (usize, usize) = (16, 256);

/// At least one secret; while one replaces another, both are good.
#[derive(Clone)]
pub struct SharedSecrets(Vec<SecretString>);

impl SharedSecrets {
    /// Each of them, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &SecretString> {
        self.0.iter()
    }
}

impl fmt::Display for SharedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "1 secret {HIDDEN}"),
            many => write!(f, "{many} secrets {HIDDEN}"),
        }
    }
}

impl fmt::Debug for SharedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedSecrets({self})")
    }
}

impl Kind for SharedSecrets {
    type Limits = ();
    const SECRECY: Secrecy = Secrecy::Secret;

    fn allowed((): &()) -> String {
        let (least, most) = LENGTH;
        format!(
            "one or more secrets, separated by commas or lines; each is {least} to {most} visible ASCII \
             characters without a comma (`openssl rand -hex 32` makes one)"
        )
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        secret_list(given, fault_of).map(Self)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

fn fault_of(secret: &str) -> Option<&'static str> {
    let (least, most) = LENGTH;
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("has a space or a character that is not visible ASCII");
    }
    if secret.len() < least {
        return Some("is too short");
    }
    (secret.len() > most).then_some("is too long")
}
