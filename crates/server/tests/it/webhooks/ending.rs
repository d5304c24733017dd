//! A process that is told to end while it tells of others.

use super::stage::{Stage, event_of, outcomes, settled};

#[tokio::test]
async fn a_process_that_ends_in_order_leaves_what_it_sends_to_the_others() {
    let settings = [
        ("RESPONSE_SHUTDOWN_SOFT", "1s"),
        ("RESPONSE_SHUTDOWN_HARD", "5s"),
    ];
    let stage = Stage::with(&settings).await;
    let mut api = stage.fleet.api().await;
    let worker = stage.fleet.worker().await;
    stage.receiver.hold("webhook");
    let id = stage.ask(&api, "say hello", "webhook").await;
    stage.attempts(&id, 1).await;
    worker.signal("-TERM");
    assert_eq!(worker.ended().await, Some(0));
    // Nobody has to be missed for that.
    let is_due = "SELECT worker_id IS NULL AND due_at <= clock_timestamp() FROM webhook_deliveries";
    assert!(stage.fleet.value::<bool>(is_due).await);
    stage.receiver.release("webhook");
    let mut other = stage.fleet.worker().await;
    let came = stage.attempts(&id, 2).await;
    assert!(came.iter().all(|one| one.id() == event_of(&id)));
    assert_eq!(outcomes(&settled(&api, &id).await), ["200"]);
    stage.all_is_well(&mut api, vec![&mut other], &[id]).await;
}

#[tokio::test]
async fn a_process_that_ends_in_order_waits_for_an_answer_that_comes_soon() {
    let stage = Stage::with(&[("RESPONSE_SHUTDOWN_SOFT", "45s")]).await;
    let mut api = stage.fleet.api().await;
    let worker = stage.fleet.worker().await;
    stage.receiver.hold("webhook");
    let id = stage.ask(&api, "say hello", "webhook").await;
    stage.attempts(&id, 1).await;
    worker.signal("-TERM");
    stage.receiver.release("webhook");
    assert_eq!(worker.ended().await, Some(0));
    let mut other = stage.fleet.worker().await;
    assert_eq!(outcomes(&settled(&api, &id).await), ["200"]);
    stage.all_is_well(&mut api, vec![&mut other], &[id]).await;
    assert_eq!(stage.receiver.received().len(), 1);
}
