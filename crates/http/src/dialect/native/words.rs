//! Facts to words: how the native API names the ways in which a response stands and ends.

use std::borrow::Cow;

use response_domain::failure::{Failure, FailureCode};
use response_domain::status::{IncompleteReason, Status, StatusName};
use response_domain::webhook::{DeliveryState, Payload, WebhookEvent};

/// The word for a status. A limit on tools leaves no answer, so it is a failure; a limit on the text
/// leaves an answer that is cut short.
pub(super) fn status(status: &Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::InProgress => "in_progress",
        Status::Completed
        | Status::Incomplete(IncompleteReason::OutputTokens | IncompleteReason::ContentFilter) => {
            "completed"
        }
        Status::Incomplete(IncompleteReason::ToolDepth | IncompleteReason::ToolCalls)
        | Status::Failed(_) => "failed",
        Status::Cancelled => "cancelled",
    }
}

/// The statuses among which all are that have this word.
pub(super) fn statuses(word: &str) -> &'static [StatusName] {
    match word {
        "queued" => &[StatusName::Queued],
        "in_progress" => &[StatusName::InProgress],
        "completed" => &[StatusName::Completed, StatusName::Incomplete],
        "failed" => &[StatusName::Failed, StatusName::Incomplete],
        "cancelled" => &[StatusName::Cancelled],
        _ => &[],
    }
}

/// The failure that a response ended with, if it did.
pub(super) fn failure(status: &Status) -> Option<Cow<'_, Failure>> {
    let limit = |code, message: &str| Some(Cow::Owned(Failure::new(code, message)));
    match status {
        Status::Failed(failure) => Some(Cow::Borrowed(failure)),
        Status::Incomplete(IncompleteReason::ToolDepth) => limit(
            FailureCode::MaxDepthExceeded,
            "Tool execution exceeded maximum depth",
        ),
        Status::Incomplete(IncompleteReason::ToolCalls) => limit(
            FailureCode::MaxToolCallsExceeded,
            "Tool execution exceeded the maximum number of calls",
        ),
        Status::Incomplete(IncompleteReason::OutputTokens | IncompleteReason::ContentFilter)
        | Status::Queued
        | Status::InProgress
        | Status::Completed
        | Status::Cancelled => None,
    }
}

/// Why the answer of a completed response is cut short, if it is.
pub(super) fn cut_short(status: &Status) -> Option<&'static str> {
    match status {
        Status::Incomplete(
            reason @ (IncompleteReason::OutputTokens | IncompleteReason::ContentFilter),
        ) => Some(reason.as_str()),
        Status::Incomplete(IncompleteReason::ToolDepth | IncompleteReason::ToolCalls)
        | Status::Queued
        | Status::InProgress
        | Status::Completed
        | Status::Failed(_)
        | Status::Cancelled => None,
    }
}

/// What happened, in a sentence.
pub(super) const fn event(event: WebhookEvent) -> &'static str {
    match event {
        WebhookEvent::Completed => "A background response has its answer.",
        WebhookEvent::Failed => "A background response ended without an answer.",
        WebhookEvent::Cancelled => "A background response was cancelled.",
        WebhookEvent::Incomplete => {
            "A background response ended early, at a limit; to the full payload that is \
             `response.completed` or `response.failed`."
        }
    }
}

/// The payloads that tell of an event: this API calls no end incomplete.
pub(super) const fn payloads(event: WebhookEvent) -> &'static [Payload] {
    match event {
        WebhookEvent::Completed | WebhookEvent::Failed | WebhookEvent::Cancelled => Payload::ALL,
        WebhookEvent::Incomplete => &[Payload::Thin],
    }
}

/// Where a delivery stands.
pub(super) const fn delivery(state: &DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending { .. } => "pending",
        DeliveryState::Delivered { .. } => "delivered",
        DeliveryState::GivenUp { .. } => "given_up",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Status> {
        let mut all = vec![
            Status::Queued,
            Status::InProgress,
            Status::Completed,
            Status::Cancelled,
        ];
        all.extend(IncompleteReason::ALL.iter().map(|&r| Status::Incomplete(r)));
        let failed = |&code| Status::Failed(Failure::new(code, "why"));
        all.extend(FailureCode::ALL.iter().map(failed));
        all
    }

    #[test]
    fn every_status_has_one_word_and_is_found_by_it() {
        for known in all() {
            let word = status(&known);
            assert!(statuses(word).contains(&known.name()), "{known:?}");
            assert_eq!(failure(&known).is_some(), word == "failed", "{known:?}");
            let is_cut = matches!(known, Status::Incomplete(_)) && word == "completed";
            assert_eq!(cut_short(&known).is_some(), is_cut, "{known:?}");
        }
        assert_eq!(statuses("incomplete"), &[]);
    }

    #[test]
    fn the_event_of_the_full_payload_is_the_native_word_for_the_status() {
        for known in all() {
            let told = WebhookEvent::of(&known, Payload::Full).map(WebhookEvent::as_str);
            let word = format!("response.{}", status(&known));
            assert_eq!(told, known.is_ended().then_some(word.as_str()), "{known:?}");
        }
    }

    #[test]
    fn an_event_names_the_payloads_that_tell_of_it() {
        for &event in WebhookEvent::ALL {
            let tells = |payload: &Payload| {
                let of = |status: &Status| WebhookEvent::of(status, *payload);
                all().iter().any(|status| of(status) == Some(event))
            };
            let telling: Vec<_> = Payload::ALL.iter().copied().filter(tells).collect();
            assert_eq!(payloads(event), telling, "{event}");
        }
    }
}
