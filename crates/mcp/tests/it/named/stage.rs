//! Callers with secrets, names that lead where a test wants, and tools that may call this machine as if it
//! were a stranger's.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use response_domain::caller::{Credential, ToolSecret, ToolSecrets};
use response_domain::id::{ConversationId, ExecutionId, RawId};
use response_domain::json::Json;
use response_domain::ports::llm::CallContext;
use response_domain::ports::tools::{ToolError, ToolExecutor, ToolRegistry};
use response_domain::tool::{ToolCall, ToolHome, ToolReply, ToolSpec};
use response_egress::{AddressPolicy, ClientOptions, EgressClient, Looking, Lookup};
use response_mcp::{Clients, McpTools, Options};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::world::context;

pub(super) const LABEL: &str = "theirs";

/// Public addresses and one of this machine, which stands for a public one.
pub(super) fn policy() -> AddressPolicy {
    AddressPolicy::PublicOnly {
        allow: vec!["127.0.0.1/32".parse().unwrap()],
        deny: Vec::new(),
    }
}

/// Answers each lookup as a script says, the last for ever.
#[derive(Debug)]
pub(super) struct Names {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<usize>,
}

impl Names {
    pub(super) fn leading(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parse).collect()),
            asked: Mutex::default(),
        })
    }

    /// How often they were asked.
    pub(super) fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

impl Lookup for Names {
    fn look_up(&self, _name: &str) -> Looking {
        *self.asked.lock().unwrap() += 1;
        let mut answers = self.answers.lock().unwrap();
        let found = answers.front().unwrap().clone();
        if answers.len() > 1 {
            answers.pop_front();
        }
        Box::pin(async move { Ok(found) })
    }
}

pub(super) fn tools_with(
    options: &Options,
    policy: AddressPolicy,
    lookup: Arc<dyn Lookup>,
) -> McpTools {
    let guarded = EgressClient::new(ClientOptions {
        connect_timeout: Duration::from_secs(2),
        policy,
        lookup,
        ..ClientOptions::default()
    });
    let clients = Clients {
        configured: EgressClient::new(ClientOptions::default()).unwrap(),
        guarded: Some(guarded.unwrap()),
    };
    McpTools::new(options, clients, Handle::current()).unwrap()
}

/// No configured servers; every name is this machine's.
pub(super) fn tools() -> McpTools {
    let names = Names::leading(&[&["127.0.0.1"]]);
    tools_with(&Options::new(Vec::new()), policy(), names)
}

/// A caller that proved itself with a credential of its own, and gives these headers along.
pub(super) fn giving(headers: &[(&str, &str)]) -> CallContext {
    let header = |(name, value): &(&str, &str)| (Arc::from(*name), (*value).to_owned().into());
    let secret = |label: &str, headers: &[_]| ToolSecret {
        label: label.into(),
        address: None,
        headers: headers.iter().map(header).collect(),
    };
    CallContext {
        credential: Credential::bearer("the-callers-own".to_owned()),
        tool_secrets: ToolSecrets::new(vec![
            secret("another", &[("x-another", "for-another")]),
            secret(LABEL, headers),
        ]),
        ..context()
    }
}

/// The same in another conversation.
pub(super) fn elsewhere(conversation: u128, context: &CallContext) -> CallContext {
    CallContext {
        conversation: Some(ConversationId::new(RawId::new(conversation))),
        ..context.clone()
    }
}

pub(super) async fn list(
    tools: &McpTools,
    url: &str,
    context: &CallContext,
) -> Result<Vec<Arc<ToolSpec>>, ToolError> {
    tools.list_of(&LABEL.into(), &url.into(), context).await
}

/// A call of the tool that the server at this address calls by this name.
pub(super) fn order(url: &str, name: &str, arguments: &Value) -> ToolCall {
    let home = ToolHome::Server {
        label: LABEL.into(),
        name: name.into(),
        url: Some(url.into()),
    };
    ToolCall {
        execution: ExecutionId::new(RawId::new(1), 1),
        tool: Arc::new(ToolSpec::plain(name, home, Json::empty_object())),
        arguments: Json::from_value(arguments),
    }
}

pub(super) async fn call(
    tools: &McpTools,
    url: &str,
    context: &CallContext,
    arguments: &Value,
) -> Result<ToolReply, ToolError> {
    tools.call(&order(url, "t", arguments), context).await
}
