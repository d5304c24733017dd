//! Processes that die between the end of a response and the record that it was told.

use response_devstack::Listen;
use response_devstack::receiver::{Deaf, Deafness, Received, Receiver, ReceiverOptions, Secret};
use sqlx::{AssertSqlSafe, Executor};
use std::sync::Arc;

use super::stage::{SECRET, Stage, event_of, outcomes, received, settled, told_at};
use crate::background_postgres::fleet::{LONG, ask_with, ended, until};

/// The deliveries of `id` all have its one event.
fn are_one_event(came: &[Arc<Received>], id: &str) {
    for one in came {
        assert_eq!(one.id(), event_of(id), "{one}");
        assert_eq!(one.seen.body, came[0].seen.body, "{one}");
    }
}

/// Nobody claims a delivery that this has put off.
const PUT_OFF: &str = "
    CREATE FUNCTION witness.put_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.due_at := NEW.due_at + interval '1 hour';
        RETURN NEW;
    END $$;
    CREATE TRIGGER put_off BEFORE INSERT ON webhook_deliveries
        FOR EACH ROW EXECUTE FUNCTION witness.put_off();";

#[tokio::test]
async fn an_end_whose_process_died_before_it_told_is_told_by_another() {
    let stage = Stage::new().await;
    stage.fleet.run(PUT_OFF).await;
    let mut api = stage.fleet.api().await;
    let worker = stage.fleet.worker().await;
    let id = stage.ask(&api, "say hello", "webhook").await;
    ended(&api, &id, LONG).await;
    worker.kill().await;
    assert_eq!(stage.receiver.received().len(), 0);
    let due = "DROP TRIGGER put_off ON webhook_deliveries;
        UPDATE webhook_deliveries SET due_at = due_at - interval '1 hour'";
    stage.fleet.run(due).await;
    let mut other = stage.fleet.worker().await;
    let came = stage.attempts(&id, 1).await;
    are_one_event(&came, &id);
    stage.all_is_well(&mut api, vec![&mut other], &[id]).await;
    assert_eq!(stage.receiver.received().len(), 1);
}

/// Claims wait for as long as somebody has this lock.
const GATE: &str = "
    CREATE FUNCTION witness.wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock(4711);
        RETURN NULL;
    END $$;
    CREATE TRIGGER gate AFTER UPDATE ON webhook_deliveries FOR EACH ROW
        WHEN (OLD.worker_id IS NULL AND NEW.worker_id IS NOT NULL)
        EXECUTE FUNCTION witness.wait_at_the_gate();";

const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test]
async fn a_delivery_claimed_by_a_process_that_never_heard_of_it_is_sent_by_another() {
    let stage = Stage::with(&[("DB_LOCK_TIMEOUT", "5m"), ("DB_STATEMENT_TIMEOUT", "5m")]).await;
    stage.fleet.run(GATE).await;
    let mut keeper = stage.fleet.connect().await;
    keeper
        .execute("SELECT pg_advisory_lock(4711)")
        .await
        .unwrap();
    let mut api = stage.fleet.api().await;
    let worker = stage.fleet.worker().await;
    let id = stage.ask(&api, "say hello", "webhook").await;
    until("a claim waits", LONG, async || {
        stage.fleet.value::<i64>(WAITING).await == 1
    })
    .await;
    ended(&api, &id, LONG).await;
    worker.kill().await;
    // The server goes on with what it was asked: the claim stands, and nobody is there to know it.
    keeper
        .execute("SELECT pg_advisory_unlock(4711)")
        .await
        .unwrap();
    let sender = stage.sender(&id).await;
    assert_eq!(stage.receiver.received().len(), 0);
    let mut other = stage.fleet.worker().await;
    stage.fleet.pass_the_silence_of(&sender).await;
    let came = stage.attempts(&id, 1).await;
    are_one_event(&came, &id);
    stage.all_is_well(&mut api, vec![&mut other], &[id]).await;
    assert_eq!(stage.receiver.received().len(), 1);
}

#[tokio::test]
async fn a_process_that_dies_while_nobody_takes_its_call_is_replaced() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let worker = stage.fleet.worker().await;
    let deaf = Deaf::open(Deafness::ToWords).unwrap();
    let address = deaf.address();
    let url = format!("http://{address}/webhook");
    let id = ask_with(&api, "say hello", told_at(&url)).await;
    until("it is called", LONG, async || deaf.connections() == 1).await;
    let sender = stage.sender(&id).await;
    worker.kill().await;
    drop(deaf);
    // Somebody is there again, at the same address.
    let receiver = Receiver::start(&ReceiverOptions {
        listen: Listen::on(address.port()),
        secrets: vec![Secret::new(SECRET)],
        ..ReceiverOptions::default()
    })
    .unwrap();
    let mut other = stage.fleet.worker().await;
    stage.fleet.pass_the_silence_of(&sender).await;
    let came = received(&receiver, |all| !all.is_empty()).await;
    are_one_event(&came, &id);
    // What died before it was answered counts for nothing.
    assert_eq!(outcomes(&settled(&api, &id).await), ["200"]);
    stage.all_is_well(&mut api, vec![&mut other], &[id]).await;
    assert_eq!(receiver.received().len(), 1);
}

/// Ends the sessions that wait for ours.
const END_THOSE_WHO_WAIT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";

#[tokio::test]
async fn what_was_taken_and_not_recorded_is_sent_again_as_the_same_event() {
    let stage = Stage::with(&[("DB_LOCK_TIMEOUT", "5m"), ("DB_STATEMENT_TIMEOUT", "5m")]).await;
    let mut api = stage.fleet.api().await;
    let worker = stage.fleet.worker().await;
    stage.receiver.hold("webhook");
    let id = stage.ask(&api, "say hello", "webhook").await;
    stage.attempts(&id, 1).await;
    let sender = stage.sender(&id).await;
    let mut keeper = stage.fleet.connect().await;
    let lock =
        format!("BEGIN; SELECT 1 FROM webhook_deliveries WHERE response_id = '{id}' FOR UPDATE");
    keeper.execute(AssertSqlSafe(lock)).await.unwrap();
    stage.receiver.release("webhook");
    let blocked = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND cardinality(pg_blocking_pids(pid)) > 0";
    until("the record waits", LONG, async || {
        stage.fleet.value::<i64>(blocked).await == 1
    })
    .await;
    assert_eq!(
        stage.receiver.ledger().traffic().finished,
        1,
        "it was answered"
    );
    worker.kill().await;
    // The server would go on with what it was asked.
    keeper.execute(END_THOSE_WHO_WAIT).await.unwrap();
    until("nobody waits", LONG, async || {
        stage.fleet.value::<i64>(blocked).await == 0
    })
    .await;
    keeper.execute("ROLLBACK").await.unwrap();
    let mut other = stage.fleet.worker().await;
    stage.fleet.pass_the_silence_of(&sender).await;
    let came = stage.attempts(&id, 2).await;
    are_one_event(&came, &id);
    let attempts: Vec<_> = came.iter().map(|one| one.attempt).collect();
    assert_eq!(attempts, [1, 2]);
    assert_eq!(
        outcomes(&settled(&api, &id).await),
        ["200"],
        "the second is the first that is known"
    );
    stage.all_is_well(&mut api, vec![&mut other], &[id]).await;
    assert_eq!(stage.receiver.received().len(), 2);
}

#[tokio::test]
async fn a_record_that_the_server_refuses_for_a_moment_is_made_again_and_nothing_is_sent_twice() {
    let stage = Stage::new().await;
    stage
        .fleet
        .run(
            "CREATE SEQUENCE witness.faults;
            CREATE FUNCTION witness.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('witness.faults') <= 2 THEN
                    RAISE EXCEPTION 'injected' USING ERRCODE = '40001';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER failing BEFORE INSERT ON webhook_attempts
                FOR EACH ROW EXECUTE FUNCTION witness.fail();",
        )
        .await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let id = stage.ask(&api, "say hello", "webhook").await;
    assert_eq!(outcomes(&settled(&api, &id).await), ["200"]);
    let asked: i64 = stage
        .fleet
        .value("SELECT last_value FROM witness.faults")
        .await;
    assert_eq!(asked, 3);
    stage.all_is_well(&mut api, vec![&mut worker], &[id]).await;
    assert_eq!(stage.receiver.received().len(), 1);
}

#[tokio::test]
async fn an_end_that_two_processes_tell_of_at_once_is_told_once() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut one = stage.fleet.worker().await;
    let mut other = stage.fleet.worker().await;
    let mut responses = Vec::new();
    for number in 0..24 {
        let path = format!("webhook/{number}");
        responses.push(stage.ask(&api, "say hello", &path).await);
    }
    for id in &responses {
        stage.attempts(id, 1).await;
    }
    stage
        .all_is_well(&mut api, vec![&mut one, &mut other], &responses)
        .await;
    assert_eq!(stage.receiver.received().len(), responses.len());
}
