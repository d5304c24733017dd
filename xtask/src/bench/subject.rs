//! Who is measured, and with what requests: the same work, asked in each one's own words.

use std::fmt;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::load::{Answer, Exchange, Stream};
use super::process::Program;
use crate::wire;

/// How many deltas a stream of the benchmark has.
pub(super) const DELTAS: u64 = 64;

/// One who is measured.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// What it is called in the tables.
    pub(super) name: String,
    pub(super) address: SocketAddr,
    pub(super) speech: Speech,
    /// The program whose cost is counted; none of an upstream.
    pub(super) program: Option<Program>,
    /// Whether what the database does is done for it.
    pub(super) uses_postgres: bool,
    pub(super) scope: Scope,
}

/// What a subject is asked to do. One that cannot do everything in one process is two subjects of
/// the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Everything,
    WithoutTools,
    OnlyTools,
}

impl Scope {
    /// Whether this work is asked of it.
    pub(super) fn holds(self, work: Work) -> bool {
        let with_tools = matches!(work, Work::Offered(_) | Work::Tools(_));
        match self {
            Self::Everything => true,
            Self::WithoutTools => !with_tools,
            Self::OnlyTools => with_tools,
        }
    }
}

/// How it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Speech {
    /// Chat completions: what the service's upstream speaks.
    Chat,
    /// The Responses API: what the peers and their upstream speak, with the `tools` of a request
    /// for which tools are offered. An upstream alone runs none.
    Responses { tools: Option<Value> },
    /// The service's own API.
    Native { store: bool },
    /// OpenAI's dialect of the service.
    OpenAi { store: bool },
}

/// What is to be done, by how many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// A short answer, no tools offered.
    Plain(usize),
    /// A short answer, with every tool offered that there is.
    Offered(usize),
    /// A streamed answer of [`DELTAS`] deltas, no tools offered.
    Stream(usize),
    /// Three rounds of one tool call each, then a short answer.
    Tools(usize),
}

impl Work {
    /// All of it, in the order of the report.
    pub(super) const ALL: [Self; 7] = [
        Self::Plain(1),
        Self::Plain(16),
        Self::Plain(64),
        Self::Offered(16),
        Self::Stream(1),
        Self::Stream(64),
        Self::Tools(16),
    ];

    pub(super) fn connections(self) -> usize {
        match self {
            Self::Plain(count)
            | Self::Offered(count)
            | Self::Stream(count)
            | Self::Tools(count) => count,
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, count) = match self {
            Self::Plain(count) => ("Plain requests", count),
            Self::Offered(count) => ("Plain requests with tools offered", count),
            Self::Stream(count) => ("Streams of 64 deltas", count),
            Self::Tools(count) => ("Runs of three tool rounds", count),
        };
        let s = if *count == 1 { "" } else { "s" };
        write!(f, "{what}, {count} connection{s}")
    }
}

impl Subject {
    /// The same program, spoken to in OpenAI's dialect; none of what has no such dialect.
    pub(super) fn in_openai_words(&self) -> Option<Self> {
        let Speech::Native { store } = self.speech else {
            return None;
        };
        Some(Self {
            name: format!("{}, {DIALECT}", self.name),
            speech: Speech::OpenAi { store },
            ..self.clone()
        })
    }

    /// Whether its memory is its own: neither that of a process which another subject is, too, nor that of a
    /// second process of a peer.
    pub(super) fn is_weighed(&self) -> bool {
        self.scope != Scope::OnlyTools && !matches!(self.speech, Speech::OpenAi { .. })
    }

    /// What is sent for some work and what must come back; `None` when it cannot do that.
    pub(super) fn exchange(&self, work: Work) -> Option<Exchange> {
        let body = match &self.speech {
            Speech::Chat => chat(work)?,
            Speech::Responses { tools } => responses(work, tools.as_ref())?,
            Speech::Native { store } => native(work, *store),
            Speech::OpenAi { store } => openai(work, *store),
        };
        let answer = match (work, &self.speech) {
            (Work::Stream(_), _) => Answer::Stream(self.stream(DELTAS)),
            (Work::Tools(_), Speech::Native { .. }) => {
                Answer::Whole(b"\"actual_depth\":3".to_vec())
            }
            // The result of the third call.
            (Work::Tools(_), Speech::OpenAi { .. }) => Answer::Whole(b"\"output\":\"6\"".to_vec()),
            _ => Answer::Whole(b"A short answer.".to_vec()),
        };
        Some(Exchange {
            request: wire::post(self.path(), &body.to_string()),
            status: 200,
            answer,
        })
    }

    /// A request for a stream of one delta a second.
    pub(super) fn slow(&self) -> Vec<u8> {
        let body = match self.speech {
            Speech::Chat => json!({"model": "bench-slow", "messages": messages(), "stream": true}),
            Speech::Responses { .. } => {
                json!({"model": "bench-slow", "input": PROMPT, "stream": true})
            }
            Speech::Native { store } => json!({
                "model": "bench-slow", "input": PROMPT, "tools": [], "stream": true, "store": store,
            }),
            Speech::OpenAi { store } => json!({
                "model": "bench-slow", "input": PROMPT, "stream": true, "store": store,
            }),
        };
        wire::post(self.path(), &body.to_string())
    }

    /// What a stream of it looks like.
    pub(super) fn stream(&self, deltas: u64) -> Stream {
        let (delta, end) = match self.speech {
            Speech::Chat => ("\"content\":\"word", "data: [DONE]"),
            Speech::Responses { .. } | Speech::Native { .. } | Speech::OpenAi { .. } => (
                "event: response.output_text.delta",
                "event: response.completed",
            ),
        };
        Stream {
            delta: delta.into(),
            end: end.into(),
            deltas,
        }
    }

    fn path(&self) -> &'static str {
        match self.speech {
            Speech::Chat => "/v1/chat/completions",
            Speech::Responses { .. } | Speech::Native { .. } => "/v1/responses",
            Speech::OpenAi { .. } => "/openai/v1/responses",
        }
    }
}

/// What OpenAI's dialect is called in the tables.
pub(super) const DIALECT: &str = "OpenAI";
/// What the service calls the tool server at `mcp.url`.
const OUR_SERVER: &str = "default";
const PROMPT: &str = "Say something short.";

fn messages() -> Value {
    json!([{"role": "user", "content": PROMPT}])
}

fn chat(work: Work) -> Option<Value> {
    match work {
        Work::Plain(_) => Some(json!({"model": "bench-plain", "messages": messages()})),
        Work::Stream(_) => Some(json!({
            "model": "bench-stream-64", "messages": messages(), "stream": true,
            "stream_options": {"include_usage": true},
        })),
        // A model alone runs no tool.
        Work::Offered(_) | Work::Tools(_) => None,
    }
}

fn responses(work: Work, tools: Option<&Value>) -> Option<Value> {
    match work {
        Work::Plain(_) => Some(json!({"model": "bench-plain", "input": PROMPT})),
        Work::Stream(_) => {
            Some(json!({"model": "bench-stream-64", "input": PROMPT, "stream": true}))
        }
        Work::Offered(_) => {
            tools.map(|tools| json!({"model": "bench-plain", "input": PROMPT, "tools": tools}))
        }
        Work::Tools(_) => {
            tools.map(|tools| json!({"model": "bench-tools-3", "input": PROMPT, "tools": tools}))
        }
    }
}

fn native(work: Work, store: bool) -> Value {
    match work {
        Work::Plain(_) => {
            json!({"model": "bench-plain", "input": PROMPT, "tools": [], "store": store})
        }
        Work::Offered(_) => json!({"model": "bench-plain", "input": PROMPT, "store": store}),
        Work::Stream(_) => json!({
            "model": "bench-stream-64", "input": PROMPT, "tools": [], "stream": true, "store": store,
        }),
        Work::Tools(_) => json!({"model": "bench-tools-3", "input": PROMPT, "store": store}),
    }
}

fn openai(work: Work, store: bool) -> Value {
    let tools =
        || json!([{"type": "mcp", "server_label": OUR_SERVER, "require_approval": "never"}]);
    match work {
        Work::Plain(_) => json!({"model": "bench-plain", "input": PROMPT, "store": store}),
        Work::Offered(_) => json!({
            "model": "bench-plain", "input": PROMPT, "tools": tools(), "store": store,
        }),
        Work::Stream(_) => json!({
            "model": "bench-stream-64", "input": PROMPT, "stream": true, "store": store,
        }),
        Work::Tools(_) => json!({
            "model": "bench-tools-3", "input": PROMPT, "tools": tools(), "store": store,
        }),
    }
}
