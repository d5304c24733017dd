//! Refusals and failures before an answer: what is tried again, what is told, and what is not.

use std::error::Error;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use response_domain::caller::Credential;
use response_domain::ports::llm::{LlmClient, LlmErrorKind};
use response_egress::{ClientOptions, Looking, Lookup, Url};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::server::{ModelServer, Reply, says, stops};
use crate::show;
use crate::turns::{answer, client, client_over, client_with, context, hello, options};

fn done() -> Reply {
    Reply::events(&[&says("ok"), &stops("stop"), "[DONE]"])
}

const OK: &str = "text \"ok\"\nfinish stop\n";

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let passing = [
        Reply::json(500, "{}"),
        Reply::document(503, "text/html", "<html>busy</html>"),
        Reply::with(429, "retry-after: 0\r\n", ""),
        Reply::with(429, "retry-after-ms: 3\r\n", ""),
        Reply::with(429, "retry-after: Fri, 15 May 2015 15:34:21 GMT\r\n", ""),
        Reply::nothing(false),
    ];
    for reply in passing {
        let server = ModelServer::start(vec![reply.clone(), reply, done()]).await;
        let deltas = answer(&client(&server.url), &hello()).await.unwrap();
        assert_eq!(show::lines(&deltas), OK);
        let received = server.received();
        assert_eq!(received.len(), 3);
        assert!(received.iter().all(|one| one.body == received[0].body));
    }
}

#[tokio::test]
async fn tries_are_counted() {
    for retries in [0, 1, 3] {
        let server = ModelServer::start(vec![Reply::json(503, "{}")]).await;
        let mut options = options(&server.url);
        options.retries = retries;
        let error = answer(&client_with(options), &hello()).await.unwrap_err();
        assert_eq!(error.kind, LlmErrorKind::Unavailable);
        assert_eq!(error.message, "the model server failed with status 503");
        assert_eq!(
            server.received().len(),
            usize::try_from(retries).unwrap() + 1
        );
    }
}

#[tokio::test]
async fn what_stays_so_is_not_tried_again() {
    let cases = [
        (Reply::json(401, "{}"), LlmErrorKind::Unauthorized),
        (Reply::json(404, "{}"), LlmErrorKind::ModelNotFound),
        (
            Reply::json(400, r#"{"error":{"code":"context_length_exceeded"}}"#),
            LlmErrorKind::ContextLength,
        ),
        (Reply::json(400, "{}"), LlmErrorKind::Refused),
        (
            Reply::with(302, "location: http://127.0.0.1:1/\r\n", ""),
            LlmErrorKind::Refused,
        ),
        (Reply::with(204, "", ""), LlmErrorKind::Refused),
    ];
    for (reply, kind) in cases {
        let server = ModelServer::start(vec![reply]).await;
        let error = answer(&client(&server.url), &hello()).await.unwrap_err();
        assert_eq!(error.kind, kind);
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_wants_a_long_pause_is_not_asked_again() {
    let server = ModelServer::start(vec![Reply::with(429, "retry-after: 120\r\n", "{}")]).await;
    let error = answer(&client(&server.url), &hello()).await.unwrap_err();
    let retry_after = Some(Duration::from_mins(2));
    assert_eq!(error.kind, LlmErrorKind::RateLimited { retry_after });
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_pause_that_nobody_can_keep_is_none_or_the_end() {
    let odd = [
        "soon",
        "-3",
        "NaN",
        "",
        "1,5",
        "0x10",
        "Fri, 99 May 2015 99:99:99 GMT",
        "Wed, 01 Jan 1800 00:00:00 GMT",
        "0\r\nretry-after: 120",
    ];
    for value in odd {
        let refusal = Reply::with(429, &format!("retry-after: {value}\r\n"), "{}");
        let server = ModelServer::start(vec![refusal, done()]).await;
        let deltas = answer(&client(&server.url), &hello()).await.unwrap();
        assert_eq!(show::lines(&deltas), OK, "{value:?}");
        assert_eq!(server.received().len(), 2, "{value:?}");
    }
    let far = [
        "inf",
        "1e308",
        "99999999999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ];
    for value in far {
        let refusal = Reply::with(429, &format!("retry-after: {value}\r\n"), "{}");
        let server = ModelServer::start(vec![refusal, done()]).await;
        let error = answer(&client(&server.url), &hello()).await.unwrap_err();
        let LlmErrorKind::RateLimited { retry_after } = error.kind else {
            panic!("{value:?}: {error:?}");
        };
        assert!(retry_after > Some(Duration::from_secs(30)), "{value:?}");
        assert_eq!(server.received().len(), 1, "{value:?}");
    }
}

#[tokio::test]
async fn a_pause_beyond_the_end_of_the_turn_is_not_waited_for() {
    let server = ModelServer::start(vec![Reply::with(503, "retry-after: 20\r\n", "{}")]).await;
    let mut options = options(&server.url);
    options.turn_timeout = Duration::from_secs(10);
    let error = answer(&client_with(options), &hello()).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Unavailable);
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let error = answer(&client(&url), &hello()).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Unavailable);
    assert_eq!(error.message, "the model server cannot be reached");
    assert!(error.source().is_some());
}

/// Knows no name, and counts who asks.
#[derive(Debug, Default)]
struct NoNames(AtomicUsize);

impl Lookup for NoNames {
    fn look_up(&self, _name: &str) -> Looking {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Err(std::io::Error::other("no such name")) })
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_asked_for_again_and_then_told() {
    let names = Arc::new(NoNames::default());
    let connecting = ClientOptions {
        lookup: Arc::<NoNames>::clone(&names),
        ..ClientOptions::default()
    };
    let url = Url::parse("http://model.example/v1").unwrap();
    let client = client_over(connecting, options(&url));
    let error = answer(&client, &hello()).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Unavailable);
    assert_eq!(error.message, "the model server cannot be reached");
    assert_eq!(names.0.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_safe_or_hangs_is_tried_again_and_then_told() {
    // What is said in place of TLS; and a server that takes the connection and then says nothing.
    for reply in [Some("HTTP/1.1 400 Bad Request\r\n\r\n"), None] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tries = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&tries);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                match reply {
                    Some(reply) => stream.write_all(reply.as_bytes()).await.unwrap(),
                    None => held.push(stream),
                }
            }
        });
        let connecting = ClientOptions {
            connect_timeout: Duration::from_millis(100),
            ..ClientOptions::default()
        };
        let url = Url::parse(&format!("https://127.0.0.1:{port}")).unwrap();
        let client = client_over(connecting, options(&url));
        let error = answer(&client, &hello()).await.unwrap_err();
        assert_eq!(error.kind, LlmErrorKind::Unavailable, "{reply:?}");
        assert_eq!(error.message, "the model server cannot be reached");
        assert_eq!(tries.load(Ordering::Relaxed), 3, "{reply:?}");
    }
}

#[tokio::test]
async fn a_connection_that_hangs_is_not_waited_for_beyond_the_turn() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = Url::parse(&format!("https://127.0.0.1:{port}")).unwrap();
    let connecting = ClientOptions {
        connect_timeout: Duration::from_hours(1),
        ..ClientOptions::default()
    };
    let mut options = options(&url);
    options.turn_timeout = Duration::from_millis(50);
    let client = client_over(connecting, options);
    let error = answer(&client, &hello()).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Timeout);
}

#[tokio::test]
async fn what_the_server_said_reaches_the_log_only_and_without_the_credential() {
    let secret = "s3cret-of-ada";
    let body = format!(r#"{{"error":"no access for {secret}, reason: because"}}"#);
    let server = ModelServer::start(vec![Reply::json(403, &body)]).await;
    let context = context(Credential::bearer(secret.to_owned()));
    let client = client(&server.url);
    let error = client.stream(&hello(), &context).await.err().unwrap();
    assert_eq!(error.message, "the model server refused the credential");
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains("reason: because"), "{cause}");
    assert!(!cause.contains(secret), "{cause}");
    assert!(!format!("{client:?}{error:?}").contains(secret));
}

#[tokio::test]
async fn a_refusal_without_end_is_read_to_its_limit_only() {
    let head = "HTTP/1.1 400 X\r\ncontent-type: text/plain\r\ncontent-length: 99999999\r\n\r\n";
    let server = ModelServer::start(vec![
        Reply::raw(&(head.to_owned() + &"y".repeat(40_000))).then_hang(),
    ])
    .await;
    let error = answer(&client(&server.url), &hello()).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Refused);
}
