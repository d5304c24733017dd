//! A run with a driver that does nothing by itself, and the laws that every run keeps at every step. What
//! it recorded of the run outlives the driver: [`World::crash`] goes on from there.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::event::Event;
use response_domain::id::{RawId, ResponseId};
use response_domain::item::{Item, ItemBody, Message, Role};
use response_domain::json::Json;
use response_domain::ports::llm::{Delta, ModelTurn};
use response_domain::ports::queue::Standing;
use response_domain::response::Response;
use response_domain::run::checkpoint::{Checkpoint, Resumption};
use response_domain::run::limits::Rules;
use response_domain::run::{Answer, IllegalInput, Input, Next, Phase, Run, Start, pairs};
use response_domain::spec::{
    Draft, InputItem, OnMaxDepth, ResponseSpec, SpecLimits, ToolFailure, Unanswered,
};
use response_domain::status::{Change, Status};
use response_domain::time::Timestamp;
use response_domain::usage::Usage;
use response_domain::work::{Guard, UnitOfWork};
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

/// When a run is recorded whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recording {
    /// At each step.
    Steps,
    /// When a call starts or returns, and when something is told for the first time after a crash.
    Calls,
}

/// What a driver that is lost leaves behind, besides the log.
#[derive(Debug, Clone)]
struct Recorded {
    response: Response,
    items: Vec<Arc<Item>>,
    checkpoint: Option<Checkpoint>,
    settled: usize,
}

/// A run, all that was told of it, and the time, which passes a second a step.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) run: Run,
    pub(crate) response: Response,
    recording: Recording,
    recorded: Recorded,
    /// Whether this driver recorded anything yet.
    begun: bool,
    events: Vec<Event>,
    /// What is told as soon as something is recorded.
    window: Vec<Event>,
    /// How many events belong to steps that are over.
    settled: usize,
    now: Timestamp,
    rules: Rules,
}

impl World {
    pub(crate) fn new(draft: Draft, rules: Rules) -> Self {
        let now = Timestamp::from_micros(1_000_000);
        let limits = SpecLimits {
            items: 16,
            ..spec_limits()
        };
        let spec = Arc::new(ResponseSpec::check(draft, &limits).unwrap());
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
        let mut response = Response::accept(RESPONSE, OwnerId::new("ada"), spec, None, now);
        let created = Event::Created(Arc::new(response.clone()));
        if *response.status() == Status::Queued {
            response.change(Change::Start, now).unwrap();
        }
        let events = vec![created, Event::Started(Arc::new(response.clone()))];
        let settled = events.len();
        let recorded = Recorded {
            response: response.clone(),
            items: run.items().to_vec(),
            checkpoint: run.checkpoint(),
            settled,
        };
        Self {
            run,
            recording: Recording::Steps,
            recorded,
            begun: true,
            events,
            window: Vec::new(),
            settled,
            response,
            now,
            rules,
        }
    }

    pub(crate) fn recording(self, recording: Recording) -> Self {
        Self { recording, ..self }
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
        let is_call =
            |event: &Event| matches!(event, Event::CallStarted(_) | Event::CallReturned(_));
        let mut due = self.recording == Recording::Steps || advance.events.iter().any(is_call);
        self.window.extend(advance.events);
        self.check_records();
        match &advance.next {
            Next::CallModel(turn) => check_turn(turn),
            Next::Stop(outcome) => {
                self.response.progress = self.run.progress().clone();
                let change = Change::from(outcome.clone());
                self.response.change(change, self.now).unwrap();
                let ended = Arc::new(self.response.clone());
                self.window.push(Event::Ended(ended));
                due = true;
            }
            Next::CallTools(calls) => assert!(!calls.is_empty()),
            Next::ListTools | Next::Wait => {}
        }
        self.settled = self.events.len() + self.window.len();
        if due {
            self.record();
        }
        self.check_events();
        Ok(advance.next)
    }

    /// Takes an ended stream for what it must be, and one that goes on for the beginning of that.
    fn check_events(&self) {
        if self.response.status().is_ended() {
            grammar::check(&self.events).unwrap();
        } else {
            grammar::check_so_far(&self.events).unwrap();
        }
    }

    /// Records the whole run, and tells what is to be told.
    fn record(&mut self) {
        self.events.append(&mut self.window);
        self.begun = true;
        if !self.response.status().is_ended() {
            self.response.progress = self.run.progress().clone();
            self.response.times.updated = self.now;
        }
        self.recorded = Recorded {
            response: self.response.clone(),
            items: self.run.items().to_vec(),
            checkpoint: self.run.checkpoint(),
            settled: self.settled,
        };
    }

    /// Tells of what belongs to no step.
    pub(crate) fn tell(&mut self, events: Vec<Event>) {
        self.window.extend(events);
        if self.begun {
            self.events.append(&mut self.window);
        } else {
            self.record();
        }
        self.check_events();
    }

    /// How the response stands, as whoever does not drive it sees it.
    pub(crate) fn standing(&self) -> Standing {
        let mut response = self.recorded.response.clone();
        response.change(Change::Requeue, self.now).unwrap();
        Standing {
            response: Arc::new(response),
            checkpoint: self.recorded.checkpoint.clone(),
            next: self.events.len().try_into().unwrap(),
            tail: self
                .events
                .iter()
                .skip(self.recorded.settled)
                .cloned()
                .collect(),
        }
    }

    /// The driver is lost, and another one goes on from what was recorded.
    pub(crate) fn crash(&mut self) {
        self.now = self.now.after(Duration::from_secs(20));
        let standing = self.standing();
        let (run, closing) = Run::resume(Resumption {
            standing: &standing,
            rules: self.rules,
            history: Arc::from([]),
            own: self.recorded.items.clone(),
            at: self.now,
        });
        self.run = run;
        self.response = self.recorded.response.clone();
        self.window = closing;
        self.begun = false;
        self.check_records();
        assert!(self.run.items().starts_with(&self.recorded.items));
    }

    /// Somebody who does not drive the run ends it now: what that writes, and the whole log with it.
    pub(crate) fn end_from_outside(&self, ended: Response) -> (UnitOfWork, Vec<Event>) {
        let standing = self.standing();
        let work = standing.end(ended, &self.recorded.items, Guard::Open);
        assert_eq!(work.log.from, standing.next);
        let told = [self.events.clone(), work.log.events.clone()].concat();
        grammar::check(&told).unwrap();
        let items = [self.recorded.items.clone(), work.items.clone()].concat();
        let mut ordinals: Vec<_> = items.iter().map(|item| item.id.ordinal).collect();
        ordinals.sort_unstable();
        ordinals.dedup();
        assert!((0..).zip(ordinals).all(|(place, ordinal)| place == ordinal));
        let closed = told.iter().filter_map(|event| match event {
            Event::ItemClosed(_, item) => Some(item),
            _ => None,
        });
        for item in closed {
            assert!(items.contains(item), "what was told is kept: {item:?}");
        }
        (work, told)
    }

    /// What a model answers that sends these deltas now.
    pub(crate) fn answer(&mut self, deltas: Vec<Delta>) -> Answer {
        let mut assembler = self.run.assembler();
        let mut events = Vec::new();
        for delta in deltas {
            assembler.push(delta, &mut events);
        }
        let answer = assembler.finish(&mut events);
        if matches!(self.run.phase(), Phase::Model) {
            self.tell(events);
        }
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
        self.run.keep(assembler.abandon(&mut events));
        self.tell(events);
    }

    /// Tells of a turn that is not over.
    pub(crate) fn tell_deltas(&mut self, deltas: Vec<Delta>) {
        let mut assembler = self.run.assembler();
        for delta in deltas {
            let mut events = Vec::new();
            assembler.push(delta, &mut events);
            self.tell(events);
        }
    }

    /// All that was told.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
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
    assert_eq!(
        pairs::unpaired(&[], &turn.transcript, Unanswered::LeftOut),
        None
    );
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
