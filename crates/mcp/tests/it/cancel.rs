//! Time limits, progress, and what a server is told when nobody waits any more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use response_domain::ports::tools::{ToolErrorKind, ToolExecutor, ToolRegistry};
use response_mcp::{McpTools, Mode, Options};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::fake::{Answer, Fake};
use crate::world::{bare, context, freeze, listed, order, server, tool, tools, tools_with};

/// A server with a session whose calls are answered piece by piece by the test.
struct Paced {
    fake: Fake,
    pieces: mpsc::Sender<Vec<u8>>,
}

impl Paced {
    async fn start() -> Self {
        let (pieces, stream) = mpsc::channel(8);
        let stream = Mutex::new(Some(stream));
        let fake = Fake::start(move |seen| match seen.method() {
            "initialize" => seen.welcome("2025-11-25").with("Mcp-Session-Id", "s"),
            "tools/list" => seen.tools(&json!([tool("t")])),
            "tools/call" => Answer::Stream(stream.lock().unwrap().take().unwrap()),
            _ => Answer::accepted(),
        })
        .await;
        Self { fake, pieces }
    }

    async fn send(&self, message: &Value) {
        let event = format!("event: message\ndata: {message}\n\n");
        self.pieces.send(event.into_bytes()).await.unwrap();
    }

    /// Reports progress under this token, and waits until the client has read it: a question that
    /// is sent behind it has been answered.
    async fn report(&self, token: &Value, number: usize) {
        self.send(
            &json!({"jsonrpc": "2.0", "method": "notifications/progress",
            "params": {"progressToken": token, "progress": number}}),
        )
        .await;
        self.send(&json!({"jsonrpc": "2.0", "id": number, "method": "ping"}))
            .await;
        self.fake.until("POST", number).await;
    }
}

fn limits(fake: &Fake, timeout: u64, cap: u64) -> McpTools {
    let mut options = Options::new(vec![server("default", &fake.url, Mode::Session)]);
    options.call_timeout = Duration::from_secs(timeout);
    options.call_cap = Duration::from_secs(cap);
    tools_with(&options)
}

#[tokio::test]
async fn progress_begins_the_time_limit_anew() {
    let paced = Paced::start().await;
    let tools = limits(&paced.fake, 10, 60);
    let order = order(&listed(&tools).await, "t", &json!({}));
    let frozen = freeze();
    let context = context();
    let test = async {
        paced.fake.until("tools/call", 1).await;
        let seen = paced.fake.last("tools/call");
        for number in 1..=4 {
            tokio::time::advance(Duration::from_secs(9)).await;
            paced
                .report(&seen.body["params"]["_meta"]["progressToken"], number)
                .await;
        }
        paced
            .send(&json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {"content": "slow"}}))
            .await;
    };
    let (reply, ()) = tokio::join!(tools.call(&order, &context), test);
    assert_eq!(&*reply.unwrap().text, "slow");
    assert_eq!(paced.fake.count("notifications/cancelled"), 0);
    drop(frozen);
}

#[tokio::test]
async fn progress_of_another_call_begins_nothing() {
    let paced = Paced::start().await;
    let tools = limits(&paced.fake, 10, 60);
    let order = order(&listed(&tools).await, "t", &json!({}));
    let frozen = freeze();
    let context = context();
    let test = async {
        paced.fake.until("tools/call", 1).await;
        tokio::time::advance(Duration::from_secs(9)).await;
        paced.report(&json!("someone-else"), 1).await;
        tokio::time::advance(Duration::from_secs(2)).await;
    };
    let (reply, ()) = tokio::join!(tools.call(&order, &context), test);
    assert_eq!(reply.unwrap_err().kind, ToolErrorKind::Timeout);
    drop(frozen);
}

#[tokio::test]
async fn no_progress_moves_the_cap() {
    let paced = Paced::start().await;
    let tools = limits(&paced.fake, 10, 25);
    let order = order(&listed(&tools).await, "t", &json!({}));
    let frozen = freeze();
    let context = context();
    let test = async {
        paced.fake.until("tools/call", 1).await;
        let token = paced.fake.last("tools/call").body["params"]["_meta"]["progressToken"].clone();
        for number in 1..=2 {
            tokio::time::advance(Duration::from_secs(9)).await;
            paced.report(&token, number).await;
        }
        tokio::time::advance(Duration::from_secs(8)).await;
    };
    let (reply, ()) = tokio::join!(tools.call(&order, &context), test);
    let error = reply.unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Timeout);
    assert_eq!(
        error.message,
        "the tool server `default` did not answer in time"
    );
    drop(frozen);
}

#[tokio::test]
async fn a_call_that_timed_out_is_cancelled_at_the_server() {
    let paced = Paced::start().await;
    let tools = limits(&paced.fake, 10, 60);
    let order = order(&listed(&tools).await, "t", &json!({}));
    let frozen = freeze();
    let context = context();
    let test = async {
        paced.fake.until("tools/call", 1).await;
        tokio::time::advance(Duration::from_secs(11)).await;
    };
    let (reply, ()) = tokio::join!(tools.call(&order, &context), test);
    assert_eq!(reply.unwrap_err().kind, ToolErrorKind::Timeout);
    paced.fake.until("notifications/cancelled", 1).await;
    let cancelled = paced.fake.last("notifications/cancelled");
    let called = paced.fake.last("tools/call");
    assert_eq!(cancelled.body["params"]["requestId"], called.body["id"]);
    assert_eq!(cancelled.header("mcp-session-id"), Some("s"));
    assert_eq!(paced.fake.count("tools/call"), 1);
    drop(frozen);
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_at_the_server_and_the_connection_closed() {
    let (closed, is_closed) = oneshot::channel::<()>();
    let closed = Arc::new(Mutex::new(Some(closed)));
    let fake = Fake::deciding(move |seen| {
        let closed = Arc::clone(&closed);
        Box::pin(async move {
            match seen.method() {
                "initialize" => seen.welcome("2025-11-25"),
                "tools/list" => seen.tools(&json!([tool("t")])),
                "tools/call" => {
                    let (pieces, stream) = mpsc::channel(1);
                    let closed = closed.lock().unwrap().take();
                    Handle::current().spawn(async move {
                        // Writing fails once the client has closed.
                        while pieces.send(b": still there\n\n".to_vec()).await.is_ok() {
                            tokio::task::yield_now().await;
                        }
                        drop(closed);
                    });
                    Answer::Stream(stream)
                }
                _ => Answer::accepted(),
            }
        })
    })
    .await;
    let tools = limits(&fake, 30, 60);
    let order = order(&listed(&tools).await, "t", &json!({}));
    let context = context();
    let mut calling = Box::pin(tools.call(&order, &context));
    tokio::select! {
        reply = &mut calling => panic!("nothing can have come: {reply:?}"),
        () = fake.until("tools/call", 1) => {}
    }
    drop(calling);
    fake.until("notifications/cancelled", 1).await;
    let cancelled = fake.last("notifications/cancelled");
    assert_eq!(
        cancelled.body["params"]["requestId"],
        fake.last("tools/call").body["id"]
    );
    assert!(is_closed.await.is_err());
    tools.close(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_bare_server_is_told_nothing_when_a_call_times_out() {
    let fake = bare(|_| Answer::Hang).await;
    let tools = tools(&fake, Mode::Bare);
    let order = order(&listed(&tools).await, "t", &json!({}));
    let frozen = freeze();
    let context = context();
    let test = async {
        fake.until("tools/call", 1).await;
        tokio::time::advance(Duration::from_mins(1)).await;
    };
    let (reply, ()) = tokio::join!(tools.call(&order, &context), test);
    assert_eq!(reply.unwrap_err().kind, ToolErrorKind::Timeout);
    tools.close(Duration::from_secs(5)).await;
    assert_eq!(fake.methods(), ["tools/list", "tools/call"]);
    drop(frozen);
}

#[tokio::test]
async fn a_server_that_leaves_the_handshake_unanswered_costs_its_time_limit_and_no_more() {
    let fake = Fake::start(|_| Answer::Hang).await;
    let tools = tools(&fake, Mode::Auto);
    let frozen = freeze();
    let context = context();
    let test = async {
        fake.until("initialize", 1).await;
        // Well within the 30 s of a list.
        tokio::time::advance(Duration::from_secs(11)).await;
    };
    let (list, ()) = tokio::join!(tools.list(&context), test);
    assert_eq!(list.unwrap_err().kind, ToolErrorKind::Timeout);
    assert_eq!(fake.methods(), ["initialize"]);
    drop(frozen);
}
