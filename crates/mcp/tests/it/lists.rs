//! The list of tools: paged, named, remembered, made anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use response_domain::ports::tools::{ToolErrorKind, ToolExecutor, ToolRegistry};
use response_domain::tool::{Repeat, ToolHome};
use response_egress::Url;
use response_mcp::{First, Mode, Options, Trust};
use serde_json::{Value, json};

use crate::fake::{Answer, Fake};
use crate::world::{
    bare, call, context, eventually, listed, names, order, server, tool, tools, tools_with,
};

/// A bare server with these tools, which says which one was called.
async fn listing(tools: Value) -> Fake {
    Fake::start(move |seen| match seen.method() {
        "tools/list" => seen.tools(&tools),
        _ => seen.says(seen.body["params"]["name"].as_str().unwrap_or_default()),
    })
    .await
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let fake = Fake::start(|seen| {
        let cursor = seen.body["params"]["cursor"].as_str();
        let page = cursor.map_or(0, |cursor| cursor.parse::<u32>().unwrap());
        let mut result = json!({"tools": [tool(&format!("t{page}"))]});
        if page < 3 {
            result["nextCursor"] = json!((page + 1).to_string());
        }
        if page % 2 == 0 {
            return seen.result(&result);
        }
        let body = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
        Answer::events(format!("event: message\ndata: {body}\n\n"))
    })
    .await;
    assert_eq!(
        names(&tools(&fake, Mode::Bare)).await,
        ["t0", "t1", "t2", "t3"]
    );
    assert_eq!(fake.count("tools/list"), 4);
}

#[tokio::test]
async fn pages_without_end_are_cut_off() {
    let asked = AtomicUsize::new(0);
    let fake = Fake::start(move |seen| {
        let page = asked.fetch_add(1, Ordering::SeqCst);
        seen.result(
            &json!({"tools": [tool(&format!("t{page:03}"))], "nextCursor": page.to_string()}),
        )
    })
    .await;
    assert_eq!(names(&tools(&fake, Mode::Bare)).await.len(), 64);
    let same =
        Fake::start(|seen| seen.result(&json!({"tools": [tool("t")], "nextCursor": "same"}))).await;
    assert_eq!(names(&tools(&same, Mode::Bare)).await, ["t"]);
    assert_eq!(same.count("tools/list"), 2);
}

#[tokio::test]
async fn names_are_made_fit_and_calls_use_the_servers_own() {
    let long = "x".repeat(70);
    let fake = listing(json!([
        tool("files/read"),
        tool("ok"),
        tool(&long),
        tool("ok"),
        tool("größe now")
    ]))
    .await;
    let tools = tools(&fake, Mode::Bare);
    let offered = names(&tools).await;
    assert_eq!(offered.len(), 4);
    assert_eq!(offered[0], "files_read");
    assert_eq!(offered[1], "gr__e_now");
    assert_eq!(offered[2], "ok");
    assert_eq!(offered[3].len(), 64);
    for (name, own) in offered
        .iter()
        .zip(["files/read", "größe now", "ok", &*long])
    {
        assert_eq!(&*call(&tools, name, &json!({})).await.unwrap().text, own);
    }
}

#[tokio::test]
async fn one_bad_tool_does_not_cost_the_others() {
    let fake = listing(json!([
        {"name": ""}, {"description": "nameless"}, 5, null, {"name": 7},
        {"name": "no_object", "inputSchema": {"type": "string"}},
        {"name": "bare"},
        {"name": "sloppy", "inputSchema": null, "description": "a\u{1b}[1mb\u{202e}", "annotations": null},
        {"name": "header", "inputSchema": {"type": "object",
            "properties": {"a": {"type": "object", "x-mcp-header": "A"}}}},
    ]))
    .await;
    let tools = listed(&tools(&fake, Mode::Bare)).await;
    let shown: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(shown, ["bare", "sloppy"]);
    assert_eq!(tools[1].description.as_deref(), Some("ab"));
    assert_eq!(
        tools[1].parameters.to_value(),
        json!({"type": "object", "properties": {}})
    );
}

#[tokio::test]
async fn tools_of_several_servers_keep_apart() {
    let first = listing(json!([tool("search"), tool("b_search")])).await;
    let second = listing(json!([tool("search"), tool("zip")])).await;
    let tools = tools_with(&Options::new(vec![
        server("default", &first.url, Mode::Bare),
        server("b", &second.url, Mode::Auto),
    ]));
    let offered = names(&tools).await;
    assert_eq!(offered[..2], ["b_search", "search"]);
    assert!(offered[2].starts_with("b_search_"), "{offered:?}");
    assert_eq!(offered[3], "b_zip");
    let home = &listed(&tools).await[3].home;
    assert!(
        matches!(home, ToolHome::Server { label, name, url: None } if &**label == "b" && &**name == "zip")
    );
    assert_eq!(
        &*call(&tools, "b_zip", &json!({})).await.unwrap().text,
        "zip"
    );
    assert_eq!(second.last("tools/call").body["params"]["name"], "zip");
    assert_eq!(first.count("tools/call"), 0);
}

#[tokio::test]
async fn more_tools_than_allowed_are_left_out() {
    let many: Vec<Value> = (0..50).map(|n| tool(&format!("t{n:02}"))).collect();
    let fake = listing(json!(many)).await;
    let mut options = Options::new(vec![server("default", &fake.url, Mode::Bare)]);
    options.max_tools = 3;
    assert_eq!(names(&tools_with(&options)).await, ["t00", "t01", "t02"]);
}

#[tokio::test]
async fn a_tool_may_be_repeated_if_the_operator_or_a_trusted_server_says_so() {
    let all = json!([
        {"name": "listed"},
        {"name": "reads", "annotations": {"readOnlyHint": true}},
        {"name": "same", "annotations": {"idempotentHint": true, "readOnlyHint": false}},
        {"name": "writes", "annotations": {"readOnlyHint": false}},
    ]);
    let fake = listing(all).await;
    let mut only = server("default", &fake.url, Mode::Bare);
    let cases = [
        (
            Trust::Untrusted,
            [Repeat::Safe, Repeat::Unsafe, Repeat::Unsafe, Repeat::Unsafe],
        ),
        (
            Trust::Trusted,
            [Repeat::Safe, Repeat::Safe, Repeat::Safe, Repeat::Unsafe],
        ),
    ];
    for (trust, expected) in cases {
        only.trust = trust;
        let mut options = Options::new(vec![only.clone()]);
        options.repeat_safe = vec!["listed".into()];
        let tools = listed(&tools_with(&options)).await;
        let repeats: Vec<_> = tools.iter().map(|tool| tool.repeat).collect();
        assert_eq!(repeats, expected);
    }
}

#[tokio::test]
async fn the_list_is_fetched_once_and_then_handed_out() {
    let fake = listing(json!([tool("t")])).await;
    let tools = tools(&fake, Mode::Bare);
    let context = context();
    let lists = join_all((0..50).map(|_| tools.list(&context))).await;
    let first = lists[0].as_ref().unwrap();
    assert!(
        lists
            .iter()
            .all(|list| Arc::ptr_eq(list.as_ref().unwrap(), first))
    );
    assert_eq!(fake.count("tools/list"), 1);
}

#[tokio::test]
async fn an_old_list_is_handed_out_while_the_new_one_is_fetched() {
    let asked = AtomicUsize::new(0);
    let release = Arc::new(tokio::sync::Notify::new());
    let gate = Arc::clone(&release);
    let fake = Fake::deciding(move |seen| {
        let turn = asked.fetch_add(1, Ordering::SeqCst);
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            if turn == 1 {
                gate.notified().await;
            }
            seen.tools(&json!([tool(if turn == 0 { "old" } else { "new" })]))
        })
    })
    .await;
    let mut options = Options::new(vec![server("default", &fake.url, Mode::Bare)]);
    options.list_fresh = Duration::from_nanos(1);
    let tools = tools_with(&options);
    assert_eq!(names(&tools).await, ["old"]);
    for _ in 0..10 {
        assert_eq!(names(&tools).await, ["old"]);
    }
    fake.until("tools/list", 2).await;
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fake.count("tools/list"), 2);
    release.notify_one();
    eventually(|| async { names(&tools).await == ["new"] }).await;
}

#[tokio::test]
async fn a_list_that_did_not_change_stays_the_same_value() {
    let fake = listing(json!([tool("t")])).await;
    let mut options = Options::new(vec![server("default", &fake.url, Mode::Bare)]);
    options.list_fresh = Duration::from_nanos(1);
    let tools = tools_with(&options);
    let first = listed(&tools).await;
    eventually(|| async {
        listed(&tools).await;
        fake.count("tools/list") >= 3
    })
    .await;
    assert!(Arc::ptr_eq(&first, &listed(&tools).await));
}

#[tokio::test]
async fn a_change_that_a_server_tells_of_is_looked_up_but_a_call_under_way_keeps_its_tool() {
    let changed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let has_changed = Arc::clone(&changed);
    let fake = Fake::start(move |seen| {
        if seen.method() == "tools/list" {
            let name = if has_changed.load(Ordering::SeqCst) {
                "new"
            } else {
                "old"
            };
            return seen.tools(&json!([tool(name)]));
        }
        let notice = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
        let result =
            json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {"content": "done"}});
        Answer::events(format!("data: {notice}\n\ndata: {result}\n\n"))
    })
    .await;
    let tools = tools(&fake, Mode::Bare);
    let order = order(&listed(&tools).await, "old", &json!({}));
    changed.store(true, Ordering::SeqCst);
    assert_eq!(&*tools.call(&order, &context()).await.unwrap().text, "done");
    eventually(|| async { names(&tools).await == ["new"] }).await;
    assert_eq!(&*tools.call(&order, &context()).await.unwrap().text, "done");
    assert_eq!(fake.last("tools/call").body["params"]["name"], "old");
}

#[tokio::test]
async fn a_server_that_is_down_is_left_out_but_the_first_one_must_be_there() {
    let up = listing(json!([tool("t")])).await;
    let nowhere = Url::parse("http://127.0.0.1:1/mcp").unwrap();
    let with_second_down = tools_with(&Options::new(vec![
        server("default", &up.url, Mode::Bare),
        server("b", &nowhere, Mode::Auto),
    ]));
    assert_eq!(names(&with_second_down).await, ["t"]);
    let with_first_down = tools_with(&Options::new(vec![
        server("default", &nowhere, Mode::Auto),
        server("b", &up.url, Mode::Bare),
    ]));
    let error = with_first_down.list(&context()).await.unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Unavailable);
    assert_eq!(error.message, "the tool server `default` cannot be reached");
}

#[tokio::test]
async fn without_a_main_server_every_tool_bears_its_label_and_any_server_will_do() {
    let up = listing(json!([tool("t")])).await;
    let nowhere = Url::parse("http://127.0.0.1:1/mcp").unwrap();
    let mut options = Options::new(vec![
        server("a", &nowhere, Mode::Bare),
        server("b", &up.url, Mode::Bare),
    ]);
    options.first = First::LikeOthers;
    assert_eq!(names(&tools_with(&options)).await, ["b_t"]);
    options.servers.truncate(1);
    let error = tools_with(&options).list(&context()).await.unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Unavailable);
    options.servers[0] = server("a", &up.url, Mode::Bare);
    assert_eq!(names(&tools_with(&options)).await, ["a_t"]);
}

#[tokio::test]
async fn a_list_that_is_never_fresh_is_asked_for_each_time() {
    let fake = listing(json!([tool("t")])).await;
    let mut options = Options::new(vec![server("default", &fake.url, Mode::Bare)]);
    options.list_fresh = Duration::ZERO;
    let tools = tools_with(&options);
    for asked in 1..=3 {
        assert_eq!(names(&tools).await, ["t"]);
        assert_eq!(fake.count("tools/list"), asked);
    }
}

#[tokio::test]
async fn a_list_is_asked_for_twice_before_it_is_given_up_and_a_failure_is_remembered_for_a_moment()
{
    let fake = Fake::start(|_| Answer::new(503, "text/plain", "")).await;
    let tools = tools(&fake, Mode::Bare);
    let context = context();
    for list in join_all((0..10).map(|_| tools.list(&context))).await {
        assert_eq!(list.unwrap_err().kind, ToolErrorKind::Unavailable);
    }
    assert_eq!(fake.count("tools/list"), 2);
}

#[tokio::test]
async fn trouble_that_passes_is_not_seen() {
    let asked = AtomicUsize::new(0);
    let fake = Fake::start(move |seen| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::new(502, "text/plain", ""),
        _ => seen.tools(&json!([tool("t")])),
    })
    .await;
    assert_eq!(names(&tools(&fake, Mode::Bare)).await, ["t"]);
}

#[tokio::test]
async fn a_server_that_goes_down_keeps_its_tools_for_a_while() {
    let is_down = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let down = Arc::clone(&is_down);
    let fake = Fake::start(move |seen| {
        if down.load(Ordering::SeqCst) {
            return Answer::new(503, "text/plain", "");
        }
        seen.tools(&json!([tool("t")]))
    })
    .await;
    let mut options = Options::new(vec![server("default", &fake.url, Mode::Bare)]);
    options.list_fresh = Duration::from_nanos(1);
    let tools = tools_with(&options);
    assert_eq!(names(&tools).await, ["t"]);
    is_down.store(true, Ordering::SeqCst);
    eventually(|| async {
        assert_eq!(names(&tools).await, ["t"]);
        fake.count("tools/list") >= 4
    })
    .await;
}

#[tokio::test]
async fn a_server_without_tools_offers_none() {
    let fake = Fake::start(|seen| match seen.method() {
        "initialize" => seen.welcome("2025-11-25"),
        "tools/list" => seen.error(200, -32601, "Method not found"),
        _ => Answer::accepted(),
    })
    .await;
    assert!(names(&tools(&fake, Mode::Auto)).await.is_empty());
    assert!(names(&tools_with(&Options::new(vec![]))).await.is_empty());
}

#[tokio::test]
async fn a_call_before_any_list_fetches_it_first() {
    let fake = bare(|seen| seen.says("done")).await;
    let order = order(&listed(&tools(&fake, Mode::Bare)).await, "t", &json!({}));
    let restarted = tools(&fake, Mode::Bare);
    assert_eq!(
        &*restarted.call(&order, &context()).await.unwrap().text,
        "done"
    );
    assert_eq!(fake.count("tools/list"), 2);
}
