//! What the operator says about the tool servers, and the checks on it.

use std::fmt;
use std::time::Duration;

use response_egress::header::HeaderMap;
use response_egress::{Refusal, Url};

/// How long one server's list may take at most.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// How tool servers are called and what is believed of them.
#[derive(Debug, Clone)]
pub struct Options {
    /// The servers, in the order in which their tools are offered.
    pub servers: Vec<ServerOptions>,
    /// What the first server is to the others.
    pub first: First,
    /// The name this client gives itself in a handshake.
    pub client_name: String,
    /// The version this client gives itself in a handshake.
    pub client_version: String,
    /// How long a call may take. A server that reports progress gets this much again each time.
    pub call_timeout: Duration,
    /// How long a call may take whatever progress is reported; at least `call_timeout`.
    pub call_cap: Duration,
    /// How long a list of tools is taken for current; zero asks the servers each time.
    pub list_fresh: Duration,
    /// How many bytes of text a result may have; the rest is cut off with a notice.
    pub result_limit: usize,
    /// Tools, by the name on offer, that may be called again when the outcome is unknown.
    pub repeat_safe: Vec<String>,
    /// How many tools are offered at most, over all servers.
    pub max_tools: usize,
}

impl Options {
    /// These servers, a 45 s timeout under a cap of 10 min, lists current for a minute,
    /// results of 256 KiB, 128 tools.
    pub fn new(servers: Vec<ServerOptions>) -> Self {
        Self {
            servers,
            first: First::Main,
            client_name: "response-api".to_owned(),
            client_version: env!("CARGO_PKG_VERSION").to_owned(),
            call_timeout: Duration::from_secs(45),
            call_cap: Duration::from_mins(10),
            list_fresh: Duration::from_mins(1),
            result_limit: 256 * 1024,
            repeat_safe: Vec::new(),
            max_tools: 128,
        }
    }

    /// How long one server's list may take.
    pub(crate) fn list_timeout(&self) -> Duration {
        self.call_timeout.min(LIST_TIMEOUT)
    }

    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        for (at, server) in self.servers.iter().enumerate() {
            server.check()?;
            let label = &server.label;
            if self
                .servers
                .iter()
                .take(at)
                .any(|other| other.label == *label)
            {
                return Err(OptionsError::RepeatedLabel {
                    label: label.clone(),
                });
            }
        }
        if self.call_timeout.is_zero() {
            return Err(OptionsError::NoTime);
        }
        if self.call_cap < self.call_timeout {
            return Err(OptionsError::CapBelowTimeout {
                timeout: self.call_timeout,
                cap: self.call_cap,
            });
        }
        Ok(())
    }
}

/// One tool server.
#[derive(Clone)]
pub struct ServerOptions {
    /// What it is called here: 1 to 32 of `A-Z a-z 0-9 _ -`, and no other server has it.
    pub label: String,
    /// Where it is. A URL without a path means `/v1/mcp` there.
    pub url: Url,
    /// How it wants to be spoken to.
    pub mode: Mode,
    /// Headers of every request to it; taken for secrets.
    pub headers: HeaderMap,
    /// Whether it is believed what it says about its tools.
    pub trust: Trust,
    /// Whether it gets the caller's credential.
    pub credential: CredentialUse,
    /// Whether it gets the context arguments that its tools name.
    pub context: ContextArguments,
}

impl ServerOptions {
    /// A server that is not trusted and gets no credential; the rest is found out.
    pub fn new(label: impl Into<String>, url: Url) -> Self {
        Self {
            label: label.into(),
            url,
            mode: Mode::Auto,
            headers: HeaderMap::new(),
            trust: Trust::Untrusted,
            credential: CredentialUse::Withheld,
            context: ContextArguments::Given,
        }
    }

    /// The URL that is posted to.
    pub(crate) fn endpoint(&self) -> Url {
        let mut url = self.url.clone();
        if matches!(url.path(), "" | "/") {
            url.set_path("/v1/mcp");
        }
        url
    }

    fn check(&self) -> Result<(), OptionsError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if self.label.is_empty() || self.label.len() > 32 || !self.label.bytes().all(fits) {
            return Err(OptionsError::Label {
                label: self.label.clone(),
            });
        }
        Ok(())
    }
}

impl fmt::Debug for ServerOptions {
    /// Without the values of the headers and without what a URL can hide.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions")
            .field("label", &self.label)
            .field("host", &self.url.host_str())
            .field("mode", &self.mode)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("trust", &self.trust)
            .field("credential", &self.credential)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// What the first server is to the others. Tools of every other server are named
/// `<label>_<tool>`, and are left out while their server is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// The main one: its tools keep their names, and without it there is no list.
    Main,
    /// One like the others. There is no list only when none of them can be asked.
    LikeOthers,
}

/// How a server wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As it turns out: a handshake if it knows one, else the stateless protocol of 2026, else
    /// bare requests.
    Auto,
    /// Bare JSON-RPC requests, each by itself.
    Bare,
    /// MCP proper; a server that knows no handshake is an error.
    Session,
}

/// Whether it is believed what a server says about its tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Only the operator's list says which tools may be called twice.
    Untrusted,
    /// `readOnlyHint` and `idempotentHint` say it as well.
    Trusted,
}

/// Whether a server gets the caller's credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialUse {
    /// As the caller brought it, in place of a fixed header of the same name.
    Forwarded,
    /// Never.
    Withheld,
}

/// Whether `request_id`, `conversation_id`, `user_id` and `tool_call_id` are filled in where a
/// tool's schema names them, and hidden from the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextArguments {
    /// Filled in, in place of whatever the model wrote.
    Given,
    /// Left to the model, as arguments like any other.
    Withheld,
}

/// What is wrong with the options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A label that cannot stand in a tool's name.
    #[error("the tool server label {label:?} is not 1 to 32 of A-Z a-z 0-9 _ -")]
    Label {
        /// The label.
        label: String,
    },
    /// Two servers of one label.
    #[error("two tool servers have the label {label:?}; each needs its own")]
    RepeatedLabel {
        /// The label.
        label: String,
    },
    /// A URL that cannot be called.
    #[error("the URL of the tool server {label:?} cannot be called")]
    Url {
        /// The server.
        label: String,
        /// What is wrong with it.
        #[source]
        refusal: Refusal,
    },
    /// No time for a call.
    #[error("the time limit of a tool call is zero; it must be longer")]
    NoTime,
    /// A cap that the first timeout would pass already.
    #[error("the cap of a tool call is {cap:?}, below its timeout of {timeout:?}")]
    CapBelowTimeout {
        /// The timeout.
        timeout: Duration,
        /// The cap.
        cap: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(label: &str, url: &str) -> ServerOptions {
        ServerOptions::new(label, Url::parse(url).unwrap())
    }

    #[test]
    fn a_url_without_a_path_means_the_ecosystems_own() {
        let cases = [
            ("http://tools:8091", "http://tools:8091/v1/mcp"),
            ("http://tools:8091/", "http://tools:8091/v1/mcp"),
            ("http://tools/mcp", "http://tools/mcp"),
            ("http://tools/mcp/", "http://tools/mcp/"),
            ("https://tools/a/b?k=v", "https://tools/a/b?k=v"),
        ];
        for (given, called) in cases {
            assert_eq!(server("a", given).endpoint().as_str(), called);
        }
    }

    #[test]
    fn options_that_cannot_work_are_refused_with_their_reason() {
        let check = |servers| Options::new(servers).check();
        assert_eq!(check(vec![server("a-1_B", "http://tools")]), Ok(()));
        assert_eq!(check(vec![]), Ok(()));
        for label in ["", "a b", "ä", &"x".repeat(33)] {
            let refused = check(vec![server(label, "http://tools")]).unwrap_err();
            assert!(matches!(refused, OptionsError::Label { .. }), "{label}");
        }
        let twice = check(vec![server("a", "http://x"), server("a", "http://y")]).unwrap_err();
        assert!(twice.to_string().contains("\"a\""));
        let mut options = Options::new(vec![]);
        options.call_cap = Duration::from_secs(1);
        assert!(matches!(
            options.check(),
            Err(OptionsError::CapBelowTimeout { .. })
        ));
        options.call_timeout = Duration::ZERO;
        assert_eq!(options.check(), Err(OptionsError::NoTime));
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut server = server("a", "http://user:s3cret@tools/?token=s3cret");
        server.headers.insert("x-key", "s3cret".parse().unwrap());
        let shown = format!("{:?}", Options::new(vec![server]));
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("x-key"));
    }
}
