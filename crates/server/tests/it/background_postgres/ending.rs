//! Processes that are told to end.

use std::time::Duration;

use response_devstack::tools::ToolFailure;
use tokio::time::Instant;

use super::fleet::{Fleet, LONG, ask, ended, look, until};
use super::invariants::After;
use crate::process::{Process, Program};

/// For runs to end by themselves.
const SOFT: &str = "1500ms";
/// Both stages of the end, and a moment.
const IN_TIME: Duration = Duration::from_secs(5);

/// A process that runs three responses is told to end; answers those it could not finish, and one that came
/// too late for it.
async fn told_to_end(fleet: &Fleet, api: &Process, process: Process) -> Vec<String> {
    let model = fleet.world.model.ledger();
    let tools = &fleet.world.tools;
    tools.set_failure("calculator", Some(ToolFailure::Hold));
    let story = ask(api, "a story [[fail:slow delta-delay:20ms times:1]]").await;
    let sum = ask(api, "calculate 12*7").await;
    let quick = ask(api, "say hello [[delay:700ms]]").await;
    model.until(|traffic| traffic.started == 3).await;
    tools.ledger().until(|traffic| traffic.open() == 1).await;
    let begun = Instant::now();
    process.signal("-TERM");
    until("the process takes nothing more", LONG, async || {
        process
            .log()
            .lines()
            .iter()
            .any(|line| line.contains("shutting down"))
    })
    .await;
    let late = ask(api, "say late").await;
    assert_eq!(process.ended().await, Some(0));
    let took = begun.elapsed();
    assert!(took < IN_TIME, "{took:?}");
    assert_eq!(look(api, &quick).await["status"], "completed");
    let left: Vec<(String, Option<String>, i32, i32)> = fleet
        .rows(
            "SELECT response_id, worker_id, attempt, losses FROM response_jobs ORDER BY queued_at",
        )
        .await;
    let waits = |id: &String| (id.clone(), None, 0, 0);
    assert_eq!(left, [&story, &sum, &late].map(waits));
    for id in [&story, &sum, &late] {
        assert_eq!(look(api, id).await["status"], "queued");
    }
    let known: i64 = fleet.value("SELECT count(*) FROM workers").await;
    assert_eq!(known, 1, "it signed off");
    tools.set_failure("calculator", None);
    vec![story, sum, late, quick]
}

async fn all_end_well(fleet: &Fleet, api: &mut Process, other: &mut Process, responses: &[String]) {
    for id in responses {
        let told = ended(api, id, LONG).await;
        assert_eq!(told["status"], "completed", "{told:#}");
    }
    let losses: Option<i32> = fleet.value("SELECT max(losses) FROM witness.lease").await;
    assert_eq!(losses, Some(0));
    let after = After {
        fleet,
        api,
        workers: vec![other],
        responses,
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}

#[tokio::test]
async fn a_worker_that_is_told_to_end_finishes_what_it_can_and_hands_back_the_rest() {
    let fleet = Fleet::with(&[("RESPONSE_SHUTDOWN_SOFT", SOFT)]).await;
    let mut api = fleet.api().await;
    let worker = fleet.worker().await;
    let responses = told_to_end(&fleet, &api, worker).await;
    let mut other = fleet.worker().await;
    all_end_well(&fleet, &mut api, &mut other, &responses).await;
}

#[tokio::test]
async fn an_api_that_works_on_the_queue_itself_ends_as_a_worker_does() {
    let fleet = Fleet::with(&[("RESPONSE_SHUTDOWN_SOFT", SOFT)]).await;
    let embedded = [("BACKGROUND_EMBEDDED", "true")];
    let working = fleet.start(Program::Api, &embedded).await;
    let mut api = fleet.api().await;
    let responses = told_to_end(&fleet, &api, working).await;
    let mut other = fleet.start(Program::Api, &embedded).await;
    all_end_well(&fleet, &mut api, &mut other, &responses).await;
}

#[tokio::test]
async fn a_second_signal_ends_a_worker_at_once() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let worker = fleet.worker().await;
    let id = ask(&api, "a story [[fail:slow delta-delay:20ms times:1]]").await;
    let model = fleet.world.model.ledger();
    model.until(|traffic| traffic.started == 1).await;
    worker.signal("-TERM");
    until("the first signal is heard", LONG, async || {
        worker
            .log()
            .lines()
            .iter()
            .any(|line| line.contains("shutting down"))
    })
    .await;
    let begun = Instant::now();
    worker.signal("-TERM");
    assert_eq!(worker.ended().await, Some(0));
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    let mut other = fleet.worker().await;
    all_end_well(&fleet, &mut api, &mut other, &[id]).await;
}
