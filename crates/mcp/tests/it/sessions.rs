//! Sessions: shared, kept apart by credential, made anew when lost, and ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use response_domain::ports::tools::{ToolErrorKind, ToolExecutor, ToolRegistry};
use response_mcp::{CredentialUse, Mode, Options, ServerOptions};
use serde_json::json;

use crate::fake::{Answer, Fake, Seen};
use crate::world::{
    bearer, call, call_as, context, listed, order, server, sessions, tools, tools_with,
};

#[tokio::test]
async fn parallel_calls_share_one_session() {
    let fake = sessions(
        |seen| seen.error(404, -32001, "Session not found"),
        |_| true,
    )
    .await;
    let tools = tools(&fake, Mode::Auto);
    let context = context();
    let lists = join_all((0..20).map(|_| tools.list(&context))).await;
    assert!(lists.iter().all(Result::is_ok));
    let order = order(&listed(&tools).await, "t", &json!({}));
    let replies = join_all((0..20).map(|_| tools.call(&order, &context))).await;
    assert!(
        replies
            .iter()
            .all(|reply| &*reply.as_ref().unwrap().text == "done")
    );
    assert_eq!(fake.count("initialize"), 1);
    assert_eq!(fake.count("tools/list"), 1);
    assert_eq!(fake.count("tools/call"), 20);
    let with_session = |seen: &Seen| seen.header("mcp-session-id") == Some("session-0");
    assert_eq!(
        fake.seen().iter().filter(|seen| with_session(seen)).count(),
        22
    );
}

type Loss = fn(&Seen) -> Answer;

/// Every way in which servers were seen to tell that a session is gone.
const LOSSES: [Loss; 8] = [
    |_| Answer::new(404, "text/plain", ""),
    |_| {
        Answer::json(
            404,
            &json!({"jsonrpc": "2.0", "id": "server-error",
                "error": {"code": -32600, "message": "Session not found"}}),
        )
    },
    |seen| seen.error(400, -32000, "Bad Request: No valid session ID provided"),
    |_| Answer::new(400, "text/plain", ""),
    |_| Answer::json(503, &json!({"error": "unknown or expired mcp-session-id"})),
    |_| Answer::json(200, &json!({"error": "Session not found"})),
    |_| Answer::events("event: message\ndata: {\"error\":\"Session not found\"}\n\n"),
    |seen| seen.error(200, -32001, "Session not found"),
];

#[tokio::test]
async fn a_lost_session_is_made_anew_once_whatever_the_words() {
    for lost in LOSSES {
        let valid = Arc::new(AtomicUsize::new(0));
        let current = Arc::clone(&valid);
        let is_current =
            move |session: &str| session == format!("session-{}", current.load(Ordering::SeqCst));
        let fake = sessions(lost, is_current).await;
        let tools = tools(&fake, Mode::Session);
        call(&tools, "t", &json!({})).await.unwrap();
        valid.store(1, Ordering::SeqCst);
        let reply = call(&tools, "t", &json!({})).await.unwrap();
        assert_eq!(&*reply.text, "done");
        assert_eq!(fake.count("initialize"), 2);
        assert_eq!(fake.count("tools/call"), 3);
        assert_eq!(
            fake.last("tools/call").header("mcp-session-id"),
            Some("session-1")
        );
    }
}

#[tokio::test]
async fn calls_that_lose_their_session_together_make_one_new_one() {
    let valid = Arc::new(AtomicUsize::new(0));
    let current = Arc::clone(&valid);
    let is_current =
        move |session: &str| session == format!("session-{}", current.load(Ordering::SeqCst));
    let fake = sessions(|_| Answer::new(404, "text/plain", ""), is_current).await;
    let tools = tools(&fake, Mode::Session);
    let order = order(&listed(&tools).await, "t", &json!({}));
    valid.store(1, Ordering::SeqCst);
    let context = context();
    let replies = join_all((0..10).map(|_| tools.call(&order, &context))).await;
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(fake.count("initialize"), 2);
}

#[tokio::test]
async fn a_server_that_loses_every_session_is_given_up() {
    let seen_lists = Arc::new(AtomicUsize::new(0));
    let lists = Arc::clone(&seen_lists);
    // The list works, so that there is something to call; every call loses its session.
    let fake = Fake::start(move |seen| match seen.method() {
        "initialize" => seen.welcome("2025-11-25").with("Mcp-Session-Id", "s"),
        "tools/list" => {
            lists.fetch_add(1, Ordering::SeqCst);
            seen.tools(&json!([crate::world::tool("t")]))
        }
        "tools/call" => Answer::new(404, "text/plain", ""),
        _ => Answer::accepted(),
    })
    .await;
    let error = call(&tools(&fake, Mode::Session), "t", &json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Unavailable);
    assert_eq!(fake.count("tools/call"), 2);
    assert_eq!(fake.count("initialize"), 2);
    assert_eq!(seen_lists.load(Ordering::SeqCst), 1);
}

fn forwarding(fake: &Fake) -> Options {
    Options::new(vec![ServerOptions {
        credential: CredentialUse::Forwarded,
        ..server("default", &fake.url, Mode::Session)
    }])
}

#[tokio::test]
async fn each_credential_has_a_session_of_its_own_and_goes_with_every_request() {
    let fake = sessions(|_| Answer::new(404, "text/plain", ""), |_| true).await;
    let tools = tools_with(&forwarding(&fake));
    let mut used = Vec::new();
    for token in ["ada", "grace", "ada"] {
        call_as(&tools, &bearer(token), "t", &json!({}))
            .await
            .unwrap();
        let seen = fake.last("tools/call");
        assert_eq!(
            seen.header("authorization"),
            Some(&*format!("Bearer {token}"))
        );
        used.push(seen.header("mcp-session-id").unwrap().to_owned());
    }
    assert_eq!(used[0], used[2]);
    assert_ne!(used[0], used[1]);
    assert_eq!(fake.count("initialize"), 2);
    assert_eq!(fake.count("tools/list"), 1);
    let all_bear_it = fake
        .seen()
        .iter()
        .all(|seen| seen.header("authorization").is_some());
    assert!(all_bear_it);
}

#[tokio::test]
async fn a_key_goes_on_as_it_came() {
    let fake = sessions(|_| Answer::new(404, "text/plain", ""), |_| true).await;
    let mut caller = context();
    caller.credential = response_domain::caller::Credential::api_key("sk_1".into());
    call_as(&tools_with(&forwarding(&fake)), &caller, "t", &json!({}))
        .await
        .unwrap();
    let seen = fake.last("tools/call");
    assert_eq!(seen.header("x-api-key"), Some("sk_1"));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn a_credential_that_is_not_forwarded_never_leaves() {
    let fake = sessions(|_| Answer::new(404, "text/plain", ""), |_| true).await;
    let mut only = server("default", &fake.url, Mode::Session);
    only.headers
        .insert("authorization", "Bearer fixed".parse().unwrap());
    only.headers.insert("x-tenant", "acme".parse().unwrap());
    let tools = tools_with(&Options::new(vec![only]));
    for token in ["ada", "grace"] {
        call_as(&tools, &bearer(token), "t", &json!({}))
            .await
            .unwrap();
    }
    for seen in fake.seen() {
        assert_eq!(seen.header("authorization"), Some("Bearer fixed"));
        assert_eq!(seen.header("x-tenant"), Some("acme"));
    }
    assert_eq!(fake.count("initialize"), 1);
}

#[tokio::test]
async fn a_server_without_sessions_gets_one_handshake_for_all_credentials() {
    let fake = Fake::start(|seen| match seen.method() {
        "initialize" => seen.welcome("2025-11-25"),
        "tools/list" => seen.tools(&json!([crate::world::tool("t")])),
        "tools/call" => seen.says("done"),
        _ => Answer::accepted(),
    })
    .await;
    let tools = tools_with(&forwarding(&fake));
    for token in ["ada", "grace", "edsger"] {
        call_as(&tools, &bearer(token), "t", &json!({}))
            .await
            .unwrap();
    }
    assert_eq!(fake.count("initialize"), 1);
}

#[tokio::test]
async fn every_session_is_ended_at_the_end() {
    let fake = sessions(|_| Answer::new(404, "text/plain", ""), |_| true).await;
    let tools = tools_with(&forwarding(&fake));
    for token in ["ada", "grace"] {
        call_as(&tools, &bearer(token), "t", &json!({}))
            .await
            .unwrap();
    }
    tools.close(Duration::from_secs(5)).await;
    let ended: Vec<_> = fake
        .seen()
        .into_iter()
        .filter(|seen| seen.verb == "DELETE")
        .map(|seen| {
            let session = seen.header("mcp-session-id").unwrap().to_owned();
            (session, seen.header("authorization").unwrap().to_owned())
        })
        .collect();
    assert_eq!(ended.len(), 2);
    assert!(ended.contains(&("session-0".into(), "Bearer ada".into())));
    assert!(ended.contains(&("session-1".into(), "Bearer grace".into())));
}
