//! The page fetch: any public address, and the documents of this very server. Redirects are
//! followed by hand, so that each hop is judged like the first.

use std::time::Duration;

use response_egress::header::{ACCEPT, HeaderValue};
use response_egress::{
    AddressPolicy, BuildError, ClientOptions, EgressClient, EgressError, Inbound, IpNet, Outbound,
    Url,
};
use serde::Serialize;
use tokio::time::Instant;

use super::html;

/// How much of a page is read, in bytes.
const LARGEST: usize = 1 << 20;

/// How much of its text is given, in characters.
const LONGEST: usize = 20_000;

/// How many redirects are followed.
const HOPS: usize = 5;

/// How long one fetch may take, redirects included.
const TIME: Duration = Duration::from_secs(20);

/// A page as the tool shows it. What is short stands before the text, which a client may cut.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    url: String,
    title: String,
    /// Whether the text is only the beginning.
    truncated: bool,
    text: String,
}

/// Fetches pages.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    /// For everything that anyone may name.
    public: EgressClient,
    /// For the documents of this server, which are on an address that is not public.
    own: EgressClient,
    own_urls: Vec<Url>,
}

impl Pages {
    /// A fetcher for public addresses and those on the list.
    pub(super) fn new(allow: Vec<IpNet>) -> Result<Self, BuildError> {
        let policy = AddressPolicy::PublicOnly {
            allow,
            deny: Vec::new(),
        };
        Ok(Self {
            public: EgressClient::new(ClientOptions {
                policy,
                ..ClientOptions::default()
            })?,
            own: EgressClient::new(ClientOptions::default())?,
            own_urls: Vec::new(),
        })
    }

    /// The same, and what is at these URLs' hosts and ports, wherever that is.
    pub(super) fn with_own(mut self, own_urls: Vec<Url>) -> Self {
        self.own_urls = own_urls;
        self
    }

    /// The title and the text of a page, or why there is none.
    pub(super) async fn fetch(&self, address: &str) -> Result<Page, String> {
        let mut url = Url::parse(address)
            .map_err(|error| format!("url {address:?} cannot be read: {error}"))?;
        let deadline = Instant::now() + TIME;
        for _ in 0..=HOPS {
            let inbound = self
                .get(&url, deadline)
                .await
                .map_err(|error| told(&url, &error))?;
            if !inbound.status().is_redirection() {
                return page(&url, inbound, deadline).await;
            }
            let target = inbound.header("location").unwrap_or_default();
            url = url.join(target).map_err(|error| {
                format!("{url} redirects to {target:?}, which cannot be read: {error}")
            })?;
        }
        Err(format!("{address} redirects more than {HOPS} times"))
    }

    async fn get(&self, url: &Url, deadline: Instant) -> Result<Inbound, EgressError> {
        let is_own = self.own_urls.iter().any(|own| own.origin() == url.origin());
        let client = if is_own { &self.own } else { &self.public };
        let accept =
            HeaderValue::from_static("text/html, text/plain;q=0.9, application/json;q=0.8");
        client
            .send(Outbound::get(url).header(ACCEPT, accept).deadline(deadline))
            .await
    }
}

/// An error with its cause, in a sentence a model can use.
fn told(url: &Url, error: &EgressError) -> String {
    let mut text = format!("{url} could not be fetched: {error}");
    if let EgressError::Connect(cause) = error {
        let mut deepest: &dyn std::error::Error = cause;
        while let Some(source) = deepest.source() {
            deepest = source;
        }
        text = format!("{text}: {deepest}");
    }
    text
}

async fn page(url: &Url, inbound: Inbound, deadline: Instant) -> Result<Page, String> {
    let status = inbound.status();
    if !status.is_success() {
        return Err(format!("{url} answered {status}"));
    }
    let media_type = inbound
        .media_type()
        .unwrap_or("text/html")
        .to_ascii_lowercase();
    let is_html = matches!(media_type.as_str(), "text/html" | "application/xhtml+xml");
    let is_text = is_html
        || media_type.starts_with("text/")
        || media_type.ends_with("json")
        || media_type.ends_with("xml");
    if !is_text {
        return Err(format!("{url} is {media_type}, which is not text"));
    }
    let bytes = inbound
        .bytes_up_to(LARGEST, deadline)
        .await
        .map_err(|error| told(url, &error))?;
    let raw = String::from_utf8_lossy(&bytes);
    let (title, text) = if is_html {
        let page = html::read(&raw);
        (page.title, page.text)
    } else {
        (String::new(), raw.trim().to_owned())
    };
    let (text, is_cut) = match text.char_indices().nth(LONGEST) {
        Some((end, _)) => (text.get(..end).unwrap_or(&text).to_owned(), true),
        None => (text, bytes.len() == LARGEST),
    };
    Ok(Page {
        url: url.to_string(),
        title,
        truncated: is_cut,
        text,
    })
}
