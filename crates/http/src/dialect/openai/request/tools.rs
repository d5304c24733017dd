//! The tools that a request brings: functions of its caller and tool servers. A tool that is hosted
//! elsewhere is passed over, or refused, as the operator has it.

use std::collections::HashSet;
use std::sync::Arc;

use response_domain::caller::{ToolSecret, ToolSecrets};
use response_domain::spec::{CallerTool, ToolOffer, ToolSelection};
use serde::Serialize;
use serde_json::value::RawValue;

use super::faults::{Faults, Path};
use super::form::NAME_LENGTH;
use super::members::Members;
use super::server::{ShownServer, server};
use crate::HostedTools;
use crate::dialect::elements::MOST_ELEMENTS;
use crate::dialect::object::{kept, quoted};

/// More types of tools that are passed over are not told.
const MOST_UNKNOWN: usize = 16;

const MEMBERS: &[&str; 5] = &["type", "name", "description", "parameters", "strict"];

/// The tools of a request.
#[derive(Default)]
pub(super) struct Tools<'a> {
    /// Those that can be offered.
    pub(super) offers: Vec<ToolOffer>,
    /// What is given along for servers.
    secrets: Vec<ToolSecret>,
    /// The types of the others, each once.
    pub(super) unknown: Vec<Arc<str>>,
    /// Those that can be offered, as they are told again.
    pub(super) shown: Vec<ShownTool<'a>>,
    /// The names of functions, and the labels of servers.
    functions: HashSet<Arc<str>>,
    servers: HashSet<Arc<str>>,
}

/// A tool as it is told again: without anything secret.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ShownTool<'a> {
    /// A function of the caller.
    Function(ShownFunction<'a>),
    /// A tool server.
    Mcp(ShownServer<'a>),
}

#[derive(Serialize)]
pub(super) struct ShownFunction<'a> {
    name: Arc<str>,
    description: Option<Arc<str>>,
    parameters: Option<&'a RawValue>,
    strict: Option<bool>,
}

impl<'a> Tools<'a> {
    /// Those of an array.
    pub(super) fn read(json: &'a RawValue, hosted: HostedTools, faults: &mut Faults) -> Self {
        let mut tools = Self::default();
        let at = Path::field("tools");
        faults.elements(&at, json, MOST_ELEMENTS, |at, json, faults| {
            tools.tool(at, json, hosted, faults)
        });
        tools
    }

    /// What is offered, and what is given along for it.
    pub(super) fn selected(self) -> (ToolSelection, ToolSecrets) {
        let secrets = ToolSecrets::new(self.secrets);
        (ToolSelection::Offered(self.offers), secrets)
    }

    /// Whether a function of this name is among them.
    pub(super) fn has_function(&self, name: &str) -> bool {
        self.functions.contains(name)
    }

    /// Whether a server of this label is among them.
    pub(super) fn has_server(&self, label: &str) -> bool {
        self.servers.contains(label)
    }

    fn tool(
        &mut self,
        at: &Path<'_>,
        json: &'a RawValue,
        hosted: HostedTools,
        faults: &mut Faults,
    ) -> Option<()> {
        let tool = Members::read(*at, json, MEMBERS, faults)?;
        let kind: String = tool.required_text("type", faults)?;
        match (kind.as_str(), hosted) {
            ("function", _) => self.function(&tool, faults),
            ("mcp", _) => self.server(at, json, faults),
            (_, HostedTools::Ignore) => {
                self.pass_over(&kind);
                Some(())
            }
            (_, HostedTools::Refuse) => {
                let message = format!(
                    "Tool of type '{}' is not supported. Supported types are: 'function' and 'mcp'.",
                    quoted(&kind)
                );
                faults.add(&tool.at("type"), "unsupported_value", message)
            }
        }
    }

    fn pass_over(&mut self, kind: &str) {
        let is_known = self.unknown.iter().any(|known| **known == *kind);
        if !is_known && self.unknown.len() < MOST_UNKNOWN {
            self.unknown.push(quoted(kind).into());
        }
    }

    fn function(&mut self, tool: &Members<'a, '_, 5>, faults: &mut Faults) -> Option<()> {
        let name: Option<Arc<str>> = tool.required_name("name", NAME_LENGTH, faults);
        let name = name.filter(|name| faults.is_plain_name(&tool.at("name"), name));
        let description = tool.text("description", faults);
        let strict = tool.truth("strict", faults);
        let parameters = tool
            .get("parameters")
            .filter(|json| faults.is_object(&tool.at("parameters"), json));
        let name = name?;
        if !self.functions.insert(Arc::clone(&name)) {
            let why = format!("the function '{name}' is given twice.");
            return faults.value(&tool.at("name"), &why);
        }
        self.shown.push(ShownTool::Function(ShownFunction {
            name: Arc::clone(&name),
            description: description.clone(),
            parameters,
            strict,
        }));
        self.offers.push(ToolOffer::Function(CallerTool {
            name,
            description,
            parameters: parameters.map(kept),
            strict,
        }));
        Some(())
    }

    fn server(&mut self, at: &Path<'_>, json: &'a RawValue, faults: &mut Faults) -> Option<()> {
        let server = server(at, json, faults)?;
        let label = &server.offer.label;
        if !self.servers.insert(Arc::clone(label)) {
            let why = format!("the server '{label}' is given twice.");
            return faults.value(&at.member("server_label"), &why);
        }
        self.secrets.extend(server.secret);
        self.shown.push(ShownTool::Mcp(server.shown));
        self.offers.push(ToolOffer::Server(server.offer));
        Some(())
    }
}
