//! Tools: what is offered, what is called, what comes back.

use std::sync::Arc;

use crate::id::ExecutionId;
use crate::item::ServerTool;
use crate::json::Json;

/// A tool as it is offered to the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// The name the model uses; unique among all tools on offer.
    pub name: Arc<str>,
    /// Who runs it.
    pub home: ToolHome,
    /// What it does, for the model.
    pub description: Option<Arc<str>>,
    /// A JSON Schema of its arguments.
    pub parameters: Json,
    /// Whether a call whose outcome is unknown may be made again.
    pub repeat: Repeat,
    /// Whether arguments are to follow the schema to the letter, if the caller said so.
    pub strict: Option<bool>,
    /// What its server says of it besides: an object, such as `{"readOnlyHint":true}`.
    pub annotations: Option<Json>,
    /// Whether each call has to be allowed first.
    pub approval: Approval,
}

impl ToolSpec {
    /// A tool without any hints, whose calls are not to be repeated and need nobody's leave.
    pub fn plain(name: impl Into<Arc<str>>, home: ToolHome, parameters: Json) -> Self {
        Self {
            name: name.into(),
            home,
            description: None,
            parameters,
            repeat: Repeat::Unsafe,
            strict: None,
            annotations: None,
            approval: Approval::Waived,
        }
    }

    /// The tool of a server that it is, if it is one.
    pub fn server_tool(&self) -> Option<ServerTool> {
        match &self.home {
            ToolHome::Server { label, name, .. } => Some(ServerTool {
                label: Arc::clone(label),
                name: Arc::clone(name),
            }),
            ToolHome::Caller => None,
        }
    }

    /// Whether its server says that it only reads. Nothing but the server's word for it.
    pub fn is_said_to_read_only(&self) -> bool {
        let annotations = self.annotations.as_ref().map(Json::to_value);
        annotations.is_some_and(|hints| hints.get("readOnlyHint") == Some(&true.into()))
    }
}

/// Whether the calls of a tool have to be allowed by the caller, one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// They have to.
    Needed,
    /// They do not.
    Waived,
}

/// Who runs a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolHome {
    /// A tool server, under the name the server gives the tool.
    Server {
        /// The label of the server.
        label: Arc<str>,
        /// The tool's name there.
        name: Arc<str>,
        /// Where the server is, when its caller named it; none for one that is configured.
        url: Option<Arc<str>>,
    },
    /// The caller: the run ends with the call, and the next request brings the output.
    Caller,
}

/// Whether calling twice is as good as calling once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Reads only, or does the same thing twice to the same effect.
    Safe,
    /// Nobody promised that.
    Unsafe,
}

/// A call on its way to a tool server.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// The execution it is recorded as.
    pub execution: ExecutionId,
    /// The tool.
    pub tool: Arc<ToolSpec>,
    /// A JSON object.
    pub arguments: Json,
}

/// What a tool answered, good or bad. Never a failure of the run by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolReply {
    /// What it says, as text, whole.
    pub text: Arc<str>,
    /// Whether it worked.
    pub verdict: Verdict,
}

/// Whether a reply is a result or a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The tool did what was asked.
    Done,
    /// The tool itself says that it failed.
    ToolSaysError,
    /// The arguments do not fit the tool's schema; it was not called.
    BadArguments,
    /// No such tool is on offer.
    UnknownTool,
    /// Too many calls at once; it was not called.
    TooManyCalls,
    /// Its caller did not allow it; it was not called.
    Denied,
    /// It was under way when its process died, and must not be repeated.
    OutcomeUnknown,
}

impl ToolReply {
    /// A complaint that the model is to read.
    pub fn complaint(verdict: Verdict, text: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            verdict,
        }
    }

    /// A result.
    pub fn done(text: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            verdict: Verdict::Done,
        }
    }
}

/// The tool that the model means by `name`: the exact one, or the only one that it can mean when
/// models change the case, spell a separator in another way (`server.search` for `server_search`), or put
/// a namespace in front (`functions.search`, `runtime__search`).
pub fn find<'a>(tools: &'a [Arc<ToolSpec>], name: &str) -> Option<&'a Arc<ToolSpec>> {
    if let Some(exact) = tools.iter().find(|tool| &*tool.name == name) {
        return Some(exact);
    }
    let bare = ["__", ".", "/", ":"]
        .iter()
        .filter_map(|separator| name.rsplit_once(separator).map(|(_, last)| last))
        .min_by_key(|last| last.len())
        .unwrap_or(name);
    let among = |fits: &dyn Fn(&str) -> bool| only(tools.iter().filter(|tool| fits(&tool.name)));
    among(&|known| plain(known).eq(plain(name)))
        .or_else(|| among(&|known| known == bare))
        .or_else(|| among(&|known| known.eq_ignore_ascii_case(bare)))
}

/// A name in lower case, with one underscore for each run of separators.
fn plain(name: &str) -> impl Iterator<Item = u8> {
    let mut before = 0;
    name.bytes().filter_map(move |byte| {
        let byte = match byte {
            b'.' | b'/' | b':' | b'-' => b'_',
            other => other.to_ascii_lowercase(),
        };
        let repeated = byte == b'_' && before == b'_';
        before = byte;
        (!repeated).then_some(byte)
    })
}

fn only<T>(mut candidates: impl Iterator<Item = T>) -> Option<T> {
    let first = candidates.next()?;
    candidates.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(names: &[&str]) -> Vec<Arc<ToolSpec>> {
        let spec = |name: &&str| ToolSpec::plain(*name, ToolHome::Caller, Json::empty_object());
        names.iter().map(spec).map(Arc::new).collect()
    }

    #[test]
    fn a_name_means_the_one_tool_it_can_mean() {
        let offered = tools(&[
            "google_search",
            "scrape",
            "Scrape",
            "a__b",
            "calculator",
            "second_calculator",
        ]);
        let cases = [
            ("google_search", Some("google_search")),
            ("Google_Search", Some("google_search")),
            ("functions.google_search", Some("google_search")),
            ("runt_5_shell__google_search", Some("google_search")),
            ("tools/GOOGLE_SEARCH", Some("google_search")),
            ("a__b", Some("a__b")),
            ("scrape", Some("scrape")),
            ("SCRAPE", None),
            ("second__calculator", Some("second_calculator")),
            ("second.calculator", Some("second_calculator")),
            ("third__calculator", Some("calculator")),
            ("nothing", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(
                find(&offered, name).map(|tool| &*tool.name),
                expected,
                "{name}"
            );
        }
    }
}
