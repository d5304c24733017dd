//! A connection on its own, and the server itself on one.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use actix_http::body::BoxBody;
use actix_http::{Extensions, HttpService, Request, Response, StatusCode};
use actix_service::{Service, ServiceFactory, apply_fn_factory, fn_service};
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::LocalSet;

use super::pulse::Length;
use super::*;

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const HEAD_TIME: Duration = Duration::from_secs(10);

fn pair() -> (DuplexStream, Connection<DuplexStream>) {
    let (client, server) = tokio::io::duplex(1 << 20);
    (client, Connection::new(server, HEAD_TIME))
}

/// What the server is given until it is told to wait; None at the end of the stream.
async fn given(connection: &mut Connection<DuplexStream>) -> Option<String> {
    poll_fn(|context| {
        let mut given = Vec::new();
        loop {
            let mut space = [0; 8192];
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut *connection).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(None),
                Poll::Ready(Ok(())) => given.extend_from_slice(buffer.filled()),
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => break,
            }
        }
        let flushed = Pin::new(&mut *connection).poll_flush(context);
        assert!(flushed.is_ready());
        Poll::Ready(Some(String::from_utf8(given).unwrap()))
    })
    .await
}

#[tokio::test]
async fn one_head_is_given_at_a_time_and_the_next_when_it_is_answered() {
    let (mut client, mut connection) = pair();
    let pulse = connection.pulse();
    client.write_all(GET.repeat(3).as_bytes()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(given(&mut connection).await.unwrap(), GET);
        let under_way = pulse.begin(Length::Known(0));
        assert_eq!(given(&mut connection).await.unwrap(), "");
        drop(under_way);
    }
    assert_eq!(given(&mut connection).await.unwrap(), "");
    assert_eq!(connection.ahead.capacity(), 0);
}

#[tokio::test]
async fn a_body_of_known_length_is_given_at_once_and_nothing_of_what_follows_it() {
    for body in ["{}", "a\r\n\r\nb\n\nc", &"x".repeat(100_000)] {
        let (mut client, mut connection) = pair();
        let pulse = connection.pulse();
        let post = format!("\r\n\r\nPOST / HTTP/1.1\r\n\r\n{body}");
        client.write_all(post.repeat(2).as_bytes()).await.unwrap();
        for _ in 0..2 {
            let mut all = given(&mut connection).await.unwrap();
            let under_way = pulse.begin(Length::Known(body.len() as u64));
            while pulse.turn() == Turn::Body {
                all += &given(&mut connection).await.unwrap();
            }
            assert_eq!(all, post);
            drop(under_way);
        }
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_given_as_somebody_waits_for_it() {
    let (mut client, mut connection) = pair();
    let pulse = connection.pulse();
    let (head, pieces) = ("POST / HTTP/1.1\r\n\r\n", "3\r\n\n\n\n\r\n0\r\n\r\n");
    let all = format!("{head}{pieces}{GET}{GET}");
    client.write_all(all.as_bytes()).await.unwrap();
    assert_eq!(given(&mut connection).await.unwrap(), head);
    let under_way = pulse.begin(Length::Unknown);
    let wish = under_way.wish();
    let mut come = given(&mut connection).await.unwrap();
    assert_eq!(come, "");
    while come.len() < pieces.len() {
        wish.is_open(true);
        let more = given(&mut connection).await.unwrap();
        assert!(more.len() <= pieces.len(), "{more:?}");
        come += &more;
    }
    // Whoever goes on waiting gets no more than what is needed to see that it waits in vain.
    assert!(pieces.len() + GET.len() > come.len(), "{come:?}");
    drop(under_way);
    // A wish of a request that is over changes nothing.
    wish.is_open(true);
    assert_eq!(pulse.turn(), Turn::Head);
    let next = pulse.begin(Length::Unknown);
    wish.is_open(true);
    assert_eq!(pulse.turn(), Turn::Nobody);
    drop(next);
    let mut rest = String::new();
    while rest.len() < 2 * GET.len() {
        let more = given(&mut connection).await.unwrap();
        assert!(more.len() <= GET.len());
        rest += &more;
        if more.ends_with("\r\n\r\n") {
            drop(pulse.begin(Length::Known(0)));
        }
    }
}

#[tokio::test]
async fn what_comes_early_is_kept_within_bounds_and_a_client_that_leaves_is_noticed() {
    let (mut client, mut connection) = pair();
    let pulse = connection.pulse();
    client.write_all(GET.as_bytes()).await.unwrap();
    given(&mut connection).await.unwrap();
    let under_way = pulse.begin(Length::Known(0));
    client.write_all(&[b'x'; 10_000]).await.unwrap();
    assert_eq!(given(&mut connection).await.unwrap(), "");
    assert_eq!(connection.ahead.len(), 10_000);
    client.write_all(&vec![b'x'; 100_000]).await.unwrap();
    assert_eq!(given(&mut connection).await.unwrap(), "");
    assert!(connection.ahead.len() < AHEAD + STEP);
    drop(under_way);

    let (mut client, mut connection) = pair();
    let pulse = connection.pulse();
    client
        .write_all(format!("{GET}{GET}").as_bytes())
        .await
        .unwrap();
    given(&mut connection).await.unwrap();
    let _under_way = pulse.begin(Length::Known(0));
    assert_eq!(given(&mut connection).await.unwrap(), "");
    drop(client);
    assert_eq!(given(&mut connection).await, None);
}

struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn whoever_reads_is_woken_when_what_came_early_has_its_turn() {
    let (mut client, mut connection) = pair();
    let pulse = connection.pulse();
    client.write_all(GET.repeat(2).as_bytes()).await.unwrap();
    given(&mut connection).await.unwrap();
    let under_way = pulse.begin(Length::Unknown);
    let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
    let reads = |connection: &mut Connection<DuplexStream>| {
        let woken = Arc::clone(&wakes).into();
        let mut space = [0; 1024];
        let mut buffer = ReadBuf::new(&mut space);
        let mut context = Context::from_waker(&woken);
        let read = Pin::new(connection).poll_read(&mut context, &mut buffer);
        assert!(read.is_pending());
    };
    reads(&mut connection);
    let before = wakes.0.load(Ordering::Relaxed);
    under_way.wish().is_open(true);
    assert_eq!(wakes.0.load(Ordering::Relaxed), before + 1);
    under_way.wish().is_open(false);
    reads(&mut connection);
    drop(under_way);
    assert_eq!(wakes.0.load(Ordering::Relaxed), before + 2);
}

#[tokio::test]
async fn who_does_not_read_answers_is_asked_for_no_further_requests() {
    let (mut client, server) = tokio::io::duplex(64);
    let mut connection = Connection::new(server, HEAD_TIME);
    connection.write_all(&[b'a'; 64]).await.unwrap();
    client.write_all(GET.as_bytes()).await.unwrap();
    let blocked = poll_fn(|context| {
        let written = Pin::new(&mut connection).poll_write(context, b"a");
        Poll::Ready(written.is_pending())
    });
    assert!(blocked.await);
    assert_eq!(given(&mut connection).await.unwrap(), "");
    client.read_exact(&mut [0; 32]).await.unwrap();
    connection.write_all(b"a").await.unwrap();
    assert_eq!(given(&mut connection).await.unwrap(), GET);
}

#[tokio::test(start_paused = true)]
async fn a_head_has_its_time_from_its_first_byte_on() {
    // What comes before it: nothing, a request without a body, one with a body, one whose body tells its end.
    let befores = [
        ("", Length::Known(0)),
        (GET, Length::Known(0)),
        ("POST / HTTP/1.1\r\n\r\n{}", Length::Known(2)),
        ("POST / HTTP/1.1\r\n\r\n0\r\n\r\n", Length::Unknown),
    ];
    for (before, length) in befores {
        for begin in ["\r\n", "G", "GET / HTTP/1.1\r\nhost: x\r\n"] {
            let (mut client, mut connection) = pair();
            let pulse = connection.pulse();
            let all = format!("{before}{begin}");
            client.write_all(all.as_bytes()).await.unwrap();
            let mut come = given(&mut connection).await.unwrap();
            if !before.is_empty() {
                let under_way = pulse.begin(length);
                tokio::time::advance(HEAD_TIME * 2).await;
                let wish = under_way.wish();
                while come.len() < before.len() {
                    wish.is_open(true);
                    come += &given(&mut connection).await.unwrap();
                }
                drop(under_way);
            }
            while come.len() < all.len() {
                come += &given(&mut connection).await.unwrap();
            }
            assert_eq!(come, all);
            given(&mut connection).await.unwrap();
            tokio::time::advance(HEAD_TIME / 2).await;
            // Another drop does not change that.
            client.write_all(b"x").await.unwrap();
            assert_eq!(given(&mut connection).await.unwrap(), "x", "{all:?}");
            tokio::time::advance(HEAD_TIME / 2).await;
            assert_eq!(given(&mut connection).await, None, "{all:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_between_requests_has_no_head_to_finish() {
    let (mut client, mut connection) = pair();
    let pulse = connection.pulse();
    for _ in 0..3 {
        client
            .write_all(b"POST / HTTP/1.1\r\n\r\n{}")
            .await
            .unwrap();
        given(&mut connection).await.unwrap();
        drop(pulse.begin(Length::Known(2)));
        assert_eq!(given(&mut connection).await.unwrap(), "");
        tokio::time::advance(HEAD_TIME * 3).await;
        assert_eq!(given(&mut connection).await.unwrap(), "");
    }
}

/// What a client sends that has much to ask, and what it is to be answered.
fn conversation() -> (Vec<u8>, String) {
    let mut asked = String::new();
    let mut expected = Vec::new();
    for n in 0..60 {
        let body = match n % 4 {
            0 => String::new(),
            1 => "{}".to_owned(),
            2 => format!("a\r\n\r\nGET /no HTTP/1.1\r\n\r\n{}", "\n".repeat(n)),
            _ => "x".repeat(n * n * 4),
        };
        let head = format!("POST /{n} HTTP/1.1\r\nhost: x\r\n");
        let request = match n % 3 {
            _ if body.is_empty() => format!("GET /{n} HTTP/1.1\r\nhost: x\r\n\r\n"),
            0 => format!("{head}content-length: {}\r\n\r\n{body}", body.len()),
            1 => format!(
                "{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            ),
            _ => format!("\r\n{head}content-length: {}\r\n\r\n{body}", body.len()),
        };
        asked.push_str(&request);
        expected.push(format!("/{n}:{};", body.len()));
    }
    asked += "GET /end HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    (asked.into_bytes(), expected.concat() + "/end:0;")
}

/// Answers with the path and the length of the body, and takes its time before and behind it.
async fn answer(mut request: Request) -> Result<Response<BoxBody>, actix_http::Error> {
    let mut payload = request.take_payload();
    let mut length = 0;
    tokio::task::yield_now().await;
    while let Some(chunk) = payload.next().await {
        length += chunk.unwrap().len();
    }
    tokio::task::yield_now().await;
    let text = format!("{}:{length};", request.path());
    Ok(Response::new(StatusCode::OK).set_body(BoxBody::new(text)))
}

#[tokio::test]
async fn a_server_answers_all_in_order_in_whatever_pieces_it_comes() {
    let (asked, expected) = conversation();
    for piece in [1, 7, 100, 5_000, asked.len()] {
        // The server keeps the time of day in a task of its own.
        let told = LocalSet::new().run_until(told(&asked, piece)).await;
        assert_eq!(told, expected, "{piece} bytes at a time");
    }
}

/// What the server tells of what is asked in such pieces.
async fn told(asked: &[u8], piece: usize) -> String {
    let (client, server) = tokio::io::duplex(asked.len());
    let http = HttpService::build()
        .client_request_timeout(HEAD_TIME)
        .h1_allow_half_closed(false)
        .on_connect_ext(
            |connection: &Connection<DuplexStream>, kept: &mut Extensions| {
                kept.insert(connection.pulse());
            },
        )
        .h1(apply_fn_factory(fn_service(answer), watched));
    let http = http.new_service(()).await.unwrap();
    let serving = http.call((Connection::new(server, HEAD_TIME), None));
    let (mut come, mut going) = tokio::io::split(client);
    let sending = async {
        for piece in asked.chunks(piece) {
            going.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let mut answers = String::new();
    let (ended, (), read) = tokio::join!(serving, sending, come.read_to_string(&mut answers));
    ended.unwrap();
    read.unwrap();
    // A body has no end of line, so the head of the next answer stands behind it.
    let bodies = answers.lines().filter(|line| line.starts_with('/'));
    bodies
        .filter_map(|line| line.split_inclusive(';').next())
        .collect()
}
