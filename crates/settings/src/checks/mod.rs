//! What no single setting can be blamed for: values that are each allowed and do not go together.

mod callers;

pub(crate) use callers::faults_about_requests;

use crate::fault::{Fault, Problem};
use crate::kind::{DurationText, EmbeddedWorkers};
use crate::note::Note;
use crate::origin::{Origin, Origins};
use crate::sections::{Database, Mcp, Settings, Tools};
use crate::server::PLATFORM_LABEL;

/// A fault for each pair that does not go together.
pub(crate) fn contradictions(settings: &Settings, origins: &Origins) -> Vec<Fault> {
    let found = [
        tool_timeout(&settings.tools, origins),
        replica_without_primary(&settings.database, origins),
        label_of_the_platform(&settings.mcp, origins),
    ];
    found.into_iter().flatten().collect()
}

/// Otherwise the larger one would be cut in silence.
fn tool_timeout(tools: &Tools, origins: &Origins) -> Option<Fault> {
    (tools.timeout > tools.timeout_cap).then(|| {
        let (timeout, cap) = (DurationText(tools.timeout), DurationText(tools.timeout_cap));
        let message = format!(
            "{timeout} is more than `tools.timeout_cap` (RESPONSE_TOOL_TIMEOUT_CAP), which is {cap}"
        );
        contradiction("tools.timeout", message, origins)
    })
}

/// A read replica is a replica of something.
pub(crate) fn replica_without_primary(database: &Database, origins: &Origins) -> Option<Fault> {
    (database.read_dsn.is_some() && database.write_dsn.is_none()).then(|| {
        let message = "a read replica needs `database.write_dsn` (DB_POSTGRESQL_WRITE_DSN)";
        contradiction("database.read_dsn", message.to_owned(), origins)
    })
}

/// A label means one server.
fn label_of_the_platform(mcp: &Mcp, origins: &Origins) -> Option<Fault> {
    let mut servers = mcp.servers.iter();
    let is_taken =
        mcp.url.is_some() && servers.any(|server| server.label.as_str() == PLATFORM_LABEL);
    is_taken.then(|| {
        let message = format!("the label `{PLATFORM_LABEL}` is that of the server at `mcp.url`");
        contradiction("mcp.servers", message, origins)
    })
}

/// What an operator should know about settings that are allowed.
pub(crate) fn remarks(settings: &Settings) -> Vec<Note> {
    let nets = &settings.egress.allow_cidrs;
    let let_through = (!nets.is_empty()).then(|| Note::LetThrough { nets: nets.clone() });
    let has_server = settings.database.write_dsn.is_some();
    let keyless = (has_server && settings.vault.keys.is_none()).then_some(Note::NoVaultKeys);
    let idle = if has_server { None } else { idle(settings) };
    let found = [let_through, keyless, idle].into_iter().flatten();
    callers::notes(settings).into_iter().chain(found).collect()
}

/// No other process can work on what is in the embedded database.
fn idle(settings: &Settings) -> Option<Note> {
    let background = &settings.background;
    if background.embedded == EmbeddedWorkers::Off {
        let setting = "background.embedded (BACKGROUND_EMBEDDED)";
        return Some(Note::NobodyWorks { setting });
    }
    let setting = "background.worker_count (BACKGROUND_WORKER_COUNT)";
    (background.worker_count == 0).then_some(Note::NobodyWorks { setting })
}

fn contradiction(key: &str, message: String, origins: &Origins) -> Fault {
    let origin = origins.of(key).cloned().unwrap_or(Origin::Nowhere);
    Fault::new(key, origin, Problem::Contradiction { message })
}
