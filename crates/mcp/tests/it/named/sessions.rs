//! Sessions at servers that callers name: one for each conversation and each set of secrets, and not for
//! long.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use response_domain::id::{RawId, ResponseId};
use response_domain::ports::llm::CallContext;
use response_mcp::McpTools;
use serde_json::json;

use super::stage::{call, elsewhere, giving, list, tools};
use crate::fake::{Answer, Fake};
use crate::world::{eventually, freeze, sessions, tool};

async fn open() -> Fake {
    sessions(|_| Answer::new(404, "text/plain", ""), |_| true).await
}

/// The session that a call of this caller goes through.
async fn session(tools: &McpTools, fake: &Fake, context: &CallContext) -> String {
    let url = fake.url.as_str();
    call(tools, url, context, &json!({})).await.unwrap();
    let call = fake.last("tools/call");
    call.header("mcp-session-id").unwrap().to_owned()
}

#[tokio::test]
async fn a_list_and_the_calls_of_a_run_share_one_session() {
    let fake = open().await;
    let (tools, context, url) = (tools(), giving(&[("x-k", "v")]), fake.url.as_str());
    let lists = join_all((0..5).map(|_| list(&tools, url, &context))).await;
    assert!(lists.iter().all(Result::is_ok));
    let nothing = json!({});
    let calls = join_all((0..20).map(|_| call(&tools, url, &context, &nothing))).await;
    assert!(calls.iter().all(Result::is_ok));
    assert_eq!(fake.count("initialize"), 1);
}

#[tokio::test]
async fn no_two_callers_share_a_session_unless_all_is_the_same() {
    let fake = open().await;
    let tools = tools();
    let ada = giving(&[("Authorization", "Bearer ada"), ("x-k", "v")]);
    let unstored = |response| CallContext {
        conversation: None,
        response: ResponseId::new(RawId::new(response)),
        ..ada.clone()
    };
    let different = [
        ada.clone(),
        giving(&[("Authorization", "Bearer grace"), ("x-k", "v")]),
        giving(&[("Authorization", "Bearer ada")]),
        giving(&[("Authorization", "Bearer ada"), ("x-k", "v"), ("x-l", "")]),
        // The same bytes cut elsewhere.
        giving(&[("Authorization", "Bearer ada"), ("x-kv", "")]),
        giving(&[]),
        elsewhere(3, &ada),
        elsewhere(4, &ada),
        unstored(5),
        unstored(6),
    ];
    let mut used = HashSet::new();
    for context in &different {
        let session = session(&tools, &fake, context).await;
        assert!(used.insert(session.clone()), "{session}");
    }
    for context in &different {
        let session = session(&tools, &fake, context).await;
        assert!(!used.insert(session));
    }
    // Their order and their case make no difference.
    let same = giving(&[("X-K", "v"), ("authorization", "Bearer ada")]);
    assert_eq!(session(&tools, &fake, &same).await, "session-0");
    assert_eq!(fake.count("initialize"), different.len());
}

#[tokio::test]
async fn another_address_is_another_server() {
    let fake = open().await;
    let (tools, context) = (tools(), giving(&[]));
    for path in ["/mcp", "/mcp/", "/mcp?a", "/other"] {
        let url = fake.url.join(path).unwrap();
        call(&tools, url.as_str(), &context, &json!({}))
            .await
            .unwrap();
    }
    assert_eq!(fake.count("initialize"), 4);
}

#[tokio::test]
async fn a_lost_session_is_made_anew_with_the_same_secrets() {
    let valid = Arc::new(AtomicUsize::new(0));
    let current = Arc::clone(&valid);
    let is_current =
        move |session: &str| session == format!("session-{}", current.load(Ordering::SeqCst));
    let fake = sessions(|_| Answer::new(404, "text/plain", ""), is_current).await;
    let (tools, context) = (tools(), giving(&[("Authorization", "Bearer ada")]));
    assert_eq!(session(&tools, &fake, &context).await, "session-0");
    valid.store(1, Ordering::SeqCst);
    assert_eq!(session(&tools, &fake, &context).await, "session-1");
    let greeting = fake.last("initialize");
    assert_eq!(greeting.header("authorization"), Some("Bearer ada"));
    assert_eq!(fake.count("tools/call"), 3);
}

#[tokio::test]
async fn what_nobody_uses_for_five_minutes_is_ended_and_forgotten() {
    let fake = open().await;
    let tools = tools();
    let ada = giving(&[("Authorization", "Bearer ada")]);
    let grace = giving(&[("Authorization", "Bearer grace")]);
    assert_eq!(session(&tools, &fake, &ada).await, "session-0");
    assert_eq!(session(&tools, &fake, &grace).await, "session-1");
    let frozen = freeze();
    for _ in 0..4 {
        tokio::time::advance(Duration::from_secs(65)).await;
        assert_eq!(session(&tools, &fake, &grace).await, "session-1");
    }
    assert_eq!(fake.count("DELETE"), 0);
    tokio::time::advance(Duration::from_secs(65)).await;
    fake.until("DELETE", 1).await;
    let ended = fake.last("DELETE");
    assert_eq!(ended.header("mcp-session-id"), Some("session-0"));
    assert_eq!(ended.header("authorization"), Some("Bearer ada"));
    assert_eq!(session(&tools, &fake, &ada).await, "session-2");
    assert_eq!(session(&tools, &fake, &grace).await, "session-1");
    // Time after time, until nothing is left to look after.
    eventually(async || {
        tokio::time::advance(Duration::from_secs(65)).await;
        fake.count("DELETE") == 3
    })
    .await;
    drop(frozen);
    let ended: HashSet<_> = fake
        .seen()
        .iter()
        .filter(|seen| seen.verb == "DELETE")
        .map(|seen| seen.header("mcp-session-id").unwrap().to_owned())
        .collect();
    assert_eq!(ended.len(), 3);
}

#[tokio::test]
async fn there_is_an_end_to_how_many_are_remembered() {
    let fake = open().await;
    let tools = tools();
    let context = giving(&[]);
    for conversation in 0..1_030 {
        let context = elsewhere(conversation, &context);
        call(&tools, fake.url.as_str(), &context, &json!({}))
            .await
            .unwrap();
    }
    // The oldest made room for the last six.
    fake.until("DELETE", 6).await;
    let mut ended: Vec<_> = fake
        .seen()
        .iter()
        .filter(|seen| seen.verb == "DELETE")
        .map(|seen| seen.header("mcp-session-id").unwrap().to_owned())
        .collect();
    ended.sort_unstable();
    let first: Vec<_> = (0..6).map(|number| format!("session-{number}")).collect();
    assert_eq!(ended, first);
}

#[tokio::test]
async fn every_session_is_ended_at_the_end() {
    let fake = open().await;
    let tools = tools();
    for conversation in 0..3 {
        let context = elsewhere(conversation, &giving(&[("x-k", "v")]));
        session(&tools, &fake, &context).await;
    }
    tools.close(Duration::from_secs(5)).await;
    assert_eq!(fake.count("DELETE"), 3);
}

#[tokio::test]
async fn a_server_without_sessions_is_not_taken_leave_of() {
    let fake = Fake::start(|seen| match seen.method() {
        "initialize" => seen.welcome("2025-11-25"),
        "tools/call" => seen.says("done"),
        "tools/list" => seen.tools(&json!([tool("t")])),
        _ => Answer::accepted(),
    })
    .await;
    let tools = tools();
    call(&tools, fake.url.as_str(), &giving(&[]), &json!({}))
        .await
        .unwrap();
    tools.close(Duration::from_secs(5)).await;
    assert_eq!(fake.count("DELETE"), 0);
}
