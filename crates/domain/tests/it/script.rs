//! Runs as scripts. A line is `what happens => what the run does next`; lines with `=` at the start tell
//! what it has done in the end. [`check`] plays the left side and compares the whole text.
//!
//! ```text
//! request tools=a,b choice=required depth=2 calls=9 abreast=3 repairs=3 at-depth=answer on-failure=report
//!         recording=calls
//! up | tools NAME:safe|unsafe|caller … | tools failed | deadline | stop | shutdown
//! model PIECE | PIECE …      say TEXT, think TEXT, call NAME ARGUMENTS, usage READ/WRITTEN, length, filter,
//!                            blank (white space), nothing
//! breaks PIECE | PIECE …     the same, without an end
//! tells PIECE | PIECE …      the same, and the turn is not over
//! dies PIECE | PIECE …       the process is lost after that, and another goes on
//! dies                       the process is lost
//! model failed
//! back CALL done|error TEXT  back CALL timeout|unavailable
//! ```

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use response_domain::execution::ExecutionState;
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::ExecutionId;
use response_domain::item::{
    ApprovalResponse, CallId, Consent, FunctionCall, Item, ItemBody, ItemStatus, Runner, ServerTool,
};
use response_domain::json::Json;
use response_domain::ports::llm::Delta;
use response_domain::ports::tools::ToolErrorKind;
use response_domain::response::Finish;
use response_domain::run::{
    CallOutcome, CallReturn, IllegalInput, Input, Listing, Next, Outcome, Stop, Toolbox,
};
use response_domain::spec::{
    ApprovalRule, CallerTool, InputItem, OnMaxDepth, ServerOffer, ToolChoice, ToolFailure,
    ToolName, ToolOffer, ToolRequest, ToolSelection,
};
use response_domain::tool::{Repeat, ToolHome, ToolReply, ToolSpec, Verdict};
use response_domain::usage::Usage;

use crate::world::{RESPONSE, Recording, World, draft, rules};

/// Plays a script and compares what the run does with what the script says it does.
#[track_caller]
pub(crate) fn check(script: &str) {
    let lines: Vec<&str> = script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let mut world = world(&lines);
    let mut played = String::new();
    let mut written = String::new();
    for line in lines {
        let (left, right) = line.split_once("=>").unwrap_or((line, ""));
        let _ = writeln!(written, "{} => {}", left.trim(), right.trim());
        if left.starts_with("request") {
            let _ = writeln!(played, "{} => ", left.trim());
        } else if !left.starts_with('=') {
            let next = play(&mut world, left.trim());
            let _ = writeln!(played, "{} => {}", left.trim(), show(&next, &world));
        }
    }
    if written.contains("\n= ") {
        played.push_str(&summary(&world));
    }
    assert!(
        played == written,
        "the script says\n\n{written}\nthe run does\n\n{played}"
    );
}

/// The world after a script, whatever it says that the run does.
pub(crate) fn world_after(script: &str) -> World {
    let lines: Vec<&str> = script.lines().map(str::trim).collect();
    let mut world = world(&lines);
    for line in lines {
        let left = line.split("=>").next().unwrap_or_default().trim();
        if !left.is_empty() && !left.starts_with("request") {
            play(&mut world, left).unwrap();
        }
    }
    world
}

fn world(lines: &[&str]) -> World {
    let (mut draft, mut rules) = (draft(), rules());
    let mut recording = Recording::Steps;
    let request = lines.first().copied().unwrap_or_default();
    let options = request.strip_prefix("request").unwrap_or_default();
    for option in options.split_whitespace() {
        let (name, value) = option.split_once('=').unwrap();
        match name {
            "tools" => {
                let names = value.split(',').filter(|name| !name.is_empty());
                draft.tools = Some(ToolSelection::Only(names.map(request_of).collect()));
            }
            "offers" => {
                let offers = value.split(',').map(offer_of).collect();
                draft.tools = Some(ToolSelection::Offered(offers));
            }
            "answers" => draft
                .items
                .extend(value.split(',').enumerate().flat_map(answer_of)),
            "allowed" => draft.allowed_tools = Some(value.split(',').map(name_of).collect()),
            "most" => draft.max_tool_calls = Some(value.parse().unwrap()),
            "choice" => {
                draft.tool_choice = Some(match value {
                    server if server.starts_with('@') => match name_of(&server[1..]) {
                        ToolName::Server { label, name } => ToolChoice::Server { label, name },
                        ToolName::Function(_) => panic!("{server} is no server"),
                    },
                    "auto" => ToolChoice::Auto,
                    "none" => ToolChoice::None,
                    "required" => ToolChoice::Required,
                    name => ToolChoice::Named(name.into()),
                });
            }
            "depth" => rules.rounds = value.parse().unwrap(),
            "calls" => rules.calls = value.parse().unwrap(),
            "abreast" => rules.calls_per_round = value.parse().unwrap(),
            "repairs" => rules.repairs = value.parse().unwrap(),
            "at-depth" if value == "answer" => rules.on_max_depth = OnMaxDepth::Answer,
            "on-failure" if value == "report" => rules.tool_failure = ToolFailure::Report,
            "recording" if value == "calls" => recording = Recording::Calls,
            _ => panic!("no request has {option}"),
        }
    }
    World::new(draft, rules).recording(recording)
}

fn request_of(name: &str) -> ToolRequest {
    ToolRequest {
        name: name.into(),
        description: None,
        parameters: None,
    }
}

/// `fn:NAME` for a function of the caller; `LABEL` for a server, `LABEL?` when its calls need leave.
fn offer_of(text: &str) -> ToolOffer {
    if let Some(name) = text.strip_prefix("fn:") {
        return ToolOffer::Function(CallerTool {
            name: name.into(),
            description: None,
            parameters: None,
            strict: None,
        });
    }
    let label = text.trim_end_matches('?');
    ToolOffer::Server(ServerOffer {
        label: label.into(),
        url: None,
        allowed: None,
        approval: if text.ends_with('?') {
            ApprovalRule::Always
        } else {
            ApprovalRule::Never
        },
    })
}

/// `LABEL.NAME:yes` or `LABEL.NAME:no`: a call that waited for its caller, and what the caller says.
fn answer_of((number, text): (usize, &str)) -> [InputItem; 2] {
    let (tool, word) = text.split_once(':').unwrap();
    let (label, name) = tool.split_once('.').unwrap();
    let request: Arc<str> = format!("ask{number}").into();
    let call = FunctionCall {
        runner: Runner::Asks(Arc::new(ServerTool {
            label: label.into(),
            name: name.into(),
        })),
        ..FunctionCall::of_caller(CallId(Arc::clone(&request)), name, "{}")
    };
    let response = ApprovalResponse {
        request,
        consent: match word {
            "yes" => Consent::Given,
            _ => Consent::Denied,
        },
        reason: None,
    };
    [
        InputItem::New(ItemBody::FunctionCall(call)),
        InputItem::New(ItemBody::ApprovalResponse(response)),
    ]
}

/// `fn:NAME`, `LABEL` or `LABEL.NAME`.
fn name_of(text: &str) -> ToolName {
    if let Some(name) = text.strip_prefix("fn:") {
        return ToolName::Function(name.into());
    }
    let (label, name) = text
        .split_once('.')
        .map_or((text, None), |(label, name)| (label, Some(name.into())));
    ToolName::Server {
        label: label.into(),
        name,
    }
}

fn play(world: &mut World, line: &str) -> Result<Next, IllegalInput> {
    let (event, rest) = line.split_once(' ').unwrap_or((line, ""));
    let input = match (event, rest) {
        ("up", _) => Input::TakenUp,
        ("tools", "failed") => Input::ToolsListed(Err(failure(FailureCode::ToolsUnavailable))),
        ("tools", tools) => Input::ToolsListed(Ok(toolbox(tools, 100_000))),
        ("model", "failed") => Input::ModelAnswered(Err(failure(FailureCode::ModelUnavailable))),
        ("model", pieces) => Input::ModelAnswered(Ok(world.answer(deltas(pieces, End::Told)))),
        ("breaks", pieces) => {
            world.break_off(deltas(pieces, End::Missing));
            return Ok(Next::Wait);
        }
        ("tells", pieces) => {
            world.tell_deltas(deltas(pieces, End::Missing));
            return Ok(Next::Wait);
        }
        ("dies", "") => {
            world.crash();
            return Ok(Next::Wait);
        }
        ("dies", pieces) => {
            world.tell_deltas(deltas(pieces, End::Missing));
            world.crash();
            return Ok(Next::Wait);
        }
        ("back", rest) => Input::CallReturned(returned(rest)),
        ("deadline", _) => Input::DeadlineReached,
        ("stop", _) => Input::Stopped(Stop::ByCaller),
        ("shutdown", _) => Input::Stopped(Stop::ByShutdown),
        _ => panic!("no script says {line}"),
    };
    world.feed(input)
}

fn failure(code: FailureCode) -> Failure {
    Failure::new(code, "it cannot be reached")
}

/// A toolbox written as `name:safe name:unsafe name:caller`, or as `label=name:safe,name:unsafe` for each
/// server that the request brings, `label=failed` when it did not list its tools.
pub(crate) fn toolbox(tools: &str, context_tokens: u32) -> Toolbox {
    let (servers, tools): (Vec<&str>, Vec<&str>) = tools
        .split_whitespace()
        .partition(|word| word.contains('='));
    let listing = |word: &str| {
        let (label, tools) = word.split_once('=').unwrap();
        let tools = match tools {
            "failed" => Err(failure(FailureCode::ToolsUnavailable)),
            tools => {
                let tools = tools.split(',').filter(|tool| !tool.is_empty());
                Ok(tools.map(|tool| tool_of(label, tool)).collect())
            }
        };
        let label = label.into();
        Listing { label, tools }
    };
    Toolbox {
        tools: tools.into_iter().map(|tool| tool_of("web", tool)).collect(),
        servers: servers.into_iter().map(listing).collect(),
        context_tokens,
    }
}

fn tool_of(label: &str, tool: &str) -> Arc<ToolSpec> {
    let (name, kind) = tool.split_once(':').unwrap();
    let home = match kind {
        "caller" => ToolHome::Caller,
        _ => ToolHome::Server {
            label: label.into(),
            name: name.into(),
            url: None,
        },
    };
    Arc::new(ToolSpec {
        repeat: match kind {
            "safe" => Repeat::Safe,
            _ => Repeat::Unsafe,
        },
        ..ToolSpec::plain(name, home, Json::empty_object())
    })
}

/// Whether a turn says how it ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Told,
    Missing,
}

/// Deltas written as pieces between bars, each text in two halves.
pub(crate) fn deltas(pieces: &str, end: End) -> Vec<Delta> {
    let mut deltas = Vec::new();
    let mut calls = 0;
    let mut finish = None;
    for piece in pieces.split('|').map(str::trim) {
        let (word, rest) = piece.split_once(' ').unwrap_or((piece, ""));
        match word {
            "say" => deltas.extend(halves(rest).map(|half| Delta::Text(half.into()))),
            "blank" => deltas.push(Delta::Text(" \n".into())),
            "think" => deltas.extend(halves(rest).map(|half| Delta::Reasoning(half.into()))),
            "call" => {
                let (name, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
                let mut name = Some(Arc::from(name));
                deltas.extend(halves(arguments).map(|half| Delta::Call {
                    slot: calls,
                    name: name.take(),
                    arguments: half.into(),
                }));
                calls += 1;
            }
            "usage" => {
                let (prompt, completion) = rest.split_once('/').unwrap();
                deltas.push(Delta::Usage(Usage {
                    prompt: prompt.parse().unwrap(),
                    completion: completion.parse().unwrap(),
                    ..Usage::default()
                }));
            }
            "length" => finish = Some(Finish::Length),
            "filter" => finish = Some(Finish::ContentFilter),
            "nothing" => {}
            _ => panic!("no model says {piece}"),
        }
    }
    if end == End::Told {
        let usual = if calls > 0 {
            Finish::ToolCalls
        } else {
            Finish::Stop
        };
        deltas.push(Delta::Finish(finish.unwrap_or(usual)));
    }
    deltas
}

fn halves(text: &str) -> impl Iterator<Item = &str> {
    let (one, other) = text.split_at(text.floor_char_boundary(text.len() / 2));
    [one, other].into_iter()
}

fn returned(text: &str) -> CallReturn {
    let mut words = text.splitn(3, ' ');
    let ordinal = words.next().unwrap().parse().unwrap();
    let how = words.next().unwrap();
    let text = words.next().unwrap_or_default();
    let failed = |kind, message: &str| CallOutcome::Failed {
        kind,
        message: message.to_owned(),
    };
    let outcome = match how {
        "done" => CallOutcome::Replied(ToolReply::done(text)),
        "error" => CallOutcome::Replied(ToolReply::complaint(Verdict::ToolSaysError, text)),
        "unfit" => CallOutcome::Replied(ToolReply::complaint(Verdict::BadArguments, text)),
        "timeout" => failed(ToolErrorKind::Timeout, "no answer in time"),
        "unavailable" => failed(ToolErrorKind::Unavailable, "the server is away"),
        _ => panic!("no call comes back {how}"),
    };
    CallReturn {
        execution: ExecutionId::new(RESPONSE.raw(), ordinal),
        outcome,
        took: Duration::from_millis(250),
    }
}

fn show(next: &Result<Next, IllegalInput>, world: &World) -> String {
    match next {
        Err(_) => "refused".to_owned(),
        Ok(Next::ListTools) => "list tools".to_owned(),
        Ok(Next::Wait) => "wait".to_owned(),
        Ok(Next::CallModel(turn)) => {
            let choice = match &turn.choice {
                ToolChoice::Auto => String::new(),
                ToolChoice::None => " none".to_owned(),
                ToolChoice::Required => " required".to_owned(),
                ToolChoice::Named(name) => format!(" {name}"),
                ToolChoice::Server { .. } => panic!("a model is never asked for a server"),
            };
            format!("ask{choice}: {}", show_items(&turn.transcript))
        }
        Ok(Next::CallTools(calls)) => {
            let calls: Vec<_> = calls
                .iter()
                .map(|call| {
                    let (id, name) = (call.execution.ordinal, &call.tool.name);
                    format!("{id} {name} {}", call.arguments.as_str())
                })
                .collect();
            format!("run {}", calls.join(", "))
        }
        Ok(Next::Stop(outcome)) => {
            let output = world.run.progress().output.as_deref();
            let output = output.map_or(String::new(), |text| format!(": {text}"));
            match outcome {
                Outcome::Completed => format!("completed{output}"),
                Outcome::Cancelled => format!("cancelled{output}"),
                Outcome::Incomplete(reason) => format!("incomplete {}{output}", reason.as_str()),
                Outcome::Failed(failure) => format!("failed {}{output}", failure.code),
            }
        }
    }
}

/// Items as words: `u:hi call:search out:found a:Here.`, a `~` behind what was cut short.
pub(crate) fn show_items(items: &[Arc<Item>]) -> String {
    let shown: Vec<_> = items
        .iter()
        .map(|item| {
            let cut = match item.status {
                ItemStatus::Completed => "",
                ItemStatus::Incomplete => "~",
            };
            let body = match &item.body {
                ItemBody::Message(message) => {
                    let role = message.role.as_str().get(..1).unwrap_or_default();
                    format!("{role}:{}", message.joined_text().trim())
                }
                ItemBody::Reasoning(reasoning) => format!("t:{}", reasoning.text),
                ItemBody::FunctionCall(call) => format!("call:{}", call.name),
                ItemBody::FunctionCallOutput(output) => format!("out:{}", output.output),
                ItemBody::ToolList(list) => match &list.tools {
                    Ok(tools) => format!("list:{}={}", list.label, tools.len()),
                    Err(_) => format!("list:{}=failed", list.label),
                },
                ItemBody::ApprovalResponse(_) => "approval".to_owned(),
                ItemBody::Compaction(compaction) => format!("c:{}", compaction.text),
                ItemBody::Foreign(_) => "foreign".to_owned(),
            };
            format!("{body}{cut}")
        })
        .collect();
    shown.join(" ")
}

fn summary(world: &World) -> String {
    let progress = world.run.progress();
    let turns = progress.turns.len();
    let usage = progress.usage.map_or(String::new(), |usage| {
        format!(", usage {}/{}", usage.prompt, usage.completion)
    });
    let mut summary = format!("= rounds {}, turns {turns}{usage} => \n", progress.rounds);
    for execution in &progress.executions {
        let text = match &execution.state {
            ExecutionState::Completed(text) | ExecutionState::Failed(text) => format!(": {text}"),
            ExecutionState::Started
            | ExecutionState::TimedOut
            | ExecutionState::Cancelled
            | ExecutionState::Unknown => String::new(),
        };
        let _ = writeln!(
            summary,
            "= {} {} round {} {} {}ms{text} => ",
            execution.id.ordinal,
            execution.tool,
            execution.depth,
            execution.state.name(),
            execution.duration_ms()
        );
    }
    let _ = writeln!(summary, "= items {} => ", show_items(world.run.items()));
    summary
}
