//! A run with a driver that does nothing by itself, and the laws that every run keeps at every step.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::event::Event;
use response_domain::id::{RawId, ResponseId};
use response_domain::item::{Item, ItemBody, Message, Role};
use response_domain::json::Json;
use response_domain::ports::llm::{Delta, ModelTurn};
use response_domain::response::Response;
use response_domain::run::limits::Rules;
use response_domain::run::{Answer, IllegalInput, Input, Next, Phase, Run, Start, pairs};
use response_domain::spec::{Draft, InputItem, OnMaxDepth, ResponseSpec, SpecLimits, ToolFailure};
use response_domain::status::Change;
use response_domain::time::Timestamp;
use response_domain::usage::Usage;
use response_testkit::grammar;

pub(crate) const RESPONSE: ResponseId = ResponseId::new(RawId::new(7));

/// What a server allows when a test does not care.
pub(crate) fn spec_limits() -> SpecLimits {
    SpecLimits {
        tools: 4,
        items: 3,
        metadata_bytes: 20,
        max_rounds: 8,
        on_max_depth: OnMaxDepth::Fail,
        tool_failure: ToolFailure::Fail,
    }
}

/// A request that says `hi` and nothing else.
pub(crate) fn draft() -> Draft {
    Draft {
        model: Some("m".into()),
        input: Some(Json::from_text("\"hi\"".into()).unwrap()),
        items: vec![InputItem::New(ItemBody::Message(Message::text(
            Role::User,
            "hi",
        )))],
        ..Draft::default()
    }
}

/// The limits of a run when a test does not care.
pub(crate) fn rules() -> Rules {
    Rules {
        rounds: 8,
        calls_per_round: 4,
        calls: 32,
        repairs: 3,
        on_max_depth: OnMaxDepth::Fail,
        tool_failure: ToolFailure::Fail,
        result_share: 20,
    }
}

/// A run, all that was told of it, and the time, which passes a second a step.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) run: Run,
    pub(crate) response: Response,
    events: Vec<Event>,
    now: Timestamp,
    rules: Rules,
}

impl World {
    pub(crate) fn new(draft: Draft, rules: Rules) -> Self {
        let now = Timestamp::from_micros(1_000_000);
        let spec = Arc::new(ResponseSpec::check(draft, &spec_limits()).unwrap());
        let input = (0..)
            .zip(&spec.items)
            .map(|(ordinal, item)| match item {
                InputItem::New(body) => item_of(ordinal, 0, body.clone()),
                InputItem::Reference(_) => panic!("scripts hold no references"),
            })
            .collect();
        let run = Run::new(Start {
            response: RESPONSE,
            spec: Arc::clone(&spec),
            rules,
            history: Arc::from([]),
            input,
            at: now,
        });
        let response = Response::accept(RESPONSE, OwnerId::new("ada"), spec, None, now);
        let accepted = Arc::new(response.clone());
        Self {
            run,
            events: vec![
                Event::Created(Arc::clone(&accepted)),
                Event::Started(accepted),
            ],
            response,
            now,
            rules,
        }
    }

    /// Gives the run one input. Whatever it answers, the laws hold.
    pub(crate) fn feed(&mut self, input: Input) -> Result<Next, IllegalInput> {
        self.now = self.now.after(Duration::from_secs(1));
        let before = self.run.clone();
        let advance = match self.run.advance(input, self.now) {
            Ok(advance) => advance,
            Err(refused) => {
                assert_eq!(self.run, before, "a refused input changes nothing");
                return Err(refused);
            }
        };
        if let Phase::Ended(outcome) = before.phase() {
            assert_eq!(self.run, before, "an ended run stays as it is");
            assert_eq!(advance.next, Next::Stop(outcome.clone()));
            assert!(advance.events.is_empty());
            return Ok(advance.next);
        }
        assert!(
            self.run.items().starts_with(before.items()),
            "items only grow"
        );
        self.events.extend(advance.events);
        self.check_records();
        match &advance.next {
            Next::CallModel(turn) => check_turn(turn),
            Next::Stop(outcome) => {
                self.response.progress = self.run.progress().clone();
                let change = Change::from(outcome.clone());
                self.response.change(change, self.now).unwrap();
                let ended = Arc::new(self.response.clone());
                self.events.push(Event::Ended(ended));
                grammar::check(&self.events).unwrap();
            }
            Next::CallTools(calls) => assert!(!calls.is_empty()),
            Next::ListTools | Next::Wait => {}
        }
        Ok(advance.next)
    }

    /// What a model answers that sends these deltas now.
    pub(crate) fn answer(&mut self, deltas: Vec<Delta>) -> Answer {
        let mut assembler = self.run.assembler();
        let mut events = Vec::new();
        for delta in deltas {
            assembler.push(delta, &mut events);
        }
        let answer = assembler.finish(&mut events);
        self.tell_of_a_turn(events);
        answer
    }

    /// Keeps what was written of a turn that breaks off after these deltas.
    pub(crate) fn break_off(&mut self, deltas: Vec<Delta>) {
        if !matches!(self.run.phase(), Phase::Model) {
            return;
        }
        let mut assembler = self.run.assembler();
        let mut events = Vec::new();
        for delta in deltas {
            assembler.push(delta, &mut events);
        }
        let items = assembler.abandon(&mut events);
        self.tell_of_a_turn(events);
        self.run.keep(items);
    }

    /// All that was told.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    fn tell_of_a_turn(&mut self, events: Vec<Event>) {
        if matches!(self.run.phase(), Phase::Model) {
            self.events.extend(events);
        }
    }

    /// The records of a run agree with each other.
    fn check_records(&self) {
        let progress = self.run.progress();
        for (ordinal, item) in (0..).zip(self.run.items()) {
            assert_eq!((item.id.parent, item.id.ordinal), (RESPONSE.raw(), ordinal));
        }
        let mut call_ids = HashSet::new();
        for call in self.run.items().iter().filter_map(|item| item.as_call()) {
            assert!(call_ids.insert(&call.call_id), "no two calls share an id");
        }
        for (ordinal, execution) in (0..).zip(&progress.executions) {
            assert_eq!(execution.id.ordinal, ordinal);
            assert_eq!(
                execution.duration.is_none(),
                execution.state.name() == "in_progress"
            );
        }
        assert!(
            progress
                .turns
                .is_sorted_by(|one, next| one.number < next.number)
        );
        let told = progress.turns.iter().filter_map(|turn| turn.usage);
        let sum = told.reduce(|mut sum, usage: Usage| {
            sum += usage;
            sum
        });
        assert_eq!(progress.usage, sum, "usage is the sum over all turns");
        assert!(progress.rounds <= self.rules.rounds);
        let depths = progress.executions.iter().map(|execution| execution.depth);
        assert!(depths.clone().is_sorted());
        assert!(depths.max().unwrap_or(0) <= progress.rounds + 1);
        assert!(progress.executions.len() <= self.rules.calls);
    }
}

/// What a model is sent has every call with its output, and nothing that stands alone.
fn check_turn(turn: &ModelTurn) {
    assert_eq!(pairs::unpaired(&[], &turn.transcript), None);
    let ids: HashSet<_> = turn.transcript.iter().map(|item| item.id).collect();
    assert_eq!(ids.len(), turn.transcript.len(), "no item is sent twice");
}

/// A finished item of the response.
pub(crate) fn item_of(ordinal: u32, turn: u16, body: ItemBody) -> Arc<Item> {
    Arc::new(Item {
        id: response_domain::id::ItemId::new(RESPONSE.raw(), ordinal),
        turn,
        status: response_domain::item::ItemStatus::Completed,
        body,
    })
}
