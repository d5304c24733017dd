//! What an operator can watch of background work and webhooks: every number the engine gives, by name.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use response_domain::ports::queue::{Depth, Rescue};
use response_domain::response::Response;
use response_domain::status::StatusName;

mod webhooks;

pub(crate) use webhooks::{outbox, webhook_given_up, webhook_tried, webhooks_postponed};

const WAITING: &str = "jan_response_api_queue_waiting";
const RUNNING: &str = "jan_response_api_queue_running";
const OLDEST: &str = "jan_response_api_queue_oldest_seconds";
const HELD: &str = "jan_response_api_worker_runs";
const WORKERS: &str = "jan_response_api_worker_slots";
const CLAIMED: &str = "jan_response_api_claimed_total";
const CLAIM: &str = "jan_response_api_claim_seconds";
const WAITED: &str = "jan_response_api_queue_wait_seconds";
const ENDED: &str = "jan_response_api_background_ended_total";
const RESCUED: &str = "jan_response_api_rescued_total";
const GIVEN_UP: &str = "jan_response_api_given_up_total";
const HANDED_BACK: &str = "jan_response_api_handed_back_total";
const FENCED: &str = "jan_response_api_fenced_total";
const EXPIRED: &str = "jan_response_api_expired_total";
const DOUBTED: &str = "jan_response_api_lease_doubted_total";

/// Says what each number means, to whoever records them.
pub fn describe() {
    queue_numbers();
    webhooks::describe();
    describe_counter!(
        EXPIRED,
        "What this process forgot because it was past its time"
    );
}

fn queue_numbers() {
    describe_gauge!(
        WAITING,
        Unit::Count,
        "Background responses that wait for a worker, in the whole database"
    );
    describe_gauge!(
        RUNNING,
        Unit::Count,
        "Background responses that a worker has, in the whole database"
    );
    describe_gauge!(
        OLDEST,
        Unit::Seconds,
        "How long the oldest waiting response has waited"
    );
    describe_gauge!(
        HELD,
        Unit::Count,
        "Background responses that this process works on"
    );
    describe_gauge!(
        WORKERS,
        Unit::Count,
        "How many this process may work on at once"
    );
    describe_counter!(CLAIMED, "Responses this process took from the queue");
    describe_histogram!(
        CLAIM,
        Unit::Seconds,
        "How long a look at the queue took that found something"
    );
    describe_histogram!(
        WAITED,
        Unit::Seconds,
        "How long responses waited until their run first began"
    );
    describe_counter!(
        ENDED,
        "Background responses that this process ended, by status"
    );
    describe_counter!(
        RESCUED,
        "Responses of lost processes that this process put back into the queue"
    );
    describe_counter!(
        GIVEN_UP,
        "Responses that failed because they were lost too often"
    );
    describe_counter!(
        HANDED_BACK,
        "Responses that this process gave back unfinished"
    );
    describe_counter!(
        FENCED,
        "Runs that stopped because somebody else had ended or taken the response"
    );
    describe_counter!(
        DOUBTED,
        "Runs let go because no sign of life was answered in time"
    );
}

pub(crate) fn queue(depth: &Depth) {
    gauge!(WAITING).set(wide(depth.waiting));
    gauge!(RUNNING).set(wide(depth.running));
    gauge!(OLDEST).set(depth.oldest.unwrap_or_default().as_secs_f64());
}

pub(crate) fn slots(workers: u16) {
    gauge!(WORKERS).set(f64::from(workers));
}

pub(crate) fn held(runs: usize) {
    gauge!(HELD).set(wide(u64::try_from(runs).unwrap_or(u64::MAX)));
}

pub(crate) fn claimed(responses: usize, took: Duration) {
    if responses > 0 {
        counter!(CLAIMED).increment(u64::try_from(responses).unwrap_or(u64::MAX));
        histogram!(CLAIM).record(took);
    }
}

pub(crate) fn begun(response: &Response) {
    if let (Some(queued), Some(started)) = (response.times.queued, response.times.started) {
        histogram!(WAITED).record(started.since(queued));
    }
}

pub(crate) fn ended(status: StatusName) {
    counter!(ENDED, "status" => status.as_str()).increment(1);
}

pub(crate) fn rescued(rescue: &Rescue) {
    counter!(RESCUED).increment(u64::try_from(rescue.again.len()).unwrap_or(u64::MAX));
    counter!(GIVEN_UP).increment(u64::try_from(rescue.spent.len()).unwrap_or(u64::MAX));
}

pub(crate) fn handed_back() {
    counter!(HANDED_BACK).increment(1);
}

pub(crate) fn fenced() {
    counter!(FENCED).increment(1);
}

pub(crate) fn expired(forgotten: u64) {
    counter!(EXPIRED).increment(forgotten);
}

pub(crate) fn doubted(runs: usize) {
    counter!(DOUBTED).increment(u64::try_from(runs).unwrap_or(u64::MAX));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody counts past 2^52 of anything"
)]
fn wide(count: u64) -> f64 {
    count as f64
}
