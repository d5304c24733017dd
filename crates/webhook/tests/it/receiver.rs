//! A receiver that does what a script says, byte by byte, and keeps what it was sent.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What is done with a connection; after the last it is closed.
#[derive(Clone)]
pub(crate) enum Act {
    /// Reads a whole request.
    Hear,
    /// Reads once, whatever comes.
    HearSome,
    Say(Vec<u8>),
    /// Says it for ever, after each pause; without one as fast as it is taken.
    Repeat(Vec<u8>, Duration),
    Wait(Duration),
    /// Waits until the other side closes.
    Hang,
    /// Closes so that the other side has an error.
    Reset,
    /// From the beginning, on the same connection.
    Again,
}

pub(crate) fn say(text: impl AsRef<[u8]>) -> Act {
    Act::Say(text.as_ref().to_vec())
}

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// How many connections were made, and how many have ended since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) made: usize,
    pub(crate) ended: usize,
}

/// A receiver on a free port; it ends when it is dropped.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    count: watch::Receiver<Count>,
    _task: JoinSet<()>,
}

impl Receiver {
    pub(crate) async fn start(script: Vec<Act>) -> Self {
        Self::at([127, 0, 0, 1].into(), 0, script).await.unwrap()
    }

    /// Hears a request and answers it.
    pub(crate) async fn answering(answer: impl AsRef<[u8]>) -> Self {
        Self::start(vec![Act::Hear, say(answer)]).await
    }

    pub(crate) async fn at(address: IpAddr, port: u16, script: Vec<Act>) -> io::Result<Self> {
        let listener = TcpListener::bind((address, port)).await?;
        let port = listener.local_addr()?.port();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let (tell, count) = watch::channel(Count::default());
        let mut task = JoinSet::new();
        let heard = Arc::clone(&requests);
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                tell.send_modify(|count| count.made += 1);
                let (script, heard, tell) = (script.clone(), Arc::clone(&heard), tell.clone());
                connections.spawn(async move {
                    // The other side may close in the middle of a sentence.
                    let _ = play(stream, &script, &heard).await;
                    tell.send_modify(|count| count.ended += 1);
                });
            }
        });
        Ok(Self {
            port,
            requests,
            count,
            _task: task,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub(crate) fn count(&self) -> Count {
        *self.count.borrow()
    }

    /// Waits until as many connections have ended.
    pub(crate) async fn ended(&mut self, many: usize) {
        let enough = |count: &Count| count.ended >= many;
        self.count.wait_for(enough).await.unwrap();
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn play(
    mut stream: TcpStream,
    script: &[Act],
    heard: &Mutex<Vec<Request>>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut at = 0;
    while let Some(act) = script.get(at) {
        at += 1;
        match act {
            Act::Hear => {
                let request = hear(&mut stream).await?;
                heard.lock().unwrap().push(request);
            }
            Act::HearSome => drop(stream.read(&mut [0; 4096]).await?),
            Act::Say(bytes) => stream.write_all(bytes).await?,
            Act::Repeat(bytes, pause) => loop {
                if pause.is_zero() {
                    tokio::task::yield_now().await;
                } else {
                    passing(*pause).await;
                }
                stream.write_all(bytes).await?;
            },
            Act::Wait(pause) => passing(*pause).await,
            Act::Hang => while stream.read(&mut [0; 4096]).await? > 0 {},
            Act::Reset => return stream.set_zero_linger(),
            Act::Again => at = 0,
        }
    }
    Ok(())
}

/// The time that a script takes, on the paused clock of its test.
async fn passing(time: Duration) {
    let _ = timeout(time, pending::<()>()).await;
}

async fn hear(stream: &mut TcpStream) -> io::Result<Request> {
    let mut seen = Vec::new();
    loop {
        if stream.read_buf(&mut seen).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(request) = whole(&seen) {
            return Ok(request);
        }
    }
}

/// The request, when it is there whole.
fn whole(seen: &[u8]) -> Option<Request> {
    let end = seen.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = str::from_utf8(&seen[..end]).unwrap();
    let (line, rest) = head.split_once("\r\n")?;
    let mut headers = BTreeMap::new();
    for header in rest.split("\r\n") {
        let (name, value) = header.split_once(": ").unwrap();
        let twice = headers.insert(name.to_ascii_lowercase(), value.to_owned());
        assert_eq!(twice, None, "{name} came twice");
    }
    let body = &seen[end + 4..];
    let length = headers.get("content-length")?.parse().unwrap();
    (body.len() >= length).then(|| Request {
        line: line.to_owned(),
        headers,
        body: body.to_vec(),
    })
}
