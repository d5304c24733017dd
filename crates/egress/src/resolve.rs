//! Name resolution under the address policy. Every answer for a name is judged and one
//! forbidden address refuses the name, so a name cannot mix a public address with an inner
//! one; and since the connection is made to the answers given here, what was vetted is what is
//! called, however the name changes afterwards.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::client::ClientOptions;

/// How many addresses of a name are tried, of each family. All are judged; but whoever owns a
/// name decides how many it has, and must not have this service knock at hundreds of doors. The
/// time to connect is also divided by their number.
const TRIED: usize = 8;

/// A lookup gave no address. Its source is the lookup's own error, when it had one.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address")]
pub(crate) struct NoAddress(#[source] Option<io::Error>);

/// A lookup that answers only when the client's policy allows every address.
pub(crate) struct GuardedResolver(pub(crate) Arc<ClientOptions>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let options = Arc::clone(&self.0);
        Box::pin(async move {
            let found = options.lookup.look_up(name.as_str()).await;
            let found = found.map_err(|error| NoAddress(Some(error)))?;
            if found.is_empty() {
                return Err(NoAddress(None).into());
            }
            for address in &found {
                options.policy.vet_address(name.as_str(), *address)?;
            }
            Ok(Box::new(first_of_each_family(found)) as Addrs)
        })
    }
}

fn first_of_each_family(found: Vec<IpAddr>) -> impl Iterator<Item = SocketAddr> + Send {
    let (mut v4, mut v6) = (0, 0);
    found.into_iter().filter_map(move |address| {
        let count = if address.is_ipv4() { &mut v4 } else { &mut v6 };
        *count += 1;
        (*count <= TRIED).then(|| SocketAddr::new(address, 0))
    })
}
