//! What is looked at after every test of webhooks, broken on purpose: it can be found wrong.

use super::stage::{Stage, settled};
use crate::background_postgres::broken::complaint;

/// What is wrong, and how it is put right again.
const FAULTS: [(&str, &str); 5] = [
    (
        "CREATE TABLE kept AS SELECT * FROM webhook_deliveries; DELETE FROM webhook_deliveries",
        "INSERT INTO webhook_deliveries SELECT * FROM kept; DROP TABLE kept",
    ),
    (
        "UPDATE webhook_deliveries SET state = 'pending'",
        "UPDATE webhook_deliveries SET state = 'delivered'",
    ),
    (
        "UPDATE webhook_deliveries SET state = 'given_up', why = 'attempts_spent'",
        "UPDATE webhook_deliveries SET state = 'delivered', why = NULL",
    ),
    (
        "UPDATE webhook_attempts SET status = 500",
        "UPDATE webhook_attempts SET status = 200",
    ),
    (
        "UPDATE webhook_deliveries SET attempts = 2",
        "UPDATE webhook_deliveries SET attempts = 1",
    ),
];

#[tokio::test]
async fn whatever_is_wrong_with_what_was_told_is_found() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let id = stage.ask(&api, "say hello", "webhook").await;
    settled(&api, &id).await;
    for (wrong, right) in FAULTS {
        stage.fleet.run(wrong).await;
        let told = complaint(&stage.fleet, &mut api, &mut worker, &id).await;
        assert!(told.contains("I5"), "{wrong}: {told}");
        stage.fleet.run(right).await;
    }
    assert_eq!(
        complaint(&stage.fleet, &mut api, &mut worker, &id).await,
        "nothing"
    );
}
