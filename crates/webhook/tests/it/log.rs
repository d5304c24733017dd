//! What an operator reads of a delivery that got no answer: one line, and no secret in it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use response_domain::ports::webhook::{Letter, WebhookSender};
use serde_json::Value;
use tracing::subscriber::DefaultGuard;

use crate::receiver::Receiver;
use crate::world::{Answer, Names, letter, policy, secrets, sender_with};

/// What was logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Keeps everything, other crates' lines included, until the guard is dropped.
    fn listening() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

#[tokio::test]
async fn a_failed_attempt_is_one_line_without_secrets() {
    let (log, _listening) = Log::listening();
    let garbage = Receiver::answering("hunter2-of-the-receiver\r\n\r\n").await;
    let gone = Receiver::answering("").await.port;
    let table = [
        (
            format!("http://127.0.0.1:{gone}"),
            "127.0.0.1",
            "connect_failed",
        ),
        (garbage.url(), "127.0.0.1", "broken_off"),
        (
            "http://unknown.test".to_owned(),
            "unknown.test",
            "name_not_found",
        ),
        (
            "http://10.0.0.1".to_owned(),
            "10.0.0.1",
            "address_not_allowed",
        ),
        (
            "http://hunter2-of-url@a.test".to_owned(),
            "a.test",
            "address_not_allowed",
        ),
        (
            "hunter2 is no URL".to_owned(),
            "null",
            "address_not_allowed",
        ),
    ];
    let sender = sender_with(policy(), Names::new(vec![Answer::Unknown]));
    for (base, host, fault) in table {
        let letter = Letter {
            secrets: secrets(&["hunter2-of-signing"]),
            body: b"\"hunter2-of-body\"".to_vec(),
            ..letter(&format!("{base}/hunter2-of-path?token=hunter2-of-query"))
        };
        let event = letter.id.to_string();
        assert_eq!(sender.send(letter).await.unwrap_err().as_str(), fault);
        let text = log.take();
        assert!(!text.contains("hunter2"), "{text}");
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let ours: Vec<Value> = lines
            .filter(|line: &Value| line["target"] == "response_webhook::send")
            .collect();
        let [line] = &ours[..] else {
            panic!("{ours:?}");
        };
        let fields = &line["fields"];
        assert_eq!(fields["event.id"], event);
        assert_eq!(fields["net.host"].as_str().unwrap_or("null"), host);
        assert_eq!(fields["fault"], fault);
        assert!(!fields["error"].as_str().unwrap().is_empty());
    }
}
