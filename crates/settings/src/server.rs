//! Further MCP servers, one `[[mcp.servers]]` table each: only a file can name them, because the
//! environment has no good shape for a list of tables.

use std::collections::BTreeSet;

use crate::fault::{Fault, Problem};
use crate::kind::{
    CallerCredential, Endpoint, Given, Kind, Label, McpMode, Presence, Refusal, SecretHeaders,
    Trust, UrlShape,
};
use crate::reader::Reader;
use crate::section::Section;

/// The label of the server at `mcp.url`.
pub const PLATFORM_LABEL: &str = "default";

section! {
    /// An MCP server besides the one at `mcp.url`.
    McpServer in "mcp.servers" {
        /// Short name of the server; tools of the same name are told apart by it, and requests name the
        /// server by it, as `server_label`. `default` is the one at `mcp.url`.
        label: Label = ();
        /// URL of the server; `/v1/mcp` is added when it names no path.
        url: Endpoint = UrlShape::Exact;
        /// How the server is spoken to: `session` begins with a handshake, `bare` posts calls without
        /// one, `auto` tries the handshake first and remembers.
        mode: McpMode = () => "auto";
        /// Headers that each request to the server bears. A value is text, or `{ file = "…" }`.
        headers: SecretHeaders = ();
        /// Whether what the server says about its tools (that they only read, that they may be repeated)
        /// is believed.
        trusted: Trust = () => "false";
        /// Whether the caller's credential is passed on to the server.
        forward_credential: CallerCredential = () => "false";
    }
}

impl McpServer {
    fn show(&self) -> String {
        let Self {
            label,
            url,
            mode,
            headers,
            trusted,
            forward_credential,
        } = self;
        let mode = mode.name();
        let trusted = match trusted {
            Trust::Trusted => "trusted",
            Trust::Untrusted => "not trusted",
        };
        let credential = match forward_credential {
            CallerCredential::Forwarded => "gets the caller's credential",
            CallerCredential::Withheld => "gets no credential",
        };
        let headers = headers.show();
        format!("{label}: {url} ({mode}; {trusted}; {credential}; headers: {headers})")
    }
}

impl Kind for Vec<McpServer> {
    type Limits = ();
    const PRESENCE: Presence = Presence::Optional;

    fn allowed((): &()) -> String {
        "a list of `[[mcp.servers]]` tables, in a file".to_owned()
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        let Given::List(entries) = given else {
            return Err(Refusal::NotAllowed);
        };
        let mut servers = Self::with_capacity(entries.len());
        let mut faults = Vec::new();
        let mut labels = BTreeSet::new();
        for (index, entry) in entries.iter().enumerate() {
            let place = format!("[{index}]");
            let Given::Table(table) = Given::of(entry) else {
                return Err(Refusal::NotAllowed);
            };
            let mut reader = Reader::over(Some(table), &place);
            reader.refuse_unknown(McpServer::SETTINGS);
            let server = McpServer::read(&mut reader);
            faults.extend(reader.findings().faults);
            let Some(server) = server else { continue };
            if !labels.insert(server.label.as_str().to_owned()) {
                let message = format!("the label `{}` is given to two servers", server.label);
                faults.push(Fault::of_value(
                    format!("{place}.label"),
                    entry,
                    Problem::Contradiction { message },
                ));
            }
            servers.push(server);
        }
        if faults.is_empty() {
            Ok(servers)
        } else {
            Err(Refusal::Inside(faults))
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn show(&self) -> String {
        if self.is_empty() {
            return "none".to_owned();
        }
        self.iter()
            .map(McpServer::show)
            .collect::<Vec<_>>()
            .join(", ")
    }
}
