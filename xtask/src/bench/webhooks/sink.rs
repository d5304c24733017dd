//! A receiver that answers as fast as it can and keeps nothing but the count.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::error::{ChoreError, Doing as _};
use crate::wire::Wire;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// It listens on all addresses of this machine until it is dropped.
#[derive(Debug)]
pub(super) struct Sink {
    port: u16,
    counts: Arc<Counts>,
    /// Its end is what the receiver waits for.
    _life: oneshot::Sender<()>,
}

#[derive(Debug, Default)]
struct Counts {
    received: AtomicU64,
    connections: AtomicU64,
}

impl Sink {
    /// Starts it on a thread of its own.
    pub(super) fn open() -> Result<Self, ChoreError> {
        let opening = || "open a port for deliveries".to_owned();
        let listener = std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).doing(opening)?;
        listener.set_nonblocking(true).doing(opening)?;
        let port = listener.local_addr().doing(opening)?.port();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing(|| "start a runtime".to_owned())?;
        let counts = Arc::new(Counts::default());
        let (life, end) = oneshot::channel();
        let own = Arc::clone(&counts);
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = take(listener, own) => {}
                    _ = end => {}
                }
            });
        });
        Ok(Self {
            port,
            counts,
            _life: life,
        })
    }

    /// How many deliveries came.
    pub(super) fn received(&self) -> u64 {
        self.counts.received.load(Ordering::Relaxed)
    }

    /// How many connections there were.
    pub(super) fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// Its URL.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/sink", self.port)
    }

    /// The same in SQL, as so many addresses, by the number `n`.
    pub(super) fn sql(&self, addresses: u64) -> String {
        format!(
            "'http://127.2.0.' || (n % {addresses} + 1) || ':{}/sink'",
            self.port
        )
    }
}

async fn take(listener: std::net::TcpListener, counts: Arc<Counts>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        counts.connections.fetch_add(1, Ordering::Relaxed);
        let counts = Arc::clone(&counts);
        connections.spawn(async move { answer(stream, &counts).await });
        while connections.try_join_next().is_some() {}
    }
}

/// Answers until the sender hangs up.
async fn answer(stream: TcpStream, counts: &Counts) {
    let Ok(mut wire) = Wire::over(stream) else {
        return;
    };
    while let Ok(Some(head)) = wire.head().await {
        if wire.body(&head, |_| ()).await.is_err() {
            return;
        }
        counts.received.fetch_add(1, Ordering::Relaxed);
        if wire.send(ANSWER).await.is_err() {
            return;
        }
    }
}
