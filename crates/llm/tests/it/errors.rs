//! Refusals and failures before an answer: what is tried again, what is told, and what is not.

use std::error::Error;
use std::net::TcpListener;
use std::time::Duration;

use response_domain::caller::Credential;
use response_domain::ports::llm::{LlmClient, LlmErrorKind};
use response_egress::Url;

use crate::server::{ModelServer, Reply, says, stops};
use crate::show;
use crate::turns::{answer, client, client_with, context, hello, options};

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
