//! Where the keys of an issuer come from, and how long they are good.

use std::time::Duration;

use response_egress::{EgressClient, EgressError, Inbound, Outbound, StatusCode, Url};
use tokio::time::Instant;

use super::ring::Ring;
use crate::json::Object;

/// How long it may take to get the keys, all told.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest document that is read.
const LONGEST: usize = 512 * 1024;
const SHORTEST_AGE: Duration = Duration::from_mins(5);
const USUAL_AGE: Duration = Duration::from_mins(10);
const LONGEST_AGE: Duration = Duration::from_hours(1);

/// Where the keys stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Here.
    At(Url),
    /// Where this document says, if it is that of this issuer.
    Discovered {
        /// The document.
        document: Url,
        /// The issuer.
        issuer: String,
    },
}

/// Keys that have just come.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The keys.
    pub(crate) ring: Ring,
    /// How long they need not be asked for again.
    pub(crate) good_for: Duration,
}

/// Why there are no keys. The words are for the log, and name no URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the server did not answer")]
    Call(#[from] EgressError),
    #[error("the server answered with status {0}")]
    Status(StatusCode),
    #[error("the answer is not a set of keys of which one can be used")]
    NoKeys,
    #[error("the answer is not a discovery document with `issuer` and `jwks_uri`")]
    NoDocument,
    #[error("the discovery document is of another issuer")]
    OtherIssuer,
    #[error("the discovery document names a key set that cannot be fetched")]
    KeySetUrl,
}

impl Source {
    /// The keys as they stand there now.
    pub(crate) async fn fetch(&self, client: &EgressClient) -> Result<Fetched, FetchError> {
        let deadline = Instant::now() + PATIENCE;
        let found;
        let url = match self {
            Self::At(url) => url,
            Self::Discovered { document, issuer } => {
                let answer = get(client, document, deadline).await?;
                let text = answer.bytes_capped(LONGEST, deadline).await?;
                found = key_set_of(&text, issuer, document)?;
                &found
            }
        };
        let answer = get(client, url, deadline).await?;
        let good_for = age(answer.header("cache-control"));
        let document = answer.bytes_capped(LONGEST, deadline).await?;
        let ring = Ring::read(&document).ok_or(FetchError::NoKeys)?;
        Ok(Fetched { ring, good_for })
    }
}

async fn get(client: &EgressClient, url: &Url, deadline: Instant) -> Result<Inbound, FetchError> {
    let answer = client.send(Outbound::get(url).deadline(deadline)).await?;
    match answer.status() {
        StatusCode::OK => Ok(answer),
        status => Err(FetchError::Status(status)),
    }
}

/// Where the keys of this issuer are, by its discovery document.
pub(crate) fn key_set_of(text: &[u8], issuer: &str, document: &Url) -> Result<Url, FetchError> {
    let said = Object::read(text).ok_or(FetchError::NoDocument)?;
    let member = |name| match said.text(name) {
        Ok(Some(text)) => Ok(text),
        Ok(None) | Err(_) => Err(FetchError::NoDocument),
    };
    // OpenID Connect Discovery 1.0, section 4.3: otherwise somebody else's keys would be taken for its own.
    if member("issuer")? != issuer {
        return Err(FetchError::OtherIssuer);
    }
    let url = Url::parse(member("jwks_uri")?).map_err(|_fault| FetchError::KeySetUrl)?;
    // What came over TLS must not lead to where anybody on the way could answer.
    let leads_down = document.scheme() == "https" && url.scheme() != "https";
    (!leads_down).then_some(url).ok_or(FetchError::KeySetUrl)
}

/// How long keys are good by this `Cache-Control`.
fn age(control: Option<&str>) -> Duration {
    let Some(control) = control else {
        return USUAL_AGE;
    };
    let mut directives = control.split(',').map(str::trim);
    let of = |directive: &str| {
        let (name, value) = directive.split_once('=')?;
        let seconds = value.trim_matches('"').parse().ok()?;
        name.eq_ignore_ascii_case("max-age")
            .then_some(Duration::from_secs(seconds))
    };
    let forbids = |directive: &str| {
        ["no-store", "no-cache"]
            .iter()
            .any(|word| directive.eq_ignore_ascii_case(word))
    };
    if directives.clone().any(forbids) {
        return SHORTEST_AGE;
    }
    directives
        .find_map(of)
        .map_or(USUAL_AGE, |age| age.clamp(SHORTEST_AGE, LONGEST_AGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_good_from_five_minutes_to_an_hour() {
        let minutes = |minutes: u64| Duration::from_mins(minutes);
        for (control, good_for) in [
            (None, minutes(10)),
            (Some(""), minutes(10)),
            (Some("public"), minutes(10)),
            (Some("max-age=1800"), minutes(30)),
            (Some("public, Max-Age=1800, must-revalidate"), minutes(30)),
            (Some("max-age=\"1800\""), minutes(30)),
            (Some("max-age=0"), minutes(5)),
            (Some("max-age=86400"), minutes(60)),
            (Some("max-age=18446744073709551615"), minutes(60)),
            (Some("max-age=18446744073709551616"), minutes(10)),
            (Some("max-age=-1"), minutes(10)),
            (Some("max-age=soon"), minutes(10)),
            (Some("s-maxage=60"), minutes(10)),
            (Some("no-store"), minutes(5)),
            (Some("no-cache, max-age=3600"), minutes(5)),
        ] {
            assert_eq!(age(control), good_for, "{control:?}");
        }
    }

    #[test]
    fn a_discovery_document_is_believed_about_its_own_issuer_alone() {
        let found = |document: &str, text: &str| {
            let issuer = "https://id.example/realms/jan";
            key_set_of(text.as_bytes(), issuer, &Url::parse(document).unwrap())
        };
        let (safe, plain) = ("https://id.example/d", "http://id.example/d");
        let issuer = r#""issuer":"https://id.example/realms/jan""#;
        let to = |url: &str| format!(r#"{{{issuer},"jwks_uri":"{url}"}}"#);
        for (document, url) in [
            (safe, "https://other.example/keys"),
            (plain, "http://id.example/keys"),
            (plain, "https://id.example/keys"),
        ] {
            assert_eq!(found(document, &to(url)).unwrap().as_str(), url);
        }
        let twice = format!(r#"{{{issuer},{issuer},"jwks_uri":"https://a.example/"}}"#);
        for (document, text) in [
            (safe, to("http://id.example/keys")),
            (safe, to("keys")),
            (safe, to("")),
            (safe, format!("{{{issuer}}}")),
            (safe, format!(r#"{{{issuer},"jwks_uri":1}}"#)),
            (safe, r#"{"jwks_uri":"https://id.example/keys"}"#.into()),
            (safe, to("https://a.example/").replace("/jan", "/jan/")),
            (safe, to("https://a.example/").replace("/jan", "/other")),
            (safe, twice),
            (safe, "<html>".into()),
            (safe, "[]".into()),
        ] {
            assert!(found(document, &text).is_err(), "{text}");
        }
    }
}
