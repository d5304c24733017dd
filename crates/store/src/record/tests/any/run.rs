//! What happens in a run, and what it leaves behind, of every shape.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use response_domain::event::{Event, OpenItem, Place, TextKind};
use response_domain::execution::{Execution, ExecutionState, Site};
use response_domain::id::{ExecutionId, ItemId};
use response_domain::item::{CallKind, Item, ItemBody, ItemStatus, Runner};
use response_domain::json::Json;
use response_domain::run::checkpoint::Checkpoint;
use response_domain::run::repair::Streak;
use response_domain::run::{CallState, Closing, PendingCall};
use response_domain::time::Timestamp;
use response_domain::tool::{Approval, Repeat, ToolCall, ToolHome, ToolReply, ToolSpec, Verdict};

use super::{PARENT, body, call, json, maybe, server_tool, text};

fn site() -> impl Strategy<Value = Site> {
    (any::<u32>(), any::<u32>(), server_tool(), maybe(text())).prop_map(
        |(item, index, tool, approval)| Site {
            item,
            index,
            tool,
            approval,
        },
    )
}

fn state() -> impl Strategy<Value = ExecutionState> {
    prop_oneof![
        Just(ExecutionState::Started),
        text().prop_map(ExecutionState::Completed),
        text().prop_map(ExecutionState::Failed),
        Just(ExecutionState::TimedOut),
        Just(ExecutionState::Cancelled),
        Just(ExecutionState::Unknown),
    ]
}

prop_compose! {
    pub(in crate::record::tests) fn execution(ordinal: u32)(
        tool in text(), server in maybe(text()), input in text(), state in state(),
        site in maybe(site()),
    ) -> Execution {
        Execution {
            id: ExecutionId::new(PARENT, ordinal),
            tool, server, input, state, site,
            turn: 1,
            depth: 1,
            started_at: Timestamp::from_micros(0),
            duration: Some(Duration::from_micros(1)),
        }
    }
}

/// An event that stands by itself: what tells of the response or of an execution is put together elsewhere.
pub(in crate::record::tests) fn event() -> BoxedStrategy<Event> {
    let place = || {
        (0..4_u32, any::<u32>()).prop_map(|(ordinal, index)| Place {
            item: ItemId::new(PARENT, ordinal),
            index,
        })
    };
    let placed = || (place(), any::<u16>(), any::<bool>(), body()).prop_map(item_at);
    let kind = || prop::sample::select(vec![TextKind::Output, TextKind::Reasoning]);
    let kinds = [
        CallKind::Callers,
        CallKind::Servers,
        CallKind::Asks,
        CallKind::Nobodys,
    ];
    let whose = prop::sample::select(kinds.to_vec());
    let open = prop_oneof![
        Just(OpenItem::Message),
        Just(OpenItem::Reasoning),
        call().prop_map(|call| OpenItem::Call {
            call_id: call.call_id,
            name: call.name,
            runner: call.runner,
            approval: call.approval,
        }),
        text().prop_map(|label| OpenItem::ToolList { label }),
    ];
    prop_oneof![
        (place(), open).prop_map(|(place, kind)| Event::ItemOpened { place, kind }),
        (place(), kind()).prop_map(|(place, kind)| Event::PartOpened(place, kind)),
        (place(), kind(), any::<String>()).prop_map(|(place, kind, text)| Event::TextDelta(
            place,
            kind,
            text.into()
        )),
        (place(), kind(), text())
            .prop_map(|(place, kind, text)| Event::TextDone(place, kind, text)),
        (place(), kind(), text())
            .prop_map(|(place, kind, text)| Event::PartClosed(place, kind, text)),
        (place(), whose, any::<String>()).prop_map(|(place, kind, text)| Event::ArgumentsDelta(
            place,
            kind,
            text.into()
        )),
        placed().prop_map(|(place, item)| Event::ArgumentsDone(place, item)),
        placed().prop_map(|(place, item)| Event::ItemClosed(place, item)),
        placed().prop_map(|(place, item)| Event::CallDropped(place, item)),
    ]
    .boxed()
}

fn item_at((place, turn, is_whole, body): (Place, u16, bool, ItemBody)) -> (Place, Arc<Item>) {
    let status = if is_whole {
        ItemStatus::Completed
    } else {
        ItemStatus::Incomplete
    };
    let item = Item {
        id: place.item,
        turn,
        status,
        body,
    };
    (place, Arc::new(item))
}

fn home() -> impl Strategy<Value = ToolHome> {
    prop_oneof![
        Just(ToolHome::Caller),
        (text(), text(), maybe(text())).prop_map(|(label, name, url)| ToolHome::Server {
            label,
            name,
            url
        }),
    ]
}

prop_compose! {
    fn tool()(
        name in text(), home in home(), description in maybe(text()), parameters in json(),
        repeat in prop::sample::select(vec![Repeat::Safe, Repeat::Unsafe]),
        strict in maybe(any::<bool>()), annotations in maybe(json()),
        approval in prop::sample::select(vec![Approval::Needed, Approval::Waived]),
    ) -> ToolSpec {
        ToolSpec { name, home, description, parameters, repeat, strict, annotations, approval }
    }
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![
        Verdict::Done,
        Verdict::ToolSaysError,
        Verdict::BadArguments,
        Verdict::UnknownTool,
        Verdict::TooManyCalls,
        Verdict::Denied,
        Verdict::OutcomeUnknown,
    ])
}

/// What becomes of a call of a round, beside its execution.
#[derive(Debug, Clone)]
enum Fate {
    Callers,
    Started(ToolSpec, Json),
    Returned(Verdict, Option<Arc<str>>),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Callers),
        (tool(), json()).prop_map(|(tool, with)| Fate::Started(tool, with)),
        (verdict(), maybe(text())).prop_map(|(verdict, text)| Fate::Returned(verdict, text)),
    ]
}

/// A checkpoint in the middle of a round, and the executions of its response; some of the calls are as their
/// executions say, and some are not.
pub(in crate::record::tests) fn checkpoint()
-> impl Strategy<Value = (Checkpoint, Vec<Arc<Execution>>)> {
    let one = (call(), fate(), execution(0), any::<bool>());
    (prop::collection::vec(one, 0..4), 0..2_u32).prop_map(|(round, earlier)| {
        let mut executions = Vec::new();
        let mut calls = Vec::new();
        for _ in 0..earlier {
            executions.extend(round.first().map(|(_, _, it, _)| Arc::new(it.clone())));
        }
        for (mut call, fate, mut execution, agrees) in round {
            execution.id.ordinal = u32::try_from(executions.len()).unwrap();
            if agrees {
                call.arguments = Arc::clone(&execution.input);
                call.runner = match &execution.site {
                    Some(site) => Runner::Server(Arc::clone(&site.tool)),
                    None => Runner::Caller,
                };
            }
            let execution = Arc::new(execution);
            let state = match fate {
                Fate::Callers => CallState::Callers,
                Fate::Started(tool, arguments) => {
                    executions.push(Arc::clone(&execution));
                    let call = ToolCall {
                        execution: execution.id,
                        tool: Arc::new(tool),
                        arguments,
                    };
                    CallState::Started(call, execution)
                }
                Fate::Returned(verdict, text) => {
                    executions.push(Arc::clone(&execution));
                    let said = match &execution.state {
                        ExecutionState::Completed(text) | ExecutionState::Failed(text) => {
                            Arc::clone(text)
                        }
                        _ => Arc::from("nothing"),
                    };
                    let text = text.unwrap_or(said);
                    CallState::Returned(ToolReply { text, verdict })
                }
            };
            calls.push(PendingCall { call, state });
        }
        let checkpoint = Checkpoint {
            next_turn: 2,
            closing: Closing::No,
            streak: Streak::default(),
            context_tokens: 0,
            calls,
        };
        (checkpoint, executions)
    })
}
