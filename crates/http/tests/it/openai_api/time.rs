//! How long a WebSocket lasts, and whom it waits for: with a clock that stands still until nobody has
//! anything to do.

use std::pin::Pin;
use std::time::Duration;

use actix_http::ws::{OpCode, Parser};
use actix_web::App;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::test::{TestRequest, call_service, init_service};
use bytes::{Bytes, BytesMut};
use futures::stream;
use response_domain::ports::llm::Delta;
use response_http::mount;
use response_testkit::script::{TurnScript, text};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{RESPONSES, request, said};
use crate::background::half;
use crate::world::{Made, Plan};

/// A connection without a network.
struct Line {
    to: mpsc::Sender<Bytes>,
    from: Pin<Box<BoxBody>>,
    read: BytesMut,
    begun: Instant,
}

/// What the server sends.
#[derive(Debug, PartialEq)]
enum Frame {
    Text(Value),
    Ping,
    Close(u16),
}

impl Line {
    async fn open(plan: Plan) -> (Made, Self) {
        let (made, face) = plan.make().await;
        let app = init_service(App::new().configure(mount(face))).await;
        let (to, rest) = mpsc::channel(16);
        let rest = stream::unfold(rest, async |mut rest: mpsc::Receiver<Bytes>| {
            Some((Ok(rest.recv().await?), rest))
        });
        let payload: Payload = Payload::Stream {
            payload: Box::pin(rest),
        };
        let request = TestRequest::get()
            .uri(RESPONSES)
            .insert_header(("connection", "upgrade"))
            .insert_header(("upgrade", "websocket"))
            .insert_header(("sec-websocket-version", "13"))
            .insert_header(("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="));
        let (request, _) = request.to_request().replace_payload(payload);
        let answer = call_service(&app, request).await;
        assert_eq!(answer.status(), 101);
        let line = Self {
            to,
            from: Box::pin(answer.into_body().boxed()),
            read: BytesMut::new(),
            begun: Instant::now(),
        };
        (made, line)
    }

    async fn send(&self, kind: OpCode, bytes: &[u8]) {
        let mut out = BytesMut::new();
        Parser::write_message(&mut out, bytes, kind, true, true);
        self.bytes(out.freeze()).await;
    }

    async fn bytes(&self, bytes: Bytes) {
        self.to.send(bytes).await.unwrap();
    }

    async fn ask(&self, fields: &Value) {
        let mut body = request(fields);
        body["type"] = json!("response.create");
        self.send(OpCode::Text, body.to_string().as_bytes()).await;
    }

    /// The next frame; none when the connection is over.
    async fn frame(&mut self) -> Option<Frame> {
        loop {
            let frame = Parser::parse(&mut self.read, false, usize::MAX).unwrap();
            if let Some((_, kind, bytes)) = frame {
                let bytes = bytes.unwrap_or_default();
                return Some(match kind {
                    OpCode::Text => Frame::Text(serde_json::from_slice(&bytes).unwrap()),
                    OpCode::Ping => Frame::Ping,
                    OpCode::Close => Frame::Close(u16::from_be_bytes([bytes[0], bytes[1]])),
                    other => panic!("{other:?}"),
                });
            }
            let more = std::future::poll_fn(|context| self.from.as_mut().poll_next(context));
            self.read.extend_from_slice(&more.await?.unwrap());
        }
    }

    /// The next frame that is no question whether the client is there; those are answered.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            match self.frame().await {
                Some(Frame::Ping) => self.send(OpCode::Pong, b"").await,
                other => return other,
            }
        }
    }

    async fn text(&mut self) -> Value {
        match self.next().await {
            Some(Frame::Text(value)) => value,
            other => panic!("{other:?}"),
        }
    }

    /// The last event of the response that is told.
    async fn end(&mut self) -> Value {
        loop {
            let event = self.text().await;
            if event["response"]["status"] != "in_progress" && event["response"].is_object() {
                return event;
            }
        }
    }

    fn lasted(&self) -> Duration {
        self.begun.elapsed()
    }
}

const HOUR: Duration = Duration::from_hours(1);

fn is_too_old(refusal: &Value) -> bool {
    refusal["status"] == 400
        && refusal["error"]["code"] == "websocket_connection_limit_reached"
        && refusal["type"] == "error"
}

#[tokio::test(start_paused = true)]
async fn after_an_hour_a_connection_takes_no_more_requests() {
    let (_made, mut line) = Line::open(Plan::new([text("hi")])).await;
    line.ask(&json!({})).await;
    assert_eq!(said(&line.end().await["response"]), "hi");
    let refusal = line.text().await;
    assert!(is_too_old(&refusal), "{refusal}");
    assert_eq!(line.next().await, Some(Frame::Close(1000)));
    assert_eq!(line.lasted(), HOUR);
    line.send(OpCode::Close, b"").await;
    drop(line.to);
    let rest = std::future::poll_fn(|context| line.from.as_mut().poll_next(context));
    assert!(rest.await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_then_is_told_to_its_end() {
    let (_made, mut line) = Line::open(Plan::new([half()])).await;
    let early = Duration::from_mins(55);
    while line.lasted() < early {
        assert_eq!(line.frame().await, Some(Frame::Ping));
        line.send(OpCode::Pong, b"").await;
    }
    line.ask(&json!({})).await;
    line.ask(&json!({})).await;
    let end = line.end().await;
    assert_eq!(end["response"]["error"]["code"], "server_error");
    assert!(line.lasted() > HOUR, "the run has a time of its own");
    let refusal = line.text().await;
    assert!(is_too_old(&refusal), "{refusal}");
    assert_eq!(line.next().await, Some(Frame::Close(1000)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_is_taken_for_gone() {
    let (made, mut line) = Line::open(Plan::new([half()])).await;
    line.ask(&json!({})).await;
    let mut asked = 0;
    while let Some(frame) = line.frame().await {
        asked += u8::from(frame == Frame::Ping);
    }
    assert_eq!((asked, line.lasted().as_secs()), (3, 60));
    drop(line);
    made.model.dropped.notified().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_stays_as_long_as_it_likes() {
    let (_made, mut line) = Line::open(Plan::new([text("hi")])).await;
    for _ in 0..100 {
        assert_eq!(line.frame().await, Some(Frame::Ping));
        line.send(OpCode::Pong, b"").await;
    }
    line.ask(&json!({})).await;
    assert_eq!(said(&line.end().await["response"]), "hi");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_stops_its_run_after_a_while() {
    let words = vec![vec![Delta::Text("word ".into())]; 200];
    let (made, mut line) = Line::open(Plan::new([TurnScript::Hangs(words)])).await;
    line.ask(&json!({})).await;
    let created = line.text().await;
    assert_eq!(created["type"], "response.created");
    // Nothing is read from here on.
    made.model.dropped.notified().await;
    let end = line.end().await;
    assert_eq!(
        (&end["type"], &end["response"]["status"]),
        (&json!("response.failed"), &json!("cancelled"))
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_says_no_goodbye_is_not_waited_for() {
    let (_made, mut line) = Line::open(Plan::new([])).await;
    let unmasked = b"\x81\x02hi";
    line.bytes(Bytes::from_static(unmasked)).await;
    assert_eq!(line.next().await, Some(Frame::Close(1002)));
    line.begun = Instant::now();
    assert_eq!(line.next().await, None);
    assert_eq!(line.lasted(), Duration::from_secs(2));
}
