//! Nets of addresses, by their prefixes.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::list::{distinct, read_each};
use super::{Given, Kind, Presence, Refusal, SHOWN_CHARACTERS};

/// Nets, in the order in which they were given. A single address is the net that holds nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nets(Vec<IpNet>);

impl Nets {
    /// Each of them, once.
    pub fn iter(&self) -> impl Iterator<Item = IpNet> {
        self.0.iter().copied()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every address of either family is in one of them.
    pub(crate) fn hold_everything(&self) -> bool {
        self.iter().any(|net| net.prefix_len() == 0)
    }
}

impl fmt::Display for Nets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, net) in self.iter().enumerate() {
            let gap = if index == 0 { "" } else { ", " };
            write!(f, "{gap}{net}")?;
        }
        Ok(())
    }
}

impl Kind for Nets {
    type Limits = ();
    const PRESENCE: Presence = Presence::Optional;

    fn allowed((): &()) -> String {
        "nets and single addresses, separated by commas (in a file also a list), such as 10.0.0.0/8, \
         fd00::/8 or 192.168.7.1"
            .to_owned()
    }

    fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
        let shown = |entry: &str| entry.chars().take(SHOWN_CHARACTERS).collect();
        Ok(Self(distinct(read_each(given, shown, net_of)?)))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// The net that is meant; else what the entry is. One with bits behind its prefix may mean the net or the
/// address in it, and the one that was not meant would open too much or too little.
fn net_of(entry: &str) -> Result<IpNet, String> {
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let net: IpNet = entry
        .parse()
        .map_err(|_| "is neither a net nor an address".to_owned())?;
    if net == net.trunc() {
        return Ok(net);
    }
    let (whole, address) = (net.trunc(), net.addr());
    Err(format!(
        "is an address in a net: write `{whole}` for the net, or `{address}` for the address"
    ))
}
