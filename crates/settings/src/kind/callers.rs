//! How callers are recognised: whose tokens, for whom, signed how.

use url::Url;

use super::address::without_credentials;
use super::list::{distinct, read_each};
use super::{Endpoint, Given, Kind, Presence, Refusal, SHOWN_CHARACTERS, Secrecy, UrlShape};

const AUDIENCE_LENGTH: usize = 255;

/// Who issues tokens: URLs exactly as tokens name them in `iss`, each once, in the order in which they were
/// given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issuers(Vec<String>);

impl Issuers {
    /// Each of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Kind for Issuers {
    type Limits = ();
    const SECRECY: Secrecy = Secrecy::Url;
    const PRESENCE: Presence = Presence::Optional;

    fn allowed((): &()) -> String {
        "http and https URLs without user, query and fragment, separated by commas (in a file also a \
         list), such as https://login.example.com/realms/jan"
            .to_owned()
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        let issuers = read_each(given, without_credentials, |entry| {
            let is_bare = |url: &Url| url.username().is_empty() && url.password().is_none();
            match Endpoint::read(&Given::text(entry), &UrlShape::Base) {
                Ok(url) if is_bare(url.url()) => Ok(entry.to_owned()),
                _ => Err("is no such URL".to_owned()),
            }
        })?;
        Ok(Self(distinct(issuers)))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn show(&self) -> String {
        self.0.join(", ")
    }
}

/// URLs, in the order in which they were given; one may be there more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints(Vec<Endpoint>);

impl Endpoints {
    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Endpoint> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Kind for Endpoints {
    type Limits = ();
    const SECRECY: Secrecy = Secrecy::Url;
    const PRESENCE: Presence = Presence::Optional;

    fn allowed((): &()) -> String {
        "http and https URLs, separated by commas (in a file also a list), such as \
         https://login.example.com/realms/jan/protocol/openid-connect/certs"
            .to_owned()
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        let urls = read_each(given, without_credentials, |entry| {
            let url = Endpoint::read(&Given::text(entry), &UrlShape::Exact);
            url.map_err(|_| "is no such URL".to_owned())
        });
        urls.map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn show(&self) -> String {
        let texts: Vec<_> = self.iter().map(ToString::to_string).collect();
        texts.join(", ")
    }
}

/// For whom tokens are meant: at least one name, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audiences(Vec<String>);

impl Audiences {
    /// Each of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl Kind for Audiences {
    type Limits = ();

    fn allowed((): &()) -> String {
        format!(
            "one or more names, separated by commas (in a file also a list), each of at most \
             {AUDIENCE_LENGTH} characters without spaces"
        )
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        let names = read_each(given, start_of, |entry| {
            let is_name = |c: char| !c.is_whitespace() && !c.is_control();
            if entry.chars().count() <= AUDIENCE_LENGTH && entry.chars().all(is_name) {
                Ok(entry.to_owned())
            } else {
                Err("is no such name".to_owned())
            }
        })?;
        at_least_one(distinct(names)).map(Self)
    }

    fn show(&self) -> String {
        self.0.join(", ")
    }
}

/// The algorithms of which a token may be signed: at least one, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureAlgorithms(Vec<SignatureAlgorithm>);

impl SignatureAlgorithms {
    /// Each of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = SignatureAlgorithm> {
        self.0.iter().copied()
    }
}

/// How a token may be signed. Every one of them has a key that only its issuer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of RFC 7518 and RFC 8037")]
pub enum SignatureAlgorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl SignatureAlgorithm {
    const ALL: [Self; 9] = [
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

    /// Its name in JOSE.
    pub fn name(self) -> &'static str {
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

    fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            if name.to_ascii_uppercase().starts_with("HS") {
                "needs a secret that whoever checks tokens could forge them with".to_owned()
            } else {
                "is no such algorithm".to_owned()
            }
        })
    }
}

impl Kind for SignatureAlgorithms {
    type Limits = ();

    fn allowed((): &()) -> String {
        let names = SignatureAlgorithm::ALL.map(SignatureAlgorithm::name);
        format!(
            "one or more of {}, separated by commas (in a file also a list)",
            names.join(", ")
        )
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        let algorithms = read_each(given, start_of, SignatureAlgorithm::named)?;
        at_least_one(distinct(algorithms)).map(Self)
    }

    fn show(&self) -> String {
        let names: Vec<_> = self.iter().map(SignatureAlgorithm::name).collect();
        names.join(", ")
    }
}

fn at_least_one<T>(values: Vec<T>) -> Result<Vec<T>, Refusal> {
    if values.is_empty() {
        Err(Refusal::NotAllowed)
    } else {
        Ok(values)
    }
}

fn start_of(entry: &str) -> String {
    entry.chars().take(SHOWN_CHARACTERS).collect()
}
