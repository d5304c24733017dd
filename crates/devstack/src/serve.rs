//! One HTTP server on a thread of its own, so that it can be started from anywhere (a test, a
//! blocking `main`, a runtime with paused time) and never borrows its caller's runtime.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use response_egress::Url;
use tokio::net::TcpSocket;

/// How many connections may wait to be accepted: a benchmark opens hundreds at once.
const BACKLOG: u32 = 1024;

/// Where a stand-in listens.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The address; loopback by default.
    pub host: IpAddr,
    /// The port; 0, the default, takes a free one.
    pub port: u16,
    /// How many threads answer.
    pub workers: usize,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            workers: 1,
        }
    }
}

impl Listen {
    /// Loopback, on the given port.
    pub fn on(port: u16) -> Self {
        Self {
            port,
            ..Self::default()
        }
    }
}

/// A stand-in could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not free, or is none of this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file or folder of the options cannot be read.
    #[error("cannot read the documents in {path}")]
    Documents {
        /// The folder that was asked for.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The HTTP client for outgoing requests cannot be built.
    #[error("cannot call other servers")]
    Egress(#[source] response_egress::BuildError),
}

/// A server that runs until it is stopped or dropped; open connections are cut then.
#[derive(Debug)]
pub(crate) struct Running {
    url: Url,
    handle: ServerHandle,
}

impl Running {
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Stops the server and waits until its port is free again.
    pub(crate) async fn stop(self) {
        self.handle.stop(false).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The command is sent at once; the future is only its confirmation.
        drop(self.handle.stop(false));
    }
}

/// Starts a server and answers once it listens. The routes are given the server's own URL.
pub(crate) fn serve<R>(listen: &Listen, routes: R) -> Result<Running, StartError>
where
    R: Fn(&Url, &mut ServiceConfig) + Send + Clone + 'static,
{
    let address = SocketAddr::new(listen.host, listen.port);
    let workers = listen.workers.max(1);
    let (tell, told) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            match bind(address, workers, routes) {
                Ok((url, server)) => {
                    let _ = tell.send(Ok((url, server.handle())));
                    let _ = server.await;
                }
                Err(source) => {
                    let _ = tell.send(Err(source));
                }
            }
        });
    });
    match told.recv() {
        Ok(Ok((url, handle))) => Ok(Running { url, handle }),
        Ok(Err(source)) => Err(StartError::Listen { address, source }),
        Err(gone) => Err(StartError::Listen {
            address,
            source: io::Error::other(gone),
        }),
    }
}

fn bind<R>(
    address: SocketAddr,
    workers: usize,
    routes: R,
) -> io::Result<(Url, actix_web::dev::Server)>
where
    R: Fn(&Url, &mut ServiceConfig) + Send + Clone + 'static,
{
    // The routes need the URL, and the port is known only once the socket is bound.
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let socket = socket.listen(BACKLOG)?.into_std()?;
    let url = url_of(socket.local_addr()?)?;
    let own_url = url.clone();
    let server = HttpServer::new(move || {
        let (url, routes) = (own_url.clone(), routes.clone());
        App::new().configure(move |config| routes(&url, config))
    })
    .workers(workers)
    // Small writes of an event stream leave at once, and a client that went away is noticed
    // while its handler still waits.
    .tcp_nodelay(true)
    .h1_allow_half_closed(false)
    .keep_alive(Duration::from_secs(75))
    .disable_signals()
    .listen(socket)?
    .run();
    Ok((url, server))
}

/// Where a client on this machine reaches the address.
pub(crate) fn url_of(mut address: SocketAddr) -> io::Result<Url> {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Url::parse(&format!("http://{address}/")).map_err(io::Error::other)
}
