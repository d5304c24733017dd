//! What the model does in one turn: ask for tools, or answer. The plan for a prompt is a list
//! of stages (search; read what was found; calculate and look at the clock); a turn asks for
//! what the first unfinished stage still lacks.

use serde_json::{Value, json};

use super::answer;
use super::directive::{Failure, Orders};
use super::fill::fill;
use super::quirk::Quirk;
use super::request::{ChatRequest, Tool, ToolChoice};
use super::view::{Kind, View, hits};
use super::words::{Wishes, wishes};

/// One turn of the model.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) reasoning: Option<String>,
    pub(super) text: String,
    /// Said instead of the text.
    pub(super) refusal: Option<String>,
    pub(super) calls: Vec<Wanted>,
}

/// A call that the model asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) arguments: String,
}

/// Plans the turn that a request asks for.
pub(super) fn plan(request: &ChatRequest, view: &View<'_>, orders: &Orders) -> Turn {
    let wishes = wishes(&view.prompt);
    let effort = request
        .reasoning_effort
        .as_deref()
        .is_some_and(|effort| effort != "none");
    let thinks = wishes.think || effort || orders.think || orders.has(Quirk::ReasoningRequired);
    let calls = if orders.refuse {
        Vec::new()
    } else {
        calls(request, view, &wishes, orders)
    };
    let reasoning = thinks.then(|| answer::reasoning(view, &calls));
    let refusal = orders.refuse.then(|| "I cannot help with that.".to_owned());
    let text = if refusal.is_some() {
        String::new()
    } else if let (true, Some(echo)) = (calls.is_empty(), &request.echo) {
        echo.clone()
    } else if calls.is_empty() {
        answer::answer(request, view, &wishes)
    } else if orders.preamble {
        "Let me look into that first. ".to_owned()
    } else {
        String::new()
    };
    Turn {
        reasoning,
        text,
        refusal,
        calls,
    }
}

fn calls(request: &ChatRequest, view: &View<'_>, wishes: &Wishes, orders: &Orders) -> Vec<Wanted> {
    let choice = request.tool_choice.as_ref();
    let none = matches!(choice, Some(ToolChoice::Mode(mode)) if mode == "none");
    if none || request.tools().is_empty() {
        return Vec::new();
    }
    let mut calls = match (orders.failure, choice) {
        _ if !orders.calls.is_empty() => scripted(orders),
        (Some(Failure::Loop), _) => vec![looping(request.tools(), view)],
        (Some(Failure::UnknownTool), _) => {
            vec![wanted("no_such_tool", &json!({"anything": "at all"}))]
        }
        (Some(Failure::BadArguments), _) => vec![badly_argued(request.tools())],
        (_, Some(ToolChoice::Named { function })) => {
            let named = request
                .tools()
                .iter()
                .find(|tool| tool.function.name == function.name);
            named
                .map(|tool| forced(tool, wishes, view))
                .into_iter()
                .collect()
        }
        (_, choice) => {
            let mut next = next_stage(request.tools(), view, wishes);
            if next.is_empty()
                && matches!(choice, Some(ToolChoice::Mode(mode)) if mode == "required")
            {
                next.extend(
                    request
                        .tools()
                        .first()
                        .map(|tool| forced(tool, wishes, view)),
                );
            }
            next
        }
    };
    if request.parallel_tool_calls == Some(false) {
        calls.truncate(1);
    }
    calls
}

fn wanted(name: &str, arguments: &Value) -> Wanted {
    Wanted {
        name: name.to_owned(),
        arguments: arguments.to_string(),
    }
}

fn scripted(orders: &Orders) -> Vec<Wanted> {
    let own = |(name, arguments): &(String, String)| Wanted {
        name: name.clone(),
        arguments: arguments.clone(),
    };
    orders.calls.iter().map(own).collect()
}

/// A call that differs from round to round, so that nothing but a limit can end it.
fn looping(tools: &[Tool], view: &View<'_>) -> Wanted {
    match offered(tools, Kind::Calculator) {
        Some(name) => wanted(name, &json!({"expression": format!("{}+1", view.round)})),
        None => tools.first().map_or_else(
            || wanted("no_such_tool", &json!({})),
            |tool| {
                wanted(
                    &tool.function.name,
                    &fill(&tool.function.parameters, &format!("round {}", view.round)),
                )
            },
        ),
    }
}

/// A call whose required arguments have types that the schema forbids, or none at all.
fn badly_argued(tools: &[Tool]) -> Wanted {
    let name = offered(tools, Kind::Calculator).or_else(|| {
        let first = tools.first()?;
        Some(first.function.name.as_str())
    });
    wanted(
        name.unwrap_or("no_such_tool"),
        &json!({"expression": ["not", "text"], "q": 5, "url": {}}),
    )
}

/// The calls of the first stage that has some left to make.
fn next_stage(tools: &[Tool], view: &View<'_>, wishes: &Wishes) -> Vec<Wanted> {
    let stages = [
        find(tools, wishes),
        read(tools, view, wishes),
        work_out(tools, wishes),
        get(tools, view, wishes),
    ];
    stages
        .into_iter()
        .map(|mut stage| {
            stage.retain(|call| !view.attempted(&call.name, &call.arguments));
            stage
        })
        .find(|stage| !stage.is_empty())
        .unwrap_or_default()
}

fn find(tools: &[Tool], wishes: &Wishes) -> Vec<Wanted> {
    let mut calls = Vec::new();
    if let (Some(name), Some(query)) = (offered(tools, Kind::Search), &wishes.query)
        && wishes.urls.is_empty()
    {
        let query = Value::from(query.as_str());
        // Written by hand to keep the order in which a person would write it.
        let arguments = match wishes.count {
            Some(count) => format!("{{\"q\":{query},\"num\":{count}}}"),
            None => format!("{{\"q\":{query}}}"),
        };
        calls.push(Wanted {
            name: name.to_owned(),
            arguments,
        });
    }
    if let Some(name) = offered(tools, Kind::Page) {
        calls.extend(
            wishes
                .urls
                .iter()
                .map(|url| wanted(name, &json!({ "url": url }))),
        );
    }
    calls
}

fn read(tools: &[Tool], view: &View<'_>, wishes: &Wishes) -> Vec<Wanted> {
    let Some(name) = offered(tools, Kind::Page).filter(|_| wishes.read) else {
        return Vec::new();
    };
    view.results(Kind::Search)
        .flat_map(|(_, result)| hits(result))
        .filter(|hit| !hit.link.is_empty())
        .take(wishes.count.unwrap_or(2).min(5))
        .map(|hit| wanted(name, &json!({ "url": hit.link })))
        .collect()
}

fn work_out(tools: &[Tool], wishes: &Wishes) -> Vec<Wanted> {
    let mut calls = Vec::new();
    if let Some(name) = offered(tools, Kind::Calculator) {
        let call = |expression: &String| wanted(name, &json!({ "expression": expression }));
        calls.extend(wishes.expressions.iter().map(call));
    }
    if let Some(name) = offered(tools, Kind::Clock).filter(|_| wishes.time) {
        calls.push(wanted(name, &json!({})));
    }
    calls
}

/// Tools that get what the prompt speaks of, as `get_weather` does of "the weather".
fn get(tools: &[Tool], view: &View<'_>, wishes: &Wishes) -> Vec<Wanted> {
    let prompt = view.prompt.to_lowercase();
    let words: Vec<&str> = prompt.split(|c: char| !c.is_alphanumeric()).collect();
    let is_meant = |tool: &&Tool| {
        let thing = tool.function.name.strip_prefix("get_");
        thing.is_some_and(|thing| words.contains(&thing))
    };
    let meant = tools.iter().filter(is_meant);
    meant.map(|tool| forced(tool, wishes, view)).collect()
}

fn offered(tools: &[Tool], kind: Kind) -> Option<&str> {
    let name = |tool: &Tool| Kind::of(&tool.function.name) == Some(kind);
    tools
        .iter()
        .find(|tool| name(tool))
        .map(|tool| tool.function.name.as_str())
}

/// A call of a tool that must be called, wanted or not.
fn forced(tool: &Tool, wishes: &Wishes, view: &View<'_>) -> Wanted {
    let expression = wishes.expressions.first().map_or("1+1", String::as_str);
    let url = wishes
        .urls
        .first()
        .map_or("http://example.com/", String::as_str);
    let arguments = match Kind::of(&tool.function.name) {
        Some(Kind::Search) => {
            json!({"q": wishes.query.as_deref().unwrap_or(view.prompt.as_str())})
        }
        Some(Kind::Page) => json!({ "url": url }),
        Some(Kind::Calculator) => json!({ "expression": expression }),
        Some(Kind::Clock) => json!({}),
        None => fill(&tool.function.parameters, &view.prompt),
    };
    wanted(&tool.function.name, &arguments)
}
