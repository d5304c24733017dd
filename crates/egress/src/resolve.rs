//! Name resolution under the address policy. Every answer for a name is judged and one
//! forbidden address refuses the name, so a name cannot mix a public address with an inner
//! one; and since the connection is made to the answers given here, what was vetted is what is
//! called, however the name changes afterwards.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::client::ClientOptions;

/// A lookup under way.
pub type Looking = BoxFuture<'static, io::Result<Vec<IpAddr>>>;

/// How a name becomes addresses. Literal addresses never come here.
pub trait Lookup: fmt::Debug + Send + Sync + 'static {
    /// All addresses of the name, in the order in which they are to be tried.
    fn look_up(&self, name: &str) -> Looking;
}

/// The operating system's resolver, with its hosts file and search domains.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn look_up(&self, name: &str) -> Looking {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A lookup that answers only when the client's policy allows every address.
pub(crate) struct GuardedResolver(pub(crate) Arc<ClientOptions>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let options = Arc::clone(&self.0);
        Box::pin(async move {
            let found = options.lookup.look_up(name.as_str()).await?;
            for address in &found {
                options.policy.vet_address(name.as_str(), *address)?;
            }
            let addresses = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
