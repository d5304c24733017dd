//! The tools as an MCP client sees them.

use std::time::{Duration, SystemTime};

use response_devstack::tools::{ToolFailure, Tools, ToolsOptions};
use serde_json::{Value, json};

use crate::mcp::{Mcp, text};

#[tokio::test]
async fn a_search_finds_documents_whose_links_can_be_fetched() {
    let mcp = Mcp::start(&ToolsOptions::default());
    let found = mcp
        .call("google_search", json!({"q": "latest AI news", "num": 3}))
        .await;
    let found: Value = serde_json::from_str(&text(&found)).unwrap();
    let results = found["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    assert!(found["total"].as_u64().unwrap() >= 4);
    for (at, result) in results.iter().enumerate() {
        assert_eq!(result["position"], at + 1);
        assert!(
            result["title"].as_str().unwrap().starts_with("AI news: "),
            "{result}"
        );
        let page = mcp.call("scrape", json!({"url": result["link"]})).await;
        let page: Value = serde_json::from_str(&text(&page)).unwrap();
        assert_eq!(page["title"], result["title"]);
        let body = page["text"].as_str().unwrap();
        assert!(
            body.contains(result["snippet"].as_str().unwrap()),
            "{result} in {body}"
        );
        assert!(
            body.contains("Sample document") && !body.contains("<p>"),
            "{body}"
        );
    }
    let second = mcp
        .call(
            "google_search",
            json!({"q": "latest AI news", "num": 3, "page": 2}),
        )
        .await;
    let second: Value = serde_json::from_str(&text(&second)).unwrap();
    assert_eq!(second["results"][0]["position"], 4);
}

#[tokio::test]
async fn a_folder_of_ones_own_can_be_searched() {
    let folder = std::env::temp_dir().join(format!("devstack-documents-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("a & b.md"),
        "# Zebras <3\n\nZebras are striped.",
    )
    .unwrap();
    std::fs::write(folder.join("ignored.png"), "zebras").unwrap();
    let options = ToolsOptions {
        documents: Some(folder.clone()),
        ..ToolsOptions::default()
    };
    let mcp = Mcp::start(&options);
    let found = mcp.call("google_search", json!({"q": "zebra"})).await;
    let found: Value = serde_json::from_str(&text(&found)).unwrap();
    assert_eq!(found["total"], 1);
    let page = mcp
        .call("scrape", json!({"url": found["results"][0]["link"]}))
        .await;
    let page: Value = serde_json::from_str(&text(&page)).unwrap();
    assert_eq!(page["title"], "Zebras <3");
    std::fs::remove_dir_all(&folder).unwrap();
    let gone = Tools::start(&ToolsOptions {
        documents: Some(folder),
        ..ToolsOptions::default()
    });
    assert!(gone.is_err());
}

#[tokio::test]
async fn a_fetch_reaches_this_servers_documents_and_nothing_else_inside() {
    let mcp = Mcp::start(&ToolsOptions::default());
    let other = Mcp::start(&ToolsOptions::default());
    let refused = [
        other
            .tools
            .url()
            .join("documents/tides")
            .unwrap()
            .to_string(),
        mcp.tools
            .url()
            .join("documents/tides")
            .unwrap()
            .to_string()
            .replace("127.0.0.1", "localhost"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::1]/".to_owned(),
        "http://user:secret@127.0.0.1/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "not a url".to_owned(),
    ];
    for url in refused {
        let result = mcp.call("scrape", json!({ "url": url })).await;
        assert_eq!(result["isError"], true, "{url}: {result}");
    }
    assert_eq!(other.tools.ledger().seen().len(), 0);
    let missing = mcp.tools.url().join("documents/none").unwrap();
    let result = mcp.call("scrape", json!({"url": missing.as_str()})).await;
    assert!(text(&result).contains("404"), "{result}");
}

#[tokio::test]
async fn the_calculator_and_the_clock_do_what_they_say() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_hours(498_684);
    let mcp = Mcp::start(&ToolsOptions {
        time: Some(time),
        ..ToolsOptions::default()
    });
    assert_eq!(
        text(&mcp.call("calculator", json!({"expression": "12*7"})).await),
        "84"
    );
    let fault = mcp.call("calculator", json!({"expression": "1/0"})).await;
    assert_eq!(
        (&fault["isError"], text(&fault)),
        (&json!(true), "division by zero".to_owned())
    );
    let now = mcp
        .call("clock", json!({"timezone_offset": "+01:00"}))
        .await;
    let now: Value = serde_json::from_str(&text(&now)).unwrap();
    assert_eq!(now["time"], "2026-11-21T13:00:00+01:00");
    let now = Mcp::start(&ToolsOptions::default())
        .call("clock", Value::Null)
        .await;
    let now: Value = serde_json::from_str(&text(&now)).unwrap();
    assert!(now["unix"].as_i64().unwrap() > 1_700_000_000, "{now}");
}

#[tokio::test]
async fn wrong_arguments_are_told_to_the_model() {
    let mcp = Mcp::start(&ToolsOptions::default());
    let table = [
        ("google_search", json!({}), "missing field `q`"),
        ("google_search", json!({"q": " "}), "q must not be empty"),
        (
            "google_search",
            json!({"q": "x", "num": 21}),
            "num is 21, it must be from 1 to 20",
        ),
        ("google_search", json!({"q": "x", "page": 0}), "page is 0"),
        ("google_search", json!({"q": 5}), "invalid type"),
        ("scrape", json!({"link": "x"}), "unknown field `link`"),
        (
            "calculator",
            json!({"expression": "1", "request_id": "r"}),
            "unknown field `request_id`",
        ),
        (
            "clock",
            json!({"timezone_offset": "Berlin"}),
            "\"Berlin\" is not an offset",
        ),
        ("clock", json!([]), "Invalid arguments"),
    ];
    for (tool, arguments, expected) in table {
        let result = mcp.call(tool, arguments.clone()).await;
        assert_eq!(result["isError"], true, "{tool} {arguments}");
        assert!(
            text(&result).contains(expected),
            "{tool} {arguments}: {result}"
        );
    }
}

#[tokio::test]
async fn the_platforms_context_is_taken_where_the_schema_names_it() {
    let mcp = Mcp::start(&ToolsOptions::default());
    let list = mcp.request("tools/list", json!({})).await["tools"].clone();
    let named: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|tool| {
            tool["inputSchema"]["properties"]
                .get("tool_call_id")
                .is_some()
        })
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["google_search", "scrape"]);
    for tool in list.as_array().unwrap() {
        assert_eq!(tool["annotations"]["readOnlyHint"], true);
        assert_eq!(tool["inputSchema"]["type"], "object");
    }
    let context = json!({
        "q": "tides", "request_id": "r", "conversation_id": "c", "user_id": "u", "tool_call_id": "t",
    });
    assert_eq!(mcp.call("google_search", context).await["isError"], false);
}

#[tokio::test]
async fn a_tool_that_is_held_works_when_it_is_let_go() {
    let mcp = Mcp::start(&ToolsOptions::default());
    mcp.tools.set_failure("calculator", Some(ToolFailure::Hold));
    let released = async {
        mcp.tools
            .ledger()
            .until(|traffic| traffic.open() == 1)
            .await;
        mcp.tools.set_failure("calculator", None);
    };
    let call = mcp.call("calculator", json!({"expression": "12*7"}));
    let (result, ()) = tokio::join!(call, released);
    assert_eq!(text(&result), "84");
}
