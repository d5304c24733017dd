//! When a call is made again, and when it must not be.

use std::sync::atomic::{AtomicUsize, Ordering};

use response_domain::ports::tools::{ToolErrorKind, ToolExecutor};
use response_domain::tool::ToolReply;
use response_egress::Url;
use response_mcp::{Mode, Options};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fake::{Answer, Fake, Seen};
use crate::world::{bare, call, context, listed, order, server, tool, tools, tools_with};

type Answering = fn(&Seen) -> Answer;

/// What may be met before an answer, by a server that may have acted.
const BROKEN: [Answering; 4] = [
    |_| Answer::Raw(vec![]),
    |_| {
        Answer::Raw(vec![
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{"
                .to_vec(),
        ])
    },
    |_| Answer::events(""),
    |_| Answer::new(502, "text/plain", ""),
];

async fn calls_after(broken: Answering, safe: bool) -> (usize, Result<ToolReply, ToolErrorKind>) {
    let turn = AtomicUsize::new(0);
    let fake = bare(move |seen| match turn.fetch_add(1, Ordering::SeqCst) {
        0 => broken(seen),
        _ => seen.says("done"),
    })
    .await;
    let mut options = Options::new(vec![server("default", &fake.url, Mode::Bare)]);
    if safe {
        options.repeat_safe = vec!["t".into()];
    }
    let reply = call(&tools_with(&options), "t", &json!({})).await;
    (fake.count("tools/call"), reply.map_err(|error| error.kind))
}

#[tokio::test]
async fn a_tool_that_may_have_acted_is_not_called_again() {
    for broken in BROKEN {
        let (calls, reply) = calls_after(broken, false).await;
        assert_eq!((calls, reply), (1, Err(ToolErrorKind::Unavailable)));
    }
}

#[tokio::test]
async fn a_tool_that_may_be_repeated_is_called_once_more() {
    for broken in BROKEN {
        let (calls, reply) = calls_after(broken, true).await;
        assert_eq!(calls, 2);
        assert_eq!(&*reply.unwrap().text, "done");
    }
}

#[tokio::test]
async fn a_repetition_bears_the_same_key() {
    let turn = AtomicUsize::new(0);
    let fake = bare(move |seen| match turn.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Raw(vec![]),
        _ => seen.says("done"),
    })
    .await;
    let mut options = Options::new(vec![server("default", &fake.url, Mode::Bare)]);
    options.repeat_safe = vec!["t".into()];
    call(&tools_with(&options), "t", &json!({})).await.unwrap();
    let keys: Vec<_> = fake
        .seen()
        .iter()
        .filter_map(|seen| seen.header("idempotency-key").map(str::to_owned))
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_an_error_after_one_more_try() {
    let fake = bare(|seen| seen.says("done")).await;
    let order = order(&listed(&tools(&fake, Mode::Bare)).await, "t", &json!({}));
    let nowhere = Url::parse("http://127.0.0.1:1/mcp").unwrap();
    for mode in [Mode::Bare, Mode::Auto] {
        let gone = tools_with(&Options::new(vec![server("default", &nowhere, mode)]));
        let error = gone.call(&order, &context()).await.unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn a_call_that_never_left_is_made_again_when_the_server_is_back() {
    // No connection stays open that a call could be sent on.
    let fake =
        Fake::start(|seen| seen.tools(&json!([tool("t")])).with("connection", "close")).await;
    let tools = tools(&fake, Mode::Bare);
    let order = order(&listed(&tools).await, "t", &json!({}));
    let address = format!("127.0.0.1:{}", fake.url.port().unwrap());
    drop(fake);
    while TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let context = context();
    let calling = tools.call(&order, &context);
    let back = async {
        let listener = TcpListener::bind(&address).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        answer_once(stream).await;
    };
    let (reply, ()) = tokio::join!(calling, back);
    assert_eq!(&*reply.unwrap().text, "back");
}

/// Reads one request and answers it.
async fn answer_once(mut stream: TcpStream) {
    let mut seen = String::new();
    let mut chunk = [0; 4096];
    while !seen.contains("\"tools/call\"") {
        let read = stream.read(&mut chunk).await.unwrap();
        seen.push_str(&String::from_utf8_lossy(chunk.get(..read).unwrap()));
    }
    let id = seen.split("\"id\":").nth(1).unwrap();
    let id: String = id.chars().take_while(char::is_ascii_digit).collect();
    let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"content\":\"back\"}}}}");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
}
