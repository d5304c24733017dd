//! One delivery from its address to its answer, under one deadline.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use response_domain::ports::webhook::{Letter, NotAllowed, WebhookSender};
use response_domain::webhook::{Answer, EXCERPT, SendFault};
use response_egress::{
    AddressPolicy, BuildError, ClientOptions, EgressClient, EgressError, Lookup, Outbound,
    SystemLookup, Url, Versions,
};
use tokio::time::Instant;

use crate::{answer, fault, headers};

/// How long the beginning of a body is waited for once its headers have come.
const FOR_THE_BODY: Duration = Duration::from_secs(1);

/// How deliveries are sent.
#[derive(Debug, Clone)]
pub struct Options {
    /// The `User-Agent` of every delivery.
    pub user_agent: String,
    /// How long an attempt may take until the headers of the answer are there: name lookup, connection,
    /// TLS and the receiver's own time.
    pub timeout: Duration,
    /// Which addresses may be called.
    pub policy: AddressPolicy,
    /// How names become addresses.
    pub lookup: Arc<dyn Lookup>,
}

impl Default for Options {
    /// Ten seconds, public addresses only, the operating system's lookup.
    fn default() -> Self {
        Self {
            user_agent: "jan-response-api/1.0".to_owned(),
            timeout: Duration::from_secs(10),
            policy: AddressPolicy::public_only(),
            lookup: Arc::new(SystemLookup::default()),
        }
    }
}

/// Posts letters; clones share their connections.
#[derive(Debug, Clone)]
pub struct HttpSender {
    client: EgressClient,
    policy: AddressPolicy,
    timeout: Duration,
}

impl HttpSender {
    /// A sender with connections of its own.
    pub fn new(options: Options) -> Result<Self, BuildError> {
        let Options {
            user_agent,
            timeout,
            policy,
            lookup,
        } = options;
        let client = EgressClient::new(ClientOptions {
            connect_timeout: timeout,
            pool_idle_timeout: Duration::from_secs(5),
            max_idle_per_host: 16,
            user_agent,
            policy: policy.clone(),
            lookup,
            // A receiver that hangs must not hold up its other deliveries on a connection they share.
            versions: Versions::Only1,
        })?;
        Ok(Self {
            client,
            policy,
            timeout,
        })
    }

    async fn post(&self, url: &Url, letter: Letter) -> Result<Answer, EgressError> {
        let headers = headers::of(&letter);
        let outbound = Outbound::post(url)
            .headers(headers)
            .body(letter.body)
            .deadline(Instant::now() + self.timeout);
        let inbound = self.client.send(outbound).await?;
        let retry_after = answer::retry_after(&inbound, letter.at);
        let status = inbound.status().as_u16();
        let body = inbound
            .excerpt(EXCERPT, Instant::now() + FOR_THE_BODY)
            .await;
        Ok(Answer {
            status,
            retry_after,
            excerpt: answer::excerpt(&body),
        })
    }
}

#[async_trait]
impl WebhookSender for HttpSender {
    async fn send(&self, letter: Letter) -> Result<Answer, SendFault> {
        let (event, url) = (letter.id, Arc::clone(&letter.url));
        let answer = match self.policy.parse(&url) {
            Ok(url) => self.post(&url, letter).await,
            Err(refusal) => Err(refusal.into()),
        };
        // The rest of an address may hold what only its owner is to know.
        let url = Url::parse(&url).ok();
        let host = url.as_ref().and_then(Url::host_str);
        match answer {
            Ok(answer) => {
                if !answer.is_taken() {
                    tracing::info!(
                        event.id = %event,
                        net.host = host,
                        http.status = answer.status,
                        "a webhook delivery was not taken"
                    );
                }
                Ok(answer)
            }
            Err(error) => {
                let fault = fault::of(&error);
                tracing::info!(
                    event.id = %event,
                    net.host = host,
                    fault = fault.as_str(),
                    error = &error as &dyn Error,
                    "a webhook delivery got no answer"
                );
                Err(fault)
            }
        }
    }

    fn origin(&self, url: &str) -> Box<str> {
        let url = Url::parse(url);
        url.map(|url| url.origin().ascii_serialization())
            .unwrap_or_default()
            .into()
    }

    fn admit(&self, url: &str) -> Result<(), NotAllowed> {
        match self.policy.parse(url) {
            Ok(_) => Ok(()),
            Err(refusal) => Err(NotAllowed(fault::told(&refusal))),
        }
    }
}
