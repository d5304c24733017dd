//! What every store must do that forgets what is past its time, each promise a test of its own.
//! [`retention_suite!`](crate::retention_suite!) makes the tests for one store; a behaviour exists when it
//! stands here.
//!
//! A test is given the same [`Fixture`](crate::store_suite::Fixture) as in [`store_suite!`](crate::store_suite!),
//! with all its doors.

#![expect(
    clippy::panic,
    reason = "what a test of the suite cannot go on without is its failure"
)]

pub mod sample;

pub mod moments;

pub mod batches;
pub mod gone;

pub mod left;
pub mod talks;

pub mod at_once;

/// Makes a test of each promise. `$make` is an expression that answers a future of a new
/// [`Fixture`](crate::store_suite::Fixture) with an empty store and the world around it; it is evaluated
/// once a test.
#[macro_export]
macro_rules! retention_suite {
    ($make:expr) => {
        $crate::retention_suite! { @tests $make;
            moments: [
                each_status_has_its_own_moment,
                what_ended_at_the_moment_itself_stays,
                what_waits_or_runs_is_never_forgotten,
                nothing_is_forgotten_where_nothing_is_said,
                everybodys_is_forgotten_alike,
            ]
            batches: [
                the_oldest_go_first_and_no_more_than_asked_for,
                all_of_many_are_found,
                what_ends_late_is_found_then,
                a_later_moment_finds_more,
                of_different_moments_each_is_found,
            ]
            gone: [
                what_is_forgotten_is_as_if_deleted,
                of_a_background_response_everything_goes,
                a_key_stands_for_what_was_forgotten,
                what_its_owner_deleted_goes_for_good,
                what_is_gone_for_good_is_forgotten_no_more,
            ]
            left: [
                what_continues_a_forgotten_one_stays_whole,
                a_link_to_something_that_is_kept_stays,
                what_runs_still_sees_what_its_chain_kept,
                a_beginning_that_attached_is_a_link_too,
                a_place_that_was_seen_is_not_given_again,
                a_long_chain_goes_with_its_last,
            ]
            talks: [
                what_an_owner_put_there_goes_at_its_time,
                what_an_owner_put_there_outlives_the_responses,
                an_empty_conversation_goes_when_it_is_as_old,
                a_conversation_goes_with_the_last_that_it_holds,
                a_conversation_without_a_row_goes_with_its_responses,
                a_closed_conversation_does_not_come_back,
                what_was_taken_out_keeps_nothing_alive,
            ]
            at_once: [
                those_who_forget_at_once_forget_each_once,
                forgetting_disturbs_nobody,
            ]
        }
    };
    (@tests $make:expr; $($group:ident: [$($name:ident),* $(,)?])*) => {
        mod retention {
            use super::*;

            $(mod $group {
                use super::*;

                $(#[tokio::test]
                async fn $name() {
                    let fixture = $make.await;
                    $crate::retention_suite::$group::$name(&fixture).await;
                })*
            })*
        }
    };
}
