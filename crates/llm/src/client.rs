//! One turn, from the question to the stream of its answer: the request is built once, sent until it
//! is answered or lost, and changed only when the server's refusal asks for it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use response_domain::caller::Credential;
use response_domain::ports::llm::{
    CallContext, DeltaStream, LlmClient, LlmError, LlmErrorKind, ModelTurn, TurnMode,
};
use response_domain::spec::ToolChoice;
use response_domain::time::Clock;
use response_egress::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use response_egress::{Bytes, EgressClient, Inbound, Outbound, StatusCode};
use tokio::time::{Instant, sleep_until};

use crate::answer::{Answer, Deadlines, Memory, Start};
use crate::catalogue::{Catalogue, Question};
use crate::concession::Concessions;
use crate::endpoint::{BadBaseUrl, Endpoints};
use crate::error;
use crate::manners::{Manner, Manners, Streams};
use crate::options::ChatOptions;
use crate::reader::Asked;
use crate::refusal::{Refusal, Setback};
use crate::request::ChatRequest;
use crate::retry::{self, Jitter, RandomJitter};

/// How much of a refusal is read, and how long that may take.
const REFUSAL_BYTES: usize = 16 << 10;
const REFUSAL_TIME: Duration = Duration::from_secs(5);

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A model server that speaks the chat completions format.
#[derive(Debug)]
pub struct ChatClient {
    options: ChatOptions,
    endpoints: Endpoints,
    egress: EgressClient,
    clock: Clockwork,
    jitter: Arc<dyn Jitter>,
    manners: Arc<Manners>,
    catalogue: Catalogue,
}

/// The clock, for dates in headers.
struct Clockwork(Arc<dyn Clock>);

impl std::fmt::Debug for Clockwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl ChatClient {
    /// A client for the server that `options` name, which is called through `egress`.
    pub fn new(
        options: ChatOptions,
        egress: EgressClient,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BadBaseUrl> {
        Ok(Self {
            endpoints: Endpoints::new(&options.base)?,
            catalogue: Catalogue::new(options.catalogue_cache, options.context_length),
            options,
            egress,
            clock: Clockwork(clock),
            jitter: Arc::new(RandomJitter),
            manners: Arc::default(),
        })
    }

    /// The same client with another choice of waits before retries.
    #[must_use]
    pub fn with_jitter(mut self, jitter: Arc<dyn Jitter>) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sends the turn until it is answered with 200. Also says what the request had to concede.
    async fn answered(
        &self,
        turn: &ModelTurn,
        manner: Manner,
        context: &CallContext,
        deadline: Instant,
    ) -> Result<(Inbound, Try, Concessions), LlmError> {
        let mode = mode(turn, manner);
        let headers = self.headers(context, accepts(mode))?;
        let known = manner.concessions;
        let mut asked = Concessions::NONE;
        let mut body = Body::new(turn, mode, known)?;
        let mut tried = 0;
        loop {
            let attempt = Try::new(&self.options, mode, deadline);
            let outbound = Outbound::post(&self.endpoints.completions)
                .headers(headers.clone())
                .json(body.bytes.clone())
                .deadline(attempt.headers_by);
            let secret = self.secret(context);
            let setback = match self
                .attempt(outbound, body.possible, secret, deadline)
                .await
            {
                Ok(inbound) => {
                    if !asked.is_empty() {
                        self.manners.concede(&turn.spec.model, asked);
                    }
                    return Ok((inbound, attempt, known.and(asked)));
                }
                Err(setback) => setback,
            };
            match setback {
                Setback::Form(form, error) => {
                    tracing::debug!(%error, form = form.as_str(), "the request is asked for in another form");
                    asked = asked.with(form);
                    body = Body::new(turn, mode, known.and(asked))?;
                }
                Setback::Passing(error, told) if tried < self.options.retries => {
                    self.pause(tried, told, deadline, error).await?;
                    tried += 1;
                }
                Setback::Passing(error, _) | Setback::Lasting(error) => {
                    return Err(error);
                }
            }
        }
    }

    /// Waits before the next try, or answers the error when there will be none.
    async fn pause(
        &self,
        tried: u32,
        told: Option<Duration>,
        deadline: Instant,
        error: LlmError,
    ) -> Result<(), LlmError> {
        let wait = retry::wait(tried, told, &*self.jitter);
        match wait.map(|wait| Instant::now() + wait) {
            Some(again) if again < deadline => {
                tracing::debug!(%error, tried, "the turn is tried again");
                sleep_until(again).await;
                Ok(())
            }
            _ => Err(error),
        }
    }

    async fn attempt(
        &self,
        outbound: Outbound,
        possible: Concessions,
        secret: Option<&str>,
        deadline: Instant,
    ) -> Result<Inbound, Setback> {
        let inbound = self.egress.send(outbound).await.map_err(|fault| {
            let passes = matches!(
                fault,
                response_egress::EgressError::Connect(_) | response_egress::EgressError::Broken(_)
            );
            let error = error::before_answer(fault);
            if passes {
                Setback::Passing(error, None)
            } else {
                Setback::Lasting(error)
            }
        })?;
        if inbound.status() == StatusCode::OK {
            return Ok(inbound);
        }
        let status = inbound.status();
        let retry_after = retry::told(inbound.headers(), self.clock.0.now());
        let is_html = inbound
            .media_type()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
        let by = deadline.min(Instant::now() + REFUSAL_TIME);
        let body = inbound.bytes_up_to(REFUSAL_BYTES, by).await;
        let body = body.unwrap_or_default();
        let mut text = String::from_utf8_lossy(&body);
        if let Some(secret) = secret
            && text.contains(secret)
        {
            text = text.replace(secret, "…").into();
        }
        let refusal = Refusal {
            status,
            retry_after,
            body: &text,
            is_html: is_html || body.trim_ascii_start().starts_with(b"<"),
        };
        Err(refusal.judge(possible))
    }

    fn credential<'a>(&'a self, context: &'a CallContext) -> &'a Credential {
        match &context.credential {
            Credential::Absent => &self.options.fallback,
            own => own,
        }
    }

    /// What must not be in a log, should the server say it.
    fn secret<'a>(&'a self, context: &'a CallContext) -> Option<&'a str> {
        match self.credential(context) {
            Credential::Absent => None,
            Credential::Bearer(secret) | Credential::ApiKey(secret) => {
                Some(secret.as_str()).filter(|secret| !secret.is_empty())
            }
        }
    }

    fn headers(&self, context: &CallContext, accept: &'static str) -> Result<HeaderMap, LlmError> {
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Ok(id) = HeaderValue::from_str(&context.request_id) {
            headers.insert(REQUEST_ID, id);
        }
        let (name, value) = match self.credential(context) {
            Credential::Absent => return Ok(headers),
            Credential::Bearer(token) => (AUTHORIZATION, format!("Bearer {}", token.as_str())),
            Credential::ApiKey(key) => (API_KEY, key.as_str().to_owned()),
        };
        let mut value = HeaderValue::try_from(value).map_err(|_| {
            error::plain(
                LlmErrorKind::Unauthorized,
                "the credential has characters that cannot be sent to the model server",
            )
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(headers)
    }
}

#[async_trait]
impl LlmClient for ChatClient {
    async fn stream(
        &self,
        turn: &ModelTurn,
        context: &CallContext,
    ) -> Result<DeltaStream, LlmError> {
        let deadline = Instant::now() + self.options.turn_timeout;
        let model = &turn.spec.model;
        let manner = self.manners.of(model);
        let (inbound, attempt, conceded) = self.answered(turn, manner, context, deadline).await?;
        let mut asked = Asked::of(turn);
        asked.context_length = self.catalogue.peek(model);
        asked.opening = manner.opening;
        let start = Start {
            mode: mode(turn, manner),
            avoids_stream: mode(turn, manner) != turn.mode,
            asked,
            adapted: (!conceded.is_empty()).then(|| conceded.names().into()),
            memory: Memory {
                manners: Arc::clone(&self.manners),
                model: Arc::clone(model),
            },
            deadlines: Deadlines {
                first_byte: attempt.headers_by,
                turn: deadline,
                idle: self.options.idle_timeout,
            },
        };
        let answer = Answer::new(inbound, start, &self.options)?;
        Ok(Box::pin(answer))
    }

    async fn context_length(&self, model: &str, context: &CallContext) -> u32 {
        if let Some(tokens) = self.catalogue.fresh(model) {
            return tokens;
        }
        let Ok(headers) = self.headers(context, "application/json") else {
            return self.options.context_length;
        };
        let question = Question {
            egress: &self.egress,
            endpoints: &self.endpoints,
            headers,
            callers_own: !matches!(context.credential, Credential::Absent),
        };
        self.catalogue.ask(model, question).await
    }
}

/// A request as bytes; sending it again copies nothing.
struct Body {
    bytes: Bytes,
    /// The concessions that would change it.
    possible: Concessions,
}

impl Body {
    fn new(turn: &ModelTurn, mode: TurnMode, conceded: Concessions) -> Result<Self, LlmError> {
        let request = ChatRequest::new(turn, mode, conceded);
        let bytes = request.to_bytes().map_err(|cause| {
            let message = "the request to the model server cannot be written";
            error::caused(LlmErrorKind::Refused, message, cause)
        })?;
        Ok(Self {
            bytes: bytes.into(),
            possible: request.possible(),
        })
    }
}

/// One sending of a request.
struct Try {
    /// Until when the headers of the answer must be there, and the first byte of a stream.
    headers_by: Instant,
}

impl Try {
    fn new(options: &ChatOptions, mode: TurnMode, deadline: Instant) -> Self {
        let headers_by = match mode {
            TurnMode::Whole => deadline,
            TurnMode::Streamed => deadline.min(Instant::now() + options.first_byte_timeout),
        };
        Self { headers_by }
    }
}

/// How the answer is asked for: as it is wanted, unless streams of this model lose what calls need.
fn mode(turn: &ModelTurn, manner: Manner) -> TurnMode {
    let may_call = !turn.tools.is_empty() && turn.choice != ToolChoice::None;
    if may_call && manner.streams == Streams::Lossy {
        TurnMode::Whole
    } else {
        turn.mode
    }
}

const fn accepts(mode: TurnMode) -> &'static str {
    match mode {
        TurnMode::Whole => "application/json",
        TurnMode::Streamed => "text/event-stream, application/json",
    }
}
