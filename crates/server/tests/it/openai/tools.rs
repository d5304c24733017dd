//! Functions that the caller runs, servers that the service calls, and what has to be allowed first.

use super::sealed::holds_nowhere;
use super::stage::{SERVER, Stage};

/// Given along for a tool server.
const TOKEN: &str = "marker-7be1c0-token-of-the-caller";

#[tokio::test]
async fn the_caller_runs_its_functions_and_keeps_the_transcript_or_lets_it_be_kept() {
    let stage = Stage::new().await;
    for function in [
        "the_caller_runs_its_functions",
        "the_caller_keeps_the_transcript",
        "arguments_are_parsed_into_a_type",
        "tool_choice_is_kept_to",
    ] {
        stage.python("tools", &[function]).await;
    }
    stage
        .node("responses", &["callTheFunctionsOfTheCaller"])
        .await;
}

#[tokio::test]
async fn tools_that_are_not_offered_here_are_passed_over_with_a_note_or_refused() {
    let stage = Stage::new().await;
    let told = stage
        .python("tools", &["tools_of_others_are_passed_over"])
        .await;
    let trace = format!("v1/responses/{}/events", told["id"].as_str().unwrap());
    let trace = stage.service.get(&trace).await.body.to_string();
    for kind in ["web_search", "code_interpreter"] {
        assert!(
            trace.contains("tool_ignored") && trace.contains(kind),
            "{trace}"
        );
    }
    let stage = Stage::with(&[("RESPONSE_HOSTED_TOOLS", "refuse")]).await;
    stage
        .python("tools", &["tools_of_others_are_refused"])
        .await;
    assert_eq!(stage.world.model.ledger().traffic().started, 0);
}

#[tokio::test]
async fn a_configured_server_is_listed_once_and_called() {
    let stage = Stage::new().await;
    for function in [
        "a_configured_server_is_called",
        "a_server_is_streamed",
        "a_server_may_be_narrowed",
        "calls_are_counted",
        "both_kinds_of_tools_in_one_turn",
        "a_tool_that_fails_tells_why",
        "an_endless_loop_ends",
    ] {
        stage.python("tools", &[function, SERVER]).await;
    }
}

#[tokio::test]
async fn a_call_waits_for_its_approval() {
    let stage = Stage::new().await;
    stage
        .python("tools", &["calls_are_asked_for_first", SERVER])
        .await;
    stage
        .python("tools", &["approval_may_depend_on_the_tool", SERVER])
        .await;
    stage.node("responses", &["callServers", SERVER]).await;
}

#[tokio::test]
async fn a_server_that_the_caller_names_gets_what_the_caller_gives_along_and_nobody_else_does() {
    let stage = Stage::with(&[("EGRESS_ALLOW_CIDRS", "127.0.0.0/8")]).await;
    let url = stage.world.tools.url().join("v1/mcp").unwrap();
    let function = "a_server_that_the_caller_names_is_called";
    stage
        .python("tools", &[function, url.as_str(), TOKEN])
        .await;
    let seen = stage.world.tools.ledger().seen();
    assert!(!seen.is_empty());
    for one in &seen {
        let bearer = format!("Bearer {TOKEN}");
        assert_eq!(one.header("authorization"), Some(&*bearer));
        assert_eq!(one.header("x-tenant"), Some("blue"));
        assert!(
            one.headers.iter().all(|(_, value)| !value.contains("ada")),
            "the caller's own credential is for the model: {one:?}"
        );
    }
    for one in stage.world.model.ledger().seen() {
        assert!(!format!("{one:?}").contains(TOKEN));
    }
    holds_nowhere(&stage, TOKEN);
}

#[tokio::test]
async fn servers_that_may_not_be_called_are_refused_and_nobody_is_asked() {
    let stage = Stage::new().await;
    let url = stage.world.tools.url().join("v1/mcp").unwrap();
    let function = "servers_that_may_not_be_called_are_refused";
    stage.python("tools", &[function, url.as_str()]).await;
    assert_eq!(stage.world.tools.ledger().traffic().started, 0);
    assert_eq!(stage.world.model.ledger().traffic().started, 0);
}
