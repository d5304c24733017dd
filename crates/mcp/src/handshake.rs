//! Finding out how a server wants to be spoken to: a handshake, the protocol that says all in
//! each request, or bare requests.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::Credential;
use response_egress::StatusCode;
use response_egress::header::HeaderValue;

use crate::exchange::{Post, Reply};
use crate::fault::Fault;
use crate::link::{Era, Link};
use crate::message::{Awaited, RpcError};
use crate::options::Mode;
use crate::pace::Pace;
use crate::server::Server;
use crate::wire::{
    self, Discovered, Empty, Initialize, Initialized, LATEST_HANDSHAKE, List, MODERN, Meta,
};

/// How long a handshake may take. A server that knows none may leave it unanswered.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the version that a server names may be.
const MAX_VERSION: usize = 64;
/// How long the name of a session may be; it goes with every request.
const MAX_SESSION: usize = 4 * 1024;

const INITIALIZED: &str = "notifications/initialized";
const DISCOVER: &str = "server/discover";

/// What a server makes of the handshake.
enum Greeting {
    /// It agreed.
    Agreed(Link),
    /// It wants this version of the handshake.
    Offer(&'static str),
    /// It speaks the protocol without a handshake.
    Modern,
    /// It knows no handshake; why.
    Unknown(Fault),
}

impl Server {
    /// Finds out the terms.
    pub(crate) async fn connect(
        self: &Arc<Self>,
        credential: &Credential,
        pace: &Pace,
    ) -> Result<Link, Fault> {
        if self.mode == Mode::Bare {
            return Ok(Link::BARE);
        }
        let mut pace = pace.within(HANDSHAKE_TIMEOUT);
        let mut greeting = self.greet(LATEST_HANDSHAKE, credential, &mut pace).await?;
        if let Greeting::Offer(version) = greeting {
            greeting = self.greet(version, credential, &mut pace).await?;
        }
        let link = match greeting {
            Greeting::Agreed(link) => link,
            Greeting::Modern => modern(),
            Greeting::Offer(_) => {
                return Err(Fault::Protocol("it refuses the version it asked for"));
            }
            Greeting::Unknown(why) => {
                let speaks_modern = self.discover(credential, &mut pace).await?;
                match self.mode {
                    _ if speaks_modern => modern(),
                    Mode::Session => return Err(why),
                    Mode::Auto | Mode::Bare => Link::BARE,
                }
            }
        };
        self.log_terms(&link);
        Ok(link)
    }

    async fn greet(
        self: &Arc<Self>,
        version: &'static str,
        credential: &Credential,
        pace: &mut Pace,
    ) -> Result<Greeting, Fault> {
        let params = Initialize {
            version,
            capabilities: Empty {},
            client: &self.common.identity,
        };
        let id = self.next_id();
        let post = Post {
            awaited: Awaited { id, token: None },
            headers: self.headers(&Link::BARE, credential, "initialize"),
            body: wire::request(id, "initialize", params),
            credential,
            limit: self.list_limit,
        };
        match self.exchange(post, &Link::BARE, pace).await {
            Ok(reply) => self.agreed(reply, credential, pace).await,
            Err(fault) => refused(fault, version),
        }
    }

    async fn agreed(
        self: &Arc<Self>,
        reply: Reply,
        credential: &Credential,
        pace: &mut Pace,
    ) -> Result<Greeting, Fault> {
        let Ok(initialized) = serde_json::from_slice::<Initialized>(&reply.result) else {
            return Ok(Greeting::Unknown(Fault::Protocol(
                "its answer to the handshake names no version",
            )));
        };
        if initialized.version == MODERN {
            return Ok(Greeting::Modern);
        }
        if !wire::HANDSHAKES.contains(&initialized.version.as_str()) {
            self.log_unknown_version(&initialized.version);
        }
        let version = HeaderValue::from_str(&initialized.version);
        let Some(version) = version.ok().filter(|version| version.len() <= MAX_VERSION) else {
            return Err(Fault::Protocol("it names a version that cannot be sent"));
        };
        let mut session = reply.session;
        if let Some(session) = &mut session {
            session.set_sensitive(true);
            if session.len() > MAX_SESSION {
                return Err(Fault::Protocol("the name of its session is too long"));
            }
        }
        let link = Link {
            era: Era::Handshake,
            version: Some(version),
            session,
        };
        self.tell(
            wire::notification(INITIALIZED, Empty {}),
            self.headers(&link, credential, INITIALIZED),
            pace.until(),
        )
        .await;
        Ok(Greeting::Agreed(link))
    }

    /// Whether the server speaks the protocol without a handshake.
    async fn discover(
        self: &Arc<Self>,
        credential: &Credential,
        pace: &mut Pace,
    ) -> Result<bool, Fault> {
        let link = modern();
        let id = self.next_id();
        let params = List {
            cursor: None,
            meta: self.meta(&link),
        };
        let post = Post {
            awaited: Awaited { id, token: None },
            headers: self.headers(&link, credential, DISCOVER),
            body: wire::request(id, DISCOVER, params),
            credential,
            limit: self.list_limit,
        };
        match self.exchange(post, &link, pace).await {
            Ok(reply) => {
                let discovered = serde_json::from_slice::<Discovered>(&reply.result);
                Ok(discovered.is_ok_and(|answer| answer.versions.iter().any(|v| v == MODERN)))
            }
            Err(fault) if knows_no_handshake(&fault) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// What a request says about itself on these terms.
    pub(crate) fn meta(&self, link: &Link) -> Meta<'_> {
        if link.era != Era::Modern {
            return Meta::default();
        }
        Meta {
            version: Some(MODERN),
            client: Some(&self.common.identity),
            capabilities: Some(Empty {}),
            ..Meta::default()
        }
    }
}

fn modern() -> Link {
    Link {
        era: Era::Modern,
        version: Some(HeaderValue::from_static(MODERN)),
        session: None,
    }
}

/// What a refused handshake says about the server.
fn refused(fault: Fault, asked: &str) -> Result<Greeting, Fault> {
    let supported = fault.rpc().and_then(RpcError::supported);
    if let Some(supported) = supported {
        let older = wire::HANDSHAKES
            .into_iter()
            .find(|known| *known != asked && supported.contains(known));
        return match older {
            _ if supported.contains(&MODERN) => Ok(Greeting::Modern),
            Some(older) => Ok(Greeting::Offer(older)),
            None => Err(Fault::Protocol(
                "it speaks no protocol version that is known here",
            )),
        };
    }
    if knows_no_handshake(&fault) {
        Ok(Greeting::Unknown(fault))
    } else {
        Err(fault)
    }
}

/// Whether the server is there but makes nothing of the method; not so when it refuses the caller
/// or is in trouble.
fn knows_no_handshake(fault: &Fault) -> bool {
    match fault {
        Fault::Rpc(_) | Fault::Protocol(_) | Fault::Malformed(_) => true,
        Fault::Refused { status, .. } => match *status {
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => false,
            StatusCode::INTERNAL_SERVER_ERROR | StatusCode::NOT_IMPLEMENTED => true,
            status => status.is_client_error(),
        },
        _ => false,
    }
}
