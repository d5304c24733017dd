//! Who goes first, and who has to wait.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor};
use tokio::time::Instant;

use super::fleet::{Fleet, LONG, ask, ended, until};
use super::invariants::After;
use crate::process::Program;

const FLOOD: u32 = 10_000;

/// Queues so many responses of one owner, older than everything that comes. Over HTTP everybody is the same
/// owner, so they are copies of one that was asked for and cancelled, made in the database.
async fn flood(fleet: &Fleet, owner: &str) {
    let mut database = fleet.connect().await;
    let id: String = fleet.value("SELECT response_id FROM response_jobs").await;
    let copying = |table: &str, key: &str, changes: &str| {
        format!(
            "INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object(
                '{key}', left(t.{key}, -5) || lpad(n::text, 5, '0') {changes}))).*
            FROM {table} t, generate_series(1, {FLOOD}) AS n WHERE t.{key} = '{id}'"
        )
    };
    // Their order is not that of their ids.
    let job = format!(
        ", 'owner', '{owner}', 'queued_at', clock_timestamp() - interval '1 hour'
            + ((n * 7919) % {FLOOD}) * interval '1 ms'"
    );
    for (table, key, changes) in [
        ("responses", "id", format!(", 'owner', '{owner}'")),
        ("conversation_items", "response_id", String::new()),
        ("response_events", "response_id", String::new()),
        ("response_jobs", "response_id", job),
    ] {
        let sql = copying(table, key, &changes);
        let done = database.execute(AssertSqlSafe(sql)).await.unwrap();
        assert_eq!(done.rows_affected(), u64::from(FLOOD), "{table}");
    }
    database.execute("ANALYZE response_jobs").await.unwrap();
}

/// Takes out of the database what nobody is to wait for.
async fn ebb(fleet: &Fleet, owner: &str) {
    let flooded = format!("(SELECT id FROM responses WHERE owner = '{owner}')");
    for (table, key) in [
        ("response_jobs", "response_id"),
        ("response_events", "response_id"),
        ("conversation_items", "response_id"),
        ("responses", "id"),
    ] {
        fleet
            .run(&format!("DELETE FROM {table} WHERE {key} IN {flooded}"))
            .await;
    }
    // They were asked for without a credential.
    fleet.world.model.ledger().take();
}

#[tokio::test]
async fn ten_thousand_are_taken_in_the_order_in_which_they_were_queued() {
    let fleet = Fleet::with(&[("RESPONSE_LOG_LEVEL", "info")]).await;
    let mut api = fleet.api().await;
    let mut responses = vec![ask(&api, "say flood").await];
    fleet.run("DELETE FROM response_secrets").await;
    flood(&fleet, "flood").await;
    // In the order in which they will be claimed; copied before anything is.
    fleet
        .run(
            "CREATE TABLE witness.queue AS SELECT response_id,
                row_number() OVER (ORDER BY queued_at, response_id) AS place FROM response_jobs",
        )
        .await;
    let worker = fleet
        .start(Program::Worker, &[("BACKGROUND_WORKER_COUNT", "16")])
        .await;
    let claimed = "SELECT count(*) FROM witness.lease WHERE worker_id IS NOT NULL";
    until("some hundred are claimed", LONG, async || {
        fleet.value::<i64>(claimed).await >= 400
    })
    .await;
    worker.kill().await;
    let stepped_back: Vec<(i64, i64)> = fleet
        .rows(
            "WITH claims AS (
                SELECT at_claim, min(place) AS first, max(place) AS last
                FROM witness.lease l JOIN witness.queue USING (response_id),
                    LATERAL (SELECT l.xact AS at_claim) AS claim
                WHERE worker_id IS NOT NULL AND lease = 1 GROUP BY at_claim)
            SELECT first, before FROM (
                SELECT first, max(last) OVER (ORDER BY at_claim ROWS BETWEEN UNBOUNDED PRECEDING
                    AND 1 PRECEDING) AS before FROM claims) AS pairs
            WHERE first < before",
        )
        .await;
    assert_eq!(stepped_back, [], "somebody was passed over");
    let (count, last): (i64, i64) = fleet
        .rows(
            "SELECT count(*), max(place) FROM witness.lease JOIN witness.queue USING (response_id)
            WHERE worker_id IS NOT NULL AND lease = 1",
        )
        .await[0];
    assert_eq!(count, last, "and nobody went first");
    ebb(&fleet, "flood").await;
    let mut worker = fleet.worker().await;
    responses.push(ask(&api, "say after the flood").await);
    ended(&api, &responses[1], LONG).await;
    fleet.world.model.ledger().take();
    let after = After {
        fleet: &fleet,
        api: &mut api,
        workers: vec![&mut worker],
        responses: &responses,
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}

#[tokio::test]
async fn an_owner_with_a_limit_leaves_room_for_others() {
    const LIMIT: i64 = 3;
    let settings = [
        ("RESPONSE_LOG_LEVEL", "info"),
        ("BACKGROUND_OWNER_LIMIT", "3"),
        ("BACKGROUND_WORKER_COUNT", "5"),
    ];
    let fleet = Fleet::with(&settings).await;
    let mut api = fleet.api().await;
    let model = fleet.world.model.ledger();
    let first = ask(&api, "flood [[fail:hang]]").await;
    fleet.run("DELETE FROM response_secrets").await;
    flood(&fleet, "flood").await;
    fleet
        .run(&format!("UPDATE response_jobs SET queued_at = queued_at - interval '1 day' WHERE response_id = '{first}'"))
        .await;
    let mut worker = fleet.worker().await;
    model.until(|traffic| traffic.started == 4).await;
    let mut responses = vec![first];
    for number in 0..5 {
        let begun = Instant::now();
        let prompt = format!("say {number}");
        responses.push(ask(&api, &prompt).await);
        until("the other owner's response begins", LONG, async || {
            let seen = model.seen();
            seen.last()
                .is_some_and(|seen| seen.json().to_string().contains(&prompt))
        })
        .await;
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    let running: i64 = fleet
        .value("SELECT count(*) FROM response_jobs WHERE worker_id IS NOT NULL AND owner = 'flood'")
        .await;
    assert_eq!(running, LIMIT);
    ebb(&fleet, "flood").await;
    super::fleet::cancel(&api, &responses[0]).await;
    for id in &responses {
        ended(&api, id, LONG).await;
    }
    model.until(|traffic| traffic.open() == 0).await;
    fleet.world.model.ledger().take();
    let after = After {
        fleet: &fleet,
        api: &mut api,
        workers: vec![&mut worker],
        responses: &responses,
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}
