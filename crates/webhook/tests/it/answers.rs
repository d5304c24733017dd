//! What receivers answer, well or badly: the status decides, and of the body an excerpt is kept.

use std::time::Duration;

use response_domain::ports::webhook::WebhookSender;
use response_domain::webhook::{EXCERPT, SendFault};
use tokio::time::Instant;

use crate::receiver::{Act, Receiver, say};
use crate::world::{letter, sender};

/// Status line, one more header, whether the delivery is taken, and what pause is asked for. The letters are
/// of the first second of 2026.
type Status = (&'static str, &'static str, bool, Option<u64>);

const STATUSES: &[Status] = &[
    ("200 OK", "server: any", true, None),
    ("201 Created", "retry-after: 5", true, Some(5)),
    ("204 No Content", "server: any", true, None),
    ("299 Whatever", "server: any", true, None),
    ("304 Not Modified", "server: any", false, None),
    ("400 Bad Request", "server: any", false, None),
    ("410 Gone", "server: any", false, None),
    ("429 Slow Down", "retry-after: 120", false, Some(120)),
    ("429 Slow Down", "Retry-After:  7 ", false, Some(7)),
    ("429 Slow Down", "retry-after: soon", false, None),
    ("429 Slow Down", "retry-after: -1", false, None),
    (
        "503 Not Now",
        "retry-after: Thu, 01 Jan 2026 00:01:30 GMT",
        false,
        Some(90),
    ),
    (
        "503 Not Now",
        "retry-after: Wed, 31 Dec 2025 23:59:59 GMT",
        false,
        Some(0),
    ),
    ("500 Internal Server Error", "server: any", false, None),
    ("999 Beyond", "server: any", false, None),
];

#[tokio::test]
async fn the_status_decides_and_retry_after_is_read_in_both_its_forms() {
    for (status, header, taken, seconds) in STATUSES {
        let receiver = Receiver::answering(format!("HTTP/1.1 {status}\r\n{header}\r\n\r\n")).await;
        let answer = sender().send(letter(&receiver.url())).await.unwrap();
        assert_eq!(answer.status.to_string(), status[..3]);
        assert_eq!(answer.is_taken(), *taken, "{status}");
        let pause = seconds.map(Duration::from_secs);
        assert_eq!(answer.retry_after, pause, "{status} {header}");
        assert_eq!(receiver.count().made, 1, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_nobody_goes_where_it_leads() {
    let inside = Receiver::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    for status in ["301", "302", "303", "307", "308"] {
        let answer = format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
            inside.url()
        );
        let receiver = Receiver::answering(answer).await;
        let answer = sender().send(letter(&receiver.url())).await.unwrap();
        assert_eq!(answer.status.to_string(), status);
        assert!(!answer.is_taken());
    }
    assert_eq!(inside.count().made, 0);
}

const OK: &str = "HTTP/1.1 200 OK\r\n\r\n";
const HUGE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_hangs_or_never_ends_costs_a_second_and_four_kilobytes() {
    let full = "x".repeat(EXCERPT);
    let endless = |bytes: &str| Act::Repeat(bytes.into(), Duration::ZERO);
    let line = "x".repeat(1000);
    let plenty = "x".repeat(5000);
    let chunk = format!("3e8\r\n{line}\r\n");
    let drip = Act::Repeat(b"drop".to_vec(), SECOND.mul_f64(0.7));
    let table = [
        ("none", vec![say(OK)], 0, ""),
        ("whole", vec![say(OK), say("thank you")], 0, "thank you"),
        (
            "hangs",
            vec![say(HUGE), say("begun"), Act::Hang],
            1,
            "begun",
        ),
        ("silent", vec![say(HUGE), Act::Hang], 1, ""),
        ("drips", vec![say(OK), say("slow "), drip], 1, "slow drop"),
        ("endless", vec![say(OK), endless(&line)], 0, &full),
        ("gigabyte", vec![say(HUGE), endless(&line)], 0, &full),
        (
            "endless chunks",
            vec![say(CHUNKED), endless(&chunk)],
            0,
            &full,
        ),
        ("enough", vec![say(HUGE), say(&plenty), Act::Hang], 0, &full),
        ("cut off", vec![say(HUGE), say("half")], 0, "half"),
        (
            "bad chunk",
            vec![say(CHUNKED), say("2\r\nok\r\nnonsense\r\n")],
            0,
            "ok",
        ),
    ];
    for (name, body, seconds, excerpt) in table {
        let mut script = vec![Act::Hear];
        script.extend(body);
        let mut receiver = Receiver::start(script).await;
        let began = Instant::now();
        let answer = sender().send(letter(&receiver.url())).await.unwrap();
        let took = began.elapsed();
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(&*answer.excerpt, excerpt, "{name}");
        assert_eq!(took.as_secs(), seconds, "{name} took {took:?}");
        // What is left is not read by anybody.
        receiver.ended(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_behind_the_headers_takes_nothing_back() {
    let script = vec![Act::Hear, say(HUGE), Act::Wait(SECOND / 2), Act::Reset];
    let receiver = Receiver::start(script).await;
    let answer = sender().send(letter(&receiver.url())).await.unwrap();
    assert_eq!((answer.status, &*answer.excerpt), (200, ""));
}

#[tokio::test]
async fn an_excerpt_is_readable_whatever_the_body_was() {
    let answer = |body: &[u8]| [b"HTTP/1.1 500 Oh\r\n\r\n", body].concat();
    let euros = "€".repeat(2000);
    let whole_euros = "€".repeat(EXCERPT / 3);
    for (body, excerpt) in [
        (&b"\x1b[31mred\0\x07\r\n\tend"[..], "[31mred  end"),
        (b"not \xff UTF-8", "not \u{fffd} UTF-8"),
        ("turned \u{202e}round".as_bytes(), "turned round"),
        (euros.as_bytes(), &whole_euros),
        // There would be room for a replacement character.
        (&[b"\0\0\0", euros.as_bytes()].concat(), &whole_euros[3..]),
        // Each of these becomes three bytes.
        (
            &[b"ab", &[0xff; 4096][..]].concat(),
            &format!("ab{}", "\u{fffd}".repeat(1364)),
        ),
    ] {
        let receiver = Receiver::answering(answer(body)).await;
        let answer = sender().send(letter(&receiver.url())).await.unwrap();
        assert_eq!(&*answer.excerpt, excerpt);
        assert!(answer.excerpt.len() <= EXCERPT);
    }
}

/// Twenty thousand times `A`, packed.
const BOMB: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\x6c\xeb\x5f\
      \xca\x1a\x1e\x40\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
      \x00\xf0\x60\x1b\x10\x9a\xd8\x20\x4e\x00\x00";

#[tokio::test]
async fn a_packed_body_is_never_unpacked() {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        BOMB.len()
    );
    let receiver = Receiver::start(vec![Act::Hear, say(head), say(BOMB), Act::Hang]).await;
    let answer = sender().send(letter(&receiver.url())).await.unwrap();
    assert!(answer.is_taken() && !answer.excerpt.contains("AAAA"));
    assert!(answer.excerpt.len() <= EXCERPT);
    let request = receiver.requests().remove(0);
    assert_eq!(request.headers.get("accept-encoding"), None);
}

#[tokio::test]
async fn what_is_no_http_is_broken_off() {
    for answer in [
        &b""[..],
        b"\0\x01\x02\x03",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 20",
        b"HTTP/1.1 200 OK\r\nserver: a",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let receiver = Receiver::answering(answer).await;
        let fault = sender().send(letter(&receiver.url())).await.unwrap_err();
        let shown = String::from_utf8_lossy(answer);
        assert_eq!(fault, SendFault::BrokenOff, "{shown}");
        assert_eq!(receiver.count().made, 1, "{shown}");
    }
    let receiver = Receiver::start(vec![Act::Hear, Act::Reset]).await;
    let fault = sender().send(letter(&receiver.url())).await.unwrap_err();
    assert_eq!(fault, SendFault::BrokenOff);
}

#[tokio::test]
async fn headers_without_an_end_are_not_read_for_ever() {
    let line = b"x-filler: and so on and so on and so on\r\n".to_vec();
    for pieces in [
        vec![
            say("HTTP/1.1 200 OK\r\n"),
            Act::Repeat(line, Duration::ZERO),
        ],
        vec![
            say("HTTP/1.1 200 OK\r\nx: "),
            Act::Repeat(vec![b'x'; 1000], Duration::ZERO),
        ],
    ] {
        let script = [vec![Act::Hear], pieces].concat();
        let mut receiver = Receiver::start(script).await;
        let fault = sender().send(letter(&receiver.url())).await.unwrap_err();
        assert_eq!(fault, SendFault::BrokenOff);
        receiver.ended(1).await;
    }
}
