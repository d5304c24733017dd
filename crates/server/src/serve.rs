//! Listening, serving, and ending in order.

use std::any::Any;
use std::error::Error;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Extensions, Server};
use actix_web::rt::net::TcpStream;
use actix_web::{App as Actix, HttpServer};
use response_app::shutdown::{Patience, Signals};
use response_app::{App, Process, build};
use response_http::{Face, FaceOptions, HostedTools, Metrics, Payloads, mount};
use response_settings::{AuditLog, Http, Settings, Threads};
use socket2::SockRef;

use crate::connections::{Addresses, Arrival};

/// How long what was sent may stand unread in a client's window before its connection is closed.
const UNREAD: Duration = Duration::from_secs(30);

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
    let addresses = Addresses::new(connections_per_address.limit());
    let threads = number(threads);
    // Once for all threads: they share what it counts.
    let face = mount(face(app));
    let socket = HttpServer::new(move || Actix::new().configure(face.clone()))
        .workers(threads)
        .max_connections(max_connections.get().div_ceil(threads))
        .client_request_timeout(header_timeout)
        .keep_alive(IDLE)
        // Otherwise a client that went away is not noticed while its handler waits.
        .h1_allow_half_closed(false)
        .on_connect(move |connection, kept| receive(connection, kept, &addresses))
        // Otherwise a small frame waits for the acknowledgement of the one before it.
        .tcp_nodelay(true)
        .shutdown_timeout(shutdown_hard.as_secs().max(1))
        .disable_signals()
        .bind(SocketAddr::new(host, port))
        .map_err(|source| {
            format!("cannot listen on {host}:{port} (RESPONSE_HOST, RESPONSE_API_PORT): {source}")
        })?;
    for address in socket.addrs() {
        tracing::info!(server.address = %address, "listening on http://{address}");
    }
    let patience = Patience {
        soft: shutdown_soft,
        hard: shutdown_hard,
    };
    Ok((move || socket.run(), patience))
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

/// How long a connection may wait for its next request: longer than clients and gateways keep theirs, so that
/// none of them writes a request into one that is being closed.
const IDLE: Duration = Duration::from_secs(75);

/// Lets a connection in, as far as its address may have one more, and limits what it leaves unread.
fn receive(connection: &dyn Any, kept: &mut Extensions, addresses: &Addresses) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else {
        return;
    };
    limit_unread(stream);
    let Ok(peer) = stream.peer_addr() else {
        return;
    };
    match addresses.arrive(peer.ip()) {
        Arrival::Uncounted => {}
        // What is kept with a connection is dropped with it.
        Arrival::Counted(place) => drop(kept.insert(place)),
        Arrival::TurnedAway => {
            addresses.tell(peer.ip());
            // The server cannot refuse a connection that it has accepted, but it closes one that has ended.
            if let Err(error) = SockRef::from(stream).shutdown(Shutdown::Both) {
                tracing::debug!(
                    error = &error as &dyn Error,
                    "a connection that was turned away could not be closed"
                );
            }
        }
    }
}

/// A client that stops reading keeps its connection, and what waits for it, only so long. The server
/// itself cannot tell: it asks a stream for more only when there is room.
fn limit_unread(stream: &TcpStream) {
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(UNREAD)) {
        tracing::debug!(
            error = &error as &dyn Error,
            "a connection got no limit of what it leaves unread"
        );
    }
}
