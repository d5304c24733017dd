//! Workers that die, or only seem to.

use std::time::Duration;

use response_devstack::tools::ToolFailure;
use serde_json::json;
use tokio::time::Instant;

use super::fleet::{Fleet, LONG, ask, ask_with, ended, look, until};
use super::invariants::After;
use crate::process::Process;

/// A dead process is missed after fifteen seconds of silence, and looked for every five.
const MISSED: Duration = Duration::from_secs(20);

async fn check(fleet: &Fleet, api: &mut Process, worker: &mut Process, responses: &[String]) {
    let after = After {
        fleet,
        api,
        workers: vec![worker],
        responses,
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}

#[tokio::test]
async fn a_worker_killed_while_the_model_streams_is_replaced_within_twenty_seconds() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let worker = fleet.worker().await;
    let id = ask(
        &api,
        "Write a comprehensive report [[fail:hang-stream delta-delay:40ms times:1]]",
    )
    .await;
    let mut reading = api.follow(&id, None).await;
    let mut seen = Vec::new();
    loop {
        let event = reading.next().await.unwrap();
        seen.push(event);
        let deltas =
            |(name, _): &&(String, serde_json::Value)| name == "response.output_text.delta";
        if seen.iter().filter(deltas).count() >= 3 {
            break;
        }
    }
    let mut other = fleet.worker().await;
    worker.kill().await;
    let killed = Instant::now();
    let model = fleet.world.model.ledger();
    model.until(|traffic| traffic.started == 2).await;
    let resumed = killed.elapsed();
    assert!(resumed <= MISSED, "{resumed:?}");
    seen.extend(reading.all().await);
    let told = ended(&api, &id, LONG).await;
    assert_eq!(told["status"], "completed", "{told:#}");
    // The reader was never disconnected: it saw one text break off and another one from its beginning.
    let texts: Vec<_> = seen
        .iter()
        .filter(|(name, _)| name == "response.output_text.done")
        .map(|(_, event)| event["text"].as_str().unwrap())
        .collect();
    let [broken, whole] = texts[..] else {
        panic!("{texts:?}");
    };
    assert_eq!(told["output"], whole);
    assert!(!broken.is_empty() && whole.starts_with(broken) && whole.len() > broken.len());
    let items: Vec<(String, String)> = fleet
        .rows("SELECT kind, status FROM conversation_items ORDER BY ordinal")
        .await;
    let statuses: Vec<_> = items.iter().map(|(_, status)| status.as_str()).collect();
    assert_eq!(statuses, ["completed", "incomplete", "completed"]);
    assert_eq!(api.follow(&id, None).await.all().await, seen);
    check(&fleet, &mut api, &mut other, &[id]).await;
}

/// Kills the worker while a tool works on its first call, and answers the response that another worker made.
async fn killed_during(fleet: &Fleet, tool: &str, prompt: &str) -> (Process, Process, String) {
    let api = fleet.api().await;
    let worker = fleet.worker().await;
    let tools = &fleet.world.tools;
    tools.set_failure(tool, Some(ToolFailure::Hold));
    let id = ask(&api, prompt).await;
    is_called(fleet, tool, 1).await;
    let holder = fleet.holder(&id).await;
    worker.kill().await;
    tools.ledger().until(|traffic| traffic.open() == 0).await;
    tools.set_failure(tool, None);
    let other = fleet.worker().await;
    fleet.pass_the_silence_of(&holder).await;
    (api, other, id)
}

/// Waits until a client is told that somebody works on the response.
async fn runs(api: &Process, id: &str) {
    until("the response is in progress", LONG, async || {
        look(api, id).await["status"] == "in_progress"
    })
    .await;
}

async fn is_called(fleet: &Fleet, tool: &str, times: usize) {
    until("the tool is called", LONG, async || {
        calls(fleet, tool) == times
    })
    .await;
}

fn calls(fleet: &Fleet, tool: &str) -> usize {
    let seen = fleet.world.tools.ledger().seen();
    let is_it =
        |body: &serde_json::Value| body["method"] == "tools/call" && body["params"]["name"] == tool;
    seen.iter().filter(|seen| is_it(&seen.json())).count()
}

#[tokio::test]
async fn a_tool_that_must_not_be_repeated_is_not_called_again_after_a_crash() {
    let fleet = Fleet::new().await;
    let (mut api, mut other, id) =
        killed_during(&fleet, "wait", r#"go [[call:wait {"seconds":0}]]"#).await;
    let told = ended(&api, &id, LONG).await;
    assert_eq!(told["status"], "completed", "{told:#}");
    assert_eq!(told["tool_executions"][0]["status"], "unknown", "{told:#}");
    assert_eq!(calls(&fleet, "wait"), 1);
    // The model was told, and goes on from that.
    let asked = fleet.world.model.ledger().seen();
    let told = asked.last().unwrap().json();
    let result = told["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(result["role"], "tool");
    assert!(
        result["content"].as_str().unwrap().contains("unknown"),
        "{result:#}"
    );
    check(&fleet, &mut api, &mut other, &[id]).await;
}

#[tokio::test]
async fn a_tool_that_may_be_repeated_is_called_again_with_the_same_key_after_a_crash() {
    let fleet = Fleet::new().await;
    let (mut api, mut other, id) = killed_during(&fleet, "calculator", "calculate 12*7").await;
    let told = ended(&api, &id, LONG).await;
    assert_eq!(told["status"], "completed", "{told:#}");
    assert!(told["output"].as_str().unwrap().contains("84"), "{told:#}");
    assert_eq!(told["tool_executions"].as_array().unwrap().len(), 1);
    assert_eq!(calls(&fleet, "calculator"), 2);
    check(&fleet, &mut api, &mut other, &[id]).await;
}

/// What becomes of the statement that waits for the lock when its process dies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Commit {
    /// The server ends it with its session.
    Lost,
    /// The server runs it, and has nobody to tell.
    Done,
}

/// The result of the tool arrives, and the worker dies while it waits to write it down.
async fn killed_before_the_result_is_kept(
    tool: &str,
    prompt: &str,
    commit: Commit,
) -> (Fleet, usize) {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let worker = fleet.worker().await;
    let tools = &fleet.world.tools;
    tools.set_failure(tool, Some(ToolFailure::Hold));
    let id = ask(&api, prompt).await;
    is_called(&fleet, tool, 1).await;
    let holder = fleet.holder(&id).await;
    fleet
        .run("BEGIN; SELECT 1 FROM response_jobs FOR UPDATE")
        .await;
    tools.set_failure(tool, None);
    let waiting = "SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut sessions = Vec::new();
    until("the result is about to be written", LONG, async || {
        sessions = fleet.rows::<(i32,)>(waiting).await;
        !sessions.is_empty()
    })
    .await;
    worker.kill().await;
    if commit == Commit::Lost {
        for (session,) in sessions {
            fleet
                .run(&format!("SELECT pg_terminate_backend({session})"))
                .await;
        }
    }
    fleet.run("COMMIT").await;
    let mut other = fleet.worker().await;
    fleet.pass_the_silence_of(&holder).await;
    let told = ended(&api, &id, LONG).await;
    assert_eq!(told["status"], "completed", "{told:#}");
    let expected = if tool == "wait" && commit == Commit::Lost {
        "unknown"
    } else {
        "completed"
    };
    assert_eq!(told["tool_executions"][0]["status"], expected, "{told:#}");
    check(&fleet, &mut api, &mut other, &[id]).await;
    let calls = calls(&fleet, tool);
    (fleet, calls)
}

#[tokio::test]
async fn a_result_that_was_not_kept_is_unknown_or_asked_for_again() {
    let wait = r#"go [[call:wait {"seconds":0}]]"#;
    let (lost, again) = tokio::join!(
        killed_before_the_result_is_kept("wait", wait, Commit::Lost),
        killed_before_the_result_is_kept("calculator", "calculate 12*7", Commit::Lost),
    );
    assert_eq!((lost.1, again.1), (1, 2));
}

#[tokio::test]
async fn a_result_that_was_kept_counts_although_nobody_heard_of_it() {
    let wait = r#"go [[call:wait {"seconds":0}]]"#;
    let (kept, again) = tokio::join!(
        killed_before_the_result_is_kept("wait", wait, Commit::Done),
        killed_before_the_result_is_kept("calculator", "calculate 12*7", Commit::Done),
    );
    assert_eq!((kept.1, again.1), (1, 1));
}

#[tokio::test]
async fn a_worker_that_was_only_stopped_cannot_write_any_more() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let mut stopped = fleet.worker().await;
    let model = fleet.world.model.ledger();
    let id = ask(&api, "a story [[fail:slow delta-delay:20ms times:1]]").await;
    let mut reading = api.follow(&id, None).await;
    while reading.next().await.unwrap().0 != "response.output_text.delta" {}
    let holder = fleet.holder(&id).await;
    stopped.signal("-STOP");
    let mut other = fleet.worker().await;
    fleet.world.model.hold();
    fleet.pass_the_silence_of(&holder).await;
    model.until(|traffic| traffic.started == 2).await;
    assert_ne!(fleet.holder(&id).await, holder);
    // The other one has closed what was left open, and waits for the model.
    runs(&api, &id).await;
    let logged = "SELECT count(*) FROM response_events";
    let before: i64 = fleet.value(logged).await;
    // It wakes up in the middle of a stream, with more of it waiting to be written.
    stopped.signal("-CONT");
    model.until(|traffic| traffic.abandoned == 1).await;
    assert_eq!(fleet.value::<i64>(logged).await, before);
    assert_eq!(look(&api, &id).await["status"], "in_progress");
    fleet.world.model.release();
    let told = ended(&api, &id, LONG).await;
    assert_eq!(told["status"], "completed", "{told:#}");
    // It is as good as any other from then on.
    assert!(stopped.is_alive());
    other.signal("-TERM");
    assert_eq!(other.ended().await, Some(0));
    other = fleet.worker().await;
    let after = After {
        fleet: &fleet,
        api: &mut api,
        workers: vec![&mut stopped, &mut other],
        responses: &[id],
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}

#[tokio::test]
async fn a_response_that_kills_its_worker_each_time_is_given_up_and_others_go_on() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let model = fleet.world.model.ledger();
    let poison = ask(&api, "poison [[fail:hang]]").await;
    let mut others = Vec::new();
    let asks_poison = |count: usize| {
        let seen = model.seen();
        let is_poison = |body: &serde_json::Value| body.to_string().contains("poison");
        seen.iter().filter(|seen| is_poison(&seen.json())).count() == count
    };
    let mut worker = fleet.worker().await;
    for attempt in 1..=3 {
        let other = ask(&api, &format!("say {attempt}")).await;
        until("the poison is taken", LONG, async || asks_poison(attempt)).await;
        let holder = fleet.holder(&poison).await;
        let told = ended(&api, &other, LONG).await;
        assert_eq!(told["output"], json!(attempt.to_string()), "{told:#}");
        others.push(other);
        worker.kill().await;
        worker = fleet.worker().await;
        fleet.pass_the_silence_of(&holder).await;
    }
    let told = ended(&api, &poison, LONG).await;
    assert_eq!(
        (&told["status"], &told["error"]["code"]),
        (&json!("failed"), &json!("worker_lost")),
        "{told:#}"
    );
    assert!(asks_poison(3));
    others.push(poison);
    check(&fleet, &mut api, &mut worker, &others).await;
}

#[tokio::test]
async fn a_conversation_goes_on_after_a_crash_where_it_stood() {
    let fleet = Fleet::new().await;
    let (mut api, mut other, first) = killed_during(&fleet, "calculator", "calculate 6*7").await;
    ended(&api, &first, LONG).await;
    let more = json!({"previous_response_id": first});
    let second = ask_with(&api, "What did I say before?", more).await;
    let told = ended(&api, &second, LONG).await;
    assert!(
        told["output"].as_str().unwrap().contains("calculate 6*7"),
        "{told:#}"
    );
    check(&fleet, &mut api, &mut other, &[first, second]).await;
}
