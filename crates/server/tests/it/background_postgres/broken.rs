//! The invariants, broken on purpose: what is looked at after each fault can be found wrong.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;

use super::fleet::{Fleet, LONG, MARKER, ask, ended};
use super::invariants::After;
use crate::process::Process;

/// What is wrong, how it is put right again, and which invariant says so.
fn faults() -> [(String, &'static str, &'static str); 8] {
    let leak = |text: &str| format!("CREATE TABLE leak AS SELECT {text} AS kept");
    let plain = |sql: &str| sql.to_owned();
    [
        (
            plain("UPDATE responses SET ended_at = NULL"),
            "UPDATE responses SET ended_at = updated_at; DELETE FROM witness.status WHERE n > 3",
            "I1",
        ),
        (
            plain("UPDATE responses SET status = 'failed'"),
            "UPDATE responses SET status = 'completed'; DELETE FROM witness.status WHERE n > 3",
            "I2",
        ),
        (
            plain("UPDATE response_events SET number = number + 1000 WHERE number > 0"),
            "UPDATE response_events SET number = number - 1000 WHERE number > 0",
            "I3",
        ),
        (
            plain("INSERT INTO response_secrets SELECT id, 'a', 'b' FROM responses"),
            "DELETE FROM response_secrets",
            "I6",
        ),
        (
            plain(
                "INSERT INTO witness.lease (response_id, worker_id, lease)
                SELECT id, 'one', 9 FROM responses UNION ALL SELECT id, 'two', 9 FROM responses",
            ),
            "DELETE FROM witness.lease WHERE lease = 9",
            "I7",
        ),
        (leak(&format!("'it is {MARKER}!'")), "DROP TABLE leak", "I9"),
        (leak(&format!("'{MARKER}'::bytea")), "DROP TABLE leak", "I9"),
        (
            plain("UPDATE tool_executions SET tool = 'clock'"),
            "SELECT 1",
            "I4",
        ),
    ]
}

/// What is found wrong, or "nothing".
pub(crate) async fn complaint(
    fleet: &Fleet,
    api: &mut Process,
    worker: &mut Process,
    id: &str,
) -> String {
    let responses = [id.to_owned()];
    let after = After {
        fleet,
        api,
        workers: vec![worker],
        responses: &responses,
        deleted: &[],
    };
    let looked = AssertUnwindSafe(after.all_is_well(Duration::from_millis(500)));
    match looked.catch_unwind().await {
        Ok(()) => "nothing".to_owned(),
        Err(panic) => panic.downcast_ref::<String>().unwrap().clone(),
    }
}

#[tokio::test]
async fn whatever_is_wrong_afterwards_is_found() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let mut worker = fleet.worker().await;
    let id = ask(&api, r#"go [[call:wait {"seconds":0}]]"#).await;
    ended(&api, &id, LONG).await;
    for (wrong, right, expected) in faults() {
        fleet.run(&wrong).await;
        let told = complaint(&fleet, &mut api, &mut worker, &id).await;
        assert!(told.contains(expected), "{wrong}: {told}");
        fleet.run(right).await;
    }
}
