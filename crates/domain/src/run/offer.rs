//! The tools on offer in a run, and how the model is to choose among them turn by turn.

use std::sync::Arc;

use super::{Closing, Run};
use crate::failure::{Failure, FailureCode};
use crate::item::FunctionCall;
use crate::spec::{ResponseSpec, ToolChoice, ToolSelection};
use crate::tool::{self, ToolHome, ToolSpec};

impl Run {
    /// How the model chooses in the turn about to be asked, or asked last. What the caller demands
    /// holds until the first round of calls, and only while it can be met.
    pub(super) fn choice(&self) -> ToolChoice {
        match (&self.spec.tool_choice, self.closing) {
            (_, Closing::LastAnswer) | (ToolChoice::None, Closing::No) => ToolChoice::None,
            (ToolChoice::Required, Closing::No)
                if self.progress.rounds == 0 && !self.tools.is_empty() =>
            {
                ToolChoice::Required
            }
            (ToolChoice::Named(name), Closing::No)
                if self.progress.rounds == 0 && is_offered(&self.tools, name) =>
            {
                ToolChoice::Named(Arc::clone(name))
            }
            (ToolChoice::Auto | ToolChoice::Required | ToolChoice::Named(_), Closing::No) => {
                ToolChoice::Auto
            }
        }
    }

    /// The tool that a call means, when the model may call tools at all.
    pub(super) fn callable(&self, call: &FunctionCall) -> Option<&Arc<ToolSpec>> {
        match self.choice() {
            ToolChoice::None => None,
            ToolChoice::Auto | ToolChoice::Required | ToolChoice::Named(_) => {
                tool::find(&self.tools, &call.name)
            }
        }
    }

    /// Whether a call is the caller's to run.
    pub(super) fn is_callers(&self, call: &FunctionCall) -> bool {
        self.callable(call)
            .is_some_and(|tool| tool.home == ToolHome::Caller)
    }
}

/// The tools on offer, in the caller's words where it has some.
pub(super) fn select(
    selection: &ToolSelection,
    available: &Arc<[Arc<ToolSpec>]>,
) -> Arc<[Arc<ToolSpec>]> {
    match selection {
        ToolSelection::All => Arc::clone(available),
        ToolSelection::Nothing => Arc::from([]),
        ToolSelection::Only(wanted) => wanted
            .iter()
            .filter_map(|request| {
                let known = available.iter().find(|tool| tool.name == request.name)?;
                if request.description.is_none() && request.parameters.is_none() {
                    return Some(Arc::clone(known));
                }
                let mut tool = ToolSpec::clone(known);
                tool.description = request.description.clone().or(tool.description);
                tool.parameters = request.parameters.clone().unwrap_or(tool.parameters);
                Some(Arc::new(tool))
            })
            .collect(),
    }
}

/// What the request asks for and the tools on offer do not have.
pub(super) fn missing(spec: &ResponseSpec, offered: &[Arc<ToolSpec>]) -> Option<Failure> {
    let named: &[_] = match &spec.tools {
        ToolSelection::Only(wanted) => wanted,
        ToolSelection::All | ToolSelection::Nothing => &[],
    };
    let chosen = match &spec.tool_choice {
        ToolChoice::Named(name) => Some(name),
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => None,
    };
    let absent = named
        .iter()
        .map(|request| &request.name)
        .chain(chosen)
        .find(|name| !is_offered(offered, name));
    let message = match absent {
        Some(name) => format!("the tool `{name}`, which the request names, is not available"),
        None if spec.tool_choice == ToolChoice::Required && offered.is_empty() => {
            "the request requires a tool call, and no tool is available".to_owned()
        }
        None => return None,
    };
    Some(Failure::new(FailureCode::ToolsUnavailable, message))
}

fn is_offered(offered: &[Arc<ToolSpec>], name: &str) -> bool {
    offered.iter().any(|tool| &*tool.name == name)
}
