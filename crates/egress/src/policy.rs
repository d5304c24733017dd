//! Which addresses may be called. The lists are the special-purpose registries of IANA and
//! what a cloud keeps behind them; whatever is not global unicast is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

/// The longest URL that may be called, in bytes.
pub const MAX_URL_LENGTH: usize = 2048;

/// Whom a client may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressPolicy {
    /// Every address: for upstreams that the operator configured.
    Any,
    /// Global unicast addresses only: for URLs that a caller or a model names.
    PublicOnly {
        /// Addresses that may be called although they are not public. Each use is logged.
        allow: Vec<IpNet>,
        /// Addresses that may not be called although they are public, such as the service's
        /// own; these win over `allow`.
        deny: Vec<IpNet>,
    },
}

/// What an address is to the rest of the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressClass {
    /// Global unicast.
    Public,
    /// Anything else, by the name of its range.
    Special(&'static str),
}

/// Why a URL may not be called.
///
/// The words never tell which address a name has: a caller must not learn the inner network
/// from a refusal. The fields do, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is not a URL.
    #[error("the URL cannot be read: {0}")]
    Unreadable(url::ParseError),
    /// Longer than [`MAX_URL_LENGTH`].
    #[error("the URL is {length} bytes long, at most {MAX_URL_LENGTH} are allowed")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Neither `http` nor `https`.
    #[error("the scheme of the URL is {0:?}, only http and https are allowed")]
    Scheme(String),
    /// A user name or a password stands in the URL.
    #[error("the URL holds a user name or a password, which is not allowed")]
    Userinfo,
    /// No host to call.
    #[error("the URL names no host")]
    NoHost,
    /// Nobody can listen there.
    #[error("the port of the URL is 0, only 1 to 65535 are allowed")]
    Port,
    /// The host is, or has, an address that may not be called.
    #[error("the host {host:?} may not be called: it has an address that is not allowed")]
    Address {
        /// The host as the URL names it.
        host: String,
        /// The address that is not allowed.
        address: IpAddr,
        /// The range the address is in.
        range: &'static str,
    },
}

impl AddressPolicy {
    /// Public addresses only, without exception.
    pub fn public_only() -> Self {
        Self::PublicOnly {
            allow: Vec::new(),
            deny: Vec::new(),
        }
    }

    /// Reads a URL and judges it as [`AddressPolicy::vet`] does.
    pub fn parse(&self, text: &str) -> Result<Url, Refusal> {
        if text.len() > MAX_URL_LENGTH {
            return Err(Refusal::TooLong { length: text.len() });
        }
        let url = Url::parse(text).map_err(Refusal::Unreadable)?;
        self.vet(&url)?;
        Ok(url)
    }

    /// Judges everything that can be judged without a name lookup: the form of the URL, and
    /// the address when the host is one. The connector asks no resolver about such a host, so
    /// this is where it is refused.
    pub fn vet(&self, url: &Url) -> Result<(), Refusal> {
        if url.as_str().len() > MAX_URL_LENGTH {
            return Err(Refusal::TooLong {
                length: url.as_str().len(),
            });
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Userinfo);
        }
        if url.port() == Some(0) {
            return Err(Refusal::Port);
        }
        let literal = match url.host() {
            None => return Err(Refusal::NoHost),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        self.vet_address(url.host_str().unwrap_or_default(), literal)
    }

    /// Judges one address that a host has.
    pub fn vet_address(&self, host: &str, address: IpAddr) -> Result<(), Refusal> {
        let Self::PublicOnly { allow, deny } = self else {
            return Ok(());
        };
        let range = if is_within(deny, address) {
            "denied by settings"
        } else {
            match AddressClass::of(address) {
                AddressClass::Public => return Ok(()),
                AddressClass::Special(_) if is_within(allow, address) => {
                    tracing::debug!(net.host = host, net.address = %address, "an address that only the allow list permits");
                    return Ok(());
                }
                AddressClass::Special(range) => range,
            }
        };
        tracing::info!(net.host = host, net.address = %address, net.range = range, "refused to call an address");
        Err(Refusal::Address {
            host: host.to_owned(),
            address,
            range,
        })
    }
}

/// An IPv6 address that leads to an IPv4 one stands in a list too when that one does.
fn is_within(nets: &[IpNet], address: IpAddr) -> bool {
    let inner = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => inner_v4(address).or_else(|| isatap_v4(address)),
    };
    let inner = inner.map(IpAddr::V4);
    nets.iter()
        .any(|net| net.contains(&address) || inner.is_some_and(|inner| net.contains(&inner)))
}

impl AddressClass {
    /// Classifies an address. An IPv6 address that leads to an IPv4 one (mapped, or through the
    /// well-known NAT64 prefix) is what that one is.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let bits = address.to_bits();
        SPECIAL_V4
            .iter()
            .find(|(net, length, _)| (bits ^ net.to_bits()) >> (32 - length) == 0)
            .map_or(Self::Public, |(_, _, name)| Self::Special(name))
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if let Some(inner) = inner_v4(address) {
            return Self::of_v4(inner);
        }
        let bits = address.to_bits();
        let named = SPECIAL_V6
            .iter()
            .find(|(net, length, _)| (bits ^ net.to_bits()) >> (128 - length) == 0);
        let leads_inside =
            || isatap_v4(address).is_some_and(|inner| Self::of_v4(inner) != Self::Public);
        match named {
            Some((_, _, name)) => Self::Special(name),
            None if bits >> 125 != 0b001 => Self::Special("not global unicast"),
            None if leads_inside() => Self::Special("ISATAP, embedded IPv4"),
            None => Self::Public,
        }
    }
}

/// The IPv4 address that `::ffff:0:0/96` and `64:ff9b::/96` carry in their last 32 bits.
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

/// The IPv4 address that an interface identifier of ISATAP carries, under any prefix.
fn isatap_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

/// Network, prefix length (1 to 32) and what it is.
const SPECIAL_V4: [(Ipv4Addr, u32, &str); 17] = [
    (Ipv4Addr::UNSPECIFIED, 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared address space"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (
        Ipv4Addr::new(169, 254, 0, 0),
        16,
        "link-local, cloud metadata",
    ),
    // A public address by its number; inside Azure it is the host of the virtual machine.
    (Ipv4Addr::new(168, 63, 129, 16), 32, "cloud metadata"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "protocol assignments"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "6to4 relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarking"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::BROADCAST, 32, "broadcast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// Network, prefix length (1 to 128) and what it is. What lies outside `2000::/3` is refused
/// without standing here; those that do have a name worth logging.
const SPECIAL_V6: [(Ipv6Addr, u32, &str); 15] = [
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (Ipv6Addr::UNSPECIFIED, 8, "reserved, embedded IPv4"),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "discard"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, "Teredo"),
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        23,
        "protocol assignments",
    ),
    (
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0),
        32,
        "documentation",
    ),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "6to4"),
    (
        Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0),
        20,
        "documentation",
    ),
    (
        Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0),
        16,
        "segment routing",
    ),
    (
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        128,
        "cloud metadata",
    ),
    (
        Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0),
        7,
        "unique local",
    ),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "site-local"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
];
