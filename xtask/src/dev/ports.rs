//! Ports: which are free, and what to do about those that are not.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use response_devstack::{Listen, StartError};

use crate::error::{ChoreError, Doing as _};

/// The port of a stand-in that nobody calls by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    /// This one and no other.
    Chosen(u16),
    /// This one, or any other when it is taken.
    Preferred(u16),
}

impl Port {
    /// The chosen one, or else the usual one.
    pub(super) fn new(chosen: Option<u16>, usual: u16) -> Self {
        chosen.map_or(Self::Preferred(usual), Self::Chosen)
    }

    /// Starts a stand-in on it.
    pub(super) fn open<T>(
        self,
        start: impl Fn(Listen) -> Result<T, StartError>,
    ) -> Result<T, StartError> {
        match self {
            Self::Chosen(port) => start(Listen::on(port)),
            Self::Preferred(port) => match start(Listen::on(port)) {
                Err(StartError::Listen { .. }) => start(Listen::on(0)),
                done => done,
            },
        }
    }
}

/// A port that must be free.
#[derive(Debug)]
pub(super) struct Wanted {
    who: &'static str,
    address: SocketAddr,
    flag: &'static str,
}

impl Wanted {
    pub(super) fn new(who: &'static str, address: SocketAddr, flag: &'static str) -> Self {
        Self { who, address, flag }
    }

    /// A port that matters only when somebody chose it.
    pub(super) fn chosen(who: &'static str, port: Option<u16>, flag: &'static str) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        Self::new(who, address, flag)
    }
}

/// An address with a port of its own: 0 becomes a port that is free now.
pub(super) fn one(host: IpAddr, port: u16) -> Result<SocketAddr, ChoreError> {
    if port != 0 {
        return Ok(SocketAddr::new(host, port));
    }
    let listener = TcpListener::bind((host, 0)).and_then(|listener| listener.local_addr());
    listener.doing(|| format!("find a free port of {host}"))
}

/// Tells every port that is taken, and how to choose another.
pub(super) fn require_free(wanted: &[Wanted]) -> Result<(), ChoreError> {
    let refusals = wanted.iter().filter_map(|wanted| {
        let error = TcpListener::bind(wanted.address).err()?;
        Some(format!(
            "{} cannot listen on {} ({error}); choose another port with `{} PORT`, or any free \
             one with `{} 0`",
            wanted.who, wanted.address, wanted.flag, wanted.flag
        ))
    });
    let refusals: Vec<String> = refusals.collect();
    if refusals.is_empty() {
        return Ok(());
    }
    Err(ChoreError::Refused(refusals.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_that_is_taken_is_told_with_its_flag() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let taken = listener.local_addr().expect("an address");
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        assert!(require_free(&[Wanted::new("the service", free, "--api-port")]).is_ok());
        let refusal = require_free(&[
            Wanted::new("the service", taken, "--api-port"),
            Wanted::chosen("the gateway", Some(taken.port()), "--gateway-port"),
        ]);
        let text = refusal.expect_err("both are taken").to_string();
        assert!(
            text.contains("the service") && text.contains("--api-port"),
            "{text}"
        );
        assert!(
            text.contains("the gateway") && text.contains("--gateway-port"),
            "{text}"
        );
    }

    #[test]
    fn a_preferred_port_gives_way_and_a_chosen_one_does_not() {
        let start = |listen: Listen| {
            let address = SocketAddr::new(listen.host, listen.port);
            let source = std::io::Error::other("taken");
            if listen.port == 7 {
                Err(StartError::Listen { address, source })
            } else {
                Ok(listen.port)
            }
        };
        assert_eq!(Port::new(None, 7).open(start).ok(), Some(0));
        assert_eq!(Port::new(None, 8).open(start).ok(), Some(8));
        assert!(Port::new(Some(7), 8).open(start).is_err());
    }
}
