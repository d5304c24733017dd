//! The word of the gateway about whoever sent a request. Anybody can write its headers, so they are read only
//! when they come from it.

use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use ipnet::{IpNet, Ipv4Net};
use response_domain::caller::{Assertion, OwnerId, Presented};
use response_domain::ports::auth::{AuthError, Flaw};
use secrecy::ExposeSecret;

use crate::keys::sha256;
use crate::options::{Gateway, OptionsError};

/// The realm of the gateway's own callers, which are nobody's users.
const CONSUMERS: &str = "consumer";
/// What stands before an IPv4 address that is written as an IPv6 one, in bits.
const MAPPED: u8 = 96;

/// Whom the gateway says a request is of.
pub(crate) enum Word {
    /// A user of the platform.
    User(OwnerId),
    /// One of its own callers. Behind it may be a program, or all whose tokens one issuer signs.
    Consumer(OwnerId),
}

/// How the gateway is told from others.
pub(crate) struct Gate {
    nets: Vec<IpNet>,
    /// The digests of its secrets: all of one length, so that comparing tells nothing of theirs.
    secrets: Vec<[u8; 32]>,
}

impl Gate {
    pub(crate) fn new(gateway: &Gateway) -> Result<Self, OptionsError> {
        if gateway.nets.is_empty() && gateway.secrets.is_empty() {
            return Err(OptionsError::BareGateway);
        }
        let secrets = gateway.secrets.iter().map(ExposeSecret::expose_secret);
        if secrets.clone().any(str::is_empty) {
            return Err(OptionsError::EmptySecret);
        }
        Ok(Self {
            nets: gateway.nets.iter().map(plain).collect(),
            secrets: secrets.map(|secret| sha256(secret.as_bytes())).collect(),
        })
    }

    /// Whom the gateway says this is, if it says so and if it is the gateway that says it.
    pub(crate) fn word(&self, presented: &Presented) -> Result<Option<Word>, AuthError> {
        let said = presented.assertion.as_deref();
        let said = said.filter(|said| !said.is_anonymous && self.vouches(presented.peer, said));
        let word = match said {
            Some(Assertion {
                user: Some(user), ..
            }) => OwnerId::of_subject(None, user).map(Word::User),
            Some(Assertion {
                consumer: Some(consumer),
                ..
            }) => OwnerId::of_subject(Some(CONSUMERS), consumer).map(Word::Consumer),
            Some(_) | None => return Ok(None),
        };
        word.map(Some)
            .map_err(|_invalid| AuthError::Invalid(Flaw::Claims))
    }

    /// Whether it is the gateway that says this.
    fn vouches(&self, peer: Option<IpAddr>, said: &Assertion) -> bool {
        let is_near = self.nets.is_empty()
            || peer.is_some_and(|peer| {
                let peer = peer.to_canonical();
                self.nets.iter().any(|net| net.contains(&peer))
            });
        let proof = said.proof.as_ref().map(|proof| sha256(proof.as_bytes()));
        let is_proven = self.secrets.is_empty()
            || proof.is_some_and(|proof| {
                let equal = |secret| verify_slices_are_equal(secret, &proof).is_ok();
                // All are compared, so that the time does not tell which one it was.
                let equal = self
                    .secrets
                    .iter()
                    .filter(|secret| equal(secret.as_slice()));
                equal.count() > 0
            });
        is_near && is_proven
    }
}

/// A net of IPv4 addresses that are written as IPv6 ones is one of IPv4 addresses.
fn plain(net: &IpNet) -> IpNet {
    let IpNet::V6(written) = net else { return *net };
    let length = written.prefix_len().checked_sub(MAPPED);
    let net4 = || Ipv4Net::new(written.addr().to_ipv4_mapped()?, length?).ok();
    net4().map_or(*net, IpNet::V4)
}
