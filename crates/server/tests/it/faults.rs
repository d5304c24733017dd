//! Upstreams that misbehave: each fault ends as the contract says, with what was done kept.

use response_devstack::model::QUIRKS;
use serde_json::{Value, json};

use crate::process::{Process, World};

/// A prompt that makes the stand-in misbehave, and what is told of it: the status and the code when the
/// answer is waited for, and the code when it is streamed.
type Case = (&'static str, u16, &'static str, &'static str);

const MODEL_FAULTS: [Case; 10] = [
    (
        "hi [[status:429 retry-after:0]]",
        429,
        "upstream_rate_limited",
        "upstream_rate_limited",
    ),
    (
        "hi [[status:500]]",
        502,
        "model_unavailable",
        "model_unavailable",
    ),
    (
        "hi [[status:503]]",
        502,
        "model_unavailable",
        "model_unavailable",
    ),
    ("hi [[status:400]]", 500, "model_error", "model_error"),
    (
        "hi [[fail:truncate]]",
        500,
        "invalid_model_output",
        "model_error",
    ),
    ("hi [[fail:broken]]", 500, "model_error", "model_error"),
    (
        "hi [[fail:invalid-json]]",
        500,
        "invalid_model_output",
        "invalid_model_output",
    ),
    (
        "hi [[fail:html]]",
        500,
        "invalid_model_output",
        "invalid_model_output",
    ),
    (
        "hi [[quirk:q10]]",
        500,
        "invalid_model_output",
        "invalid_model_output",
    ),
    (
        "hi [[fail:loop]]",
        500,
        "max_depth_exceeded",
        "max_depth_exceeded",
    ),
];

async fn is_kept_as_failed(
    service: &Process,
    answer: &crate::process::Answer,
    code: &str,
) -> Value {
    let id = answer.body["error"]["response_id"].as_str().unwrap();
    assert_eq!(answer.headers["x-response-id"], id);
    let kept = service.get(&format!("v1/responses/{id}")).await;
    assert_eq!(kept.status, 200);
    assert_eq!(
        (&kept.body["status"], &kept.body["error"]["code"]),
        (&json!("failed"), &json!(code))
    );
    kept.body
}

#[tokio::test]
async fn what_the_model_server_does_wrong_is_told_and_kept() {
    let mut world = World::new();
    world.set("RESPONSE_LLM_RETRIES", "1");
    let service = world.start().await;
    for (says, status, whole, streamed) in MODEL_FAULTS {
        let body = |stream| json!({"model": "jan-v2-30b", "input": says, "stream": stream});
        let answer = service.create(body(false)).await;
        let code = answer.body["error"]["code"].as_str().unwrap();
        assert_eq!(
            (answer.status, code),
            (status, whole),
            "{says}: {:#}",
            answer.body
        );
        is_kept_as_failed(&service, &answer, whole).await;

        let events = service.stream(body(true)).await.all().await;
        let (name, last) = events.last().unwrap();
        let code = last["response"]["error"]["code"].as_str().unwrap();
        assert_eq!(
            (name.as_str(), code),
            ("response.failed", streamed),
            "{says}"
        );
    }
    // Returns only when nothing is left running.
    world
        .model
        .ledger()
        .until(|traffic| traffic.open() == 0)
        .await;
}

#[tokio::test]
async fn every_oddity_of_a_model_server_is_survived() {
    let world = World::new();
    let service = world.start().await;
    // These leave nothing to work with, every time: no answer, a cut one, or arguments that nobody can read.
    let hopeless = [
        "q10",
        "q11-cut",
        "q11-quotes",
        "q25",
        "q25-call",
        "q19-error",
        "q19-eof",
        "q19-bad-json",
        "q7-lost",
    ];
    for quirk in QUIRKS
        .iter()
        .map(|(name, _)| name)
        .filter(|name| !hopeless.contains(name))
    {
        for stream in [false, true] {
            let says =
                format!("Search for the latest AI news and calculate 12*7 [[quirk:{quirk}]]");
            let body = json!({"model": "jan-v2-30b", "input": says, "stream": stream});
            let response = if stream {
                let (_, mut last) = service.stream(body).await.all().await.pop().unwrap();
                last["response"].take()
            } else {
                service.create(body).await.body
            };
            assert_eq!(
                response["status"], "completed",
                "{quirk}, stream {stream}: {response:#}"
            );
            let output = response["output"].as_str().unwrap();
            assert!(output.contains("84"), "{quirk}, stream {stream}: {output}");
        }
    }
}

#[tokio::test]
async fn a_model_that_makes_up_calls_is_told_and_may_repair_them() {
    let world = World::new();
    let service = world.start().await;
    for (says, code) in [
        (
            "search for news [[fail:unknown-tool]]",
            "invalid_model_output",
        ),
        (
            "search for news [[fail:bad-arguments]]",
            "invalid_model_output",
        ),
    ] {
        let answer = service
            .create(json!({"model": "jan-v2-30b", "input": says}))
            .await;
        assert_eq!(
            (answer.status, &answer.body["error"]["code"]),
            (500, &json!(code)),
            "{says}"
        );
        let kept = is_kept_as_failed(&service, &answer, code).await;
        let executions = kept["tool_executions"].as_array().unwrap();
        assert_eq!(executions.len(), 3, "{kept:#}");
        assert!(executions.iter().all(|call| call["status"] == "failed"));
    }
}

#[tokio::test]
async fn a_tool_that_hangs_is_a_timeout_or_is_told_to_the_model() {
    let mut world = World::new();
    world.set("TOOL_EXECUTION_TIMEOUT", "300ms");
    let service = world.start().await;
    let hang = r#"wait [[call:wait {"seconds":30}]]"#;
    let answer = service
        .create(json!({"model": "jan-v2-30b", "input": hang}))
        .await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (408, &json!("tool_timeout")),
        "{:#}",
        answer.body
    );
    let kept = is_kept_as_failed(&service, &answer, "tool_timeout").await;
    assert_eq!(kept["tool_executions"][0]["status"], "timed_out");
    let body = json!({"model": "jan-v2-30b", "input": hang, "tool_failure": "report"});
    let answer = service.create(body).await;
    assert_eq!(
        (answer.status, &answer.body["status"]),
        (200, &json!("completed")),
        "{:#}",
        answer.body
    );
    assert_eq!(answer.body["tool_executions"][0]["status"], "timed_out");
}

#[tokio::test]
async fn upstreams_that_are_not_there_are_told_apart() {
    // Nothing listens on a port that was free a moment ago.
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut world = World::new();
    world.set("RESPONSE_LLM_RETRIES", "0");
    world.set("RESPONSE_MCP_TOOLS_URL", &format!("http://{nowhere}"));
    let service = world.start().await;
    let hello = json!({"model": "jan-v2-30b", "input": "hi"});
    let answer = service.create(hello.clone()).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (503, &json!("tools_unavailable")),
        "{:#}",
        answer.body
    );
    let mut report = hello.clone();
    report["tool_failure"] = json!("report");
    assert_eq!(service.create(report).await.status, 200);
    let mut none = hello;
    none["tools"] = json!([]);
    assert_eq!(service.create(none.clone()).await.status, 200);

    world.set("RESPONSE_LLM_API_URL", &format!("http://{nowhere}"));
    service.kill().await;
    let service = world.start().await;
    let answer = service.create(none).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (502, &json!("model_unavailable")),
        "{:#}",
        answer.body
    );
}
