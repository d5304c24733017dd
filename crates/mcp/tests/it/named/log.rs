//! What the log hears of servers that callers name: not what their callers gave along, and not their words,
//! which may repeat it.

use std::time::Duration;

use response_domain::ports::tools::ToolError;
use serde_json::json;

use super::stage::{LABEL, Names, call, giving, list, tools, tools_with};
use crate::fake::{Answer, Fake, Seen};
use crate::log::Log;
use response_egress::AddressPolicy;
use response_mcp::Options;

/// An error as whoever handles it logs it: with all its causes.
fn logged(error: &ToolError) {
    tracing::warn!(error = error as &dyn std::error::Error, debug = ?error, "it failed");
}

const SECRETS: [(&str, &str); 2] = [
    ("Authorization", "Bearer hunter2-of-authorization"),
    ("X-Api-Key", "hunter2-of-a-key"),
];

/// Repeats everything it was sent in whatever it says.
fn echo(seen: &Seen) -> String {
    format!("{:?} {} {}", seen.headers, seen.path, seen.body)
}

/// Everything that goes wrong at a server, in words that repeat what it was sent.
const FAULTS: [fn(&Seen) -> Answer; 8] = [
    |seen| seen.error(200, -32603, &echo(seen)),
    |seen| seen.error(401, -32001, &echo(seen)),
    |seen| seen.error(400, -32000, &format!("Session not found {}", echo(seen))),
    |seen| Answer::new(500, "text/plain", echo(seen)),
    |seen| Answer::new(200, "text/html", format!("<html>{}", echo(seen))),
    |seen| Answer::new(200, "application/json", echo(seen)),
    |seen| {
        let bad = json!({"name": echo(seen), "inputSchema": 5});
        let twice = json!({"name": echo(seen)});
        seen.tools(&json!([bad, twice, twice, echo(seen)]))
    },
    |seen| {
        let foreign = json!({"jsonrpc": "2.0", "id": 99, "result": echo(seen)});
        Answer::events(format!("data: {foreign}\n\n")).with("x-echo", "hunter2-of-the-server")
    },
];

#[tokio::test]
async fn no_secret_and_no_word_of_a_server_is_logged_or_told() {
    let (log, _listening) = Log::listening();
    for (at, fault) in FAULTS.into_iter().enumerate() {
        for greets in [true, false] {
            let fake = Fake::start(move |seen| match seen.method() {
                "initialize" if greets => {
                    let session = "hunter2-of-the-session";
                    seen.welcome("2099-hunter2").with("Mcp-Session-Id", session)
                }
                "notifications/initialized" => Answer::accepted(),
                _ => fault(seen),
            })
            .await;
            let url = format!("{}/hunter2-of-path?token=hunter2-of-query", fake.url);
            let (tools, context) = (tools(), giving(&SECRETS));
            for error in [
                list(&tools, &url, &context).await.err(),
                call(
                    &tools,
                    &url,
                    &context,
                    &json!({"q": "hunter2-of-arguments"}),
                )
                .await
                .err(),
            ]
            .into_iter()
            .flatten()
            {
                assert!(
                    !error.message.contains("hunter2"),
                    "{at}: {}",
                    error.message
                );
                logged(&error);
            }
            tools.close(Duration::from_secs(5)).await;
            assert!(
                fake.seen()
                    .iter()
                    .any(|seen| echo(seen).contains("hunter2-of-a-key"))
            );
        }
    }
    let text = log.text();
    assert!(text.contains("it failed") && text.contains(LABEL));
    let secret = text.lines().find(|line| line.contains("hunter2"));
    assert_eq!(secret, None);
}

#[tokio::test]
async fn an_operator_reads_which_address_was_refused() {
    let (log, _listening) = Log::listening();
    let names = Names::leading(&[&["10.1.2.3"]]);
    let tools = tools_with(
        &Options::new(Vec::new()),
        AddressPolicy::public_only(),
        names,
    );
    let url = "http://inner.test/hunter2?hunter2";
    let error = list(&tools, url, &giving(&SECRETS)).await.unwrap_err();
    assert!(!error.message.contains("10.1.2.3"));
    logged(&error);
    let text = log.text();
    let refused = text
        .lines()
        .find(|line| line.contains("refused to call an address"));
    let refused = refused.unwrap();
    assert!(
        refused.contains("inner.test") && refused.contains("10.1.2.3"),
        "{refused}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}
