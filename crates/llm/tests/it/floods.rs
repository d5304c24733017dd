//! Servers that send without end: each is given up at a limit, and nothing piles up on the way there.

use std::time::Duration;

use response_domain::ports::llm::{Delta, LlmErrorKind};
use response_egress::Bytes;
use response_llm::{AnswerReader, Progress};

use crate::server::{ModelServer, Reply, says};
use crate::show;
use crate::turns::{answer, client_with, hello, options};

/// The longest answer here.
const LIMIT: usize = 1 << 20;
/// What both ends of a connection may hold that nobody has read.
const ON_THE_WAY: usize = 32 << 20;

/// An answer of that media type which is a gigabyte long, of which this is the beginning and this what
/// follows, again and again.
fn endless(media_type: &str, begin: &str, piece: &str) -> Reply {
    let length = 1 << 30;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n"
    );
    let many = piece.repeat((64 << 10) / piece.len());
    Reply::raw(&head).and(begin).and(many).then_repeat()
}

#[tokio::test]
async fn what_has_no_end_is_read_to_the_limit_and_no_further() {
    let events = "text/event-stream";
    let cases = [
        (events, "data: ", "x"),
        (events, r#"data: {"choices":[{"delta":{"content":""#, "x"),
        (events, "", "data: {}\n\n"),
        (events, "", "data:\n\n"),
        (events, "", "data: a\n"),
        (events, "", ": here\n"),
        (events, "", "\n"),
        (
            "application/json",
            r#"{"choices":[{"message":{"content":""#,
            "x",
        ),
        ("application/json", r#"{"choices":"#, "["),
        ("text/plain", "", " "),
    ];
    for (media_type, begin, piece) in cases {
        let mut server = ModelServer::start(vec![endless(media_type, begin, piece)]).await;
        let mut options = options(&server.url);
        options.max_answer_bytes = LIMIT;
        let error = answer(&client_with(options), &hello()).await.unwrap_err();
        assert_eq!(error.kind, LlmErrorKind::Unreadable, "{begin}{piece:?}");
        assert!(
            error.message.contains("longer than 1048576 bytes"),
            "{begin}{piece:?}: {error}"
        );
        server.someone_left().await;
        assert!(server.sent() < LIMIT + ON_THE_WAY, "{}", server.sent());
        assert_eq!(server.received().len(), 1, "it is not asked again");
    }
}

#[tokio::test]
async fn a_server_that_drips_is_given_up_when_the_turn_is_over() {
    // Something comes all the time, so it is never silent.
    for piece in [": here\n\n", "\n", "data: {\"choices\":[]}\n\n"] {
        let reply = Reply::open_events(&[&says("a")]);
        let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
        let mut server = ModelServer::start(vec![reply.and(chunk).then_repeat()]).await;
        let mut options = options(&server.url);
        options.turn_timeout = Duration::from_millis(200);
        options.max_answer_bytes = usize::MAX;
        let error = answer(&client_with(options), &hello()).await.unwrap_err();
        assert_eq!(error.kind, LlmErrorKind::Timeout, "{piece:?}");
        assert_eq!(error.message, "the model did not finish its answer in time");
        server.someone_left().await;
    }
}

#[test]
fn a_million_events_that_say_nothing_leave_nothing() {
    const EVENTS: usize = 1_000_000;
    const AT_ONCE: usize = 10_000;
    let mut reader = AnswerReader::new(show::asked("tools=search"), LIMIT);
    let mut deltas = Vec::new();
    let kinds = ["data:\n\n", ":\n\n", "id:\n\n", "\n\n", "event: x\n\n"];
    for kind in kinds {
        let chunk = Bytes::from(kind.repeat(AT_ONCE));
        for _ in 0..EVENTS / AT_ONCE / kinds.len() {
            let progress = reader.push(chunk.clone(), &mut deltas).unwrap();
            assert_eq!(progress, Progress::Open);
        }
    }
    assert_eq!(deltas.capacity(), 0);
    let last = Bytes::from(format!("data: {}\n\ndata: [DONE]\n\n", says("a")));
    reader.push(last, &mut deltas).unwrap();
    assert_eq!(deltas.first(), Some(&Delta::Text("a".into())));
}

#[test]
fn json_that_goes_deep_is_refused_or_passed_over_wherever_it_stands() {
    const DEPTH: usize = 400_000;
    let deep = "[".repeat(DEPTH) + &"]".repeat(DEPTH);
    let places = [
        "DEEP",
        r#"{"choices":DEEP}"#,
        r#"{"choices":[{"delta":DEEP}]}"#,
        r#"{"choices":[{"delta":{"content":DEEP}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_details":DEEP}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":DEEP}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"search","arguments":DEEP}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"search","arguments":"DEEP"}}]}}]}"#,
        r#"{"choices":[{"delta":{"content":"<tool_call>{\"name\":\"search\",\"arguments\":{\"q\":DEEP}}</tool_call>"}}]}"#,
        r#"{"choices":[{"delta":{"content":"a"}}],"usage":DEEP}"#,
        r#"{"choices":[{"delta":{"content":"a"}}],"unknown":DEEP}"#,
        r#"{"error":DEEP}"#,
    ];
    for place in places {
        let document = place.replace("DEEP", &deep);
        let whole = document.replace("\"delta\"", "\"message\"");
        let mut reader = AnswerReader::new(show::asked("tools=search"), 4 << 20);
        let mut deltas = Vec::new();
        // Either is right; what counts is that there is an end.
        let told = reader.whole(whole.as_bytes(), &mut deltas);
        assert_eq!(told.is_ok(), ends(&deltas), "{place}");
        let mut reader = AnswerReader::new(show::asked("tools=search"), 4 << 20);
        let mut deltas = Vec::new();
        let stream = format!("data: {document}\n\ndata: [DONE]\n\n");
        let told = reader.push(stream.into(), &mut deltas);
        assert_eq!(told.is_ok(), ends(&deltas), "{place}");
    }
}

fn ends(deltas: &[Delta]) -> bool {
    matches!(deltas.last(), Some(Delta::Finish(_)))
}
