//! What every store must do that keeps the queue of background responses and the log of what they told,
//! each promise a test of its own. [`queue_suite!`](crate::queue_suite!) makes the tests for one store; a
//! behaviour exists when it stands here.
//!
//! A test is given the same [`Fixture`](crate::store_suite::Fixture) as in [`store_suite!`](crate::store_suite!),
//! with a world around its store: see [`Fixture::within`](crate::store_suite::Fixture::within).

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test of the suite cannot go on without is its failure"
)]

pub mod sample;

pub mod claims;
pub mod enqueue;

pub mod leases;
pub mod log;
pub mod stale;

pub mod checkpoints;
pub mod events;

pub mod endings;
pub mod rescue;

pub mod counts;
pub mod races;

/// Makes a test of each promise. `$make` is an expression that answers a future of a new
/// [`Fixture`](crate::store_suite::Fixture) with an empty store and the world around it; it is evaluated
/// once a test.
#[macro_export]
macro_rules! queue_suite {
    ($make:expr) => {
        $crate::queue_suite! { @tests $make;
            enqueue: [
                a_queued_response_is_there_with_all_that_belongs_to_it,
                what_is_queued_twice_is_stale_and_changes_nothing,
                what_was_deleted_is_not_queued_again,
                a_log_begins_at_zero_or_nothing_is_queued,
                a_job_keeps_its_credential_to_the_letter,
                a_foreground_response_is_not_in_the_queue,
            ]
            claims: [
                the_oldest_is_claimed_first,
                no_more_is_claimed_than_asked_for,
                a_claim_changes_nothing_but_who_may_write,
                a_claim_tells_how_often_and_how_long,
                the_first_claim_sets_the_time_for_all,
                every_claim_has_a_larger_token,
                an_owner_runs_no_more_than_its_share,
                a_share_that_is_used_up_does_not_stop_the_others,
            ]
            leases: [
                a_lease_takes_up_all_that_the_next_process_needs,
                what_a_turn_told_that_is_not_over_is_taken_up,
                a_lease_is_written_with_until_the_end,
                a_write_of_a_holder_may_be_repeated,
                a_response_goes_back_as_if_it_had_not_been_claimed,
                a_sign_of_life_answers_the_leases_of_its_process,
                what_is_seized_is_written_by_nobody_who_had_it,
            ]
            stale: [
                only_the_latest_lease_writes,
                what_is_stale_changes_nothing,
                what_runs_in_the_background_needs_its_job,
                a_lease_writes_for_its_own_response_only,
            ]
            log: [
                numbers_follow_each_other_whoever_adds,
                a_log_is_read_from_any_number_on,
                a_long_log_is_read_a_piece_at_a_time,
                what_is_added_at_a_wrong_number_is_not_written,
                a_write_at_a_wrong_number_writes_nothing_at_all,
                an_addition_may_be_repeated,
                a_log_belongs_to_its_owner,
                a_log_outlives_its_response_until_it_is_deleted,
            ]
            events: [
                every_kind_of_event_reads_back_from_one_window,
                every_kind_of_event_reads_back_from_windows_of_one,
                odd_and_long_texts_survive,
            ]
            checkpoints: [
                every_kind_of_checkpoint_reads_back,
                every_kind_of_call_reads_back,
                every_kind_of_call_that_a_caller_brought_reads_back,
                a_checkpoint_takes_the_place_of_the_one_before,
            ]
            endings: [
                an_ending_leaves_nothing_in_the_queue,
                what_ends_in_the_background_is_appended_to_its_conversation,
                a_response_that_waits_is_cancelled,
                a_response_that_runs_is_cancelled_with_what_it_had,
                a_cancel_that_read_too_early_is_stale,
            ]
            rescue: [
                responses_of_a_lost_process_wait_again_at_their_place,
                a_rescue_takes_from_the_lost_only,
                who_is_lost_too_often_is_handed_to_the_rescuer,
                what_a_lost_rescuer_held_goes_to_the_next,
                who_keeps_one_past_its_time_loses_it,
                who_claims_late_may_still_end_it,
                a_rescue_takes_some_at_a_time,
                a_response_that_was_not_begun_may_be_lost,
            ]
            counts: [
                the_length_of_the_queue_is_told,
                what_an_owner_has_waiting_is_counted,
            ]
            races: [
                each_response_is_claimed_by_one,
                of_a_cancel_and_an_ending_one_wins,
                of_many_cancels_one_wins,
                each_loss_is_counted_once,
                nothing_is_written_after_a_rescue,
            ]
        }
    };
    (@tests $make:expr; $($group:ident: [$($name:ident),* $(,)?])*) => {
        mod queue {
            use super::*;

            $(mod $group {
                use super::*;

                $(#[tokio::test]
                async fn $name() {
                    let fixture = $make.await;
                    $crate::queue_suite::$group::$name(&fixture).await;
                })*
            })*
        }
    };
}
