//! Ports behind which nobody answers: what a delivery meets before any HTTP is spoken.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use response_egress::Url;
use socket2::{Domain, Socket, Type};

use crate::serve::{StartError, url_of};

/// How long a connection takes here that is taken at all.
const AT_ONCE: Duration = Duration::from_millis(250);

/// How many connections fill a port that has room for one.
const FILLING: usize = 16;

/// At what a caller of a deaf port waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deafness {
    /// At the connection: its first packet is not answered.
    ToConnections,
    /// At the first byte: the connection is made, and nothing is ever read from it or said. With `https`
    /// that is in the middle of the handshake.
    ToWords,
}

/// A port behind which nobody answers, until it is dropped.
#[derive(Debug)]
pub struct Deaf {
    address: SocketAddr,
    url: Url,
    listener: TcpListener,
    taken: Mutex<Vec<TcpStream>>,
    /// The connections that take up the room of a port that takes no more.
    _filling: Vec<TcpStream>,
}

impl Deaf {
    /// Opens one on a free port of loopback.
    pub fn open(deafness: Deafness) -> Result<Self, StartError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::at(address, deafness).map_err(|source| StartError::Listen { address, source })
    }

    fn at(address: SocketAddr, deafness: Deafness) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&address.into())?;
        // The system makes connections by itself, and keeps so many for a program that takes none.
        socket.listen(match deafness {
            Deafness::ToConnections => 0,
            Deafness::ToWords => 1024,
        })?;
        let listener = TcpListener::from(socket);
        let address = listener.local_addr()?;
        let mut filling = Vec::new();
        if deafness == Deafness::ToConnections {
            while let Ok(stream) = TcpStream::connect_timeout(&address, AT_ONCE) {
                filling.push(stream);
                if filling.len() > FILLING {
                    return Err(io::Error::other("the system takes every connection"));
                }
            }
        }
        listener.set_nonblocking(true)?;
        Ok(Self {
            address,
            url: url_of(address)?,
            listener,
            taken: Mutex::default(),
            _filling: filling,
        })
    }

    /// Its URL for `http`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there were so far, of those that were made. They stay open.
    pub fn connections(&self) -> usize {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok((stream, _)) = self.listener.accept() {
            taken.push(stream);
        }
        taken.len()
    }
}
