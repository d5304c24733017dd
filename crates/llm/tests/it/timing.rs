//! Clocks: who is waited for, how long, and what happens to the connection then. Time is paused once nothing
//! more can come, so that it runs to the next deadline by itself.

use std::time::Duration;

use futures::StreamExt;
use response_domain::ports::llm::{Delta, LlmClient, LlmErrorKind};

use crate::server::{ModelServer, Reply, says, stops};
use crate::show;
use crate::turns::{anonymous, answer, client, client_with, groups, hello, options};

#[tokio::test]
async fn a_server_that_keeps_silent_after_the_reason_to_stop_is_not_waited_for() {
    let events = [&*says("a"), &stops("stop")];
    let server = ModelServer::start(vec![Reply::open_events(&events)]).await;
    let client = client(&server.url);
    let mut stream = client.stream(&hello(), &anonymous()).await.unwrap();
    assert_eq!(
        stream.next().await.unwrap().unwrap(),
        [Delta::Text("a".into())]
    );
    // Nothing more comes, so only the clock can end it; from here on it runs by itself.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let (groups, error) = groups(stream).await;
    assert!(error.is_none());
    assert_eq!(show::lines(&groups.concat()), "finish stop\n");
    assert!(began.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn silence_between_two_pieces_ends_the_answer_after_the_idle_time() {
    let server = ModelServer::start(vec![Reply::open_events(&[&says("a")])]).await;
    let client = client(&server.url);
    let mut stream = client.stream(&hello(), &anonymous()).await.unwrap();
    assert_eq!(
        stream.next().await.unwrap().unwrap(),
        [Delta::Text("a".into())]
    );
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let (groups, error) = groups(stream).await;
    assert!(groups.is_empty());
    let error = error.unwrap();
    assert_eq!(error.kind, LlmErrorKind::Timeout);
    assert_eq!(
        error.message,
        "the model server fell silent in the middle of its answer"
    );
    let waited = began.elapsed();
    assert!(
        waited > Duration::from_secs(118) && waited < Duration::from_secs(122),
        "{waited:?}"
    );
}

#[tokio::test]
async fn a_turn_that_takes_too_long_ends_although_the_server_has_not_been_silent_long() {
    let server = ModelServer::start(vec![Reply::open_events(&[&says("a")])]).await;
    let mut options = options(&server.url);
    options.turn_timeout = Duration::from_secs(30);
    let client = client_with(options);
    let mut stream = client.stream(&hello(), &anonymous()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    tokio::time::pause();
    let (_, error) = groups(stream).await;
    let error = error.unwrap();
    assert_eq!(error.kind, LlmErrorKind::Timeout);
    assert_eq!(error.message, "the model did not finish its answer in time");
}

#[tokio::test]
async fn the_first_byte_has_a_time_of_its_own() {
    // Headers come, and then nothing.
    let server = ModelServer::start(vec![Reply::open_events(&[])]).await;
    let mut options = options(&server.url);
    options.first_byte_timeout = Duration::from_secs(10);
    let client = client_with(options);
    let stream = client.stream(&hello(), &anonymous()).await.unwrap();
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let (_, error) = groups(stream).await;
    assert_eq!(error.unwrap().kind, LlmErrorKind::Timeout);
    assert!(began.elapsed() < Duration::from_secs(11));
}

#[tokio::test]
async fn a_server_that_sends_no_headers_is_given_up_in_time() {
    let server = ModelServer::start(vec![Reply::nothing(true)]).await;
    let mut options = options(&server.url);
    options.first_byte_timeout = Duration::from_millis(60);
    options.retries = 5;
    let error = answer(&client_with(options), &hello()).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Timeout);
    // It may still be at work on the first request, so there was no second.
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection_at_once() {
    let mut server = ModelServer::start(vec![Reply::open_events(&[&says("a")])]).await;
    let client = client(&server.url);
    let mut stream = client.stream(&hello(), &anonymous()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    server.someone_left().await;
}
