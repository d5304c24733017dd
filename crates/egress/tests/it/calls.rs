//! One call from beginning to end: headers, caps, deadlines, broken connections.

use std::time::Duration;

use futures::StreamExt;
use response_egress::header::{HeaderMap, HeaderValue, USER_AGENT};
use response_egress::{
    AddressPolicy, ClientOptions, ConnectFault, EgressClient, EgressError, Outbound, StatusCode,
    Url, Versions, Waiting,
};
use tokio::time::Instant;

use crate::server::{RawServer, Then, client};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn at_once() -> Instant {
    Instant::now() + Duration::from_millis(60)
}

#[tokio::test]
async fn a_request_goes_out_as_it_was_made_and_the_answer_comes_back() {
    let mut server = RawServer::answering(
        "HTTP/1.1 201 Created\r\ncontent-type: Text/Plain; charset=utf-8\r\ncontent-length: 5\r\n\r\nhello",
    )
    .await;
    let mut headers = HeaderMap::new();
    headers.insert("x-own", HeaderValue::from_static("yes"));
    let outbound = Outbound::post(&server.url)
        .headers(headers)
        .json("{\"a\":1}")
        .deadline(soon());
    let inbound = client(AddressPolicy::Any).send(outbound).await.unwrap();
    assert_eq!(inbound.status(), StatusCode::CREATED);
    assert_eq!(inbound.media_type(), Some("Text/Plain"));
    assert_eq!(inbound.text_capped(5, soon()).await.unwrap(), "hello");
    let request = server.first_request().await;
    assert!(request.starts_with("POST /path HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("x-own: yes\r\n"), "{request}");
    assert!(
        request.contains("content-type: application/json\r\n"),
        "{request}"
    );
    assert!(request.contains("user-agent: response-api/"), "{request}");
    assert!(!request.contains("accept-encoding"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
}

#[tokio::test]
async fn a_request_may_name_its_own_user_agent() {
    let mut server = RawServer::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let outbound =
        Outbound::get(&server.url).header(USER_AGENT, HeaderValue::from_static("other/1.0"));
    client(AddressPolicy::Any).send(outbound).await.unwrap();
    assert!(
        server
            .first_request()
            .await
            .contains("user-agent: other/1.0\r\n")
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let server = RawServer::answering(
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let inbound = client(AddressPolicy::Any)
        .send(Outbound::get(&server.url))
        .await
        .unwrap();
    assert_eq!(inbound.status(), StatusCode::FOUND);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_compressed_body_is_passed_on_as_it_came() {
    let server = RawServer::answering(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x0b\x08\x00",
    )
    .await;
    let inbound = client(AddressPolicy::Any)
        .send(Outbound::get(&server.url))
        .await
        .unwrap();
    assert_eq!(inbound.header("content-encoding"), Some("gzip"));
    assert_eq!(
        inbound.bytes_capped(10, soon()).await.unwrap(),
        &b"\x1f\x0b\x08\x00"[..]
    );
}

#[tokio::test]
async fn a_body_announced_too_large_is_refused_before_it_is_read() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec();
    let server = RawServer::start(vec![answer], Then::Hang).await;
    let inbound = client(AddressPolicy::Any)
        .send(Outbound::get(&server.url))
        .await
        .unwrap();
    let error = inbound.bytes_capped(999_999, soon()).await.unwrap_err();
    assert!(
        matches!(error, EgressError::BodyTooLarge { limit: 999_999 }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_body_that_grows_past_the_cap_is_refused_when_it_does() {
    let mut pieces = vec![b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()];
    pieces.extend(std::iter::repeat_n(b"4\r\nabcd\r\n".to_vec(), 4));
    let server = RawServer::start(pieces, Then::Hang).await;
    let send = async || {
        client(AddressPolicy::Any)
            .send(Outbound::get(&server.url))
            .await
            .unwrap()
    };
    let error = send().await.bytes_capped(10, soon()).await.unwrap_err();
    assert!(
        matches!(error, EgressError::BodyTooLarge { limit: 10 }),
        "{error:?}"
    );
    let excerpt = send().await.bytes_up_to(10, soon()).await.unwrap();
    assert_eq!(excerpt, "abcdabcdab");
}

#[tokio::test]
async fn an_excerpt_is_what_has_come_when_the_body_breaks_hangs_or_goes_on() {
    let begin = |more: &str| {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
        vec![head.as_bytes().to_vec(), more.as_bytes().to_vec()]
    };
    for (pieces, then, expected) in [
        (begin("abc"), Then::Close, "abc"),
        (begin("abc"), Then::Hang, "abc"),
        (begin("abcdefghijklmnop"), Then::Hang, "abcdefghij"),
        (begin(""), Then::Close, ""),
    ] {
        let server = RawServer::start(pieces, then).await;
        let client = client(AddressPolicy::Any);
        let inbound = client.send(Outbound::get(&server.url)).await.unwrap();
        assert_eq!(inbound.excerpt(10, at_once()).await, expected);
    }
}

#[tokio::test]
async fn a_body_in_several_chunks_is_joined_and_bad_utf8_is_replaced() {
    let pieces = vec![
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
        b"2\r\nh\xc3\r\n".to_vec(),
        b"3\r\n\xa9l\xff\r\n".to_vec(),
        b"0\r\n\r\n".to_vec(),
    ];
    let server = RawServer::start(pieces, Then::Close).await;
    let inbound = client(AddressPolicy::Any)
        .send(Outbound::get(&server.url))
        .await
        .unwrap();
    assert_eq!(
        inbound.text_capped(100, soon()).await.unwrap(),
        "hél\u{fffd}"
    );
}

#[tokio::test]
async fn headers_that_never_come_are_a_timeout() {
    let server = RawServer::start(Vec::new(), Then::Hang).await;
    let outbound = Outbound::get(&server.url).deadline(at_once());
    let error = client(AddressPolicy::Any).send(outbound).await.unwrap_err();
    assert!(
        matches!(error, EgressError::Timeout(Waiting::Headers)),
        "{error:?}"
    );
    assert!(!error.is_unsent());
}

#[tokio::test]
async fn a_body_that_never_ends_is_a_timeout() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec();
    let server = RawServer::start(vec![answer], Then::Hang).await;
    let inbound = client(AddressPolicy::Any)
        .send(Outbound::get(&server.url))
        .await
        .unwrap();
    let error = inbound.bytes_capped(10, at_once()).await.unwrap_err();
    assert!(
        matches!(error, EgressError::Timeout(Waiting::Body)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_stream_gives_its_chunks_and_then_says_that_it_fell_silent() {
    let pieces = vec![
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
        b"3\r\none\r\n".to_vec(),
        b"3\r\ntwo\r\n".to_vec(),
    ];
    let server = RawServer::start(pieces, Then::Hang).await;
    let inbound = client(AddressPolicy::Any)
        .send(Outbound::get(&server.url))
        .await
        .unwrap();
    let mut chunks = inbound.chunks(Some(Duration::from_millis(60)));
    let mut seen = Vec::new();
    let error = loop {
        match chunks.next().await.unwrap() {
            Ok(chunk) => seen.extend_from_slice(&chunk),
            Err(error) => break error,
        }
    };
    assert_eq!(seen, b"onetwo");
    assert!(
        matches!(error, EgressError::Timeout(Waiting::NextChunk)),
        "{error:?}"
    );
    assert!(
        chunks.next().await.is_none(),
        "a stream ends after its error"
    );
}

#[tokio::test]
async fn a_stream_that_is_cut_off_is_broken_and_not_ended() {
    let pieces = vec![
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
        b"3\r\none\r\n".to_vec(),
    ];
    let server = RawServer::start(pieces, Then::Close).await;
    let inbound = client(AddressPolicy::Any)
        .send(Outbound::get(&server.url))
        .await
        .unwrap();
    let items: Vec<_> = inbound.chunks(None).collect().await;
    assert!(
        matches!(items.last(), Some(Err(EgressError::Broken(_)))),
        "{items:?}"
    );
}

#[tokio::test]
async fn events_come_out_of_a_body_and_a_huge_one_is_refused() {
    let body = "data: one\n\nevent: two\ndata: 2\n\ndata: 123456789\n\n";
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{body}");
    let server = RawServer::answering(&answer).await;
    let send = async || {
        client(AddressPolicy::Any)
            .send(Outbound::get(&server.url))
            .await
            .unwrap()
    };
    let mut events = send().await.events(None, 100);
    let mut seen = Vec::new();
    while let Some(frame) = events.next().await.unwrap() {
        seen.push(format!(
            "{}={}",
            frame.event_name(),
            String::from_utf8_lossy(&frame.data)
        ));
    }
    assert_eq!(seen, ["message=one", "two=2", "message=123456789"]);
    let mut events = send().await.events(None, 12);
    events.next().await.unwrap().unwrap();
    events.next().await.unwrap().unwrap();
    let error = events.next().await.unwrap_err();
    assert!(
        matches!(error, EgressError::BodyTooLarge { limit: 12 }),
        "{error:?}"
    );
}

#[tokio::test]
async fn nobody_listening_is_told_from_a_broken_connection() {
    let gone = RawServer::answering("").await;
    let url = gone.url.clone();
    drop(gone);
    let error = client(AddressPolicy::Any)
        .send(Outbound::get(&url))
        .await
        .unwrap_err();
    assert!(
        matches!(error, EgressError::Connect(_)) && error.is_unsent(),
        "{error:?}"
    );

    let closing = RawServer::start(vec![b"HTTP/1.1 2".to_vec()], Then::Close).await;
    let error = client(AddressPolicy::Any)
        .send(Outbound::get(&closing.url))
        .await
        .unwrap_err();
    assert!(
        matches!(error, EgressError::Broken(_)) && !error.is_unsent(),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_kept_a_connection_from_being_made_is_told() {
    let gone = RawServer::answering("").await.url.clone();
    let alert = b"\x15\x03\x03\x00\x02\x02\x28".to_vec();
    let plain = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    let tls = |pieces, then| RawServer::start(pieces, then);
    let table = [
        (None, ConnectFault::Unreachable),
        (Some(tls(vec![alert], Then::Close).await), ConnectFault::Tls),
        (Some(tls(vec![plain], Then::Close).await), ConnectFault::Tls),
        (Some(tls(vec![], Then::Close).await), ConnectFault::Tls),
        (Some(tls(vec![], Then::Hang).await), ConnectFault::TimedOut),
    ];
    for (server, fault) in table {
        let mut url = server.as_ref().map_or(&gone, |server| &server.url).clone();
        url.set_scheme("https").unwrap();
        let answer = client(AddressPolicy::Any).send(Outbound::get(&url)).await;
        let error = answer.unwrap_err();
        assert_eq!(error.connect_fault(), Some(fault), "{error:?}");
        assert!(error.is_unsent());
    }
}

#[tokio::test]
async fn a_client_offers_the_versions_of_http_that_it_is_to_speak() {
    for (versions, offers_two) in [(Versions::UpTo2, true), (Versions::Only1, false)] {
        let mut server = RawServer::start(Vec::new(), Then::Close).await;
        server.url.set_scheme("https").unwrap();
        let client = EgressClient::new(ClientOptions {
            versions,
            ..ClientOptions::default()
        });
        let outbound = Outbound::get(&server.url);
        client.unwrap().send(outbound).await.unwrap_err();
        let hello = server.first_request().await;
        assert!(hello.contains("http/1.1"), "{hello:?}");
        assert_eq!(hello.contains("\u{2}h2"), offers_two, "{hello:?}");
    }
}

#[tokio::test]
async fn an_error_never_shows_the_url() {
    let gone = RawServer::answering("").await;
    let mut url: Url = gone.url.clone();
    drop(gone);
    url.set_query(Some("token=hunter2"));
    let error = client(AddressPolicy::Any)
        .send(Outbound::get(&url))
        .await
        .unwrap_err();
    assert!(
        !format!("{error} {error:?}").contains("hunter2"),
        "{error:?}"
    );
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        assert!(!error.to_string().contains("hunter2"), "{error}");
        source = error.source();
    }
}

#[tokio::test]
async fn a_connection_is_used_again_while_the_server_keeps_it_open() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec();
    let server = RawServer::start(vec![answer], Then::Again).await;
    let client = client(AddressPolicy::Any);
    for _ in 0..20 {
        let inbound = client
            .clone()
            .send(Outbound::get(&server.url))
            .await
            .unwrap();
        assert_eq!(inbound.text_capped(2, soon()).await.unwrap(), "ok");
    }
    assert!(
        server.connections() < 20,
        "{} connections",
        server.connections()
    );
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_not_used_again() {
    let server = RawServer::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let client = client(AddressPolicy::Any);
    client.send(Outbound::get(&server.url)).await.unwrap();
    client.send(Outbound::get(&server.url)).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_machine_without_ca_certificates_still_makes_plain_calls() {
    // The environment of a running process cannot be changed safely, so another test runs in a
    // process of its own.
    let name = "calls::a_request_goes_out_as_it_was_made_and_the_answer_comes_back";
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact"])
        .env("SSL_CERT_FILE", "/nonexistent")
        .env("SSL_CERT_DIR", "/nonexistent")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(
        run.status.success() && report.contains("1 passed"),
        "{report}"
    );
}
