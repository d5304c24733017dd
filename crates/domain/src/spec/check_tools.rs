//! The checks of tools and of the choice among them.

use super::check::{Faults, NAME_LENGTH};
use super::{
    CallerTool, ServerOffer, SpecLimits, ToolChoice, ToolOffer, ToolRequest, ToolSelection,
};

const LABEL_LENGTH: usize = 64;
/// Every server is asked for its tools when a run begins.
const SERVERS: usize = 16;

impl Faults {
    pub(super) fn tools(
        &mut self,
        tools: Option<&ToolSelection>,
        choice: Option<&ToolChoice>,
        limits: &SpecLimits,
    ) {
        let count = match tools {
            None | Some(ToolSelection::All | ToolSelection::Nothing) => 0,
            Some(ToolSelection::Only(requests)) => requests.len(),
            Some(ToolSelection::Offered(offers)) => offers.len(),
        };
        if count > limits.tools {
            let most = limits.tools;
            return self.invalid(
                "tools",
                format!("`tools` may have at most {most} entries, not {count}"),
            );
        }
        match tools {
            None | Some(ToolSelection::All | ToolSelection::Nothing) => {}
            Some(ToolSelection::Only(requests)) => self.requests(requests),
            Some(ToolSelection::Offered(offers)) => self.offers(offers),
        }
        self.choice(tools, choice);
    }

    fn requests(&mut self, requests: &[ToolRequest]) {
        for (index, tool) in requests.iter().enumerate() {
            let field = format!("tools[{index}].function");
            let before = requests.iter().take(index).map(|other| &*other.name);
            self.tool_name(&format!("{field}.name"), &tool.name, before);
            if let Some(parameters) = &tool.parameters {
                self.object(&format!("{field}.parameters"), parameters);
            }
        }
    }

    fn offers(&mut self, offers: &[ToolOffer]) {
        let is_server = |offer: &&ToolOffer| matches!(offer, ToolOffer::Server(_));
        let servers = offers.iter().filter(is_server).count();
        if servers > SERVERS {
            return self.invalid(
                "tools",
                format!("`tools` may name at most {SERVERS} servers, not {servers}"),
            );
        }
        for (index, offer) in offers.iter().enumerate() {
            let before = offers.iter().take(index);
            match offer {
                ToolOffer::Function(CallerTool {
                    name, parameters, ..
                }) => {
                    let field = format!("tools[{index}].function");
                    let names = before.filter_map(|other| match other {
                        ToolOffer::Function(tool) => Some(&*tool.name),
                        ToolOffer::Server(_) => None,
                    });
                    self.tool_name(&format!("{field}.name"), name, names);
                    if let Some(parameters) = parameters {
                        self.object(&format!("{field}.parameters"), parameters);
                    }
                }
                ToolOffer::Server(ServerOffer { label, .. }) => {
                    let field = format!("tools[{index}].server_label");
                    let mut labels = before.filter_map(|other| match other {
                        ToolOffer::Server(server) => Some(&*server.label),
                        ToolOffer::Function(_) => None,
                    });
                    if self.length(&field, label, 1, LABEL_LENGTH)
                        && labels.any(|other| other == &**label)
                    {
                        self.invalid(field, format!("the server `{label}` is named twice"));
                    }
                }
            }
        }
    }

    fn tool_name<'a>(
        &mut self,
        field: &str,
        name: &str,
        mut before: impl Iterator<Item = &'a str>,
    ) {
        if self.length(field, name, 1, NAME_LENGTH) && before.any(|other| other == name) {
            self.invalid(field, format!("the tool `{name}` is named twice"));
        }
    }

    fn choice(&mut self, tools: Option<&ToolSelection>, choice: Option<&ToolChoice>) {
        let is_nothing = match tools {
            None | Some(ToolSelection::All) => false,
            Some(ToolSelection::Nothing) => true,
            Some(ToolSelection::Only(requests)) => requests.is_empty(),
            Some(ToolSelection::Offered(offers)) => offers.is_empty(),
        };
        match choice {
            Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Server { .. })
                if is_nothing =>
            {
                self.invalid(
                    "tool_choice",
                    "`tool_choice` asks for a tool, and `tools` offers none",
                );
            }
            Some(ToolChoice::Named(name)) => {
                let field = "tool_choice.function.name";
                if self.length(field, name, 1, NAME_LENGTH) && !offers_function(tools, name) {
                    self.invalid(
                        "tool_choice",
                        format!("`tool_choice` names `{name}`, which `tools` does not offer"),
                    );
                }
            }
            Some(ToolChoice::Server { label, .. }) => {
                let is_offered = matches!(tools, Some(ToolSelection::Offered(offers)) if offers
                    .iter()
                    .any(|offer| matches!(offer, ToolOffer::Server(server) if server.label == *label)));
                if !is_offered {
                    self.invalid(
                        "tool_choice",
                        format!(
                            "`tool_choice` names the server `{label}`, which `tools` does not offer"
                        ),
                    );
                }
            }
            Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required) | None => {}
        }
    }
}

/// Whether a function of this name is, or may be, on offer.
fn offers_function(tools: Option<&ToolSelection>, name: &str) -> bool {
    match tools {
        None | Some(ToolSelection::All) => true,
        Some(ToolSelection::Nothing) => false,
        Some(ToolSelection::Only(requests)) => requests.iter().any(|tool| &*tool.name == name),
        Some(ToolSelection::Offered(offers)) => offers
            .iter()
            .any(|offer| matches!(offer, ToolOffer::Function(tool) if &*tool.name == name)),
    }
}
