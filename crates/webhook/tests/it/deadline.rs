//! The deadline over everything before the body: wherever a receiver hangs, an attempt ends in time.

use std::time::Duration;

use response_domain::ports::webhook::WebhookSender;
use response_domain::webhook::SendFault;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::receiver::{Act, Receiver, say};
use crate::world::{Answer, Names, TIMEOUT, letter, policy, sender, sender_with};

const SECOND: Duration = Duration::from_secs(1);

/// How long it took, which is the timeout and nothing more.
fn is_the_timeout(took: Duration) -> bool {
    (TIMEOUT..TIMEOUT + Duration::from_millis(10)).contains(&took)
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_anywhere_is_given_up_in_time() {
    let each_second = |bytes: &str| Act::Repeat(bytes.into(), SECOND);
    let table = [
        ("reads nothing", "http", vec![Act::Wait(100 * SECOND)]),
        ("says nothing", "http", vec![Act::Hear, Act::Hang]),
        (
            "drips a header",
            "http",
            vec![Act::Hear, say("HTTP/1.1 200 OK\r\nx: "), each_second("y")],
        ),
        (
            "drips headers",
            "http",
            vec![
                Act::Hear,
                say("HTTP/1.1 200 OK\r\n"),
                each_second("x: y\r\n"),
            ],
        ),
        (
            "has always more to process",
            "http",
            vec![Act::Hear, each_second("HTTP/1.1 102 Processing\r\n\r\n")],
        ),
        ("says nothing of TLS", "https", vec![Act::Hang]),
        (
            "drips its handshake",
            "https",
            vec![Act::HearSome, say("\x16\x03\x03\x02"), each_second("\x02")],
        ),
    ];
    for (name, scheme, script) in table {
        let mut receiver = Receiver::start(script).await;
        let mut letter = letter(&format!("{scheme}://127.0.0.1:{}/", receiver.port));
        // More than the system takes off a sender's hands.
        letter.body = vec![
            b' ';
            if name == "reads nothing" {
                32 << 20
            } else {
                10
            }
        ];
        let began = Instant::now();
        let fault = sender().send(letter).await.unwrap_err();
        let took = began.elapsed();
        assert_eq!(fault, SendFault::TimedOut, "{name}");
        assert!(is_the_timeout(took), "{name} took {took:?}");
        // Nothing of it is left behind.
        receiver.ended(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn headers_that_come_at_the_last_moment_leave_a_second_for_the_body() {
    let late = Act::Wait(TIMEOUT.mul_f64(0.99));
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nat last";
    let receiver = Receiver::start(vec![Act::Hear, late, say(head), Act::Hang]).await;
    let began = Instant::now();
    let answer = sender().send(letter(&receiver.url())).await.unwrap();
    assert_eq!((answer.status, &*answer.excerpt), (200, "at last"));
    let took = began.elapsed();
    assert!(took > TIMEOUT && took < TIMEOUT + SECOND, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_port_that_takes_no_more_connections_is_given_up_in_time() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts: the system takes a few connections by itself and lets the next one wait.
    let mut waiting = Vec::new();
    while let Ok(stream) = timeout(SECOND, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    let began = Instant::now();
    let fault = sender()
        .send(letter(&format!("http://{address}/")))
        .await
        .unwrap_err();
    assert_eq!(fault, SendFault::TimedOut);
    assert!(is_the_timeout(began.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_never_answers_is_given_up_in_time() {
    let sender = sender_with(policy(), Names::new(vec![Answer::Silence]));
    let began = Instant::now();
    let fault = sender
        .send(letter("https://silent.test/"))
        .await
        .unwrap_err();
    assert_eq!(fault, SendFault::TimedOut);
    assert!(is_the_timeout(began.elapsed()));
}

#[tokio::test]
async fn what_has_failed_already_is_not_waited_for() {
    let gone = Receiver::answering("").await.url();
    let fault = sender().send(letter(&gone)).await.unwrap_err();
    assert_eq!(fault, SendFault::ConnectFailed);
    for answer in [Answer::Unknown, Answer::Addresses(Vec::new())] {
        let sender = sender_with(policy(), Names::new(vec![answer]));
        let fault = sender
            .send(letter("http://nowhere.test/"))
            .await
            .unwrap_err();
        assert_eq!(fault, SendFault::NameNotFound);
    }
    for script in [
        vec![Act::HearSome],
        vec![Act::HearSome, Act::Reset],
        vec![
            Act::HearSome,
            say("HTTP/1.1 400 Plain HTTP to a TLS port\r\n\r\n"),
        ],
        vec![Act::HearSome, say("\x15\x03\x03\0\x02\x02\x28"), Act::Hang],
    ] {
        let receiver = Receiver::start(script).await;
        let url = format!("https://127.0.0.1:{}/", receiver.port);
        let fault = sender().send(letter(&url)).await.unwrap_err();
        assert_eq!(fault, SendFault::TlsFailed);
    }
}

#[tokio::test(start_paused = true)]
async fn only_so_many_connections_are_kept_open_and_not_for_long() {
    let answer = say("HTTP/1.1 204 No Content\r\n\r\n");
    let mut receiver =
        Receiver::start(vec![Act::Hear, Act::Wait(SECOND), answer, Act::Again]).await;
    let sender = sender();
    let all = (0..20).map(|_| sender.send(letter(&receiver.url())));
    let answers = futures::future::join_all(all).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(receiver.count().made, 20);
    receiver.ended(4).await;
    assert_eq!(receiver.count().ended, 4);
    // One of those that were kept is used again.
    sender.send(letter(&receiver.url())).await.unwrap();
    assert_eq!(receiver.count().made, 20);
    let began = Instant::now();
    receiver.ended(20).await;
    assert!(began.elapsed() < 15 * SECOND, "{:?}", began.elapsed());
}
