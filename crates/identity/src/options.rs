//! What an operator chooses: by which means callers are recognised, and what makes a choice impossible.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use response_domain::ports::api_key::ApiKeyStore;
use secrecy::SecretString;
use url::Url;

/// By which means callers are recognised. At least one is needed.
pub struct Options {
    /// Tokens that an issuer signed.
    pub tokens: Option<Tokens>,
    /// Where the keys of this service are.
    pub own_keys: Option<Arc<dyn ApiKeyStore>>,
    /// Whom to ask about keys that begin with `sk_` and are not of this service.
    pub foreign_keys: Option<Url>,
    /// How long an answer about a key of either kind is good. With zero, each request asks.
    pub key_cache: Duration,
    /// Whose word about its callers is taken.
    pub gateway: Option<Gateway>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("tokens", &self.tokens)
            .field("own_keys", &self.own_keys.is_some())
            .field("foreign_keys", &self.foreign_keys.as_ref().map(Url::as_str))
            .field("key_cache", &self.key_cache)
            .field("gateway", &self.gateway)
            .finish()
    }
}

/// Which tokens are good.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Who may sign them. Issuers that share a key set are one realm, in which a subject is the same person
    /// whoever of them names it. The realm of the first one is the home realm.
    pub issuers: Vec<Issuer>,
    /// For whom they may be meant; one of these must stand in `aud`.
    pub audiences: Vec<String>,
    /// How they may be signed.
    pub algorithms: Vec<Algorithm>,
    /// How far the clock of an issuer may be off.
    pub leeway: Duration,
    /// How many verified tokens are remembered; 0 for none.
    pub cache: usize,
}

/// Who signs tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// The `iss` of its tokens, to the letter.
    pub name: String,
    /// Where its keys are.
    pub keys: KeySet,
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySet {
    /// Here.
    At(Url),
    /// Where `{issuer}/.well-known/openid-configuration` says.
    Discovered,
}

/// How a token may be signed. There is none with a shared secret, and not `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA PKCS #1 with SHA-256.
    Rs256,
    /// RSA PKCS #1 with SHA-384.
    Rs384,
    /// RSA PKCS #1 with SHA-512.
    Rs512,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// RSA-PSS with SHA-384.
    Ps384,
    /// RSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Its name in the header of a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of an algorithm that can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA is needed")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| algorithm.as_str() == text)
            .ok_or(UnknownAlgorithm)
    }
}

/// Whose word about its callers is taken. Of the two marks each that is given must be there; one at least
/// must be given.
#[derive(Debug, Clone, Default)]
pub struct Gateway {
    /// From where it connects.
    pub nets: Vec<IpNet>,
    /// What it proves itself with; several while one is changed for another.
    pub secrets: Vec<SecretString>,
}

/// Options with which nobody could be recognised, or the wrong ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// No means at all.
    #[error("no means is given by which a caller could be recognised")]
    NoMeans,
    /// A gateway without a mark: anybody would be it.
    #[error("a gateway needs the networks it connects from, a secret, or both")]
    BareGateway,
    /// A secret of the gateway without a character.
    #[error("a secret of the gateway is empty")]
    EmptySecret,
    /// Tokens without issuer.
    #[error("tokens need an issuer")]
    NoIssuer,
    /// Tokens for nobody.
    #[error("tokens need an audience")]
    NoAudience,
    /// Tokens that could not be signed.
    #[error("tokens need an algorithm")]
    NoAlgorithm,
    /// An issuer that stands twice.
    #[error("the issuer {0} is given twice")]
    IssuerTwice(String),
    /// An issuer whose name cannot stand before those of its subjects.
    #[error("the issuer {0} needs a name of 1 to 255 bytes without `|` and control characters")]
    IssuerName(String),
    /// An issuer whose keys cannot be looked for.
    #[error("the keys of the issuer {issuer} cannot be fetched: {reason}")]
    KeySetUrl {
        /// Its name.
        issuer: String,
        /// What is wrong with the URL.
        reason: String,
    },
    /// A URL that cannot be asked about keys.
    #[error("keys of others cannot be asked about: {reason}")]
    ForeignKeysUrl {
        /// What is wrong with the URL.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_is_found_by_its_name_and_by_no_other() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
        for other in [
            "none", "None", "HS256", "HS384", "HS512", "rs256", "ES512", "", " RS256",
        ] {
            assert_eq!(other.parse::<Algorithm>(), Err(UnknownAlgorithm), "{other}");
        }
    }

    #[test]
    fn options_are_printed_without_secrets() {
        let options = Options {
            tokens: None,
            own_keys: None,
            foreign_keys: None,
            key_cache: Duration::ZERO,
            gateway: Some(Gateway {
                nets: Vec::new(),
                secrets: vec!["s3cret".into()],
            }),
        };
        assert!(!format!("{options:?}").contains("s3cret"));
    }
}
