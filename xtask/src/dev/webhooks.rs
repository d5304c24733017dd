//! What the service's webhooks are signed with, and where they may go, on one's own machine.

use response_devstack::receiver::Secret;
use response_settings::{ExposeSecret as _, SigningSecrets};

/// What signs where nobody chose a secret: the same at every start, and no secret at all.
const OWN_SECRET: &str = "whsec_Zm9yIGxvY2FsIHVzZSBvbmx5LCBubyBzZWNyZXQgISE=";

/// Where the receiver is.
pub(super) const LOOPBACK: &str = "127.0.0.0/8,::1/128";

/// What signs webhooks.
#[derive(Debug)]
pub(super) enum Signing {
    /// What the settings say.
    Chosen(Vec<Secret>),
    /// They say nothing, so it is set here.
    Own,
}

impl Signing {
    pub(super) fn of(chosen: Option<&SigningSecrets>) -> Self {
        let Some(chosen) = chosen else {
            return Self::Own;
        };
        let secrets = chosen.iter();
        let secrets = secrets.map(|secret| Secret::new(secret.expose_secret()));
        Self::Chosen(secrets.collect())
    }

    /// The variable that the service is told. A command line would show its value to everybody here.
    pub(super) fn variable(&self) -> Option<(&'static str, &'static str)> {
        matches!(self, Self::Own).then_some(("WEBHOOK_SECRET", OWN_SECRET))
    }

    /// What deliveries may be signed with.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Chosen(secrets) => secrets.clone(),
            Self::Own => vec![Secret::new(OWN_SECRET)],
        }
    }

    /// With what they are signed, in words.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Chosen(_) => "signed with your WEBHOOK_SECRET".to_owned(),
            Self::Own => format!("signed with {OWN_SECRET}"),
        }
    }
}
