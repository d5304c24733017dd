//! Runs with a model, tools, a caller and processes that do anything: what is told of them, and what is kept.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use response_domain::caller::OwnerId;
use response_domain::event::Event;
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::{ItemId, RawId, ResponseId};
use response_domain::item::{
    ApprovalResponse, CallId, Consent, FunctionCall, Item, ItemBody, ItemStatus, Message, Role,
    Runner, ServerTool,
};
use response_domain::json::Json;
use response_domain::ports::llm::Delta;
use response_domain::ports::queue::Standing;
use response_domain::ports::tools::ToolErrorKind;
use response_domain::response::{Finish, Response};
use response_domain::run::assemble::Seal;
use response_domain::run::checkpoint::Resumption;
use response_domain::run::limits::Rules;
use response_domain::run::{
    CallOutcome, CallReturn, Input, Listing, Next, Run, Start, Stop, Toolbox,
};
use response_domain::spec::{
    ApprovalRule, BackgroundStream, CallerTool, Draft, InputItem, OnMaxDepth, ResponseSpec,
    ServerOffer, SpecLimits, ToolFailure, ToolOffer, ToolSelection,
};
use response_domain::status::Change;
use response_domain::time::Timestamp;
use response_domain::tool::{ToolHome, ToolReply, ToolSpec, Verdict};
use response_domain::usage::Usage;

const RESPONSE: ResponseId = ResponseId::new(RawId::new(0x0190_a1b2_c3d4_7e5f_8a9b_0c1d_2e3f_4a5b));

/// A run that is over.
#[derive(Debug, Clone)]
pub(super) struct Over {
    /// What was told, in order.
    pub(super) events: Vec<Event>,
    /// What is kept of it.
    pub(super) response: Arc<Response>,
    /// The items of its own.
    pub(super) items: Vec<Arc<Item>>,
}

/// What happens in a run, as far as it comes to that.
#[derive(Debug, Clone)]
struct Plan {
    background: bool,
    offers: bool,
    /// A call that waited, and what its caller says.
    waited: Option<Consent>,
    shop_is_there: bool,
    most_calls: Option<u32>,
    rules: Rules,
    turns: Vec<Turn>,
    outcomes: Vec<CallOutcome>,
    troubles: Vec<Trouble>,
}

/// A turn of the model.
#[derive(Debug, Clone)]
struct Turn {
    deltas: Vec<Delta>,
    end: End,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Whole,
    /// The model breaks off.
    BreaksOff,
    /// The process is lost before it ends; only in the background.
    Lost,
}

/// What happens instead of what a run asks for.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    None,
    Deadline,
    Stopped,
    Lost,
}

/// Any run.
pub(super) fn any_run() -> impl Strategy<Value = Over> {
    plan().prop_map(play)
}

fn plan() -> impl Strategy<Value = Plan> {
    let shape = (
        any::<bool>(),
        prop::bool::weighted(0.8),
        prop::option::weighted(
            0.3,
            prop::sample::select(vec![Consent::Given, Consent::Denied]),
        ),
        prop::bool::weighted(0.8),
        prop::option::weighted(0.2, 1_u32..3),
        rules(),
    );
    let happenings = (
        prop::collection::vec(turn(), 1..5),
        prop::collection::vec(outcome(), 1..6),
        prop::collection::vec(trouble(), 0..16),
    );
    (shape, happenings).prop_map(|(shape, (turns, outcomes, troubles))| {
        let (background, offers, waited, shop_is_there, most_calls, rules) = shape;
        Plan {
            background,
            offers,
            waited,
            shop_is_there,
            most_calls,
            rules,
            turns,
            outcomes,
            troubles,
        }
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    (
        1_u16..4,
        1_usize..4,
        1_usize..8,
        0_u8..3,
        any::<(bool, bool)>(),
    )
        .prop_map(
            |(rounds, calls_per_round, calls, repairs, (answer, report))| Rules {
                rounds,
                calls_per_round,
                calls,
                repairs,
                on_max_depth: if answer {
                    OnMaxDepth::Answer
                } else {
                    OnMaxDepth::Fail
                },
                tool_failure: if report {
                    ToolFailure::Report
                } else {
                    ToolFailure::Fail
                },
                result_share: 20,
            },
        )
}

fn words() -> impl Strategy<Value = Box<str>> {
    "[a-z\"\\\\\n\r\u{2028}é ]{1,8}".prop_map(String::into_boxed_str)
}

fn delta() -> impl Strategy<Value = Delta> {
    let name = prop::sample::select(vec!["look", "buy", "mine", "nothing", "x.LOOK"]);
    let arguments = prop::sample::select(vec!["{}", "{\"n\":", "1}", "[]", "", " "]);
    prop_oneof![
        3 => words().prop_map(Delta::Text),
        2 => words().prop_map(Delta::Reasoning),
        3 => (0_u32..3, name, arguments).prop_map(|(slot, name, arguments)| Delta::Call {
            slot,
            name: Some(name.into()),
            arguments: arguments.into(),
        }),
    ]
}

fn turn() -> impl Strategy<Value = Turn> {
    let finish = prop_oneof![
        20 => Just(None),
        1 => Just(Some(Finish::Length)),
        1 => Just(Some(Finish::ContentFilter)),
    ];
    let end = prop_oneof![
        8 => Just(End::Whole),
        1 => Just(End::BreaksOff),
        1 => Just(End::Lost),
    ];
    let deltas = prop::collection::vec(delta(), 0..10);
    (deltas, finish, end).prop_map(|(mut deltas, finish, end)| {
        deltas.push(Delta::Usage(Usage {
            prompt: 10,
            cached: 1,
            completion: 5,
            reasoning: 2,
        }));
        deltas.extend(finish.map(Delta::Finish));
        Turn { deltas, end }
    })
}

fn outcome() -> impl Strategy<Value = CallOutcome> {
    prop_oneof![
        6 => words().prop_map(|text| CallOutcome::Replied(ToolReply::done(text))),
        2 => words().prop_map(|text| {
            CallOutcome::Replied(ToolReply::complaint(Verdict::ToolSaysError, text))
        }),
        1 => prop::sample::select(vec![ToolErrorKind::Timeout, ToolErrorKind::Unavailable])
            .prop_map(|kind| CallOutcome::Failed { kind, message: "away".into() }),
    ]
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        20 => Just(Trouble::None),
        1 => Just(Trouble::Deadline),
        1 => Just(Trouble::Stopped),
        2 => Just(Trouble::Lost),
    ]
}

/// A run under way.
struct World {
    plan: Plan,
    run: Run,
    response: Response,
    /// As it was recorded last, and how many events were told by then.
    recorded: (Response, Vec<Arc<Item>>, usize),
    events: Vec<Event>,
    under_way: Vec<response_domain::id::ExecutionId>,
    now: Timestamp,
}

fn play(plan: Plan) -> Over {
    let turns = plan.turns.clone();
    let outcomes = plan.outcomes.clone();
    let mut troubles = plan.troubles.clone().into_iter();
    let (mut turns, mut outcomes) = (turns.iter().cycle(), outcomes.iter().cycle());
    let mut world = World::new(plan);
    let mut next = world.feed(Input::TakenUp);
    for _ in 0..60 {
        if let Next::Stop(_) = next {
            return world.over();
        }
        let trouble = troubles.next().unwrap_or(Trouble::None);
        let input = match (trouble, &next) {
            (Trouble::Deadline, _) => Input::DeadlineReached,
            (Trouble::Stopped, _) => Input::Stopped(Stop::ByCaller),
            (Trouble::Lost, _) if world.plan.background => world.lost(),
            (_, Next::ListTools) => Input::ToolsListed(Ok(world.toolbox())),
            (_, Next::CallModel(_)) => {
                let turn = turns.next().unwrap();
                world.turn(turn)
            }
            _ => Input::CallReturned(CallReturn {
                execution: world.under_way.pop().unwrap(),
                outcome: outcomes.next().unwrap().clone(),
                took: Duration::from_millis(10),
            }),
        };
        next = world.feed(input);
    }
    world.feed(Input::Stopped(Stop::ByCaller));
    world.over()
}

impl World {
    fn new(plan: Plan) -> Self {
        let now = Timestamp::from_micros(1_705_315_800_000_000);
        let spec = Arc::new(spec(&plan));
        let own = (0..).zip(&spec.items).map(|(ordinal, item)| match item {
            InputItem::New(body) => Arc::new(Item {
                id: ItemId::new(RESPONSE.raw(), ordinal),
                turn: 0,
                status: ItemStatus::Completed,
                body: body.clone(),
            }),
            InputItem::Reference(_) => unreachable!("plans hold no references"),
        });
        let run = Run::new(Start {
            response: RESPONSE,
            spec: Arc::clone(&spec),
            rules: plan.rules,
            history: Arc::from([]),
            input: own.collect(),
            at: now,
        });
        let mut response = Response::accept(RESPONSE, OwnerId::new("ada"), spec, None, now);
        let mut events = vec![Event::Created(Arc::new(response.clone()))];
        if plan.background {
            response.change(Change::Start, now).unwrap();
        }
        events.push(Event::Started(Arc::new(response.clone())));
        Self {
            recorded: (response.clone(), run.items().to_vec(), events.len()),
            plan,
            run,
            response,
            events,
            under_way: Vec::new(),
            now,
        }
    }

    fn feed(&mut self, input: Input) -> Next {
        self.now = self.now.after(Duration::from_secs(1));
        let advance = self.run.advance(input, self.now).unwrap();
        self.events.extend(advance.events);
        self.response.progress = self.run.progress().clone();
        match &advance.next {
            Next::CallTools(calls) => {
                self.under_way
                    .extend(calls.iter().map(|call| call.execution));
            }
            Next::Stop(outcome) => {
                let change = Change::from(outcome.clone());
                self.response.change(change, self.now).unwrap();
                let ended = Arc::new(self.response.clone());
                self.events.push(Event::Ended(ended));
            }
            Next::ListTools | Next::CallModel(_) | Next::Wait => {}
        }
        let items = self.run.items().to_vec();
        self.recorded = (self.response.clone(), items, self.events.len());
        advance.next
    }

    /// What comes of a turn that the model was asked for.
    fn turn(&mut self, turn: &Turn) -> Input {
        let seal = Seal(Arc::new(|text| {
            Some(format!("sealed-{}", text.len()).into())
        }));
        let mut assembler = self.run.assembler().sealing(Some(seal));
        for delta in &turn.deltas {
            assembler.push(delta.clone(), &mut self.events);
        }
        match turn.end {
            End::Lost if self.plan.background => self.lost(),
            End::BreaksOff => {
                let items = assembler.abandon(&mut self.events);
                self.run.keep(items);
                let away = Failure::new(FailureCode::ModelUnavailable, "away");
                Input::ModelAnswered(Err(away))
            }
            End::Whole | End::Lost => Input::ModelAnswered(Ok(assembler.finish(&mut self.events))),
        }
    }

    /// The process is lost, and another one goes on from what was recorded.
    fn lost(&mut self) -> Input {
        let (response, own, settled) = self.recorded.clone();
        let mut waiting = response.clone();
        waiting.change(Change::Requeue, self.now).unwrap();
        let standing = Standing {
            response: Arc::new(waiting.clone()),
            checkpoint: self.run.checkpoint(),
            next: u64::try_from(self.events.len()).unwrap(),
            tail: self.events[settled..].to_vec(),
        };
        let (run, closing) = Run::resume(Resumption {
            standing: &standing,
            rules: self.plan.rules,
            history: Arc::from([]),
            own,
            at: self.now,
        });
        self.run = run;
        self.events.extend(closing);
        self.response = waiting;
        self.response.change(Change::Start, self.now).unwrap();
        self.response.progress = self.run.progress().clone();
        let started = Arc::new(self.response.clone());
        self.events.push(Event::Started(started));
        self.under_way.clear();
        Input::TakenUp
    }

    fn toolbox(&self) -> Toolbox {
        let of = |label: &str, name: &str| {
            let home = ToolHome::Server {
                label: label.into(),
                name: name.into(),
                url: None,
            };
            Arc::new(ToolSpec::plain(name, home, Json::empty_object()))
        };
        let shop = if self.plan.shop_is_there {
            Ok(vec![of("shop", "buy")])
        } else {
            Err(Failure::new(
                FailureCode::ToolsUnavailable,
                "the shop is away",
            ))
        };
        let listing = |label: &str, tools| Listing {
            label: label.into(),
            tools,
        };
        let servers = vec![
            listing("web", Ok(vec![of("web", "look")])),
            listing("shop", shop),
        ];
        Toolbox {
            tools: Arc::from([of("web", "look"), of("web", "buy")]),
            servers: if self.plan.offers {
                servers
            } else {
                Vec::new()
            },
            context_tokens: 10_000,
        }
    }

    fn over(self) -> Over {
        Over {
            events: self.events,
            response: Arc::new(self.response),
            items: self.run.items().to_vec(),
        }
    }
}

fn spec(plan: &Plan) -> ResponseSpec {
    let question = ItemBody::Message(Message::text(Role::User, "hi"));
    let mut items = vec![InputItem::New(question)];
    if let Some(consent) = plan.waited {
        let tool = ServerTool {
            label: "shop".into(),
            name: "buy".into(),
        };
        let call = FunctionCall {
            runner: Runner::Asks(Arc::new(tool)),
            ..FunctionCall::of_caller(CallId("mcpr_1".into()), "buy", "{}")
        };
        items.push(InputItem::New(ItemBody::FunctionCall(call)));
        items.push(InputItem::New(ItemBody::ApprovalResponse(
            ApprovalResponse {
                request: "mcpr_1".into(),
                consent,
                reason: None,
            },
        )));
    }
    let server = |label: &str, approval| {
        ToolOffer::Server(ServerOffer {
            label: label.into(),
            url: None,
            allowed: None,
            approval,
        })
    };
    let mine = ToolOffer::Function(CallerTool {
        name: "mine".into(),
        description: None,
        parameters: None,
        strict: None,
    });
    let offers = vec![
        mine,
        server("web", ApprovalRule::Never),
        server("shop", ApprovalRule::Always),
    ];
    let draft = Draft {
        model: Some("m".into()),
        input: Some(Json::from_text("\"hi\"".into()).unwrap()),
        items,
        tools: plan.offers.then_some(ToolSelection::Offered(offers)),
        max_tool_calls: plan.most_calls,
        stream: (!plan.background).then_some(true),
        background: Some(plan.background),
        background_stream: BackgroundStream::Followed,
        ..Draft::default()
    };
    let limits = SpecLimits {
        tools: 8,
        items: 16,
        metadata_bytes: 1_000,
        max_rounds: 8,
        on_max_depth: plan.rules.on_max_depth,
        tool_failure: plan.rules.tool_failure,
    };
    ResponseSpec::check(draft, &limits).unwrap()
}
