//! Rows that somebody else has locked, and statements that the server refuses for a moment.

use std::time::Duration;

use response_devstack::tools::ToolFailure;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};
use tokio::time::Instant;

use super::fleet::{Fleet, LONG, ask, ended, until};
use super::invariants::After;
use crate::process::Process;

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

/// The row of a job is locked for this long from the moment in which a tool's result is to be written.
/// Answers what became of the call.
async fn locked_for(time: Duration) -> (String, usize) {
    let fleet = Fleet::with(&[("DB_LOCK_TIMEOUT", "500ms")]).await;
    let mut api = fleet.api().await;
    let mut worker = fleet.worker().await;
    let tools = &fleet.world.tools;
    tools.set_failure("wait", Some(ToolFailure::Hold));
    let id = ask(&api, r#"go [[call:wait {"seconds":0}]]"#).await;
    tools.ledger().until(|traffic| traffic.open() == 1).await;
    let mut other = fleet.connect().await;
    let lock = format!("BEGIN; SELECT 1 FROM response_jobs WHERE response_id = '{id}' FOR UPDATE");
    other.execute(AssertSqlSafe(lock)).await.unwrap();
    tools.set_failure("wait", None);
    let begun = Instant::now();
    let mut oldest = 0.0_f64;
    let age = "SELECT COALESCE(EXTRACT(EPOCH FROM max(clock_timestamp() - heartbeat_at)), 0)::float8 FROM workers";
    until("the lock is let go", LONG, async || {
        oldest = oldest.max(fleet.value(age).await);
        begun.elapsed() >= time
    })
    .await;
    assert!(oldest < 5.0, "a sign of life was {oldest} s old");
    other.execute("ROLLBACK").await.unwrap();
    let told = ended(&api, &id, LONG).await;
    assert_eq!(told["status"], "completed", "{told:#}");
    let losses: Option<i32> = fleet.value("SELECT max(losses) FROM witness.lease").await;
    assert_eq!(losses, Some(0), "nobody was taken for dead");
    check(&fleet, &mut api, &mut worker, &[id]).await;
    let status = told["tool_executions"][0]["status"].as_str().unwrap();
    let lines = worker.log().lines();
    let again = |line: &&String| line.contains("the write is tried again");
    (status.to_owned(), lines.iter().filter(again).count())
}

#[tokio::test]
async fn a_locked_job_is_written_when_the_lock_goes_or_gone_on_with_later() {
    let ((short, again), (long, _)) = tokio::join!(
        locked_for(Duration::from_millis(1_200)),
        locked_for(Duration::from_secs(8)),
    );
    assert_eq!(short, "completed");
    assert!(again >= 1);
    // Whoever gives the result up has the model told that nobody knows it.
    assert!(["completed", "unknown"].contains(&&*long), "{long}");
}

/// Makes the next so many ends of a response fail with a code. A sequence does not forget what was rolled
/// back.
fn failing(code: &str, times: u32) -> String {
    format!(
        "CREATE SEQUENCE witness.faults;
        CREATE FUNCTION witness.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL
                AND nextval('witness.faults') <= {times} THEN
                RAISE EXCEPTION 'injected' USING ERRCODE = '{code}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER failing BEFORE UPDATE ON responses
            FOR EACH ROW EXECUTE FUNCTION witness.fail();"
    )
}

#[tokio::test]
async fn an_end_that_the_server_refuses_for_a_moment_is_written_once() {
    for (code, times) in [("40001", 1), ("40P01", 1), ("40001", 3)] {
        let fleet = Fleet::new().await;
        fleet.run(&failing(code, times)).await;
        let mut api = fleet.api().await;
        let mut worker = fleet.worker().await;
        let id = ask(&api, "calculate 12*7").await;
        let told = ended(&api, &id, LONG).await;
        assert_eq!(
            (&told["status"], &told["error"]),
            (&json!("completed"), &json!(null)),
            "{code}"
        );
        let asked: i64 = fleet.value("SELECT last_value FROM witness.faults").await;
        assert_eq!(asked, i64::from(times) + 1, "{code}");
        assert_eq!(fleet.world.model.ledger().traffic().started, 2, "{code}");
        check(&fleet, &mut api, &mut worker, &[id]).await;
    }
}
