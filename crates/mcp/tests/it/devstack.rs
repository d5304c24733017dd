//! The tools of the development stack, which answers as the platform's own tool server does.

use std::time::Duration;

use futures::future::join_all;
use response_devstack::tools::{Answers, Sessions, TestTools, ToolFailure, Tools, ToolsOptions};
use response_domain::ports::tools::{ToolErrorKind, ToolExecutor};
use response_domain::tool::{Repeat, Verdict};
use response_mcp::{McpTools, Mode, Options, Trust};
use serde_json::{Value, json};

use crate::world::{call, context, listed, names, order, server, tools_with};

const ALL: [&str; 6] = [
    "blob",
    "calculator",
    "clock",
    "google_search",
    "scrape",
    "wait",
];

fn started(options: ToolsOptions) -> Tools {
    Tools::start(&ToolsOptions {
        test_tools: TestTools::Offered,
        ..options
    })
    .unwrap()
}

fn over(stack: &Tools, mode: Mode) -> McpTools {
    let mut only = server("default", stack.url(), mode);
    only.trust = Trust::Trusted;
    let mut options = Options::new(vec![only]);
    options.call_timeout = Duration::from_secs(5);
    tools_with(&options)
}

/// The JSON-RPC methods that were posted, oldest first.
fn methods(stack: &Tools) -> Vec<String> {
    let seen = stack.ledger().seen();
    seen.iter()
        .map(|seen| {
            seen.json()["method"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn the_platforms_manner_costs_one_post_for_a_call() {
    let stack = started(ToolsOptions::default());
    let tools = over(&stack, Mode::Bare);
    let search = json!({"q": "quantum computing", "num": 3, "user_id": "root"});
    let found = call(&tools, "google_search", &search).await.unwrap();
    assert_eq!(found.verdict, Verdict::Done);
    let hits: Value = serde_json::from_str(&found.text).unwrap();
    let link = hits["results"][0]["link"].as_str().unwrap();
    let page = call(&tools, "scrape", &json!({ "url": link }))
        .await
        .unwrap();
    assert!(
        page.text.to_lowercase().contains("quantum"),
        "{}",
        page.text
    );
    let sum = call(&tools, "calculator", &json!({"expression": "12*(7-2)^2"}))
        .await
        .unwrap();
    assert!(sum.text.contains("300"), "{}", sum.text);
    assert_eq!(
        methods(&stack),
        ["tools/list", "tools/call", "tools/call", "tools/call"]
    );
    let asked = &stack.ledger().seen()[1];
    assert_eq!(asked.path, "/v1/mcp");
    assert_eq!(asked.header("x-request-id"), Some("req-1"));
    let arguments = &asked.json()["params"]["arguments"];
    assert_eq!(arguments["user_id"], "ada");
    assert_eq!(arguments["request_id"], "req-1");
}

#[tokio::test]
async fn every_form_of_list_and_answer_is_read() {
    for answers in [
        Answers::Mixed,
        Answers::Json,
        Answers::Events,
        Answers::EventLines,
    ] {
        for sessions in [Sessions::None, Sessions::Required] {
            let stack = started(ToolsOptions {
                answers,
                sessions,
                page_size: Some(1),
                ..ToolsOptions::default()
            });
            let tools = over(&stack, Mode::Auto);
            assert_eq!(names(&tools).await, ALL, "{answers:?} {sessions:?}");
            let text = call(&tools, "blob", &json!({"bytes": 2000}))
                .await
                .unwrap()
                .text;
            assert_eq!(text.len(), 2000, "{answers:?} {sessions:?}");
        }
    }
}

#[tokio::test]
async fn sessions_that_a_restart_forgot_are_made_anew() {
    let stack = started(ToolsOptions {
        sessions: Sessions::Required,
        ..ToolsOptions::default()
    });
    let tools = over(&stack, Mode::Auto);
    let order = order(&listed(&tools).await, "clock", &json!({}));
    let context = context();
    stack.expire_sessions();
    for reply in join_all((0..8).map(|_| tools.call(&order, &context))).await {
        assert_eq!(reply.unwrap().verdict, Verdict::Done);
    }
    let hellos = methods(&stack)
        .iter()
        .filter(|method| *method == "initialize")
        .count();
    assert_eq!(hellos, 2);
}

#[tokio::test]
async fn each_failure_of_a_tool_comes_to_what_it_is() {
    let stack = started(ToolsOptions::default());
    let tools = over(&stack, Mode::Bare);
    let order = order(&listed(&tools).await, "wait", &json!({"seconds": 0}));
    assert_eq!(order.tool.repeat, Repeat::Unsafe);
    let rpc = ToolFailure::Rpc {
        code: -32603,
        message: "out of luck".into(),
    };
    let complaints = [
        (ToolFailure::Error("no such page".into()), "no such page"),
        (
            rpc,
            "The tool server refused the call with error -32603: out of luck",
        ),
    ];
    for (failure, text) in complaints {
        stack.set_failure("wait", Some(failure));
        let reply = tools.call(&order, &context()).await.unwrap();
        assert_eq!(
            (reply.verdict, &*reply.text),
            (Verdict::ToolSaysError, text)
        );
    }
    let errors = [
        (ToolFailure::Status(401), ToolErrorKind::Unauthorized),
        (ToolFailure::Status(404), ToolErrorKind::Unavailable),
        (ToolFailure::Status(500), ToolErrorKind::Unavailable),
        (ToolFailure::Break, ToolErrorKind::Unavailable),
    ];
    for (failure, kind) in errors {
        stack.set_failure("wait", Some(failure.clone()));
        let before = stack.ledger().seen().len();
        let error = tools.call(&order, &context()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{failure:?}");
        assert_eq!(stack.ledger().seen().len(), before + 1, "{failure:?}");
    }
    stack.set_failure("wait", Some(ToolFailure::Html));
    assert!(tools.call(&order, &context()).await.is_err());
    stack.set_failure("wait", None);
    assert_eq!(
        tools.call(&order, &context()).await.unwrap().verdict,
        Verdict::Done
    );
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_leaves_nothing_running() {
    let stack = started(ToolsOptions::default());
    let tools = over(&stack, Mode::Bare);
    let order = order(&listed(&tools).await, "wait", &json!({"seconds": 3600}));
    let context = context();
    let mut calling = Box::pin(tools.call(&order, &context));
    tokio::select! {
        reply = &mut calling => panic!("nothing can have come: {reply:?}"),
        _ = stack.ledger().until(|traffic| traffic.open() == 1) => {}
    }
    drop(calling);
    let traffic = stack.ledger().until(|traffic| traffic.open() == 0).await;
    assert_eq!(traffic.abandoned, 1);
}

#[tokio::test]
async fn progress_keeps_a_long_call_alive_and_silence_does_not() {
    let stack = started(ToolsOptions::default());
    let mut options = Options::new(vec![server("default", stack.url(), Mode::Auto)]);
    options.call_timeout = Duration::from_secs(2);
    let tools = tools_with(&options);
    let told = json!({"seconds": 3, "progress_every": 0.3});
    let reply = call(&tools, "wait", &told).await.unwrap();
    assert_eq!(reply.verdict, Verdict::Done);
    let error = call(&tools, "wait", &json!({"seconds": 3600}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Timeout);
    stack.ledger().until(|traffic| traffic.abandoned == 1).await;
}
