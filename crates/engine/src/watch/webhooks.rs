//! The numbers of webhooks.

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use response_domain::ports::webhook::OutboxDepth;
use response_domain::webhook::{Attempt, Due, GaveUp, Target};

use super::wide;

const PENDING: &str = "jan_response_api_webhooks_pending";
const OVERDUE: &str = "jan_response_api_webhooks_overdue_seconds";
const ATTEMPTS: &str = "jan_response_api_webhook_attempts_total";
const ATTEMPT: &str = "jan_response_api_webhook_attempt_seconds";
const ARRIVED: &str = "jan_response_api_webhook_arrival_seconds";
const GIVEN_UP: &str = "jan_response_api_webhooks_given_up_total";
const POSTPONED: &str = "jan_response_api_webhooks_postponed_total";

pub(super) fn describe() {
    describe_gauge!(
        PENDING,
        Unit::Count,
        "Webhooks that are still to arrive, in the whole database"
    );
    describe_gauge!(
        OVERDUE,
        Unit::Seconds,
        "How long the oldest webhook has been due that nobody sends"
    );
    describe_counter!(
        ATTEMPTS,
        "Attempts of this process to deliver a webhook, by kind of address and by result"
    );
    describe_histogram!(
        ATTEMPT,
        Unit::Seconds,
        "How long an attempt took, by result"
    );
    describe_histogram!(
        ARRIVED,
        Unit::Seconds,
        "From the end of a response to the arrival of its webhook at the very first attempt"
    );
    describe_counter!(GIVEN_UP, "Webhooks that are not tried again, by reason");
    describe_counter!(
        POSTPONED,
        "Webhooks that had to wait because enough was under way to their address or of their owner"
    );
}

pub(crate) fn outbox(depth: &OutboxDepth) {
    gauge!(PENDING).set(wide(depth.pending));
    gauge!(OVERDUE).set(depth.overdue.unwrap_or_default().as_secs_f64());
}

pub(crate) fn webhook_tried(due: &Due, attempt: &Attempt) {
    let to = match due.target {
        Target::Callback(_) => "callback",
        Target::Endpoint { .. } => "endpoint",
    };
    let result = match &attempt.answer {
        Ok(answer) if answer.is_taken() => "taken",
        Ok(_) => "refused",
        Err(fault) => fault.as_str(),
    };
    counter!(ATTEMPTS, "to" => to, "result" => result).increment(1);
    histogram!(ATTEMPT, "result" => result).record(attempt.duration);
    if attempt.is_taken() && due.tried_in_all == 0 {
        let arrived = attempt.at.after(attempt.duration);
        histogram!(ARRIVED).record(arrived.since(due.created));
    }
}

pub(crate) fn webhook_given_up(why: GaveUp) {
    counter!(GIVEN_UP, "reason" => why.as_str()).increment(1);
}

pub(crate) fn webhooks_postponed(webhooks: usize) {
    counter!(POSTPONED).increment(u64::try_from(webhooks).unwrap_or(u64::MAX));
}
