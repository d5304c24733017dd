//! How names become addresses: the trait, and the operating system's way, which blocks and cannot
//! be called off.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, oneshot};

/// A lookup under way.
pub type Looking = BoxFuture<'static, io::Result<Vec<IpAddr>>>;

/// How a name becomes addresses. Literal addresses never come here.
pub trait Lookup: fmt::Debug + Send + Sync + 'static {
    /// All addresses of the name, in the order in which they are to be tried.
    fn look_up(&self, name: &str) -> Looking;
}

/// How many names a [`SystemLookup`] asks about at the same time.
const AT_ONCE: usize = 256;
/// How many of these may be names of one owner, whose servers may be silent for all of them.
const AT_ONCE_OF_ONE: usize = 16;
/// What the system's resolver needs and some more; a thread's usual stack is for deeper calls.
const STACK: usize = 512 * 1024;

/// The operating system's resolver, with its hosts file and search domains.
///
/// A name whose servers are silent keeps it for many seconds, long after the caller has gone. So
/// each name is asked about once at a time, however many want to know, on a thread that neither
/// the runtime's other work nor its end waits for. At most 256 names are asked about at a time, 16
/// of one domain, so that silent servers hold up their own domain. Clones share these numbers,
/// others do not.
#[derive(Clone)]
pub struct SystemLookup(Arc<Desk>);

type Ask = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;
type Answer = Result<Arc<[IpAddr]>, Arc<io::Error>>;
type Answering = Shared<oneshot::Receiver<Answer>>;

struct Desk {
    ask: Box<Ask>,
    threads: Arc<Semaphore>,
    at_once_of_one: usize,
    domains: Mutex<HashMap<Box<str>, Weak<Semaphore>>>,
    under_way: Mutex<HashMap<Arc<str>, Answering>>,
}

/// What allows a thread; held while it runs.
struct Leave {
    _thread: OwnedSemaphorePermit,
    _of_domain: OwnedSemaphorePermit,
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self::asking(AT_ONCE, AT_ONCE_OF_ONE, |name| {
            let found = (name, 0).to_socket_addrs()?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

impl SystemLookup {
    fn asking(
        at_once: usize,
        at_once_of_one: usize,
        ask: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Desk {
            ask: Box::new(ask),
            threads: Arc::new(Semaphore::new(at_once)),
            at_once_of_one,
            domains: Mutex::default(),
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
            let answering = if let Some(answering) = joined {
                answering
            } else {
                let leave = desk.leave(&name).await.map_err(io::Error::other)?;
                desk.ask(name, leave)?
            };
            match answering.await.map_err(io::Error::other)? {
                Ok(found) => Ok(found.to_vec()),
                Err(error) => Err(io::Error::new(error.kind(), error)),
            }
        })
    }
}

impl Desk {
    /// Waits for a thread. Whoever waits because of their domain is in nobody else's way.
    async fn leave(&self, name: &str) -> Result<Leave, AcquireError> {
        let of_domain = self.room_of(domain(name)).acquire_owned().await?;
        let thread = Arc::clone(&self.threads).acquire_owned().await?;
        Ok(Leave {
            _thread: thread,
            _of_domain: of_domain,
        })
    }

    fn room_of(&self, domain: &str) -> Arc<Semaphore> {
        let mut domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = domains.get(domain).and_then(Weak::upgrade) {
            return room;
        }
        let room = Arc::new(Semaphore::new(self.at_once_of_one));
        domains.retain(|_, room| room.strong_count() > 0);
        domains.insert(domain.into(), Arc::downgrade(&room));
        room
    }

    /// Begins to ask, or joins in when somebody else has begun meanwhile.
    fn ask(self: Arc<Self>, name: Arc<str>, leave: Leave) -> io::Result<Answering> {
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
            answer: Some(answer),
            _leave: leave,
        };
        thread::Builder::new()
            .name("name-lookup".to_owned())
            .stack_size(STACK)
            .spawn(move || asked.answer())?;
        Ok(answering)
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Arc<str>, Answering>) -> T) -> T {
        act(&mut self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }
}

/// A question that is being asked. It is over when this is dropped, and only then answered: whoever
/// comes after an answer asks anew.
struct Asked {
    desk: Arc<Desk>,
    name: Arc<str>,
    answer: Option<oneshot::Sender<Answer>>,
    _leave: Leave,
}

impl Asked {
    fn answer(mut self) {
        let found = (self.desk.ask)(&self.name);
        let answer = self.answer.take();
        drop(self);
        if let Some(answer) = answer {
            // Whoever wanted to know may have gone.
            let _ = answer.send(found.map(Into::into).map_err(Arc::new));
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.desk.with(|under_way| under_way.remove(&self.name));
    }
}

/// Labels under which the registries of some countries give names away.
const SHARED: [&str; 10] = [
    "ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org",
];

/// The part of a name that belongs to one owner, as far as its form tells: the last two labels, or
/// three where the last but one is of a registry.
fn domain(name: &str) -> &str {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut labels = name.rsplit('.');
    let (last, second) = (labels.next(), labels.next());
    let is_shared = last.is_some_and(|last| last.len() == 2)
        && second.is_some_and(|second| SHARED.contains(&second));
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at + 1);
    let at = dots.nth(1 + usize::from(is_shared));
    name.get(at.unwrap_or(0)..).unwrap_or(name)
}

impl fmt::Debug for SystemLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.0.threads.available_permits();
        f.debug_struct("SystemLookup").field("free", &free).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::future::join_all;
    use futures::poll;

    use super::*;

    /// A lookup that says which names it is asked about, and answers when it is told to.
    struct Slow {
        lookup: SystemLookup,
        asked: mpsc::Receiver<String>,
        go: mpsc::Sender<()>,
    }

    impl Slow {
        fn new(at_once: usize, at_once_of_one: usize) -> Self {
            let (tell, asked) = mpsc::channel();
            let (go, gone) = mpsc::channel();
            let (tell, gone) = (Mutex::new(tell), Mutex::new(gone));
            let lookup = SystemLookup::asking(at_once, at_once_of_one, move |name| {
                tell.lock().unwrap().send(name.to_owned()).unwrap();
                gone.lock().unwrap().recv().unwrap();
                match name {
                    "panics.test" => panic!("the resolver fell over"),
                    "fails.test" => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
                    _ => Ok(vec![IpAddr::from([192, 0, 2, 1])]),
                }
            });
            Self { lookup, asked, go }
        }

        fn asked(&self) -> String {
            self.asked.recv().unwrap()
        }
    }

    #[tokio::test]
    async fn a_name_is_asked_about_once_however_many_want_to_know() {
        let slow = Slow::new(4, 4);
        let mut all = join_all((0..100).map(|_| slow.lookup.look_up("a.test")));
        assert!(poll!(&mut all).is_pending());
        assert_eq!(slow.asked(), "a.test");
        slow.go.send(()).unwrap();
        for found in all.await {
            assert_eq!(found.unwrap(), [IpAddr::from([192, 0, 2, 1])]);
        }
        assert!(slow.asked.try_recv().is_err(), "it was asked about again");
    }

    #[tokio::test]
    async fn whoever_asks_again_for_a_silent_name_waits_for_the_same_answer() {
        let slow = Slow::new(4, 4);
        let mut first = slow.lookup.look_up("a.test");
        assert!(poll!(&mut first).is_pending());
        drop(first);
        assert_eq!(slow.asked(), "a.test");
        let mut again = slow.lookup.look_up("a.test");
        assert!(poll!(&mut again).is_pending());
        slow.go.send(()).unwrap();
        assert_eq!(again.await.unwrap().len(), 1);
        assert!(slow.asked.try_recv().is_err(), "it was asked about again");
    }

    #[tokio::test]
    async fn no_more_names_are_asked_about_at_once_than_there_may_be() {
        let slow = Slow::new(2, 2);
        let names = ["a.test", "b.test", "c.test"];
        let mut all = join_all(names.map(|name| slow.lookup.look_up(name)));
        assert!(poll!(&mut all).is_pending());
        let mut asked = [slow.asked(), slow.asked()];
        asked.sort();
        assert_eq!(asked, ["a.test", "b.test"]);
        assert!(slow.asked.try_recv().is_err());
        // Each answer makes room for one more.
        for _ in names {
            slow.go.send(()).unwrap();
        }
        assert!(all.await.iter().all(Result::is_ok));
        assert_eq!(slow.asked(), "c.test");
    }

    #[tokio::test]
    async fn silent_servers_hold_up_the_names_of_their_own_domain() {
        let slow = Slow::new(4, 2);
        let mut silent = join_all((0..9).map(|at| slow.lookup.look_up(&format!("{at}.evil.test"))));
        assert!(poll!(&mut silent).is_pending());
        let mut other = slow.lookup.look_up("good.test");
        assert!(poll!(&mut other).is_pending());
        let mut asked = [slow.asked(), slow.asked(), slow.asked()];
        asked.sort();
        assert_eq!(asked, ["0.evil.test", "1.evil.test", "good.test"]);
        for _ in 0..10 {
            slow.go.send(()).unwrap();
        }
        assert!(other.await.is_ok());
        assert!(silent.await.iter().all(Result::is_ok));
        drop(slow.lookup.look_up("last.test").now_or_never());
        assert_eq!(slow.lookup.0.domains.lock().unwrap().len(), 1);
        slow.go.send(()).unwrap();
    }

    #[test]
    fn the_domain_of_a_name_is_what_one_owner_has() {
        for (name, expected) in [
            ("llm-api", "llm-api"),
            ("example.com", "example.com"),
            ("a.example.com.", "example.com"),
            ("a.b.c.example.com", "example.com"),
            ("example.co.uk", "example.co.uk"),
            ("a.b.example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"),
            ("a.b.abc.io", "abc.io"),
            ("a.co.example", "co.example"),
            ("", ""),
            (".", ""),
        ] {
            assert_eq!(domain(name), expected, "{name}");
        }
    }

    #[tokio::test]
    async fn a_lookup_that_fails_in_any_way_is_over_and_can_be_begun_again() {
        let slow = Slow::new(1, 1);
        for (name, kind) in [
            ("fails.test", io::ErrorKind::NotFound),
            ("panics.test", io::ErrorKind::Other),
        ] {
            for _ in 0..2 {
                slow.go.send(()).unwrap();
                let error = slow.lookup.look_up(name).await.unwrap_err();
                assert_eq!(error.kind(), kind, "{error}");
                assert_eq!(slow.asked(), name);
            }
        }
    }

    #[tokio::test]
    async fn the_systems_own_resolver_knows_this_machine() {
        let found = SystemLookup::default().look_up("localhost").await.unwrap();
        assert!(found.iter().any(IpAddr::is_loopback), "{found:?}");
    }
}
