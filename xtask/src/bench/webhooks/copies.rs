//! Copies of one response that ended, to be told of: more than could be run in the time.

use std::time::Duration;

use tokio::time::sleep;

use super::stage::Stage;
use crate::db;
use crate::error::ChoreError;

/// How often is looked whether the one has ended, and after which pause.
const LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// The id of the copy with this number, in SQL. It is one that the service could have made.
macro_rules! id {
    ($prefix:literal) => {
        concat!("'", $prefix, "_' || lpad(n::text, 26, '0')")
    };
}

/// Runs one response to its end and makes so many copies of it.
pub(super) async fn make(stage: &Stage, count: u64) -> Result<(), ChoreError> {
    let database = stage.ours.database();
    stage.ours.fill(1).await?;
    let worker = stage.ours.work().await?;
    let mut looks = 0..LOOKS;
    while db::ask(
        database,
        "select count(*) from responses where ended_at is not null",
    )? != "1"
    {
        if looks.next().is_none() {
            return Err(ChoreError::Refused("one response does not end".to_owned()));
        }
        sleep(PAUSE).await;
    }
    drop(worker);
    db::ask(database, &copy_responses(count))?;
    db::ask(database, &copy_items(count))?;
    Ok(())
}

/// The statement that makes them due: to the address that an SQL expression says, by the number `n`, and so
/// many microseconds from now, by another one.
pub(super) fn due(numbers: (u64, u64), address: &str, micros: &str) -> String {
    let (first, last) = numbers;
    format!(
        "insert into webhook_deliveries (
            response_id, endpoint_id, owner, event, callback_url, created_at, state, due_at,
            lane, tried, attempts, lease
        )
        select {id}, '', (select owner from responses limit 1), 'response.completed', {address},
            clock_timestamp(), 'pending', clock_timestamp() + ({micros}) * interval '1 microsecond',
            0, 0, 0, 0
        from generate_series({first}, {last}) n",
        id = id!("resp")
    )
}

fn copy_responses(count: u64) -> String {
    format!(
        "insert into responses select copy.* from responses one, generate_series(1, {count}) n,
            jsonb_populate_record(one, jsonb_build_object('id', {}, 'conversation_id', {})) copy",
        id!("resp"),
        id!("conv")
    )
}

fn copy_items(count: u64) -> String {
    format!(
        "insert into conversation_items
        select copy.* from conversation_items one, generate_series(1, {count}) n,
            jsonb_populate_record(one, jsonb_build_object('response_id', {})) copy",
        id!("resp")
    )
}
