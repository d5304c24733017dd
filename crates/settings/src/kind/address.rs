//! Addresses: IP addresses to listen on, URLs of upstreams.

use std::fmt;
use std::net::IpAddr;

use url::Url;

use super::{Given, Kind, Refusal, Secrecy};

const HIDDEN: &str = "***";

/// The URL of an upstream. As text it shows neither a password nor a query, which are the places where
/// credentials stand in URLs.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// The whole URL, credentials included.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        // Both are refused only for a URL that cannot hold them, and then there is nothing to hide.
        if url.password().is_some() {
            let _ = url.set_password(Some(HIDDEN));
        }
        if url.query().is_some() {
            url.set_query(Some(HIDDEN));
        }
        write!(f, "{url}")
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// What may follow the host in an upstream's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlShape {
    /// A path that more is added to, and no query.
    Base,
    /// A path and a query.
    Exact,
}

impl Kind for Endpoint {
    type Limits = UrlShape;
    const SECRECY: Secrecy = Secrecy::Url;

    fn allowed(limits: &Self::Limits) -> String {
        let shape = match limits {
            UrlShape::Base => " without a query",
            UrlShape::Exact => "",
        };
        format!("an http or https URL{shape}, such as http://localhost:8080")
    }

    fn read(given: &Given<'_>, limits: &Self::Limits) -> Result<Self, Refusal> {
        given.parse(|text| {
            let url = Url::parse(text).ok()?;
            let scheme = matches!(url.scheme(), "http" | "https");
            let shape = match limits {
                UrlShape::Base => url.query().is_none(),
                UrlShape::Exact => true,
            };
            // The parser would accept `http:host`, and what was meant by that is anyone's guess.
            let slashes = text.contains("://");
            let usable = scheme && slashes && shape && url.has_host() && url.fragment().is_none();
            usable.then_some(Self(url))
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// What was meant to be a URL and could not be used as one, without user, password and query. Where
/// they end is not certain in such a text, so more is hidden rather than less.
pub(crate) fn without_credentials(text: &str) -> String {
    let (text, query) = match text.split_once('?') {
        Some((text, _)) => (text, format!("?{HIDDEN}")),
        None => (text, String::new()),
    };
    let start = text.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = text.split_at(start);
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}{HIDDEN}@{host}{query}"),
        None => format!("{scheme}{rest}{query}"),
    }
}

impl Kind for IpAddr {
    type Limits = ();

    fn allowed((): &()) -> String {
        "an IP address, such as 127.0.0.1 (this machine only), 0.0.0.0 or ::".to_owned()
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        given.parse(|text| {
            let bare = text
                .strip_prefix('[')
                .and_then(|text| text.strip_suffix(']'));
            bare.unwrap_or(text).parse().ok()
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}
