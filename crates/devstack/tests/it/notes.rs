//! The second tool server: who may enter, and what its tools do.

use response_devstack::tools::{NOTES_TOKEN, Sessions, ToolFailure, ToolsOptions};
use response_egress::header::{HeaderName, HeaderValue};
use response_egress::{Method, Outbound};
use serde_json::{Value, json};

use crate::chat::deadline;
use crate::mcp::{Mcp, text};

fn notes() -> Mcp {
    Mcp::notes(&ToolsOptions::default(), NOTES_TOKEN)
}

async fn status(mcp: &Mcp, outbound: Outbound) -> u16 {
    mcp.send(outbound).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn nobody_enters_without_the_token() {
    let mcp = Mcp::notes(&ToolsOptions::default(), "wrong");
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let inbound = mcp.send(mcp.outbound(&list)).await.unwrap();
    assert_eq!(inbound.status().as_u16(), 401);
    assert_eq!(inbound.header("www-authenticate"), Some("Bearer"));
    let told = inbound.text_capped(1000, deadline()).await.unwrap();
    assert_eq!(told, r#"{"error":"invalid_token"}"#);
    let url = mcp.tools.notes_url();
    assert_eq!(status(&mcp, Outbound::new(Method::DELETE, &url)).await, 401);
    let key = HeaderName::from_static("x-api-key");
    let by_key = mcp
        .outbound(&list)
        .header(key, HeaderValue::from_static(NOTES_TOKEN));
    assert_eq!(status(&mcp, by_key).await, 200);
    let own = Mcp::notes(
        &ToolsOptions {
            notes_token: "own".to_owned(),
            ..ToolsOptions::default()
        },
        "own",
    );
    assert_eq!(status(&own, own.outbound(&list)).await, 200);
    assert_eq!(mcp.tools.ledger().seen()[0].path, "/notes/mcp");
}

#[tokio::test]
async fn its_tools_say_which_of_them_change_something() {
    let list = notes().request("tools/list", json!({})).await["tools"].clone();
    let told: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| {
            let hints = &tool["annotations"];
            let name = tool["name"].as_str().unwrap();
            (
                name,
                hints["readOnlyHint"].as_bool().unwrap(),
                hints["destructiveHint"].as_bool(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("list_notes", true, None),
            ("read_note", true, None),
            ("add_note", false, Some(false)),
            ("delete_note", false, Some(true)),
        ]
    );
}

#[tokio::test]
async fn notes_are_written_read_and_deleted() {
    let mcp = notes();
    let said = async |tool: &str, arguments: Value| {
        let result = mcp.call(tool, arguments).await;
        (text(&result), result["isError"] == true)
    };
    let fine = |text: &str| (text.to_owned(), false);
    let wrong = |text: &str| (text.to_owned(), true);
    let welcome = r#"[{"id":1,"title":"Welcome"}]"#;
    assert_eq!(said("list_notes", Value::Null).await, fine(welcome));
    let note = json!({"title": "Tea", "text": "Green."});
    assert_eq!(said("add_note", note).await, fine("note 2 added"));
    assert_eq!(
        said("read_note", json!({"id": 2})).await,
        fine("Tea\n\nGreen.")
    );
    assert_eq!(
        said("delete_note", json!({"id": 2})).await,
        fine("note 2 deleted")
    );
    let missing = wrong("there is no note 2");
    assert_eq!(said("read_note", json!({"id": 2})).await, missing);
    assert_eq!(said("delete_note", json!({"id": 2})).await, missing);
    assert_eq!(said("list_notes", json!({})).await, fine(welcome));
    for (tool, arguments) in [
        ("read_note", json!({})),
        ("add_note", json!({"title": "only"})),
        ("list_notes", json!({"all": true})),
    ] {
        let (told, is_error) = said(tool, arguments).await;
        assert!(is_error && told.starts_with("Invalid arguments"), "{told}");
    }
    assert_eq!(
        mcp.call("calculator", json!({})).await["error"]["code"],
        -32602
    );
}

#[tokio::test]
async fn the_switches_of_the_tools_hold_for_it_too() {
    let options = ToolsOptions {
        sessions: Sessions::Required,
        ..ToolsOptions::default()
    };
    let mut mcp = Mcp::notes(&options, NOTES_TOKEN);
    let open = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}});
    let inbound = mcp.send(mcp.outbound(&open)).await.unwrap();
    mcp.session = Some(inbound.header("mcp-session-id").unwrap().to_owned());
    let told = inbound.text_capped(10_000, deadline()).await.unwrap();
    assert!(told.contains(r#""name":"devstack-notes""#), "{told}");
    let failure = ToolFailure::Error("out of paper".to_owned());
    mcp.tools.set_failure("add_note", Some(failure));
    let result = mcp
        .call("add_note", json!({"title": "a", "text": "b"}))
        .await;
    assert_eq!(text(&result), "out of paper");
}
