//! The socket: who is let in, how long a connection lasts, and what becomes of its bytes.

use std::future::ready;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{ServiceFactoryExt, apply_fn_factory, fn_service, map_config};
use actix_web::App;
use actix_web::dev::{AppConfig, Extensions, Server};
use actix_web::rt::net::TcpStream;
use actix_web::web::ServiceConfig;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::connection::{Connection, watched};
use crate::connections::{Addresses, Arrival};

/// How long what was sent may stand unread in a client's window before its connection is closed.
const UNREAD: Duration = Duration::from_secs(30);

/// How long a connection may wait for its next request: longer than clients and gateways keep theirs, so that
/// none of them writes a request into one that is being closed.
const IDLE: Duration = Duration::from_secs(75);

/// How long a client that still sends what nobody wants is listened to, so that it gets to read its answer.
const LINGER: Duration = Duration::from_secs(1);

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// What a server has to give.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Threads that serve.
    pub(crate) threads: usize,
    /// Connections at once.
    pub(crate) connections: NonZeroUsize,
    /// Connections at once of each address.
    pub(crate) addresses: Addresses,
    /// Time within which a head must be whole.
    pub(crate) head_time: Duration,
    /// Time that connections get when the server is stopped.
    pub(crate) shutdown: Duration,
}

/// What is configured by `face`, on a socket of its own that is bound already, and ready to start. Also
/// where it listens.
pub(crate) fn listen<F>(
    at: SocketAddr,
    limits: Limits,
    face: F,
) -> io::Result<(SocketAddr, impl FnOnce() -> Server + use<F>)>
where
    F: FnOnce(&mut ServiceConfig) + Clone + Send + 'static,
{
    let socket = socket(at)?;
    let at = socket.local_addr()?;
    let Limits {
        threads,
        connections,
        addresses,
        head_time,
        shutdown,
    } = limits;
    let builder = Server::build();
    let ending = builder.graceful_shutdown_signal();
    let service = move || {
        let (face, addresses, ending) = (face.clone(), addresses.clone(), ending.clone());
        // What it says is what urls would be made of, and nobody makes any.
        let face = map_config(App::new().configure(face), |()| AppConfig::default());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let ending = ending.clone();
                async move { ending.notified().await }
            })
            .keep_alive(IDLE)
            .client_request_timeout(head_time)
            .client_disconnect_timeout(LINGER)
            // Otherwise a client that went away is not noticed while its handler waits.
            .h1_allow_half_closed(false)
            .local_addr(at)
            .on_connect_ext(
                move |connection: &Connection<TcpStream>, kept: &mut Extensions| {
                    kept.insert(connection.pulse());
                    receive(connection.stream(), kept, &addresses);
                },
            )
            .h1(apply_fn_factory(face, watched));
        fn_service(move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            ready(Ok((Connection::new(stream, head_time), peer)))
        })
        .and_then(http)
    };
    let server = builder
        .workers(threads)
        .max_concurrent_connections(connections.get().div_ceil(threads))
        .shutdown_timeout(shutdown.as_secs().max(1))
        .disable_signals()
        .listen("http", socket, service)?;
    Ok((at, move || server.run()))
}

fn socket(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    // Otherwise a process that starts again waits for the connections of the one before it.
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Lets a connection in, as far as its address may have one more, and limits what it leaves unread.
fn receive(stream: &TcpStream, kept: &mut Extensions, addresses: &Addresses) {
    prepare(stream);
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
                    error = &error as &dyn std::error::Error,
                    "a connection that was turned away could not be closed"
                );
            }
        }
    }
}

/// A client that stops reading keeps its connection, and what waits for it, only so long. The server
/// itself cannot tell: it asks a stream for more only when there is room.
fn prepare(stream: &TcpStream) {
    let set = SockRef::from(stream)
        .set_tcp_user_timeout(Some(UNREAD))
        // Otherwise a small frame waits for the acknowledgement of the one before it.
        .and_then(|()| stream.set_nodelay(true));
    if let Err(error) = set {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "a connection could not be set up as others"
        );
    }
}
