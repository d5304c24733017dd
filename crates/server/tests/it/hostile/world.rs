//! A process under attack, and somebody who means well and calls it meanwhile.

use std::ops::Deref;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::background_postgres::fleet::{pass, until};
use crate::process::{Client, Process, World};

/// A megabyte.
pub(super) const MB: u64 = 1 << 20;

/// A process under attack, with settings of its own.
pub(super) struct Attacked {
    pub(super) world: World,
    pub(super) service: Process,
}

impl Attacked {
    pub(super) async fn with(settings: &[(&str, &str)]) -> Self {
        let mut world = World::new();
        for (name, value) in settings {
            world.set(name, value);
        }
        let service = world.start().await;
        Self { world, service }
    }

    /// It works, and nothing in its log says otherwise.
    pub(super) async fn is_healthy(&mut self) {
        assert!(self.service.is_alive());
        answers(&self.service).await;
        for line in self.service.log().lines() {
            let complains = line.contains(r#""level":"ERROR""#) || line.contains("panicked");
            assert!(!complains, "{line}");
        }
    }

    /// The connections and files of the process come back to what they were.
    pub(super) async fn lets_go(&self, files: usize, within: Duration) {
        until("the connections are closed", within, async || {
            self.service.files() <= files
        })
        .await;
    }
}

impl Deref for Attacked {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.service
    }
}

/// Who means well gets an answer.
pub(super) async fn answers(service: &Client) {
    let body = json!({"model": "bench-plain", "input": "hi", "tools": [], "store": false});
    let answered = tokio::time::timeout(PROMPT, service.create(body)).await;
    let answered = answered.unwrap_or_else(|_late| panic!("no answer within {PROMPT:?}"));
    assert_eq!(answered.status, 200, "{:#}", answered.body);
}

/// Within that, somebody who means well is answered also while others attack: far more than it takes, also on
/// a machine that does other things besides, and far less than any limit of the attackers.
const PROMPT: Duration = Duration::from_secs(15);

/// Somebody who means well and asks again and again.
pub(super) struct Customer {
    over: oneshot::Sender<()>,
    asking: JoinHandle<usize>,
}

impl Customer {
    pub(super) fn of(service: &Client) -> Self {
        let service = service.clone();
        let (over, mut is_over) = oneshot::channel();
        let asking = tokio::runtime::Handle::current().spawn(async move {
            let mut answered = 0;
            while is_over.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
                answers(&service).await;
                answered += 1;
                pass(Duration::from_millis(50)).await;
            }
            answered
        });
        Self { over, asking }
    }

    /// It was served all the time.
    pub(super) async fn was_served(self) {
        // It may have failed already, which says more.
        let _ = self.over.send(());
        let answered = self.asking.await.unwrap();
        assert!(answered > 0);
    }
}

/// A request for a whole answer, as text.
pub(super) fn plain() -> String {
    let body: Value = json!({"model": "bench-plain", "input": "hi", "tools": [], "store": false});
    body.to_string()
}
