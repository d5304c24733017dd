//! What a tool server listed, as an item keeps it.

use std::borrow::Cow;

use response_domain::item::{ListedTool, ToolList};
use response_domain::json::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Serialize, Deserialize)]
pub(super) struct ListRecord<'a> {
    #[serde(borrow)]
    label: Cow<'a, str>,
    #[serde(borrow)]
    said: SaidRecord<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SaidRecord<'a> {
    #[serde(borrow)]
    Tools(Vec<ListedRecord<'a>>),
    #[serde(borrow)]
    Error(Cow<'a, str>),
}

#[derive(Serialize, Deserialize)]
struct ListedRecord<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parameters: &'a RawValue,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    annotations: Option<&'a RawValue>,
}

/// About how long the record of a list will be, without what is around it.
pub(super) fn length(list: &ToolList) -> usize {
    let json = |json: &Json| json.as_str().len();
    list.label.len()
        + match &list.tools {
            Ok(tools) => {
                let tool = |tool: &ListedTool| {
                    64 + tool.name.len()
                        + tool.description.as_ref().map_or(0, |text| text.len())
                        + json(&tool.parameters)
                        + tool.annotations.as_ref().map_or(0, json)
                };
                tools.iter().map(tool).sum::<usize>()
            }
            Err(error) => error.len(),
        }
}

impl<'a> ListRecord<'a> {
    pub(super) fn of(list: &'a ToolList) -> Self {
        Self {
            label: Cow::Borrowed(&list.label),
            said: match &list.tools {
                Ok(tools) => SaidRecord::Tools(tools.iter().map(ListedRecord::of).collect()),
                Err(error) => SaidRecord::Error(Cow::Borrowed(error)),
            },
        }
    }

    pub(super) fn restore(self) -> ToolList {
        ToolList {
            label: self.label.into(),
            tools: match self.said {
                SaidRecord::Tools(tools) => {
                    Ok(tools.into_iter().map(ListedRecord::restore).collect())
                }
                SaidRecord::Error(error) => Err(error.into()),
            },
        }
    }
}

impl<'a> ListedRecord<'a> {
    fn of(tool: &'a ListedTool) -> Self {
        Self {
            name: Cow::Borrowed(&tool.name),
            description: tool.description.as_deref().map(Cow::Borrowed),
            parameters: tool.parameters.raw(),
            annotations: tool.annotations.as_ref().map(Json::raw),
        }
    }

    fn restore(self) -> ListedTool {
        ListedTool {
            name: self.name.into(),
            description: self.description.map(Into::into),
            parameters: Json::from_raw(self.parameters.to_owned()),
            annotations: self.annotations.map(|raw| Json::from_raw(raw.to_owned())),
        }
    }
}
