//! Servers that are slow, endless or huge on purpose: each costs its caller an error, and nobody else
//! anything.

use std::fmt::Write as _;
use std::time::Duration;

use response_domain::ports::tools::{ToolErrorKind, ToolExecutor};
use response_domain::tool::Verdict;
use response_mcp::Options;
use serde_json::{Value, json};

use super::stage::{Names, call, giving, list, order, policy, tools, tools_with};
use crate::fake::{Answer, Fake, Seen};
use crate::world::{freeze, tool};

type Says = fn(&Seen) -> Answer;

/// A server without a handshake that lists as the test says.
async fn listing(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Fake {
    Fake::start(move |seen| match seen.method() {
        "tools/list" => answer(seen),
        _ => seen.error(200, -32601, "Method not found"),
    })
    .await
}

#[tokio::test]
async fn a_list_has_an_end_however_it_is_dealt_out() {
    let huge = |bytes: usize| json!({"name": "t", "description": "x".repeat(bytes)});
    let one = listing(move |seen| seen.tools(&json!([huge(1024 * 1024)]))).await;
    let error = list(&tools(), one.url.as_str(), &giving(&[]))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Protocol);
    assert_eq!(
        error.message,
        "the tool server `theirs` sent an answer of more than 1048576 bytes"
    );

    let events = listing(move |seen| {
        let id = &seen.body["id"];
        let result = json!({"jsonrpc": "2.0", "id": id, "result": {"tools": [huge(1024 * 1024)]}});
        Answer::events(format!("data: {result}\n\n"))
    })
    .await;
    let error = list(&tools(), events.url.as_str(), &giving(&[]))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Protocol);

    let pages = listing(move |seen| {
        let at: usize = seen.body["params"]["cursor"]
            .as_str()
            .map_or(0, |at| at.parse().unwrap());
        let mut tool = huge(300 * 1024);
        tool["name"] = json!(format!("t{at}"));
        seen.result(&json!({"tools": [tool], "nextCursor": (at + 1).to_string()}))
    })
    .await;
    let listed = list(&tools(), pages.url.as_str(), &giving(&[]))
        .await
        .unwrap();
    assert_eq!((listed.len(), pages.count("tools/list")), (4, 4));

    let many = listing(|seen| {
        let at: usize = seen.body["params"]["cursor"]
            .as_str()
            .map_or(0, |at| at.parse().unwrap());
        let tools: Vec<Value> = (0..500).map(|n| tool(&format!("t{at}_{n}"))).collect();
        seen.result(&json!({"tools": tools, "nextCursor": (at + 1).to_string()}))
    })
    .await;
    let listed = list(&tools(), many.url.as_str(), &giving(&[]))
        .await
        .unwrap();
    assert_eq!((listed.len(), many.count("tools/list")), (512, 2));

    let empty = listing(|seen| {
        let at: usize = seen.body["params"]["cursor"]
            .as_str()
            .map_or(0, |at| at.parse().unwrap());
        seen.result(&json!({"tools": [], "nextCursor": (at + 1).to_string()}))
    })
    .await;
    let listed = list(&tools(), empty.url.as_str(), &giving(&[]))
        .await
        .unwrap();
    assert_eq!((listed.len(), empty.count("tools/list")), (0, 64));
}

#[tokio::test]
async fn the_place_at_which_a_list_goes_on_has_an_end() {
    let long = listing(|seen| {
        let cursor = "x".repeat(16 * 1024 + 1);
        seen.result(&json!({"tools": [tool("t")], "nextCursor": cursor}))
    })
    .await;
    let listed = list(&tools(), long.url.as_str(), &giving(&[]))
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(long.count("tools/list"), 1);
}

#[tokio::test]
async fn messages_before_the_answer_have_an_end_in_bytes() {
    let flood = listing(|seen| {
        let params = json!({"data": "x".repeat(900 * 1024)});
        let notice = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params});
        let answer = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {"tools": []}});
        Answer::events(format!("data: {notice}\n\n").repeat(6) + &format!("data: {answer}\n\n"))
    })
    .await;
    let error = list(&tools(), flood.url.as_str(), &giving(&[]))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Protocol);
    assert!(
        error.message.ends_with("it sent messages without end"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_result_has_an_end_as_well() {
    let fake = Fake::start(|seen| match seen.method() {
        "tools/call" => seen.says(&"x".repeat(17 * 1024 * 1024)),
        _ => seen.error(200, -32601, "Method not found"),
    })
    .await;
    let reply = call(&tools(), fake.url.as_str(), &giving(&[]), &json!({}))
        .await
        .unwrap();
    assert_eq!(reply.verdict, Verdict::ToolSaysError);
    assert!(reply.text.contains("was thrown away"), "{}", reply.text);
}

#[tokio::test]
async fn the_name_of_a_session_and_of_a_version_have_an_end() {
    let long = "s".repeat(4 * 1024 + 1);
    let session =
        Fake::start(move |seen| seen.welcome("2025-11-25").with("Mcp-Session-Id", &long)).await;
    let version = Fake::start(|seen| seen.welcome(&"9".repeat(65))).await;
    for (fake, told) in [
        (session, "the name of its session is too long"),
        (version, "it names a version that cannot be sent"),
    ] {
        let error = list(&tools(), fake.url.as_str(), &giving(&[]))
            .await
            .unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::Protocol);
        assert!(error.message.contains(told), "{}", error.message);
    }
}

#[tokio::test]
async fn whoever_does_not_answer_is_given_up_in_time() {
    let fake = Fake::start(|seen| match seen.method() {
        "tools/list" | "tools/call" => Answer::Hang,
        _ => seen.error(200, -32601, "Method not found"),
    })
    .await;
    let mut options = Options::new(Vec::new());
    options.call_timeout = Duration::from_secs(10);
    options.call_cap = Duration::from_secs(20);
    let tools = tools_with(&options, policy(), Names::leading(&[&["127.0.0.1"]]));
    let (context, url) = (giving(&[]), fake.url.as_str());
    let frozen = freeze();
    let waiting = async {
        fake.until("tools/list", 1).await;
        tokio::time::advance(Duration::from_secs(11)).await;
    };
    let (listed, ()) = tokio::join!(list(&tools, url, &context), waiting);
    assert_eq!(listed.unwrap_err().kind, ToolErrorKind::Timeout);
    let order = order(url, "t", &json!({}));
    let waiting = async {
        fake.until("tools/call", 1).await;
        tokio::time::advance(Duration::from_secs(11)).await;
    };
    let (called, ()) = tokio::join!(tools.call(&order, &context), waiting);
    let error = called.unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Timeout);
    assert_eq!(
        error.message,
        "the tool server `theirs` did not answer in time"
    );
    drop(frozen);
}

#[tokio::test]
async fn a_drop_now_and_then_is_no_answer_and_moves_no_limit() {
    let (drops, stream) = tokio::sync::mpsc::channel(8);
    let stream = std::sync::Mutex::new(Some(stream));
    let fake = listing(move |_| Answer::Stream(stream.lock().unwrap().take().unwrap())).await;
    let tools = tools();
    let (context, url) = (giving(&[]), fake.url.as_str());
    let frozen = freeze();
    let dripping = async {
        fake.until("tools/list", 1).await;
        for _ in 0..7 {
            let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"1"}}"#;
            let _ = drops
                .send(format!(": still here\n\ndata: {progress}\n\n").into_bytes())
                .await;
            tokio::time::advance(Duration::from_secs(5)).await;
        }
    };
    let (listed, ()) = tokio::join!(list(&tools, url, &context), dripping);
    assert_eq!(listed.unwrap_err().kind, ToolErrorKind::Timeout);
    drop(frozen);
}

#[tokio::test]
async fn messages_without_end_are_not_read_without_end() {
    let fake = listing(|_| {
        let mut body = String::new();
        for _ in 0..100_001 {
            let _ = write!(body, "data: {{\"id\":999,\"result\":{{}}}}\n\n");
        }
        Answer::events(body)
    })
    .await;
    let error = list(&tools(), fake.url.as_str(), &giving(&[]))
        .await
        .unwrap_err();
    assert!(
        error.message.contains("messages without end"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_web_page_and_nonsense_are_told_as_what_they_are() {
    let table: [(Says, ToolErrorKind, &str); 4] = [
        (
            |_| Answer::new(200, "text/html", "<html>Sign in</html>"),
            ToolErrorKind::Unauthorized,
            "answered with a login page",
        ),
        (
            |_| Answer::new(200, "text/html", "<html>Welcome</html>"),
            ToolErrorKind::Protocol,
            "its URL is not that of an MCP endpoint",
        ),
        (
            |_| Answer::new(200, "application/json", "{nonsense"),
            ToolErrorKind::Protocol,
            "does not follow the protocol",
        ),
        (
            |_| Answer::Raw(vec![b"nonsense\r\n\r\n".to_vec()]),
            ToolErrorKind::Unavailable,
            "broke off the connection",
        ),
    ];
    for (answer, kind, told) in table {
        let fake = Fake::start(answer).await;
        let error = list(&tools(), fake.url.as_str(), &giving(&[]))
            .await
            .unwrap_err();
        assert_eq!(error.kind, kind, "{}", error.message);
        assert!(error.message.contains(told), "{}", error.message);
    }
}
