//! Addresses behind which nobody answers: as many as the network 127.0.0.0/8 has, on one port.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::error::{ChoreError, Doing as _};

/// What meets a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    /// The connection is refused.
    Refuses,
    /// It is taken, and nothing is ever said.
    NeverAnswers,
}

/// A port that is dead on all addresses of this machine, until it is dropped.
#[derive(Debug)]
pub(super) struct Graves {
    port: u16,
    /// Takes connections, and keeps them.
    _taking: JoinSet<()>,
}

impl Graves {
    pub(super) async fn open(death: Death) -> Result<Self, ChoreError> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await;
        let opening = || "open a port that is dead".to_owned();
        let listener = listener.doing(opening)?;
        let port = listener.local_addr().doing(opening)?.port();
        let mut taking = JoinSet::new();
        if death == Death::NeverAnswers {
            taking.spawn(async move {
                let mut taken = Vec::new();
                while let Ok((stream, _)) = listener.accept().await {
                    taken.push(stream);
                }
            });
        }
        Ok(Self {
            port,
            _taking: taking,
        })
    }

    /// The address with this number, from 1.
    pub(super) fn address(&self, number: u64) -> SocketAddr {
        let part = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
        let host = Ipv4Addr::new(127, 1, part(number / 250), part(number % 250 + 1));
        SocketAddr::from((host, self.port))
    }

    /// The same as a URL in SQL, of the number `n` in a round of so many.
    pub(super) fn sql(&self, of: u64) -> String {
        let number = format!("(n - 1) % {of} + 1");
        format!(
            "'http://127.1.' || (({number}) / 250) || '.' || (({number}) % 250 + 1) || ':{}/dead'",
            self.port
        )
    }
}
