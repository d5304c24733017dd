//! The tools on offer in a run, and how the model is to choose among them turn by turn.

use std::sync::Arc;

use super::{Closing, Run, Toolbox};
use crate::failure::{Failure, FailureCode};
use crate::item::Runner;
use crate::json::Json;
use crate::spec::{
    ApprovalRule, CallerTool, ResponseSpec, ServerOffer, ToolChoice, ToolFilter, ToolName,
    ToolOffer, ToolRequest, ToolSelection,
};
use crate::tool::{self, Approval, Repeat, ToolHome, ToolSpec};

/// The longest name of a tool that model servers take.
const LONGEST_NAME: usize = 64;

impl Run {
    /// How the model chooses in the turn about to be asked, or asked last. What the caller demands
    /// holds until the first round of calls, and only while it can be met.
    pub(super) fn choice(&self) -> ToolChoice {
        let is_first = self.closing == Closing::No && self.progress.rounds == 0;
        match &self.spec.tool_choice {
            _ if self.closing == Closing::LastAnswer => ToolChoice::None,
            ToolChoice::None => ToolChoice::None,
            ToolChoice::Required if is_first && !self.tools.is_empty() => ToolChoice::Required,
            ToolChoice::Named(name) if is_first && is_offered(&self.tools, name) => {
                ToolChoice::Named(Arc::clone(name))
            }
            ToolChoice::Server { label, name } if is_first => {
                match of_server(&self.tools, label, name.as_deref()).as_slice() {
                    [] => ToolChoice::Auto,
                    [only] => ToolChoice::Named(Arc::clone(&only.name)),
                    _ => ToolChoice::Required,
                }
            }
            ToolChoice::Auto
            | ToolChoice::Required
            | ToolChoice::Named(_)
            | ToolChoice::Server { .. } => ToolChoice::Auto,
        }
    }

    /// The tools that the model sees in the turn about to be asked: all on offer, or those of the server
    /// whose tools it has to use first.
    pub(super) fn in_view(&self) -> Arc<[Arc<ToolSpec>]> {
        match &self.spec.tool_choice {
            ToolChoice::Server { label, name } if self.choice() == ToolChoice::Required => {
                of_server(&self.tools, label, name.as_deref()).into()
            }
            _ => Arc::clone(&self.tools),
        }
    }

    /// The tools that the model may call in this turn.
    pub(super) fn callable(&self) -> Arc<[Arc<ToolSpec>]> {
        match self.choice() {
            ToolChoice::None => Arc::from([]),
            ToolChoice::Auto
            | ToolChoice::Required
            | ToolChoice::Named(_)
            | ToolChoice::Server { .. } => Arc::clone(&self.tools),
        }
    }
}

/// Who runs a call of this name.
pub(super) fn runner(tools: &[Arc<ToolSpec>], name: &str) -> Runner {
    let Some(tool) = tool::find(tools, name) else {
        return Runner::Nobody;
    };
    match (tool.server_tool(), tool.approval) {
        (None, _) => Runner::Caller,
        (Some(at), Approval::Needed) => Runner::Asks(Arc::new(at)),
        (Some(at), Approval::Waived) => Runner::Server(Arc::new(at)),
    }
}

/// The tools on offer, in the caller's words where it has some.
pub(super) fn select(spec: &ResponseSpec, toolbox: &Toolbox) -> Arc<[Arc<ToolSpec>]> {
    let offered = match &spec.tools {
        ToolSelection::All => Arc::clone(&toolbox.tools),
        ToolSelection::Nothing => Arc::from([]),
        ToolSelection::Only(wanted) => named(wanted, &toolbox.tools),
        ToolSelection::Offered(offers) => brought(offers, toolbox),
    };
    let Some(names) = &spec.allowed_tools else {
        return offered;
    };
    let is_allowed = |tool: &&Arc<ToolSpec>| names.iter().any(|name| is_meant(name, tool));
    offered.iter().filter(is_allowed).cloned().collect()
}

fn named(wanted: &[ToolRequest], available: &[Arc<ToolSpec>]) -> Arc<[Arc<ToolSpec>]> {
    let tools = wanted.iter().filter_map(|request| {
        let known = available.iter().find(|tool| tool.name == request.name)?;
        if request.description.is_none() && request.parameters.is_none() {
            return Some(Arc::clone(known));
        }
        let mut tool = ToolSpec::clone(known);
        tool.description = request.description.clone().or(tool.description);
        tool.parameters = request.parameters.clone().unwrap_or(tool.parameters);
        Some(Arc::new(tool))
    });
    tools.collect()
}

/// The tools that the caller brings, its functions first: their names are the caller's, and those of the
/// servers give way.
fn brought(offers: &[ToolOffer], toolbox: &Toolbox) -> Arc<[Arc<ToolSpec>]> {
    let functions = offers.iter().filter_map(|offer| match offer {
        ToolOffer::Function(function) => Some(Arc::new(of_caller(function))),
        ToolOffer::Server(_) => None,
    });
    let mut tools: Vec<Arc<ToolSpec>> = functions.collect();
    for offer in offers {
        let ToolOffer::Server(server) = offer else {
            continue;
        };
        for tool in toolbox.listed(&server.label) {
            if server
                .allowed
                .as_ref()
                .is_none_or(|filter| fits(filter, tool))
            {
                let mut tool = ToolSpec::clone(tool);
                tool.approval = approval(server, &tool);
                tool.name = free_name(&tools, &server.label, &tool.name);
                tools.push(Arc::new(tool));
            }
        }
    }
    tools.into()
}

fn of_caller(function: &CallerTool) -> ToolSpec {
    let parameters = function.parameters.clone();
    ToolSpec {
        description: function.description.clone(),
        strict: function.strict,
        repeat: Repeat::Unsafe,
        ..ToolSpec::plain(
            Arc::clone(&function.name),
            ToolHome::Caller,
            parameters.unwrap_or_else(Json::empty_object),
        )
    }
}

/// `name`, or one that nobody has yet.
fn free_name(tools: &[Arc<ToolSpec>], label: &str, name: &Arc<str>) -> Arc<str> {
    if !is_offered(tools, name) {
        return Arc::clone(name);
    }
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let long: Arc<str> = cut(&format!("{label}_{name}"), LONGEST_NAME).into();
    let numbered = (2..).map(|number| format!("{}_{number}", cut(&long, LONGEST_NAME - 6)).into());
    std::iter::once(Arc::clone(&long))
        .chain(numbered)
        .find(|name| !is_offered(tools, name))
        .unwrap_or(long)
}

fn approval(server: &ServerOffer, tool: &ToolSpec) -> Approval {
    let is_needed = match &server.approval {
        ApprovalRule::Always => true,
        ApprovalRule::Never => false,
        ApprovalRule::Some { always, never } => {
            let is_in = |filter: &Option<ToolFilter>| {
                filter.as_ref().is_some_and(|filter| fits(filter, tool))
            };
            is_in(always) || !is_in(never)
        }
    };
    if is_needed {
        Approval::Needed
    } else {
        Approval::Waived
    }
}

/// Whether a filter lets a tool of a server through.
fn fits(filter: &ToolFilter, tool: &ToolSpec) -> bool {
    let ToolHome::Server { name, .. } = &tool.home else {
        return false;
    };
    let by_name = filter
        .names
        .as_ref()
        .is_none_or(|names| names.contains(name));
    let by_hint = filter
        .reads_only
        .is_none_or(|wanted| wanted == tool.is_said_to_read_only());
    by_name && by_hint
}

fn is_meant(meant: &ToolName, tool: &ToolSpec) -> bool {
    match (meant, &tool.home) {
        (ToolName::Function(name), ToolHome::Caller) => tool.name == *name,
        (
            ToolName::Server { label: of, name },
            ToolHome::Server {
                label, name: own, ..
            },
        ) => of == label && name.as_ref().is_none_or(|name| name == own),
        _ => false,
    }
}

fn of_server(tools: &[Arc<ToolSpec>], label: &Arc<str>, name: Option<&str>) -> Vec<Arc<ToolSpec>> {
    let meant = ToolName::Server {
        label: Arc::clone(label),
        name: name.map(Arc::from),
    };
    let tools = tools.iter().filter(|tool| is_meant(&meant, tool));
    tools.cloned().collect()
}

/// What the request asks for and the tools on offer do not have.
pub(super) fn missing(spec: &ResponseSpec, offered: &[Arc<ToolSpec>]) -> Option<Failure> {
    let named: &[_] = match &spec.tools {
        ToolSelection::Only(wanted) => wanted,
        ToolSelection::All | ToolSelection::Offered(_) | ToolSelection::Nothing => &[],
    };
    let chosen = match &spec.tool_choice {
        ToolChoice::Named(name) => Some(name),
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required | ToolChoice::Server { .. } => {
            None
        }
    };
    let absent = named
        .iter()
        .map(|request| &request.name)
        .chain(chosen)
        .find(|name| !is_offered(offered, name));
    let message = match (&spec.tool_choice, absent) {
        (_, Some(name)) => {
            format!("the tool `{name}`, which the request names, is not available")
        }
        (ToolChoice::Required, None) if offered.is_empty() => {
            "the request requires a tool call, and no tool is available".to_owned()
        }
        (ToolChoice::Server { label, name }, None)
            if of_server(offered, label, name.as_deref()).is_empty() =>
        {
            format!("the request requires a tool of `{label}`, and none is available")
        }
        _ => return None,
    };
    Some(Failure::new(FailureCode::ToolsUnavailable, message))
}

fn is_offered(offered: &[Arc<ToolSpec>], name: &str) -> bool {
    offered.iter().any(|tool| &*tool.name == name)
}
