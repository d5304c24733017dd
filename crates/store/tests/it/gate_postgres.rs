//! What stands between: a gate in front of PostgreSQL that falls silent, or slams every connection shut as
//! proxies do when there is nobody behind them.

use std::net::SocketAddr;

use response_domain::ports::store::{ResponseStore, StoreError};
use response_store::Store;
use response_store::options::Options;
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample::{ada, completed, first, id};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// What the gate does with connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It lets everything through.
    Open,
    /// It takes what comes and passes nothing on.
    Silent,
    /// It closes what stands and what comes.
    Slammed,
}

pub(crate) struct Gate {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
}

impl Gate {
    /// A gate in front of the server at `behind`.
    async fn before(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mode = watch::Sender::new(Mode::Open);
        let told = mode.subscribe();
        Handle::current().spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                Handle::current().spawn(pass(client, behind, told.clone()));
            }
        });
        Self { address, mode }
    }

    /// From now on it does this; every connection that stands has noticed.
    pub(crate) async fn turn(&self, mode: Mode) {
        self.mode.send_replace(mode);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
}

async fn pass(mut client: TcpStream, behind: SocketAddr, mut mode: watch::Receiver<Mode>) {
    if *mode.borrow() == Mode::Slammed {
        return;
    }
    let mut server = TcpStream::connect(behind).await.unwrap();
    if *mode.borrow() == Mode::Open {
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = mode.wait_for(|mode| *mode != Mode::Open) => {}
        }
    }
    // Silent connections stand until they are slammed, or the test is over.
    let _ = mode.wait_for(|mode| *mode == Mode::Slammed).await;
}

/// A store behind a gate.
pub(crate) async fn behind_a_gate(database: &TestDatabase) -> (Store, Gate) {
    let url = database.url();
    let (rest, tail) = url.split_once('@').unwrap();
    let (server, name) = tail.split_once('/').unwrap();
    let behind = tokio::net::lookup_host(server)
        .await
        .unwrap()
        .next()
        .unwrap();
    let gate = Gate::before(behind).await;
    let url = format!("{rest}@{}/{name}", gate.address);
    let store = Store::open(Options::new(url.parse().unwrap()))
        .await
        .unwrap();
    (store, gate)
}

#[tokio::test]
async fn a_server_that_falls_silent_is_not_waited_for_for_ever() {
    let database = TestDatabase::migrated().await;
    let (store, gate) = behind_a_gate(&database).await;
    store
        .commit(first(&completed(1), Vec::new()))
        .await
        .unwrap();
    assert!(store.find(&ada(), id(1)).await.unwrap().is_some());
    gate.mode.send_replace(Mode::Silent);
    // From here on only time can pass.
    tokio::time::pause();
    let found = store.find(&ada(), id(1)).await;
    assert!(
        matches!(found, Err(StoreError::Unavailable(_))),
        "{found:?}"
    );
    let written = store.commit(first(&completed(2), Vec::new())).await;
    assert!(
        matches!(written, Err(StoreError::Unavailable(_))),
        "{written:?}"
    );
}

#[tokio::test]
async fn a_gate_that_slams_is_a_database_that_is_away() {
    let database = TestDatabase::migrated().await;
    let (store, gate) = behind_a_gate(&database).await;
    store
        .commit(first(&completed(1), Vec::new()))
        .await
        .unwrap();
    gate.mode.send_replace(Mode::Slammed);
    for number in 2..6 {
        let found = store.find(&ada(), id(1)).await;
        assert!(
            matches!(found, Err(StoreError::Unavailable(_))),
            "{found:?}"
        );
        let written = store.commit(first(&completed(number), Vec::new())).await;
        assert!(
            matches!(written, Err(StoreError::Unavailable(_))),
            "{written:?}"
        );
    }
    gate.mode.send_replace(Mode::Open);
    store
        .commit(first(&completed(9), Vec::new()))
        .await
        .unwrap();
    assert!(store.find(&ada(), id(9)).await.unwrap().is_some());
}
