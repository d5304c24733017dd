//! Runs whose process is lost again and again: whatever a model and its tools do, and wherever it happens,
//! the end is that of a run that nothing happened to, but for calls that must not be made twice.

#![expect(clippy::indexing_slicing, reason = "what is not there is the failure")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use response_domain::execution::ExecutionState;
use response_domain::id::ExecutionId;
use response_domain::item::Item;
use response_domain::ports::llm::ModelTurn;
use response_domain::run::limits::Rules;
use response_domain::run::{CallOutcome, CallReturn, Input, Next, Phase};
use response_domain::spec::ToolChoice;
use response_domain::status::Status;
use response_domain::tool::{Repeat, ToolCall};
use response_domain::usage::Usage;

use crate::random::{ALL_TOOLS, choice, outcome, rules, turn};
use crate::script::{End, deltas, show_items, toolbox};
use crate::world::{RESPONSE, Recording, World, draft};

/// What happens around a run, whoever drives it.
#[derive(Debug, Clone)]
struct Plan {
    rules: Rules,
    choice: ToolChoice,
    /// What the model answers, turn by turn, and again from the first.
    turns: Vec<String>,
    /// What comes of the calls, by their numbers.
    outcomes: Vec<CallOutcome>,
    recording: Recording,
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        rules(),
        choice(),
        prop::collection::vec(turn(), 1..5),
        prop::collection::vec(outcome(), 1..5),
        prop::sample::select(vec![Recording::Steps, Recording::Calls]),
    )
        .prop_map(|(rules, choice, turns, outcomes, recording)| Plan {
            rules,
            choice,
            turns,
            outcomes,
            recording,
        })
}

/// A run that is played with losses at these moments, counted from 0.
struct Play<'a> {
    plan: &'a Plan,
    losses: &'a BTreeSet<usize>,
    world: World,
    moments: usize,
    /// What the model was asked for its turns, by how many it had answered.
    asked: BTreeMap<usize, String>,
    under_way: Vec<ToolCall>,
    /// Calls that left and must not leave again.
    left: HashSet<ExecutionId>,
}

/// The process is lost.
struct Lost;

impl<'a> Play<'a> {
    fn new(plan: &'a Plan, losses: &'a BTreeSet<usize>) -> Self {
        let mut draft = draft();
        draft.tool_choice = Some(plan.choice.clone());
        draft.background = Some(true);
        Self {
            plan,
            losses,
            world: World::new(draft, plan.rules).recording(plan.recording),
            moments: 0,
            asked: BTreeMap::new(),
            under_way: Vec::new(),
            left: HashSet::new(),
        }
    }

    fn played(plan: &'a Plan, losses: &'a BTreeSet<usize>) -> Self {
        let mut playing = Self::new(plan, losses);
        while let Err(Lost) = playing.drive() {
            playing.under_way.clear();
            playing.world.crash();
        }
        playing
    }

    /// A moment at which the process may be lost, or somebody may end the response.
    fn moment(&mut self) -> Result<(), Lost> {
        if !self.world.response.status().is_ended() {
            self.could_be_ended();
        }
        self.moments += 1;
        assert!(self.moments < 20_000, "the run goes on and on");
        if self.losses.contains(&(self.moments - 1)) {
            return Err(Lost);
        }
        Ok(())
    }

    fn could_be_ended(&self) {
        let standing = self.world.standing();
        let at = standing.response.times.updated;
        for ended in [standing.response.cancelled(at), standing.response.lost(at)] {
            self.world.end_from_outside(ended.unwrap());
        }
    }

    fn feed(&mut self, input: Input) -> Result<Next, Lost> {
        let next = self.world.feed(input).unwrap();
        match &next {
            // What ended has ended.
            Next::Stop(_) => Ok(next),
            _ => self.moment().map(|()| next),
        }
    }

    fn drive(&mut self) -> Result<(), Lost> {
        let mut next = self.feed(Input::TakenUp)?;
        loop {
            let input = match next {
                Next::Stop(_) => return Ok(()),
                Next::ListTools => {
                    self.moment()?;
                    Input::ToolsListed(Ok(toolbox(ALL_TOOLS, 1_000)))
                }
                Next::CallModel(turn) => self.answer(&turn)?,
                Next::CallTools(calls) => {
                    self.start(calls);
                    self.come_back()?
                }
                Next::Wait => self.come_back()?,
            };
            next = self.feed(input)?;
        }
    }

    fn answer(&mut self, turn: &ModelTurn) -> Result<Input, Lost> {
        let answered = self.world.run.progress().turns.len();
        let question = format!("{:?}: {}", turn.choice, show_items(&turn.transcript));
        let before = self.asked.entry(answered).or_insert(question.clone());
        assert_eq!(*before, question, "what is asked again is asked the same");
        let script = &self.plan.turns[answered % self.plan.turns.len()];
        let mut assembler = self.world.run.assembler();
        for delta in deltas(script, End::Told) {
            let mut events = Vec::new();
            assembler.push(delta, &mut events);
            if !events.is_empty() {
                self.world.tell(events);
                self.moment()?;
            }
        }
        let mut events = Vec::new();
        let answer = assembler.finish(&mut events);
        self.world.tell(events);
        self.moment()?;
        Ok(Input::ModelAnswered(Ok(answer)))
    }

    fn start(&mut self, calls: Vec<ToolCall>) {
        for call in &calls {
            let again = !self.left.insert(call.execution);
            let harmless = call.tool.repeat == Repeat::Safe;
            assert!(harmless || !again, "{call:?} is made twice");
        }
        self.under_way.extend(calls);
    }

    fn come_back(&mut self) -> Result<Input, Lost> {
        self.moment()?;
        // Last in, first out: out of order on purpose.
        let execution = self.under_way.pop().unwrap().execution;
        let ordinal = usize::try_from(execution.ordinal).unwrap();
        Ok(Input::CallReturned(CallReturn {
            execution: ExecutionId::new(RESPONSE.raw(), execution.ordinal),
            outcome: self.plan.outcomes[ordinal % self.plan.outcomes.len()].clone(),
            took: Duration::from_millis(10),
        }))
    }

    /// The items without those of turns that came to nothing.
    fn items_that_count(&self) -> String {
        let turns = &self.world.run.progress().turns;
        let counts =
            |item: &&Arc<Item>| item.turn == 0 || turns.iter().any(|turn| turn.number == item.turn);
        let items: Vec<_> = self
            .world
            .run
            .items()
            .iter()
            .filter(counts)
            .cloned()
            .collect();
        show_items(&items)
    }

    /// What came of the run, without times and numbers of turns.
    fn end(&self) -> Outcome {
        let response = &self.world.response;
        assert!(matches!(self.world.run.phase(), Phase::Ended(_)));
        let progress = &response.progress;
        let calls = progress.executions.iter().map(|call| {
            assert!(call.duration.is_some(), "{call:?} is under way");
            let (tool, input, depth) = (&call.tool, &call.input, call.depth);
            (format!("{tool} {input} {depth}"), call.state.clone())
        });
        Outcome {
            status: response.status().clone(),
            output: progress.output.as_deref().map(str::to_owned),
            items: self.items_that_count(),
            calls: calls.collect(),
            turns: progress.turns.len(),
            rounds: progress.rounds,
            usage: progress.usage,
            asked: self.asked.clone(),
        }
    }
}

/// What is the same however often the process was lost.
#[derive(Debug, PartialEq)]
struct Outcome {
    status: Status,
    output: Option<String>,
    items: String,
    calls: Vec<(String, ExecutionState)>,
    turns: usize,
    rounds: u16,
    usage: Option<Usage>,
    asked: BTreeMap<usize, String>,
}

fn assert_same_end(plan: &Plan, losses: &BTreeSet<usize>, undisturbed: &Outcome) {
    let end = Play::played(plan, losses).end();
    let first_unknown = end
        .calls
        .iter()
        .position(|(_, state)| *state == ExecutionState::Unknown);
    let Some(first) = first_unknown else {
        assert_eq!(end, *undisturbed, "lost at {losses:?}");
        return;
    };
    // The model is told, and what it makes of it is another story.
    let (call, _) = &end.calls[first];
    assert!(call.starts_with("pay"), "{call} may be made again");
    assert_eq!(undisturbed.calls[first].0, *call);
    assert_eq!(end.calls[..first], undisturbed.calls[..first]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_run_that_is_lost_once_ends_as_if_it_had_not_been(plan in plan()) {
        let nothing = BTreeSet::new();
        let undisturbed = Play::played(&plan, &nothing);
        for moment in 0..undisturbed.moments {
            assert_same_end(&plan, &BTreeSet::from([moment]), &undisturbed.end());
        }
    }

    #[test]
    fn a_run_that_is_lost_again_and_again_ends_as_if_it_had_not_been(
        plan in plan(),
        losses in prop::collection::vec(any::<Index>(), 2..8),
    ) {
        let nothing = BTreeSet::new();
        let undisturbed = Play::played(&plan, &nothing);
        // A run that is lost has more moments.
        let moments = undisturbed.moments * 2;
        let losses = losses.iter().map(|loss| loss.index(moments)).collect();
        assert_same_end(&plan, &losses, &undisturbed.end());
    }
}
