//! How names become addresses: the trait, and the operating system's way, which blocks and cannot
//! be called off.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// A lookup under way.
pub type Looking = BoxFuture<'static, io::Result<Vec<IpAddr>>>;

/// How a name becomes addresses. Literal addresses never come here.
pub trait Lookup: fmt::Debug + Send + Sync + 'static {
    /// All addresses of the name, in the order in which they are to be tried.
    fn look_up(&self, name: &str) -> Looking;
}

/// How many names a [`SystemLookup`] asks about at the same time.
const AT_ONCE: usize = 128;
/// What the system's resolver needs and some more; a thread's usual stack is for deeper calls.
const STACK: usize = 512 * 1024;

/// The operating system's resolver, with its hosts file and search domains.
///
/// A name whose servers are silent keeps it for many seconds, long after the caller has gone. So
/// each name is asked about once at a time, however many want to know, on a thread that neither
/// the runtime's other work nor its end waits for; and at most 128 names at a time. Clones share
/// that number, others do not.
#[derive(Clone)]
pub struct SystemLookup(Arc<Desk>);

type Ask = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;
type Answer = Result<Arc<[IpAddr]>, Arc<io::Error>>;
type Answering = Shared<oneshot::Receiver<Answer>>;

struct Desk {
    ask: Box<Ask>,
    threads: Arc<Semaphore>,
    under_way: Mutex<HashMap<Arc<str>, Answering>>,
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self::asking(AT_ONCE, |name| {
            let found = (name, 0).to_socket_addrs()?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

impl SystemLookup {
    fn asking(
        at_once: usize,
        ask: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Desk {
            ask: Box::new(ask),
            threads: Arc::new(Semaphore::new(at_once)),
            under_way: Mutex::default(),
        }))
    }
}

impl Lookup for SystemLookup {
    fn look_up(&self, name: &str) -> Looking {
        let desk = Arc::clone(&self.0);
        let name: Arc<str> = name.into();
        Box::pin(async move {
            let joined = desk.with(|under_way| under_way.get(&name).cloned());
            let answering = match joined {
                Some(answering) => answering,
                None => {
                    let threads = Arc::clone(&desk.threads);
                    let thread = threads.acquire_owned().await.map_err(io::Error::other)?;
                    desk.ask(name, thread)?
                }
            };
            match answering.await.map_err(io::Error::other)? {
                Ok(found) => Ok(found.to_vec()),
                Err(error) => Err(io::Error::new(error.kind(), error)),
            }
        })
    }
}

impl Desk {
    /// Begins to ask, or joins in when somebody else has begun meanwhile.
    fn ask(self: Arc<Self>, name: Arc<str>, thread: OwnedSemaphorePermit) -> io::Result<Answering> {
        let (answer, answering) = oneshot::channel();
        let answering = answering.shared();
        let joined = self.with(|under_way| match under_way.entry(Arc::clone(&name)) {
            Entry::Occupied(joined) => Some(joined.get().clone()),
            Entry::Vacant(place) => {
                place.insert(answering.clone());
                None
            }
        });
        if let Some(joined) = joined {
            return Ok(joined);
        }
        let asked = Asked {
            desk: self,
            name,
            _thread: thread,
        };
        thread::Builder::new()
            .name("name-lookup".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                let found = (asked.desk.ask)(&asked.name);
                // Whoever wanted to know may have gone.
                let _ = answer.send(found.map(Into::into).map_err(Arc::new));
                drop(asked);
            })?;
        Ok(answering)
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Arc<str>, Answering>) -> T) -> T {
        act(&mut self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }
}

/// A question that is being asked; over when this is dropped, whatever the reason.
struct Asked {
    desk: Arc<Desk>,
    name: Arc<str>,
    _thread: OwnedSemaphorePermit,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.desk.with(|under_way| under_way.remove(&self.name));
    }
}

impl fmt::Debug for SystemLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.0.threads.available_permits();
        f.debug_struct("SystemLookup").field("free", &free).finish()
    }
}
