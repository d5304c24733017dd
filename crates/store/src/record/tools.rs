//! Which tools a request wants and how they are chosen, as its spec keeps it.

use std::borrow::Cow;

use response_domain::json::Json;
use response_domain::spec::{
    ApprovalRule, CallerTool, ServerOffer, ToolChoice, ToolFilter, ToolName, ToolOffer,
    ToolRequest, ToolSelection,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToolsRecord<'a> {
    All,
    #[serde(borrow)]
    Only(Vec<ToolRecord<'a>>),
    #[serde(borrow)]
    Offered(Vec<OfferRecord<'a>>),
    Nothing,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OfferRecord<'a> {
    #[serde(borrow)]
    Function(ToolRecord<'a>),
    #[serde(borrow)]
    Server(ServerRecord<'a>),
}

/// A tool that is asked for by its name, or that the caller runs.
#[derive(Serialize, Deserialize)]
pub(super) struct ToolRecord<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    parameters: Option<&'a RawValue>,
    /// Only of one that the caller runs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    strict: Option<bool>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ServerRecord<'a> {
    #[serde(borrow)]
    label: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    allowed: Option<FilterRecord<'a>>,
    #[serde(borrow)]
    approval: RuleRecord<'a>,
}

#[derive(Serialize, Deserialize)]
struct FilterRecord<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    names: Option<Vec<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    reads_only: Option<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RuleRecord<'a> {
    Always,
    Never,
    Some {
        #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
        always: Option<FilterRecord<'a>>,
        #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
        never: Option<FilterRecord<'a>>,
    },
}

/// A server is named by its label, or with a tool of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NameRecord<'a> {
    #[serde(borrow)]
    Function(Cow<'a, str>),
    Server(
        #[serde(borrow)] Cow<'a, str>,
        #[serde(borrow)] Option<Cow<'a, str>>,
    ),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChoiceRecord<'a> {
    Auto,
    None,
    Required,
    #[serde(borrow)]
    Named(Cow<'a, str>),
    /// As in a [`NameRecord`].
    Server(
        #[serde(borrow)] Cow<'a, str>,
        #[serde(borrow)] Option<Cow<'a, str>>,
    ),
}

/// About how long the record of a selection will be.
pub(super) fn length(selection: &ToolSelection) -> usize {
    let of_tool = |description: &Option<_>, parameters: &Option<Json>| {
        let description = description
            .as_ref()
            .map_or(0, |text: &std::sync::Arc<str>| text.len());
        96 + description + parameters.as_ref().map_or(0, |json| json.as_str().len())
    };
    match selection {
        ToolSelection::All | ToolSelection::Nothing => 0,
        ToolSelection::Only(requests) => requests
            .iter()
            .map(|request| of_tool(&request.description, &request.parameters))
            .sum(),
        ToolSelection::Offered(offers) => offers
            .iter()
            .map(|offer| match offer {
                ToolOffer::Function(tool) => of_tool(&tool.description, &tool.parameters),
                ToolOffer::Server(_) => 256,
            })
            .sum(),
    }
}

fn borrow(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

fn json(raw: &RawValue) -> Json {
    Json::from_raw(raw.to_owned())
}

impl<'a> ToolsRecord<'a> {
    pub(super) fn of(selection: &'a ToolSelection) -> Self {
        match selection {
            ToolSelection::All => Self::All,
            ToolSelection::Nothing => Self::Nothing,
            ToolSelection::Only(requests) => {
                Self::Only(requests.iter().map(ToolRecord::asked).collect())
            }
            ToolSelection::Offered(offers) => {
                Self::Offered(offers.iter().map(OfferRecord::of).collect())
            }
        }
    }

    pub(super) fn restore(self) -> ToolSelection {
        match self {
            Self::All => ToolSelection::All,
            Self::Nothing => ToolSelection::Nothing,
            Self::Only(tools) => {
                let requests = tools.into_iter().map(ToolRecord::restore_asked);
                ToolSelection::Only(requests.collect())
            }
            Self::Offered(offers) => {
                let offers = offers.into_iter().map(OfferRecord::restore);
                ToolSelection::Offered(offers.collect())
            }
        }
    }
}

impl<'a> ToolRecord<'a> {
    fn asked(request: &'a ToolRequest) -> Self {
        Self {
            name: borrow(&request.name),
            description: request.description.as_deref().map(borrow),
            parameters: request.parameters.as_ref().map(Json::raw),
            strict: None,
        }
    }

    fn restore_asked(self) -> ToolRequest {
        ToolRequest {
            name: self.name.into(),
            description: self.description.map(Into::into),
            parameters: self.parameters.map(json),
        }
    }

    fn of_caller(tool: &'a CallerTool) -> Self {
        Self {
            name: borrow(&tool.name),
            description: tool.description.as_deref().map(borrow),
            parameters: tool.parameters.as_ref().map(Json::raw),
            strict: tool.strict,
        }
    }

    fn restore_of_caller(self) -> CallerTool {
        CallerTool {
            name: self.name.into(),
            description: self.description.map(Into::into),
            parameters: self.parameters.map(json),
            strict: self.strict,
        }
    }
}

impl<'a> OfferRecord<'a> {
    fn of(offer: &'a ToolOffer) -> Self {
        match offer {
            ToolOffer::Function(tool) => Self::Function(ToolRecord::of_caller(tool)),
            ToolOffer::Server(server) => Self::Server(ServerRecord {
                label: borrow(&server.label),
                url: server.url.as_deref().map(borrow),
                allowed: server.allowed.as_ref().map(FilterRecord::of),
                approval: RuleRecord::of(&server.approval),
            }),
        }
    }

    fn restore(self) -> ToolOffer {
        match self {
            Self::Function(tool) => ToolOffer::Function(tool.restore_of_caller()),
            Self::Server(server) => ToolOffer::Server(ServerOffer {
                label: server.label.into(),
                url: server.url.map(Into::into),
                allowed: server.allowed.map(FilterRecord::restore),
                approval: server.approval.restore(),
            }),
        }
    }
}

impl<'a> FilterRecord<'a> {
    fn of(filter: &'a ToolFilter) -> Self {
        let names = filter.names.as_ref();
        Self {
            names: names.map(|names| names.iter().map(|name| borrow(name)).collect()),
            reads_only: filter.reads_only,
        }
    }

    fn restore(self) -> ToolFilter {
        let names = self.names;
        ToolFilter {
            names: names.map(|names| names.into_iter().map(Into::into).collect()),
            reads_only: self.reads_only,
        }
    }
}

impl<'a> RuleRecord<'a> {
    fn of(rule: &'a ApprovalRule) -> Self {
        match rule {
            ApprovalRule::Always => Self::Always,
            ApprovalRule::Never => Self::Never,
            ApprovalRule::Some { always, never } => Self::Some {
                always: always.as_ref().map(FilterRecord::of),
                never: never.as_ref().map(FilterRecord::of),
            },
        }
    }

    fn restore(self) -> ApprovalRule {
        match self {
            Self::Always => ApprovalRule::Always,
            Self::Never => ApprovalRule::Never,
            Self::Some { always, never } => ApprovalRule::Some {
                always: always.map(FilterRecord::restore),
                never: never.map(FilterRecord::restore),
            },
        }
    }
}

impl<'a> NameRecord<'a> {
    pub(super) fn of(name: &'a ToolName) -> Self {
        match name {
            ToolName::Function(name) => Self::Function(borrow(name)),
            ToolName::Server { label, name } => {
                Self::Server(borrow(label), name.as_deref().map(borrow))
            }
        }
    }

    pub(super) fn restore(self) -> ToolName {
        match self {
            Self::Function(name) => ToolName::Function(name.into()),
            Self::Server(label, name) => ToolName::Server {
                label: label.into(),
                name: name.map(Into::into),
            },
        }
    }
}

impl<'a> ChoiceRecord<'a> {
    pub(super) fn of(choice: &'a ToolChoice) -> Self {
        match choice {
            ToolChoice::Auto => Self::Auto,
            ToolChoice::None => Self::None,
            ToolChoice::Required => Self::Required,
            ToolChoice::Named(name) => Self::Named(borrow(name)),
            ToolChoice::Server { label, name } => {
                Self::Server(borrow(label), name.as_deref().map(borrow))
            }
        }
    }

    pub(super) fn restore(self) -> ToolChoice {
        match self {
            Self::Auto => ToolChoice::Auto,
            Self::None => ToolChoice::None,
            Self::Required => ToolChoice::Required,
            Self::Named(name) => ToolChoice::Named(name.into()),
            Self::Server(label, name) => ToolChoice::Server {
                label: label.into(),
                name: name.map(Into::into),
            },
        }
    }
}
