//! What a caller who waits is told when the run fails: the status, the error, and where the failed
//! response is.

use std::time::Duration;

use response_domain::ports::llm::{Delta, LlmErrorKind};
use response_domain::ports::tools::ToolErrorKind;
use response_domain::response::Finish;
use response_domain::tool::Verdict;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};
use serde_json::json;

use crate::client::{Call, Reply};
use crate::layout::laid_out;
use crate::trouble::Away;
use crate::world::{Plan, World};

async fn ask(world: &World) -> Reply {
    let call = Call::new("POST", "/v1/responses").header("x-request-id", "req-7");
    call.json(&json!({"model": "m", "input": "hi"}))
        .send(world)
        .await
}

fn with_tool(script: ToolScript) -> Plan {
    let turns = [calls(&[("clock", "{}")])];
    Plan::new(turns).tools(ScriptedTools::new([("clock", script)]))
}

fn refusing(kind: LlmErrorKind) -> Plan {
    Plan::new([TurnScript::Refuses(kind)])
}

/// What goes wrong; the status, the family and the code that are told; whether a client may repeat the
/// request by itself.
const TABLE: &str = "
    slow-tool          408 execution_error       tool_timeout            no
    unlisted-tools     503 upstream_error        tools_unavailable       yes
    unreachable-tool   500 execution_error       tool_execution_failed   no
    senseless-tool     500 execution_error       tool_execution_failed   no
    broken-tool        500 execution_error       tool_execution_failed   no
    endless-rounds     500 execution_error       max_depth_exceeded      no
    endless-calls      500 execution_error       max_tool_calls_exceeded no
    refusing-model     500 execution_error       model_error             no
    breaking-model     500 execution_error       model_error             no
    unreachable-model  502 upstream_error        model_unavailable       yes
    slow-model         504 upstream_error        model_timeout           yes
    unknown-model      400 invalid_request_error model_not_found         no
    forbidden-model    401 authentication_error  model_unauthorized      no
    silent-model       500 execution_error       invalid_model_output    no
    babbling-model     500 execution_error       invalid_model_output    no
    busy-model         429 rate_limit_error      upstream_rate_limited   yes
    small-model        400 invalid_request_error context_length_exceeded no
    hanging-model      504 execution_error       task_timeout            no
    panicking-model    500 internal_error        internal                no
";

/// A world in which this goes wrong.
fn plan(trouble: &str) -> Plan {
    use LlmErrorKind as Model;
    use ToolErrorKind as Tool;
    let fails = |kind| with_tool(ToolScript::Fails(kind));
    let endless = || with_tool(ToolScript::Answers("noon"));
    let silence = vec![vec![Delta::Finish(Finish::Stop)]];
    let half = vec![vec![Delta::Text("Once upon".into())]];
    match trouble {
        "slow-tool" => fails(Tool::Timeout),
        "unreachable-tool" => fails(Tool::Unavailable),
        "senseless-tool" => fails(Tool::Protocol),
        "broken-tool" => with_tool(ToolScript::Complains(Verdict::ToolSaysError, "Broken.")),
        "unlisted-tools" => {
            Plan::new([text("hi")]).tools(ScriptedTools::new([]).unlisted(Tool::Unavailable))
        }
        "endless-rounds" => endless(),
        "endless-calls" => endless().policy(|policy| policy.calls = 2),
        "refusing-model" => refusing(Model::Refused),
        "breaking-model" => Plan::new([TurnScript::BreaksOff(half, Model::Broken)]),
        "unreachable-model" => refusing(Model::Unavailable),
        "slow-model" => refusing(Model::Timeout),
        "unknown-model" => refusing(Model::ModelNotFound),
        "forbidden-model" => refusing(Model::Unauthorized),
        "babbling-model" => refusing(Model::Unreadable),
        "silent-model" => Plan::new([TurnScript::Says(silence)]),
        "busy-model" => refusing(Model::RateLimited { retry_after: None }),
        "small-model" => refusing(Model::ContextLength),
        "hanging-model" => Plan::new([TurnScript::Hangs(Vec::new())])
            .policy(|policy| policy.run_timeout = Duration::from_millis(20)),
        "panicking-model" => Plan::new([TurnScript::Panics]),
        other => panic!("no plan for {other}"),
    }
}

#[tokio::test]
async fn a_failed_run_is_answered_with_its_status_and_stays_to_be_read() {
    for line in TABLE.lines().filter(|line| !line.trim().is_empty()) {
        let [trouble, status, family, code, repeats] = line
            .split_whitespace()
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        let world = plan(trouble).build().await;
        let reply = ask(&world).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status.to_string().as_str(), &error["code"]),
            (status, &json!(code)),
            "{trouble}"
        );
        assert_eq!(error["type"], family, "{trouble}");
        assert_eq!(error["request_id"], "req-7", "{trouble}");
        let refuses = reply.header("x-should-retry") == Some("false");
        assert_eq!(refuses, repeats == "no", "{trouble}");
        let id = error["response_id"].as_str().unwrap();
        assert_eq!(reply.header("x-response-id"), Some(id), "{trouble}");
        let path = format!("/v1/responses/{id}");
        let stored = Call::new("GET", &path).send(&world).await.json();
        assert_eq!(stored["status"], "failed", "{trouble}");
        for field in ["message", "type", "code"] {
            assert_eq!(stored["error"][field], error[field], "{trouble}");
        }
        insta::assert_snapshot!(trouble, laid_out(reply.text()));
    }
}

#[tokio::test]
async fn a_caller_who_is_to_come_back_later_is_told_when() {
    let rate = |retry_after| LlmErrorKind::RateLimited { retry_after };
    for (kind, seconds) in [
        (rate(Some(Duration::from_millis(6_500))), Some("7")),
        (rate(None), Some("1")),
        (LlmErrorKind::Timeout, None),
    ] {
        let reply = ask(&refusing(kind).build().await).await;
        assert_eq!(reply.header("retry-after"), seconds);
    }
    let refused = ask(&refusing(LlmErrorKind::Unauthorized).build().await).await;
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
}

#[tokio::test]
async fn a_run_that_the_shutdown_ends_is_told_as_interrupted() {
    let world = World::new([TurnScript::Hangs(Vec::new())]).await;
    let shutdown = async {
        world.model.hanging.notified().await;
        world
            .engine
            .shut_down(async {}, Duration::from_secs(5))
            .await;
    };
    let (reply, ()) = tokio::join!(ask(&world), shutdown);
    let error = &reply.json()["error"];
    assert_eq!((reply.status, &error["code"]), (503, &json!("interrupted")));
    assert_eq!(reply.header("retry-after"), Some("1"));
    let late = ask(&world).await;
    assert_eq!(late.status, 503);
    assert_eq!(late.json()["error"]["code"], "overloaded");
    assert_eq!(late.header("retry-after"), Some("1"));
    let ready = Call::new("GET", "/readyz").send(&world).await;
    assert_eq!(ready.status, 503);
    insta::assert_snapshot!(ready.text());
}

#[tokio::test]
async fn a_run_that_is_cancelled_is_shown_to_who_waits_for_it() {
    let half = vec![vec![Delta::Text("Once upon".into())]];
    let world = World::new([TurnScript::Hangs(half)]).await;
    let cancel = async {
        world.model.hanging.notified().await;
        let path = "/v1/responses?status=in_progress";
        let id = loop {
            // The run gets its row when it has run for a while.
            let list = Call::new("GET", path).send(&world).await.json();
            if let Some(id) = list["first_id"].as_str() {
                break id.to_owned();
            }
        };
        let path = format!("/v1/responses/{id}/cancel");
        Call::new("POST", &path).send(&world).await
    };
    let (reply, cancelled) = tokio::join!(ask(&world), cancel);
    assert_eq!((reply.status, reply.text()), (200, cancelled.text()));
    assert_eq!(reply.json()["status"], "cancelled");
}

#[tokio::test]
async fn an_answer_that_cannot_be_stored_is_not_given() {
    let world = Plan::new([text("hi")])
        .front(Away::at_commits())
        .build()
        .await;
    let reply = ask(&world).await;
    let error = &reply.json()["error"];
    assert_eq!(
        (reply.status, &error["code"]),
        (503, &json!("database_unavailable"))
    );
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn too_many_runs_at_once_are_refused() {
    let plan = Plan::new([TurnScript::Hangs(Vec::new())]);
    let world = plan.policy(|policy| policy.runs = 1).build().await;
    let refused = async {
        world.model.hanging.notified().await;
        ask(&world).await
    };
    let running = ask(&world);
    let reply = tokio::select! {
        reply = refused => reply,
        _ = running => panic!("the first run hangs"),
    };
    assert_eq!(reply.status, 503);
    assert_eq!(reply.json()["error"]["code"], "overloaded");
    assert_eq!(reply.header("retry-after"), Some("1"));
}
