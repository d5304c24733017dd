//! What every store must do that keeps conversations, each promise a test of its own.
//! [`conversation_suite!`](crate::conversation_suite!) makes the tests for one store; a behaviour exists when
//! it stands here.
//!
//! A test is given the same [`Fixture`](crate::store_suite::Fixture) as in [`store_suite!`](crate::store_suite!),
//! with the doors of conversations: see [`Fixture::conversing`](crate::store_suite::Fixture::conversing).

#![expect(
    clippy::panic,
    reason = "what a test of the suite cannot go on without is its failure"
)]

pub mod sample;

pub mod opened;

pub mod closed;
pub mod put;
pub mod removed;

pub mod concurrent;

/// Makes a test of each promise. `$make` is an expression that answers a future of a new
/// [`Fixture`](crate::store_suite::Fixture) with an empty store; it is evaluated once a test.
#[macro_export]
macro_rules! conversation_suite {
    ($make:expr) => {
        $crate::conversation_suite! { @tests $make;
            opened: [
                what_is_opened_reads_back,
                an_id_is_given_once,
                a_conversation_without_a_word_has_a_history,
                what_begins_with_a_response_has_its_time_and_nothing_to_say,
                what_is_described_reads_back,
                a_conversation_is_busy_while_a_response_waits_or_runs,
                conversations_belong_to_their_owners,
            ]
            closed: [
                what_is_closed_is_not_found,
                what_was_said_outlives_its_conversation,
                what_is_not_there_cannot_be_closed,
                what_ends_after_its_conversation_was_closed_is_kept,
            ]
            put: [
                what_is_put_there_stands_among_the_responses,
                a_response_saw_what_was_put_there_before_it_attached,
                what_is_put_there_is_found_by_its_id,
                what_is_put_there_is_no_response,
                every_kind_of_item_can_be_put_there,
                nothing_is_put_where_nothing_is,
                nothing_put_says_whether_there_is_a_conversation,
                what_does_not_belong_together_is_not_put_there,
                what_was_put_somewhere_is_not_put_there_again,
            ]
            removed: [
                what_was_put_there_is_gone_when_it_is_removed,
                what_a_response_said_stays_with_it_when_it_is_removed,
                who_attached_before_a_removal_saw_the_item,
                each_removal_is_seen_from_its_own_moment_on,
                what_is_not_in_a_conversation_cannot_be_removed,
                what_is_removed_from_a_deleted_response_is_nothing,
                a_conversation_without_its_items_goes_on,
            ]
            concurrent: [
                what_is_put_at_once_gets_a_place_each,
                what_is_put_while_responses_end_gets_a_place_each,
                of_many_removals_of_an_item_one_counts,
                removals_at_once_each_get_a_place,
                of_many_closings_one_counts,
                of_many_openings_one_counts,
                of_many_descriptions_one_stays,
            ]
        }
    };
    (@tests $make:expr; $($group:ident: [$($name:ident),* $(,)?])*) => {
        mod conversations {
            use super::*;

            $(mod $group {
                use super::*;

                $(#[tokio::test]
                async fn $name() {
                    let fixture = $make.await;
                    $crate::conversation_suite::$group::$name(&fixture).await;
                })*
            })*
        }
    };
}
