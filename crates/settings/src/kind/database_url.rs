//! Database URLs, which are secrets because a password stands in them.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::secret::secret_text;
use super::{Given, Kind, Refusal, Secrecy};

/// The URL of a PostgreSQL database. As text it shows no password.
#[derive(Clone)]
pub struct DatabaseUrl {
    whole: SecretString,
    shown: String,
}

impl DatabaseUrl {
    /// The whole URL, for whoever opens the connection.
    pub fn expose(&self) -> &str {
        self.whole.expose_secret()
    }

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let usable = matches!(url.scheme(), "postgres" | "postgresql")
            && text.contains("://")
            && url.fragment().is_none();
        usable.then(|| Self {
            whole: SecretString::from(text),
            shown: shown(url),
        })
    }
}

/// The URL with its password and every parameter that may be one replaced.
fn shown(mut url: Url) -> String {
    if url.password().is_some() {
        // Refused only for a URL without a host, and then a password has nothing to stand behind.
        let _ = url.set_password(Some("***"));
    }
    let parameters: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| {
            let value = if is_harmless(&name) {
                value.into_owned()
            } else {
                "***".to_owned()
            };
            (name.into_owned(), value)
        })
        .collect();
    url.set_query(None);
    let query: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if query.is_empty() {
        url.to_string()
    } else {
        format!("{url}?{}", query.join("&"))
    }
}

fn is_harmless(parameter: &str) -> bool {
    matches!(
        parameter,
        "sslmode" | "host" | "hostaddr" | "port" | "dbname" | "user" | "application_name"
    )
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl Kind for DatabaseUrl {
    type Limits = ();
    const SECRECY: Secrecy = Secrecy::Secret;

    fn allowed((): &()) -> String {
        "a PostgreSQL URL, such as postgres://user:password@host:5432/name?sslmode=disable \
         (special characters of the password percent-encoded)"
            .to_owned()
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        Self::parse(&secret_text(given)?).ok_or(Refusal::NotAllowed)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}
