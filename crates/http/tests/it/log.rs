//! What this process logs, line by line. There is one log for all tests, so each looks for what it caused.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

/// What was logged, by every thread.
#[derive(Clone)]
pub(crate) struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    written: watch::Sender<()>,
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log {
        text: Arc::default(),
        written: watch::Sender::new(()),
    };
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.extend_from_slice(bytes);
        self.written.send_replace(());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The log of this process, which is kept from the first call on.
    pub(crate) fn of_process() -> Self {
        LOG.clone()
    }

    pub(crate) fn text(&self) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(text.clone()).unwrap()
    }

    /// Every line so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = self.text();
        let line = |line| serde_json::from_str(line).unwrap();
        text.lines().map(line).collect()
    }

    /// The first line that is wanted, when it is written.
    pub(crate) async fn find(&self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let mut written = self.written.subscribe();
        loop {
            if let Some(line) = self.lines().into_iter().find(&is_wanted) {
                return line;
            }
            written.changed().await.unwrap();
        }
    }

    /// The access line of the request with this id, when it is written.
    pub(crate) async fn access(&self, request: &str) -> Value {
        self.find(|line| {
            line["fields"]["request.id"] == request
                && line["fields"]["message"] == "request answered"
        })
        .await
    }

    /// The audit line of the request with this id, when it is written.
    pub(crate) async fn audit(&self, request: &str) -> Value {
        self.find(|line| line["target"] == "audit" && line["fields"]["request.id"] == request)
            .await
    }
}
