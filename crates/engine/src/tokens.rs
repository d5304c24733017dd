//! What a request would cost to read, and what a long transcript comes down to. Nothing is stored: the
//! model is asked, and the answer given away.

use std::sync::Arc;

use futures::StreamExt;
use response_domain::caller::OwnerId;
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::{ItemId, ResponseId};
use response_domain::item::{Compaction, Item, ItemBody, ItemStatus, Message, Role};
use response_domain::ports::llm::{Delta, LlmError, ModelTurn, TurnMode};
use response_domain::ports::vault::VaultError;
use response_domain::run::transcript::{estimate, fit};
use response_domain::run::{Input, Next, Outcome, Run, Start};
use response_domain::spec::{Controls, ResponseSpec, ToolChoice};
use response_domain::time::Timestamp;
use response_domain::usage::Usage;

use crate::Engine;
use crate::create::{Accepted, Request};
use crate::error::CreateError;
use crate::listing::toolbox;

/// What a transcript comes down to.
#[derive(Debug, Clone)]
pub struct Compacted {
    /// A name for it; no response bears it.
    pub id: ResponseId,
    /// When it was made.
    pub created: Timestamp,
    /// What stands for the transcript: what its user said, and the compaction of all of it.
    pub items: Vec<Arc<Item>>,
    /// The tokens that it cost, when the model server told.
    pub usage: Option<Usage>,
}

/// What a model writes at most to be asked for nothing but a count.
const LEAST_ANSWER: u32 = 1;

const COMPACT: &str = "You compact conversations. Write down, for an assistant that takes this \
    conversation over and sees nothing else of it, all that it needs to go on: what the user wants, \
    facts and decisions, names, numbers and code that matter, what was done with which tools and what \
    came of it, and what is still to be done. Write it as notes, without a preamble.";

const NOW_COMPACT: &str = "Compact the conversation so far.";

impl Engine {
    /// How many tokens the model would read for a request. The model server counts; an estimate when it
    /// does not tell.
    pub async fn count_tokens(&self, request: Request) -> Result<u64, CreateError> {
        let (wish, spec) = self.check(request)?;
        let _place = self.admit_run(&wish.caller.owner)?;
        let accepted = self.accept(wish, spec).await?;
        let turn = self.first_turn(&accepted).await?;
        let estimated = estimate(&turn);
        let mut spec = ResponseSpec::clone(&turn.spec);
        spec.controls.max_tokens = Some(LEAST_ANSWER);
        let turn = ModelTurn {
            spec: Arc::new(spec),
            choice: ToolChoice::Auto,
            mode: TurnMode::Whole,
            ..turn
        };
        let answered = self.ask(&turn, &accepted).await?;
        Ok(answered.usage.map_or(estimated, |usage| usage.prompt))
    }

    /// Compacts what a request builds on, its input included.
    pub async fn compact(&self, request: Request) -> Result<Compacted, CreateError> {
        let (wish, spec) = self.check(request)?;
        let _place = self.admit_run(&wish.caller.owner)?;
        let accepted = self.accept(wish, spec).await?;
        let owner = accepted.owner.clone();
        let said: Vec<Arc<Item>> = accepted
            .history
            .iter()
            .chain(&accepted.input)
            .cloned()
            .collect();
        let turn = compaction(&accepted, &said);
        let answered = self.ask(&turn, &accepted).await?;
        let items = self.compacted(&owner, accepted.context.response, &said, &answered.text)?;
        Ok(Compacted {
            id: accepted.context.response,
            created: self.0.ports.clock.now(),
            items,
            usage: answered.usage,
        })
    }

    /// What the model would be asked first.
    async fn first_turn(&self, accepted: &Accepted) -> Result<ModelTurn, CreateError> {
        let spec = Arc::new(accepted.spec.clone());
        let at = self.0.ports.clock.now();
        let mut run = Run::new(Start {
            response: accepted.context.response,
            rules: self.0.policy.rules(&spec),
            spec: Arc::clone(&spec),
            history: Arc::clone(&accepted.history),
            input: accepted.input.clone(),
            at,
        });
        let listed = toolbox(&self.0.ports, &spec, &accepted.context).await;
        let mut next = None;
        for input in [Input::TakenUp, Input::ToolsListed(listed)] {
            // Both are taken in this order by every run.
            next = run.advance(input, at).ok().map(|advance| advance.next);
        }
        match next {
            Some(Next::CallModel(turn)) => Ok(turn),
            Some(Next::Stop(Outcome::Failed(failure))) => Err(CreateError::Tools(failure)),
            // Calls that wait for the answers of this input: the model reads what is there so far.
            _ => Ok(plain(&accepted.spec, run.items(), &accepted.history)),
        }
    }

    async fn ask(&self, turn: &ModelTurn, accepted: &Accepted) -> Result<Answered, CreateError> {
        let ask = async {
            let mut answered = Answered::default();
            let mut deltas = self.0.ports.llm.stream(turn, &accepted.context).await?;
            while let Some(group) = deltas.next().await {
                for delta in group? {
                    match delta {
                        Delta::Text(text) => answered.text.push_str(&text),
                        Delta::Usage(usage) => answered.usage = Some(usage),
                        _ => {}
                    }
                }
            }
            Ok::<_, LlmError>(answered)
        };
        let late = || {
            Failure::new(
                FailureCode::ModelTimeout,
                "the model did not answer in time",
            )
        };
        match tokio::time::timeout(self.0.policy.run_timeout, ask).await {
            Ok(Ok(answered)) => {
                if let Some(usage) = answered.usage {
                    self.charge(&accepted.owner, usage);
                }
                Ok(answered)
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the model did not answer"
                );
                Err(CreateError::Model(Failure::from(&error)))
            }
            Err(_late) => Err(CreateError::Model(late())),
        }
    }

    /// What the user said, and the summary.
    fn compacted(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        said: &[Arc<Item>],
        summary: &str,
    ) -> Result<Vec<Arc<Item>>, CreateError> {
        let sealed = self
            .seal_content(owner, summary)
            .map_err(|error| match error {
                VaultError::NoKey => CreateError::NoKey,
                error => CreateError::Vault(error),
            })?;
        let is_users = |item: &&Arc<Item>| {
            item.as_message()
                .is_some_and(|message| message.role == Role::User)
        };
        let kept = said.iter().filter(is_users).map(|item| item.body.clone());
        let compaction = ItemBody::Compaction(Compaction {
            text: summary.into(),
            sealed,
        });
        let bodies = kept.chain(std::iter::once(compaction));
        let item = |(ordinal, body)| {
            Arc::new(Item {
                id: ItemId::new(id.raw(), ordinal),
                turn: 1,
                status: ItemStatus::Completed,
                body,
            })
        };
        Ok((0..).zip(bodies).map(item).collect())
    }
}

/// What a model said.
#[derive(Default)]
struct Answered {
    text: String,
    usage: Option<Usage>,
}

/// The question what a transcript comes down to.
fn compaction(accepted: &Accepted, said: &[Arc<Item>]) -> ModelTurn {
    let mut spec = accepted.spec.clone();
    let own = spec.system_prompt.take();
    spec.system_prompt = Some(match own {
        None => COMPACT.into(),
        Some(own) => format!("{COMPACT}\n\nThe assistant's own instructions were:\n\n{own}").into(),
    });
    spec.controls = Controls {
        reasoning_effort: spec.controls.reasoning_effort.take(),
        ..Controls::default()
    };
    let mut items = said.to_vec();
    let ordinal = u32::try_from(accepted.input.len()).unwrap_or(u32::MAX);
    items.push(Arc::new(Item {
        id: ItemId::new(accepted.context.response.raw(), ordinal),
        turn: 0,
        status: ItemStatus::Completed,
        body: ItemBody::Message(Message::text(Role::User, NOW_COMPACT)),
    }));
    plain(&spec, &items, &Arc::from([]))
}

/// A question without tools.
fn plain(spec: &ResponseSpec, own: &[Arc<Item>], history: &Arc<[Arc<Item>]>) -> ModelTurn {
    ModelTurn {
        spec: Arc::new(spec.clone()),
        transcript: fit(history, own, usize::MAX),
        tools: Arc::from([]),
        choice: ToolChoice::None,
        mode: TurnMode::Whole,
    }
}
