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

/// The plans that lead to a failure: what is told, and whether a client may repeat it by itself.
fn plans() -> Vec<(&'static str, u16, &'static str, bool, Plan)> {
    use LlmErrorKind as Model;
    let rate = Model::RateLimited {
        retry_after: Some(Duration::from_millis(6_500)),
    };
    let running_long = |policy: &mut response_engine::policy::Policy| {
        policy.run_timeout = Duration::from_millis(20);
    };
    let hangs = || TurnScript::Hangs(Vec::new());
    let complaint = ToolScript::Complains(Verdict::ToolSaysError, "It is broken.");
    let endless = || with_tool(ToolScript::Answers("noon"));
    let unlisted = ScriptedTools::new([]).unlisted(ToolErrorKind::Unavailable);
    let unlisted = Plan::new([text("hi")]).tools(unlisted);
    let says_nothing = TurnScript::Says(vec![vec![Delta::Finish(Finish::Stop)]]);
    vec![
        (
            "tool_timeout",
            408,
            "execution_error",
            false,
            with_tool(ToolScript::Fails(ToolErrorKind::Timeout)),
        ),
        ("tools_unavailable", 503, "upstream_error", true, unlisted),
        (
            "tool_execution_failed",
            500,
            "execution_error",
            false,
            with_tool(ToolScript::Fails(ToolErrorKind::Protocol)),
        ),
        (
            "tool_execution_failed",
            500,
            "execution_error",
            false,
            with_tool(complaint),
        ),
        (
            "max_depth_exceeded",
            500,
            "execution_error",
            false,
            endless(),
        ),
        (
            "max_tool_calls_exceeded",
            500,
            "execution_error",
            false,
            endless().policy(|policy| policy.calls = 2),
        ),
        (
            "model_error",
            500,
            "execution_error",
            false,
            refusing(Model::Refused),
        ),
        (
            "model_unavailable",
            502,
            "upstream_error",
            true,
            refusing(Model::Unavailable),
        ),
        (
            "model_timeout",
            504,
            "upstream_error",
            true,
            refusing(Model::Timeout),
        ),
        (
            "model_not_found",
            400,
            "invalid_request_error",
            false,
            refusing(Model::ModelNotFound),
        ),
        (
            "model_unauthorized",
            401,
            "authentication_error",
            false,
            refusing(Model::Unauthorized),
        ),
        (
            "invalid_model_output",
            500,
            "execution_error",
            false,
            Plan::new([says_nothing]),
        ),
        (
            "upstream_rate_limited",
            429,
            "rate_limit_error",
            true,
            refusing(rate),
        ),
        (
            "context_length_exceeded",
            400,
            "invalid_request_error",
            false,
            refusing(Model::ContextLength),
        ),
        (
            "task_timeout",
            504,
            "execution_error",
            false,
            Plan::new([hangs()]).policy(running_long),
        ),
        (
            "internal",
            500,
            "internal_error",
            false,
            Plan::new([TurnScript::Panics]),
        ),
    ]
}

#[tokio::test]
async fn a_failed_run_is_answered_with_its_status_and_stays_to_be_read() {
    for (code, status, family, repeats, plan) in plans() {
        let world = plan.build().await;
        let reply = ask(&world).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"], &error["type"]),
            (status, &json!(code), &json!(family)),
        );
        assert_eq!(error["request_id"], "req-7", "{code}");
        let refuses = reply.header("x-should-retry") == Some("false");
        assert_eq!(refuses, !repeats, "{code}");
        let id = error["response_id"].as_str().unwrap();
        assert_eq!(reply.header("x-response-id"), Some(id), "{code}");
        let path = format!("/v1/responses/{id}");
        let stored = Call::new("GET", &path).send(&world).await.json();
        assert_eq!(stored["status"], "failed", "{code}");
        assert_eq!(stored["error"]["code"], code);
        assert_eq!(stored["error"]["message"], error["message"]);
        assert_eq!(stored["error"]["type"], family);
        insta::assert_snapshot!(format!("{code}-{status}"), laid_out(reply.text()));
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
