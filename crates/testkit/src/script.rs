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
use response_domain::ports::webhook::NotAllowed;
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

/// What a server that a caller names lists.
type Listing = Result<Vec<Arc<ToolSpec>>, ToolErrorKind>;

/// A server that was asked for its tools because a caller names it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its label.
    pub label: Arc<str>,
    /// Its address.
    pub url: Arc<str>,
    /// On whose behalf.
    pub context: CallContext,
}

/// Tools that follow a script, and the lists of them: those of the configured servers, of which `default`
/// is the first, and those of servers that only a caller names.
#[derive(Debug)]
pub struct ScriptedTools {
    labels: Vec<Arc<str>>,
    specs: Vec<Arc<ToolSpec>>,
    /// By the label of the server and the tool's name there.
    scripts: HashMap<(Arc<str>, Arc<str>), ToolScript>,
    listing: Option<ToolErrorKind>,
    named: HashMap<Arc<str>, Listing>,
    refused: Vec<&'static str>,
    called: Mutex<Vec<ToolCall>>,
    contexts: Mutex<Vec<CallContext>>,
    asked: Mutex<Vec<Asked>>,
    gate: Semaphore,
    /// Told at every call.
    pub begun: Arc<Notify>,
    /// Told when a call is dropped before its answer.
    pub dropped: Arc<Notify>,
}

impl Default for ScriptedTools {
    fn default() -> Self {
        Self {
            labels: vec![Arc::from("default")],
            specs: Vec::new(),
            scripts: HashMap::new(),
            listing: None,
            named: HashMap::new(),
            refused: Vec::new(),
            called: Mutex::default(),
            contexts: Mutex::default(),
            asked: Mutex::default(),
            gate: Semaphore::new(0),
            begun: Arc::default(),
            dropped: Arc::default(),
        }
    }
}

impl ScriptedTools {
    /// These tools, none of which may be repeated.
    pub fn new(tools: impl IntoIterator<Item = (&'static str, ToolScript)>) -> Self {
        let mut known = Self::default();
        for (name, script) in tools {
            known.add(name, script, Repeat::Unsafe);
        }
        known
    }

    /// One more tool.
    pub fn add(&mut self, name: &str, script: ToolScript, repeat: Repeat) {
        let spec = ToolSpec {
            repeat,
            ..served("default", None, name)
        };
        self.specs.push(Arc::new(spec));
        self.follow("default", name, script);
    }

    /// One more configured server, with these tools; the model knows them under the same names.
    #[must_use]
    pub fn configured(
        mut self,
        label: &str,
        tools: impl IntoIterator<Item = (&'static str, ToolScript)>,
    ) -> Self {
        self.labels.push(label.into());
        for (name, script) in tools {
            self.specs.push(Arc::new(served(label, None, name)));
            self.follow(label, name, script);
        }
        self
    }

    /// What a server says that a caller names by this label and address: these tools.
    #[must_use]
    pub fn named(
        mut self,
        (label, url): (&str, &str),
        tools: impl IntoIterator<Item = (&'static str, ToolScript)>,
    ) -> Self {
        let mut listed = Vec::new();
        for (name, script) in tools {
            listed.push(Arc::new(served(label, Some(url), name)));
            self.follow(label, name, script);
        }
        self.named.insert(label.into(), Ok(listed));
        self
    }

    /// The same tools, described otherwise: what the server of this label says of each.
    #[must_use]
    pub fn described(mut self, label: &str, describe: impl Fn(&mut ToolSpec)) -> Self {
        let named = self.named.get_mut(label).and_then(|it| it.as_mut().ok());
        let is_its = |tool: &&mut Arc<ToolSpec>| matches!(&tool.home, ToolHome::Server { label: home, .. } if **home == *label);
        let configured = self.specs.iter_mut().filter(is_its);
        for tool in named.into_iter().flatten().chain(configured) {
            describe(Arc::make_mut(tool));
        }
        self
    }

    /// A server that a caller names and that cannot list its tools.
    #[must_use]
    pub fn named_unlisted(mut self, label: &str, kind: ToolErrorKind) -> Self {
        self.named.insert(label.into(), Err(kind));
        self
    }

    /// A registry that cannot list its tools.
    #[must_use]
    pub fn unlisted(mut self, kind: ToolErrorKind) -> Self {
        self.listing = Some(kind);
        self
    }

    /// A registry that admits no server whose address begins so.
    #[must_use]
    pub fn refusing(mut self, prefix: &'static str) -> Self {
        self.refused.push(prefix);
        self
    }

    /// The calls that came, in order.
    pub fn called(&self) -> Vec<ToolCall> {
        locked(&self.called).clone()
    }

    /// On whose behalf they came.
    pub fn contexts(&self) -> Vec<CallContext> {
        locked(&self.contexts).clone()
    }

    /// The servers that were asked for their tools because a caller names them, in order.
    pub fn asked(&self) -> Vec<Asked> {
        locked(&self.asked).clone()
    }

    /// Lets this many waiting calls answer.
    pub fn release(&self, calls: usize) {
        self.gate.add_permits(calls);
    }

    fn follow(&mut self, label: &str, name: &str, script: ToolScript) {
        self.scripts.insert((label.into(), name.into()), script);
    }

    fn script(&self, tool: &ToolSpec) -> Option<ToolScript> {
        let ToolHome::Server { label, name, .. } = &tool.home else {
            return None;
        };
        let key = (Arc::clone(label), Arc::clone(name));
        self.scripts.get(&key).cloned()
    }
}

fn served(label: &str, url: Option<&str>, name: &str) -> ToolSpec {
    let home = ToolHome::Server {
        label: label.into(),
        name: name.into(),
        url: url.map(Into::into),
    };
    ToolSpec::plain(name, home, Json::empty_object())
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

    fn labels(&self) -> &[Arc<str>] {
        &self.labels
    }

    fn admit(&self, url: &str) -> Result<(), NotAllowed> {
        if self.refused.iter().any(|prefix| url.starts_with(prefix)) {
            return Err(NotAllowed("the script refuses this address".to_owned()));
        }
        Ok(())
    }

    async fn list_of(
        &self,
        label: &Arc<str>,
        url: &Arc<str>,
        context: &CallContext,
    ) -> Result<Vec<Arc<ToolSpec>>, ToolError> {
        locked(&self.asked).push(Asked {
            label: Arc::clone(label),
            url: Arc::clone(url),
            context: context.clone(),
        });
        let listing = self.named.get(label).cloned();
        listing
            .unwrap_or(Err(ToolErrorKind::Unavailable))
            .map_err(tool_error)
    }
}

#[async_trait]
impl ToolExecutor for ScriptedTools {
    async fn call(&self, call: &ToolCall, context: &CallContext) -> Result<ToolReply, ToolError> {
        locked(&self.called).push(call.clone());
        locked(&self.contexts).push(context.clone());
        self.begun.notify_one();
        match self
            .script(&call.tool)
            .unwrap_or(ToolScript::Fails(ToolErrorKind::Protocol))
        {
            ToolScript::Answers(text) => Ok(ToolReply::done(text)),
            ToolScript::Takes(time, text) => {
                tokio::time::sleep(time).await;
                Ok(ToolReply::done(text))
            }
            ToolScript::Waits(text) => {
                if let Ok(permit) = self.gate.acquire().await {
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
