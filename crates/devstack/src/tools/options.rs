//! How the tool server runs: where, with which documents, and the switches that tests want.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use response_egress::{IpNet, Url};

use crate::serve::Listen;

/// The usual token for the notes.
pub const NOTES_TOKEN: &str = "notes-token";

/// How the tool server runs.
#[derive(Clone, Debug)]
pub struct ToolsOptions {
    /// Where it listens.
    pub listen: Listen,
    /// How many requests are kept for [`Tools::ledger`](super::Tools::ledger); 0 keeps none.
    pub keep_requests: usize,
    /// A folder of `.txt` and `.md` files to search instead of the sample documents.
    pub documents: Option<PathBuf>,
    /// What links to documents begin with, when clients reach the server by another name.
    pub public_url: Option<Url>,
    /// Addresses that `scrape` may fetch although they are not public.
    pub allow: Vec<IpNet>,
    /// The clock's time; that of this machine when absent.
    pub time: Option<SystemTime>,
    /// A pause before each call is answered.
    pub latency: Duration,
    /// Whether clients must open a session.
    pub sessions: Sessions,
    /// The form of the answers.
    pub answers: Answers,
    /// How many tools a page of the list has; all when absent.
    pub page_size: Option<usize>,
    /// Tools that fail, and how.
    pub failures: HashMap<String, ToolFailure>,
    /// What clients of the notes at `/notes/mcp` must bring, as a bearer token or as `X-Api-Key`.
    pub notes_token: String,
    /// Whether `wait` and `blob` are offered.
    pub test_tools: TestTools,
}

impl Default for ToolsOptions {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            keep_requests: 1000,
            documents: None,
            public_url: None,
            allow: Vec::new(),
            time: None,
            latency: Duration::ZERO,
            sessions: Sessions::None,
            answers: Answers::Mixed,
            page_size: None,
            failures: HashMap::new(),
            notes_token: NOTES_TOKEN.to_owned(),
            test_tools: TestTools::Absent,
        }
    }
}

/// Whether clients must open a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// No: every request stands for itself.
    None,
    /// Yes: `initialize` gives an `Mcp-Session-Id` that every other request must carry; an
    /// unknown one is answered with 404.
    Required,
}

/// The form of the answers to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Calls as events, everything else as JSON.
    Mixed,
    /// Everything as JSON.
    Json,
    /// Everything but `initialize` as events.
    Events,
    /// As [`Answers::Events`], each message spread over several data lines.
    EventLines,
}

/// Whether the tools that only tests want are offered: `wait`, which answers after a while and
/// tells its progress, and `blob`, which returns a text of any length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestTools {
    /// They are not.
    Absent,
    /// They are.
    Offered,
}

/// How a call fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolFailure {
    /// A result that says `isError`, with this text.
    Error(String),
    /// A JSON-RPC error.
    Rpc {
        /// Its code.
        code: i32,
        /// Its message.
        message: String,
    },
    /// An HTTP status without JSON-RPC.
    Status(u16),
    /// A page, with status 200.
    Html,
    /// The connection is cut before anything is said.
    Break,
    /// No answer at all.
    Hang,
    /// No answer until this failure is taken back; then the tool works, for the calls that wait as well.
    Hold,
}
