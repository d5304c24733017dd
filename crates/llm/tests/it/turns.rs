//! Turns to ask, clients to ask them with, and whole answers to look at.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use response_domain::caller::{Credential, ToolSecrets};
use response_domain::id::{ItemId, RawId, ResponseId};
use response_domain::item::{
    CallId, FunctionCall, FunctionCallOutput, Item, ItemBody, ItemStatus, Message, Part, Reasoning,
    Role,
};
use response_domain::json::Json;
use response_domain::ports::llm::{
    CallContext, Delta, DeltaStream, LlmClient, LlmError, ModelTurn, TurnMode,
};
use response_domain::spec::{
    Draft, InputItem, OnMaxDepth, ResponseSpec, SpecLimits, ToolChoice, ToolFailure,
};
use response_domain::time::{Clock, Timestamp};
use response_egress::{ClientOptions, EgressClient, Url};
use response_llm::{ChatClient, ChatOptions, Jitter};

/// A clock that stands on Fri, 15 May 2015 15:34:21 GMT.
pub(crate) struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_431_704_061_000_000)
    }
}

/// Waits as short as they may be.
#[derive(Debug)]
pub(crate) struct NoWait;

impl Jitter for NoWait {
    fn up_to(&self, _most: Duration) -> Duration {
        Duration::ZERO
    }
}

pub(crate) fn options(base: &Url) -> ChatOptions {
    ChatOptions::new(base.clone())
}

pub(crate) fn client_with(options: ChatOptions) -> ChatClient {
    client_over(ClientOptions::default(), options)
}

pub(crate) fn client_over(connecting: ClientOptions, options: ChatOptions) -> ChatClient {
    let egress = EgressClient::new(connecting).unwrap();
    let client = ChatClient::new(options, egress, Arc::new(StandingClock)).unwrap();
    client.with_jitter(Arc::new(NoWait))
}

pub(crate) fn client(base: &Url) -> ChatClient {
    client_with(options(base))
}

pub(crate) fn context(credential: Credential) -> CallContext {
    CallContext {
        credential,
        tool_secrets: ToolSecrets::default(),
        request_id: Arc::from("req-7"),
        response: ResponseId::new(RawId::new(1)),
        conversation: None,
        user: Arc::from("ada"),
    }
}

pub(crate) fn anonymous() -> CallContext {
    context(Credential::Absent)
}

/// Items of one response, one after another.
#[derive(Default)]
pub(crate) struct Transcript(Vec<Arc<Item>>);

impl Transcript {
    /// Adds an item that turn `turn` made; 0 for the caller.
    pub(crate) fn add(mut self, turn: u16, body: ItemBody) -> Self {
        let ordinal = u32::try_from(self.0.len()).unwrap();
        self.0.push(Arc::new(Item {
            id: ItemId::new(RawId::new(1), ordinal),
            turn,
            status: ItemStatus::Completed,
            body,
        }));
        self
    }

    pub(crate) fn says(self, turn: u16, role: Role, text: &str) -> Self {
        self.add(turn, ItemBody::Message(Message::text(role, text)))
    }

    pub(crate) fn parts(self, role: Role, content: Vec<Part>) -> Self {
        self.add(0, ItemBody::Message(Message { role, content }))
    }

    pub(crate) fn thinks(self, turn: u16, text: &str) -> Self {
        self.add(turn, ItemBody::Reasoning(Reasoning::text(text)))
    }

    pub(crate) fn calls(self, turn: u16, id: &str, name: &str, arguments: &str) -> Self {
        let call = FunctionCall::of_caller(CallId(Arc::from(id)), name, arguments);
        self.add(turn, ItemBody::FunctionCall(call))
    }

    pub(crate) fn returns(self, turn: u16, id: &str, output: &str) -> Self {
        let output = FunctionCallOutput::text(CallId(Arc::from(id)), output);
        self.add(turn, ItemBody::FunctionCallOutput(output))
    }

    pub(crate) fn user(text: &str) -> Self {
        Self::default().says(0, Role::User, text)
    }
}

/// A short request that passed every check.
pub(crate) fn spec() -> ResponseSpec {
    let draft = Draft {
        model: Some(Arc::from("jan/v2")),
        input: Some(Json::from_text(r#""Hi""#.to_owned()).unwrap()),
        items: vec![InputItem::New(ItemBody::Message(Message::text(
            Role::User,
            "Hi",
        )))],
        ..Draft::default()
    };
    let limits = SpecLimits {
        tools: 9,
        items: 9,
        metadata_bytes: 9,
        max_rounds: 8,
        on_max_depth: OnMaxDepth::Fail,
        tool_failure: ToolFailure::Fail,
    };
    ResponseSpec::check(draft, &limits).unwrap()
}

/// A turn without tools.
pub(crate) fn turn(transcript: Transcript, mode: TurnMode) -> ModelTurn {
    ModelTurn {
        spec: Arc::new(spec()),
        transcript: transcript.0,
        tools: Arc::from([]),
        choice: ToolChoice::Auto,
        mode,
    }
}

/// A short streamed turn.
pub(crate) fn hello() -> ModelTurn {
    turn(Transcript::user("Hi"), TurnMode::Streamed)
}

/// All groups of an answer, and the error it ended with.
pub(crate) async fn groups(mut stream: DeltaStream) -> (Vec<Vec<Delta>>, Option<LlmError>) {
    let mut groups = Vec::new();
    while let Some(group) = stream.next().await {
        match group {
            Ok(group) => groups.push(group),
            Err(error) => return (groups, Some(error)),
        }
    }
    (groups, None)
}

/// All deltas of the answer to `turn`, or the error that there is instead of its end.
pub(crate) async fn answer(client: &ChatClient, turn: &ModelTurn) -> Result<Vec<Delta>, LlmError> {
    let (groups, error) = groups(client.stream(turn, &anonymous()).await?).await;
    match error {
        Some(error) => Err(error),
        None => Ok(groups.concat()),
    }
}
