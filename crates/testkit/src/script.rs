//! A model and tools that follow a script, and remember what they were asked.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, stream};
use response_domain::json::Json;
use response_domain::ports::llm::{
    CallContext, Delta, DeltaStream, LlmClient, LlmError, LlmErrorKind, ModelTurn,
};
use response_domain::ports::tools::{ToolError, ToolErrorKind, ToolExecutor, ToolRegistry};
use response_domain::response::Finish;
use response_domain::tool::{Repeat, ToolCall, ToolHome, ToolReply, ToolSpec, Verdict};
use response_domain::usage::Usage;
use tokio::sync::{Notify, Semaphore};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a model does in one turn.
#[derive(Debug, Clone)]
pub enum TurnScript {
    /// It says these deltas, group by group.
    Says(Vec<Vec<Delta>>),
    /// It says these, then breaks off with an error of this kind.
    BreaksOff(Vec<Vec<Delta>>, LlmErrorKind),
    /// It refuses with an error of this kind before saying anything.
    Refuses(LlmErrorKind),
    /// It says these, then nothing more, for ever.
    Hangs(Vec<Vec<Delta>>),
    /// It panics.
    Panics,
}

/// An answer in words, one delta a word, with usage 10 + 5.
pub fn text(words: &str) -> TurnScript {
    let mut groups: Vec<Vec<Delta>> = words
        .split_inclusive(' ')
        .map(|word| vec![Delta::Text(word.into())])
        .collect();
    groups.push(closing(Finish::Stop));
    TurnScript::Says(groups)
}

/// A wish for tools: pairs of name and arguments, with usage 10 + 5.
pub fn calls(wishes: &[(&str, &str)]) -> TurnScript {
    let mut groups: Vec<Vec<Delta>> = (0..)
        .zip(wishes)
        .map(|(slot, (name, arguments))| {
            vec![Delta::Call {
                slot,
                name: Some(Arc::from(*name)),
                arguments: (*arguments).into(),
            }]
        })
        .collect();
    groups.push(closing(Finish::ToolCalls));
    TurnScript::Says(groups)
}

fn closing(finish: Finish) -> Vec<Delta> {
    let usage = Usage {
        prompt: 10,
        completion: 5,
        ..Usage::default()
    };
    vec![Delta::Finish(finish), Delta::Usage(usage)]
}

/// A model that follows a script, turn by turn; after the last turn it repeats it.
#[derive(Debug)]
pub struct ScriptedModel {
    turns: Mutex<VecDeque<TurnScript>>,
    asked: Mutex<Vec<ModelTurn>>,
    contexts: Mutex<Vec<CallContext>>,
    /// The tokens it says fit into its context.
    pub context_tokens: u32,
    /// Told when a stream it gave out is dropped before its end.
    pub dropped: Arc<Notify>,
    /// Told when a turn has said all it will say and hangs.
    pub hanging: Arc<Notify>,
}

impl ScriptedModel {
    /// A model that does these turns.
    pub fn new(turns: impl IntoIterator<Item = TurnScript>) -> Self {
        Self {
            turns: Mutex::new(turns.into_iter().collect()),
            asked: Mutex::default(),
            contexts: Mutex::default(),
            context_tokens: 32_768,
            dropped: Arc::default(),
            hanging: Arc::default(),
        }
    }

    /// The turns it was asked for.
    pub fn asked(&self) -> Vec<ModelTurn> {
        locked(&self.asked).clone()
    }

    /// On whose behalf it was asked.
    pub fn contexts(&self) -> Vec<CallContext> {
        locked(&self.contexts).clone()
    }

    fn next_turn(&self) -> TurnScript {
        let mut turns = locked(&self.turns);
        let next = if turns.len() > 1 {
            turns.pop_front()
        } else {
            turns.front().cloned()
        };
        next.unwrap_or_else(|| text("Done."))
    }
}

fn error(kind: LlmErrorKind) -> LlmError {
    LlmError {
        kind,
        message: "the scripted model fails".into(),
        source: None,
    }
}

/// Tells when it is dropped.
struct DropBell(Arc<Notify>);

impl Drop for DropBell {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl LlmClient for ScriptedModel {
    async fn stream(
        &self,
        turn: &ModelTurn,
        context: &CallContext,
    ) -> Result<DeltaStream, LlmError> {
        locked(&self.asked).push(turn.clone());
        locked(&self.contexts).push(context.clone());
        let said = |groups: Vec<Vec<Delta>>| stream::iter(groups.into_iter().map(Ok));
        match self.next_turn() {
            TurnScript::Says(groups) => Ok(said(groups).boxed()),
            TurnScript::BreaksOff(groups, kind) => Ok(said(groups)
                .chain(stream::once(async move { Err(error(kind)) }))
                .boxed()),
            TurnScript::Refuses(kind) => Err(error(kind)),
            TurnScript::Hangs(groups) => {
                let (bell, hanging) = (
                    DropBell(Arc::clone(&self.dropped)),
                    Arc::clone(&self.hanging),
                );
                let silence = async move {
                    hanging.notify_one();
                    std::future::pending::<()>().await;
                    drop(bell);
                };
                let silence = silence.into_stream().map(|()| Ok(Vec::new()));
                Ok(said(groups).chain(silence).boxed())
            }
            #[expect(clippy::panic, reason = "the script asks for it")]
            TurnScript::Panics => panic!("the scripted model panics"),
        }
    }

    async fn context_length(&self, _model: &str, _context: &CallContext) -> u32 {
        self.context_tokens
    }
}

/// What a tool does with a call.
#[derive(Debug, Clone)]
pub enum ToolScript {
    /// It answers so.
    Answers(&'static str),
    /// It answers so after this time.
    Takes(Duration, &'static str),
    /// It answers, when [`ScriptedTools::release`] lets it.
    Waits(&'static str),
    /// It complains.
    Complains(Verdict, &'static str),
    /// Its server fails in this way.
    Fails(ToolErrorKind),
    /// It never answers.
    Hangs,
}

/// Tools that follow a script, and the list of them.
#[derive(Debug, Default)]
pub struct ScriptedTools {
    specs: Vec<Arc<ToolSpec>>,
    scripts: HashMap<Arc<str>, ToolScript>,
    called: Mutex<Vec<ToolCall>>,
    listing: Option<ToolErrorKind>,
    gate: Option<Arc<Semaphore>>,
    /// Told at every call.
    pub begun: Arc<Notify>,
    /// Told when a call is dropped before its answer.
    pub dropped: Arc<Notify>,
}

impl ScriptedTools {
    /// These tools, none of which may be repeated.
    pub fn new(tools: impl IntoIterator<Item = (&'static str, ToolScript)>) -> Self {
        let mut known = Self {
            gate: Some(Arc::new(Semaphore::new(0))),
            ..Self::default()
        };
        for (name, script) in tools {
            known.add(name, script, Repeat::Unsafe);
        }
        known
    }

    /// One more tool.
    pub fn add(&mut self, name: &str, script: ToolScript, repeat: Repeat) {
        let name: Arc<str> = Arc::from(name);
        self.specs.push(Arc::new(ToolSpec {
            name: Arc::clone(&name),
            home: ToolHome::Server {
                label: Arc::from("default"),
                name: Arc::clone(&name),
            },
            description: None,
            parameters: Json::empty_object(),
            repeat,
        }));
        self.scripts.insert(name, script);
    }

    /// A registry that cannot list its tools.
    #[must_use]
    pub fn unlisted(mut self, kind: ToolErrorKind) -> Self {
        self.listing = Some(kind);
        self
    }

    /// The calls that came, in order.
    pub fn called(&self) -> Vec<ToolCall> {
        locked(&self.called).clone()
    }

    /// Lets this many waiting calls answer.
    pub fn release(&self, calls: usize) {
        if let Some(gate) = &self.gate {
            gate.add_permits(calls);
        }
    }
}

fn tool_error(kind: ToolErrorKind) -> ToolError {
    ToolError {
        kind,
        message: "the scripted tool server fails".into(),
        source: None,
    }
}

#[async_trait]
impl ToolRegistry for ScriptedTools {
    async fn list(&self, _context: &CallContext) -> Result<Arc<[Arc<ToolSpec>]>, ToolError> {
        match self.listing {
            Some(kind) => Err(tool_error(kind)),
            None => Ok(self.specs.clone().into()),
        }
    }
}

#[async_trait]
impl ToolExecutor for ScriptedTools {
    async fn call(&self, call: &ToolCall, _context: &CallContext) -> Result<ToolReply, ToolError> {
        locked(&self.called).push(call.clone());
        self.begun.notify_one();
        let script = self.scripts.get(&call.tool.name).cloned();
        match script.unwrap_or(ToolScript::Fails(ToolErrorKind::Protocol)) {
            ToolScript::Answers(text) => Ok(ToolReply::done(text)),
            ToolScript::Takes(time, text) => {
                tokio::time::sleep(time).await;
                Ok(ToolReply::done(text))
            }
            ToolScript::Waits(text) => {
                if let Some(gate) = &self.gate
                    && let Ok(permit) = gate.acquire().await
                {
                    permit.forget();
                }
                Ok(ToolReply::done(text))
            }
            ToolScript::Complains(verdict, text) => Ok(ToolReply::complaint(verdict, text)),
            ToolScript::Fails(kind) => Err(tool_error(kind)),
            ToolScript::Hangs => {
                let _bell = DropBell(Arc::clone(&self.dropped));
                std::future::pending().await
            }
        }
    }
}
