//! What stands between a process and its database: a gate that can delay, fall silent for some
//! connections, or cut one at a chosen moment.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::fleet;

/// How much of what a client says first is remembered: its statements.
const REMEMBERED: usize = 1 << 16;

/// A gate that ends when it is dropped.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    rules: Rules,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Rules {
    mood: watch::Sender<Mood>,
    cut: Arc<Mutex<Option<Cut>>>,
    cuts: watch::Sender<u32>,
}

#[derive(Clone, Default)]
struct Mood {
    delay: Duration,
    silent: Option<String>,
}

/// Where a connection is cut.
pub(super) struct Cut {
    /// The one who says it.
    pub(super) by: Side,
    /// What is said.
    pub(super) says: String,
    /// How often it is said before that.
    pub(super) skip: u32,
    pub(super) moment: Moment,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// What was said does not arrive.
    Before,
    /// It is done, and nobody hears of it.
    Done,
}

impl Proxy {
    pub(super) async fn before(server: (String, u16)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let rules = Rules {
            mood: watch::Sender::default(),
            cut: Arc::default(),
            cuts: watch::Sender::default(),
        };
        let own = rules.clone();
        let task = Handle::current().spawn(async move {
            let mut passing = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, rules) = (server.clone(), own.clone());
                passing.spawn(async move {
                    // A server that is not there hangs up as well.
                    if let Ok(server) = TcpStream::connect(server).await {
                        let _ = client.set_nodelay(true);
                        let _ = server.set_nodelay(true);
                        pass(client, server, rules).await;
                    }
                });
            }
        });
        Self {
            address,
            rules,
            task,
        }
    }

    /// Everything takes this much longer, in each direction.
    pub(super) fn delay(&self, delay: Duration) {
        self.rules.mood.send_modify(|mood| mood.delay = delay);
    }

    /// Nothing passes any more on connections on which the client said this, old ones and ones to come.
    pub(super) fn silence(&self, said: &str) {
        let said = Some(said.to_owned());
        self.rules.mood.send_modify(|mood| mood.silent = said);
    }

    /// No further connection falls silent. Those that did stay so.
    pub(super) fn speak(&self) {
        self.rules.mood.send_modify(|mood| mood.silent = None);
    }

    /// Cuts one connection, once.
    pub(super) fn cut(&self, cut: Cut) {
        *self.rules.cut.lock().unwrap() = Some(cut);
    }

    /// How often one was cut.
    pub(super) fn cuts(&self) -> u32 {
        *self.rules.cuts.borrow()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rules {
    /// What becomes of a connection on which this was said; nothing in most cases.
    fn judge(&self, by: Side, said: &[u8]) -> Option<Moment> {
        let mut guard = self.cut.lock().unwrap();
        let cut = guard.as_mut().filter(|cut| cut.by == by)?;
        if !holds(said, cut.says.as_bytes()) {
            return None;
        }
        if let Some(fewer) = cut.skip.checked_sub(1) {
            cut.skip = fewer;
            return None;
        }
        let moment = cut.moment;
        *guard = None;
        self.cuts.send_modify(|cuts| *cuts += 1);
        Some(moment)
    }
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The server is done with a statement: it says so last.
fn is_ready(said: &[u8]) -> bool {
    said.len() >= 6 && said[said.len() - 6..].starts_with(b"Z\0\0\0\x05")
}

async fn pass(mut client: TcpStream, mut server: TcpStream, rules: Rules) {
    let mut mood = rules.mood.subscribe();
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut said = Vec::new();
    let mut is_silent = false;
    let mut is_doomed = false;
    loop {
        let Mood { delay, silent } = mood.borrow_and_update().clone();
        is_silent |= silent.is_some_and(|part| holds(&said, part.as_bytes()));
        tokio::select! {
            changed = mood.changed() => if changed.is_err() { return },
            read = client.read(&mut up), if !is_silent => {
                let Ok(1..) = read else { return };
                let chunk = &up[..read.unwrap()];
                if said.len() < REMEMBERED {
                    said.extend_from_slice(chunk);
                }
                match rules.judge(Side::Client, chunk) {
                    Some(Moment::Before) => return,
                    Some(Moment::Done) => is_doomed = true,
                    None => {}
                }
                fleet::pass(delay).await;
                if server.write_all(chunk).await.is_err() { return }
            }
            read = server.read(&mut down), if !is_silent => {
                let Ok(1..) = read else { return };
                let chunk = &down[..read.unwrap()];
                is_doomed |= rules.judge(Side::Server, chunk).is_some();
                if is_doomed {
                    if is_ready(chunk) { return }
                    continue;
                }
                fleet::pass(delay).await;
                if client.write_all(chunk).await.is_err() { return }
            }
        }
    }
}
