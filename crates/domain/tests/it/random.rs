//! Runs under random input: whatever comes in whatever order, nothing panics and the laws of
//! [`World`](crate::world::World) hold at every step.

use std::time::Duration;

use proptest::prelude::*;
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::ExecutionId;
use response_domain::ports::tools::ToolErrorKind;
use response_domain::run::limits::Rules;
use response_domain::run::{CallOutcome, CallReturn, Input, Next, Phase, Stop};
use response_domain::spec::{OnMaxDepth, ToolChoice, ToolFailure};
use response_domain::tool::{ToolReply, Verdict};

use crate::script::{End, deltas, toolbox};
use crate::world::{RESPONSE, World, draft};

pub(crate) const ALL_TOOLS: &str = "safe:safe pay:unsafe mine:caller";
const TOOLS: &[&str] = &[ALL_TOOLS, ALL_TOOLS, "safe:safe", ""];

/// One thing that may happen, whether it can or not.
#[derive(Debug, Clone)]
enum Happening {
    TakenUp,
    /// Tools are listed, with so much context; or they cannot be.
    Tools(Option<(&'static str, u32)>),
    Model(Option<String>),
    BreaksOff(String),
    /// The call with this number, counted back from the latest.
    Back(u32, CallOutcome),
    Deadline,
    Stopped(Stop),
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zü ]{0,6}".prop_map(|text| format!("say {text}")),
        "[a-zü ]{0,6}".prop_map(|text| format!("think {text}")),
        (
            prop::sample::select(vec!["safe", "pay", "mine", "nothing", "x.SAFE"]),
            prop::sample::select(vec!["{}", "{\"n\":1}", "{\"n\":", "[]", ""])
        )
            .prop_map(|(tool, arguments)| format!("call {tool} {arguments}")),
        Just("usage 3/4".to_owned()),
        Just("length".to_owned()),
    ]
}

pub(crate) fn turn() -> impl Strategy<Value = String> {
    // Mostly without a cut, so that runs get somewhere.
    prop::collection::vec(piece(), 0..6).prop_map(|mut pieces| {
        let cuts = pieces.iter().filter(|piece| *piece == "length").count();
        if cuts < 2 {
            pieces.retain(|piece| piece != "length");
        }
        if pieces.is_empty() {
            pieces.push("nothing".to_owned());
        }
        pieces.join(" | ")
    })
}

pub(crate) fn outcome() -> impl Strategy<Value = CallOutcome> {
    prop_oneof![
        6 => "[a-z]{0,4}".prop_map(|text| CallOutcome::Replied(ToolReply::done(text))),
        2 => "[ab]".prop_map(|text| {
            CallOutcome::Replied(ToolReply::complaint(Verdict::ToolSaysError, text))
        }),
        1 => prop::sample::select(vec![ToolErrorKind::Timeout, ToolErrorKind::Unavailable])
            .prop_map(|kind| CallOutcome::Failed { kind, message: "away".into() }),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => Just(Happening::TakenUp),
        4 => prop::option::weighted(0.9, (prop::sample::select(TOOLS), 0_u32..5_000))
            .prop_map(Happening::Tools),
        20 => prop::option::weighted(0.97, turn()).prop_map(Happening::Model),
        3 => turn().prop_map(Happening::BreaksOff),
        24 => (0_u32..4, outcome()).prop_map(|(back, outcome)| Happening::Back(back, outcome)),
        1 => Just(Happening::Deadline),
        1 => prop::sample::select(vec![Stop::ByCaller, Stop::ByShutdown])
            .prop_map(Happening::Stopped),
    ]
}

pub(crate) fn rules() -> impl Strategy<Value = Rules> {
    (
        0_u16..5,
        0_usize..4,
        0_usize..12,
        0_u8..4,
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

pub(crate) fn choice() -> impl Strategy<Value = ToolChoice> {
    prop_oneof![
        4 => Just(ToolChoice::Auto),
        1 => Just(ToolChoice::None),
        1 => Just(ToolChoice::Required),
        1 => Just(ToolChoice::Named("pay".into())),
    ]
}

fn happen(world: &mut World, happening: Happening) -> Option<Next> {
    let input = match happening {
        Happening::TakenUp => Input::TakenUp,
        Happening::Tools(None) => {
            Input::ToolsListed(Err(Failure::new(FailureCode::ToolsUnavailable, "away")))
        }
        Happening::Tools(Some((tools, context))) => Input::ToolsListed(Ok(toolbox(tools, context))),
        Happening::Model(None) => {
            Input::ModelAnswered(Err(Failure::new(FailureCode::ModelUnavailable, "away")))
        }
        Happening::Model(Some(turn)) => {
            Input::ModelAnswered(Ok(world.answer(deltas(&turn, End::Told))))
        }
        Happening::BreaksOff(turn) => {
            // Whatever broke off is asked for again, or over.
            if !matches!(world.run.phase(), Phase::Model) {
                return None;
            }
            world.break_off(deltas(&turn, End::Missing));
            Input::TakenUp
        }
        Happening::Back(back, outcome) => {
            let latest = world.run.progress().executions.len();
            let ordinal = u32::try_from(latest).unwrap().saturating_sub(back);
            Input::CallReturned(CallReturn {
                execution: ExecutionId::new(RESPONSE.raw(), ordinal),
                outcome,
                took: Duration::from_millis(10),
            })
        }
        Happening::Deadline => Input::DeadlineReached,
        Happening::Stopped(stop) => Input::Stopped(stop),
    };
    world.feed(input).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_whatever_happens(
        rules in rules(),
        choice in choice(),
        happenings in prop::collection::vec(happening(), 0..40),
    ) {
        let mut draft = draft();
        draft.tool_choice = Some(choice);
        let mut world = World::new(draft, rules);
        for happening in happenings {
            happen(&mut world, happening);
        }
        // An ending, so that the whole stream is read.
        world.feed(Input::Stopped(Stop::ByCaller)).unwrap();
    }

    /// A driver that gives a run what it asks for comes to an end, whatever the model does.
    #[test]
    fn a_run_that_gets_what_it_asks_for_ends(
        rules in rules(),
        turns in prop::collection::vec(turn(), 1..6),
        outcomes in prop::collection::vec(outcome(), 1..6),
    ) {
        let mut world = World::new(draft(), rules);
        let (mut turns, mut outcomes) = (turns.iter().cycle(), outcomes.iter().cycle());
        let mut under_way: Vec<u32> = Vec::new();
        let mut next = world.feed(Input::TakenUp).unwrap();
        // Every round may be begun by as many empty turns as there are repairs.
        let bound = (usize::from(rules.rounds) + 3) * (usize::from(rules.repairs) + 2) + 20;
        for _ in 0..bound {
            if let Next::CallTools(calls) = &next {
                under_way.extend(calls.iter().map(|call| call.execution.ordinal));
            }
            let input = match next {
                Next::Stop(_) => return Ok(()),
                Next::ListTools => {
                    let tools = toolbox(ALL_TOOLS, 1_000);
                    Input::ToolsListed(Ok(tools))
                }
                Next::CallModel(_) => {
                    let turn = turns.next().unwrap();
                    Input::ModelAnswered(Ok(world.answer(deltas(turn, End::Told))))
                }
                Next::CallTools(_) | Next::Wait => Input::CallReturned(CallReturn {
                    // Last in, first out: out of order on purpose.
                    execution: ExecutionId::new(RESPONSE.raw(), under_way.pop().unwrap()),
                    outcome: outcomes.next().unwrap().clone(),
                    took: Duration::ZERO,
                }),
            };
            next = world.feed(input).unwrap();
        }
        prop_assert!(false, "the run goes on and on");
    }
}
