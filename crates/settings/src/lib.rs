//! What an operator may choose: defaults, sources, checks.
//!
//! [`Settings::load`] lays the compiled-in defaults, a file, the environment and the command line over
//! each other and answers typed sections, or every fault at once. Each setting is declared once, in
//! `sections.rs`; the reading, the tables, `docs/settings.md` and the comments of `defaults.toml` all
//! come from that declaration.

mod checks;
mod closest;
mod environment;
mod fault;
mod file;
mod kind;
mod layer;
mod layered;
mod load;
mod note;
mod origin;
mod reader;
mod reference;
#[macro_use]
mod section;
mod callers;
mod sections;
mod server;
mod setting;
mod sources;

pub use callers::{Auth, Limits, Retention};
pub use fault::{Fault, Problem, SettingsFaults};
pub use kind::{
    Audiences, AuditLog, ByteSize, CallerCredential, CallerServers, Ceiling, DatabaseUrl,
    EmbeddedWorkers, Endpoint, Endpoints, Factor, GatewayWord, Guests, HostedTools, Issuers, Label,
    LogFormat, LogLevel, McpMode, Migrations, Nets, OnMaxDepth, OnToolFailure, OwnKeys, Percent,
    SecretHeaders, SharedSecrets, SignatureAlgorithm, SignatureAlgorithms, SigningSecrets, Threads,
    TokenChecks, ToolNames, TraceExport, Trust, UserAgent, VaultKeys, read_duration,
};
pub use load::Loaded;
pub use note::Note;
pub use origin::{Origin, Origins, Row};
pub use reference::{defaults_document, reference_markdown};
pub use sections::{
    Background, Database, Egress, Http, Llm, Log, Mcp, Runs, Settings, Tools, Vault, Webhooks,
    Worker,
};
pub use server::{McpServer, PLATFORM_LABEL};
pub use sources::Sources;

/// The value of a secret is reached through this trait only, so that each place that takes it can be
/// found by its name.
pub use secrecy::{ExposeSecret, SecretString};
