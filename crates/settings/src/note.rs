//! What an operator should know though it stops nothing. Whoever loads the settings logs these once
//! there is a log.

use std::net::IpAddr;

use crate::kind::Nets;

/// One remark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// A setting is given under two names with different values.
    #[error("{winner} and {loser} name the same setting and differ; {winner} is used")]
    Overruled {
        /// The variable whose value is used.
        winner: String,
        /// The variable whose value is not.
        loser: String,
    },
    /// A variable looks like one of ours and is none.
    #[error("{variable} is not a setting of this build and is not read{}", suggestion(.closest.as_ref()))]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// The variable that was probably meant.
        closest: Option<String>,
    },
    /// Kubernetes describes a service under a name that is also a setting's.
    #[error(
        "{variable} was set by Kubernetes for a service of that name and is not read as a setting; \
         `enableServiceLinks: false` keeps such variables out of the pod"
    )]
    ServiceLink {
        /// The variable.
        variable: String,
    },
    /// The API can be reached from outside this machine, and nobody tells callers apart.
    #[error(
        "the API listens on {host}, and whoever reaches it is the guest and owns everything \
         (AUTH_GUEST=anywhere): let no stranger reach it"
    )]
    Exposed {
        /// The address.
        host: IpAddr,
    },
    /// A setting is given that another one keeps from being read.
    #[error("{setting} is set and not read, because {switch} is false")]
    NotRead {
        /// The setting's variable.
        setting: &'static str,
        /// The variable of the other one.
        switch: &'static str,
    },
    /// Whoever is between this service and the one that tells it who calls could answer in its place.
    #[error(
        "{setting} names {host} by http: whoever can get between decides who is let in; use https unless \
         that is a network of your own"
    )]
    Plain {
        /// The setting's variable.
        setting: &'static str,
        /// The host.
        host: String,
    },
    /// What callers name need not be public.
    #[error(
        "whoever calls the API can have requests sent into {nets} (EGRESS_ALLOW_CIDRS), which public \
         addresses alone would not reach"
    )]
    LetThrough {
        /// The nets.
        nets: Nets,
    },
    /// Nothing can be sealed.
    #[error(
        "there are no vault keys (RESPONSE_VAULT_KEYS): a background request that brings a credential \
         is refused, and so is the registration of a webhook endpoint"
    )]
    NoVaultKeys,
    /// Nobody takes anything out of the queue.
    #[error(
        "background responses wait for ever: only this process could work on them, and {setting} keeps \
         it from that"
    )]
    NobodyWorks {
        /// The setting's key and variable.
        setting: &'static str,
    },
}

impl Note {
    /// Whether it is about taking requests, and nothing to a process that takes none.
    pub fn is_about_requests(&self) -> bool {
        matches!(
            self,
            Self::Exposed { .. }
                | Self::NotRead { .. }
                | Self::Plain { .. }
                | Self::NoVaultKeys
                | Self::NobodyWorks { .. }
        )
    }
}

fn suggestion(closest: Option<&String>) -> String {
    closest
        .map(|name| format!("; was {name} meant?"))
        .unwrap_or_default()
}
