//! Logs to standard error, one line an event, and panics among them.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use response_settings::{AuditLog, Log, LogFormat, TraceExport};
use tracing_subscriber::EnvFilter;

use json::JsonLines;

mod json;

/// Sets up the log of the whole process. Where one is set up already it stays.
pub fn start(log: &Log) {
    let Log {
        level,
        format,
        audit,
        traces: TraceExport::Off,
    } = log;
    // Our own crates at the level asked for; the libraries only when they have something to complain of.
    // What a client gets wrong in the words of HTTP itself is no error of ours, nor is the certificate of
    // whoever is called: that call fails, and is told.
    let quiet = "hyper=warn,hyper_util=warn,reqwest=warn,sqlx=error,sea_orm=warn,sea_orm_migration=warn,\
                 actix_server=warn,actix_http=warn,actix_http::h1::dispatcher=off,mio=warn,rustls=warn,rustls_platform_verifier=off,h2=warn";
    let audit = match audit {
        AuditLog::On => "audit=info",
        AuditLog::Off => "audit=off",
    };
    let filter = EnvFilter::new(format!("{},{quiet},{audit}", level.name()));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    // A second set-up in one process, as tests do it, is refused and changes nothing.
    let _first = if json {
        lines.event_format(JsonLines).try_init()
    } else {
        lines
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .try_init()
    };
    std::panic::set_hook(Box::new(tell_panic));
}

fn tell_panic(panic: &PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    let said = panic
        .payload_as_str()
        .unwrap_or("something that is no text");
    tracing::error!(panic.place = %place, panic.message = said, "a task panicked");
}
