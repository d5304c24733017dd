//! Listening, serving, and ending in order.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::Server;
use response_app::shutdown::{Patience, Signals};
use response_app::{App, Process, build};
use response_http::{Face, FaceOptions, HostedTools, Metrics, Payloads, mount};
use response_settings::{AuditLog, Http, Settings, Threads};

use crate::connections::Addresses;
use crate::listen::Limits;

/// Serves until a signal ends it.
pub(crate) async fn serve(settings: Settings) -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::listen()?;
    let app = build(settings, Process::Api, Arc::new(Payloads)).await?;
    let (start, patience) = listen(&app)?;
    // Whoever cannot have its socket takes nothing on.
    app.engine.sign_on().await;
    let server = start();
    let handle = server.handle();
    let ending = async {
        signals.next().await;
        tracing::info!("shutting down: no new responses, waiting for those under way");
        app.shut_down(&mut signals, patience).await;
        handle.stop(true).await;
    };
    tokio::select! {
        outcome = server => outcome?,
        () = ending => {}
    }
    tracing::info!("ended");
    Ok(())
}

/// The face on its socket, ready to start, and how long ending may take.
fn listen(app: &App) -> Result<(impl FnOnce() -> Server + use<>, Patience), Box<dyn Error>> {
    let Http {
        port,
        host,
        threads,
        header_timeout,
        max_connections,
        connections_per_address,
        shutdown_soft,
        shutdown_hard,
        ..
    } = app.http;
    let limits = Limits {
        threads: number(threads),
        connections: max_connections,
        addresses: Addresses::new(connections_per_address.limit()),
        head_time: header_timeout,
        shutdown: shutdown_hard,
    };
    // Once for all threads: they share what it counts.
    let face = mount(face(app));
    let (address, start) = crate::listen::listen(SocketAddr::new(host, port), limits, face)
        .map_err(|source| {
            format!("cannot listen on {host}:{port} (RESPONSE_HOST, RESPONSE_API_PORT): {source}")
        })?;
    tracing::info!(server.address = %address, "listening on http://{address}");
    let patience = Patience {
        soft: shutdown_soft,
        hard: shutdown_hard,
    };
    Ok((start, patience))
}

/// What the face is made of.
fn face(app: &App) -> Face {
    // The engine has read what one request may ask and how many runs and streams there may be, and the socket
    // is made of the rest.
    let Http {
        port: _,
        host: _,
        body_limit,
        json_depth,
        max_tools: _,
        max_input_items: _,
        hosted_tools,
        metadata_limit: _,
        threads: _,
        heartbeat,
        header_timeout: _,
        body_timeout,
        max_connections: _,
        connections_per_address: _,
        body_memory,
        max_streams: _,
        max_foreground_runs: _,
        shutdown_soft: _,
        shutdown_hard: _,
    } = app.http;
    let metrics = app.metrics.clone();
    Face {
        engine: app.engine.clone(),
        authenticator: Arc::clone(&app.authenticator),
        ids: Arc::clone(&app.ids),
        metrics: Metrics::new(move || metrics.text()),
        options: FaceOptions {
            body_bytes: body_limit.in_memory(),
            body_memory: body_memory.in_memory(),
            json_depth: json_depth.get(),
            heartbeat,
            body_timeout,
            hosted_tools: match hosted_tools {
                response_settings::HostedTools::Ignore => HostedTools::Ignore,
                response_settings::HostedTools::Refuse => HostedTools::Refuse,
            },
            audit: app.audit == AuditLog::On,
        },
    }
}

fn number(threads: Threads) -> usize {
    match threads {
        Threads::PerCore => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        Threads::Exactly(count) => count.get(),
    }
}
