//! The tools that a request names or brings, and how the model is to choose among them.

use std::sync::Arc;

use crate::json::Json;

/// Which tools a response may use.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolSelection {
    /// Every tool that is available.
    All,
    /// Only these, each of which must be available, in the caller's words where it gave some.
    Only(Vec<ToolRequest>),
    /// These, which the caller brings.
    Offered(Vec<ToolOffer>),
    /// None.
    Nothing,
}

/// Tools that a caller brings.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolOffer {
    /// A function that the caller runs.
    Function(CallerTool),
    /// The tools of a server.
    Server(ServerOffer),
}

/// A function that the caller runs.
#[derive(Debug, Clone, PartialEq)]
pub struct CallerTool {
    /// Its name.
    pub name: Arc<str>,
    /// What it does, for the model.
    pub description: Option<Arc<str>>,
    /// A JSON Schema of its arguments, an object.
    pub parameters: Option<Json>,
    /// Whether arguments are to follow the schema to the letter, if said.
    pub strict: Option<bool>,
}

/// The tools of a server. What the caller gives along for it, [`ToolSecrets`], is not part of the request.
///
/// [`ToolSecrets`]: crate::caller::ToolSecrets
#[derive(Debug, Clone, PartialEq)]
pub struct ServerOffer {
    /// What it is called in the response; that of a configured server when there is no address.
    pub label: Arc<str>,
    /// Where it is, when the caller says so: the origin. The rest of the address may hold secrets, and is one
    /// of [`ToolSecrets`](crate::caller::ToolSecrets).
    pub url: Option<Arc<str>>,
    /// The tools that are offered; none when all are.
    pub allowed: Option<ToolFilter>,
    /// Which calls have to be allowed first.
    pub approval: ApprovalRule,
}

/// Some tools of a server: those that match both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolFilter {
    /// Only these, by the server's names.
    pub names: Option<Vec<Arc<str>>>,
    /// Only those that are said to read only, or only the others.
    pub reads_only: Option<bool>,
}

/// Which calls of a server have to be allowed first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalRule {
    /// All.
    Always,
    /// None.
    Never,
    /// Those of the first, not those of the second; any other has to be.
    Some {
        /// These have to.
        always: Option<ToolFilter>,
        /// These do not.
        never: Option<ToolFilter>,
    },
}

/// A tool, or all of a server, by the caller's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolName {
    /// A function that the caller runs.
    Function(Arc<str>),
    /// The tools of the server with this label, or the one of this name.
    Server {
        /// The label.
        label: Arc<str>,
        /// The tool's name there.
        name: Option<Arc<str>>,
    },
}

/// A tool the caller names.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolRequest {
    /// Its name.
    pub name: Arc<str>,
    /// The caller's description, instead of the server's.
    pub description: Option<Arc<str>>,
    /// The caller's schema, instead of the server's.
    pub parameters: Option<Json>,
}

/// How the model chooses among tools. `Required` and `Named` hold for the first round only:
/// otherwise a run could not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Not at all.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(Arc<str>),
    /// One of the server with this label, or the one of this name.
    Server {
        /// The label.
        label: Arc<str>,
        /// The tool's name there.
        name: Option<Arc<str>>,
    },
}
