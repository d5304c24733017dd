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

    /// The one line of the sender since the last time; no line of anybody has a secret in it.
    fn line(&self) -> Value {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut ours = lines.filter(|line: &Value| line["target"] == "response_webhook::send");
        let line = ours.next().unwrap();
        assert_eq!(ours.next(), None);
        line
    }
}

/// A letter full of secrets.
fn marked(base: &str) -> Letter {
    Letter {
        secrets: secrets(&["hunter2-of-signing"]),
        body: b"\"hunter2-of-body\"".to_vec(),
        ..letter(&format!("{base}/hunter2-of-path?token=hunter2-of-query"))
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
        let letter = marked(&base);
        let event = letter.id.to_string();
        assert_eq!(sender.send(letter).await.unwrap_err().as_str(), fault);
        let line = log.line();
        let fields = &line["fields"];
        assert_eq!(fields["event.id"], event);
        assert_eq!(fields["net.host"].as_str().unwrap_or("null"), host);
        assert_eq!(fields["fault"], fault);
        assert!(!fields["error"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_answer_that_is_no_is_one_line_without_the_receivers_words() {
    let (log, _listening) = Log::listening();
    let receiver =
        Receiver::answering("HTTP/1.1 302 hunter2\r\nlocation: http://hunter2/\r\n\r\nhunter2")
            .await;
    let sender = sender_with(policy(), Names::new(vec![Answer::Unknown]));
    let letter = marked(&receiver.url());
    let event = letter.id.to_string();
    sender.send(letter).await.unwrap();
    let line = log.line();
    assert_eq!(line["fields"]["event.id"], event);
    assert_eq!(line["fields"]["net.host"], "127.0.0.1");
    assert_eq!(line["fields"]["http.status"], 302);
}
