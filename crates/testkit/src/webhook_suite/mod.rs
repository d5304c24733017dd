//! What every store must do that keeps webhook endpoints and sends deliveries out, each promise a test of
//! its own. [`webhook_suite!`](crate::webhook_suite!) makes the tests for one store; a behaviour exists when
//! it stands here.
//!
//! A test is given the same [`Fixture`](crate::store_suite::Fixture) as in [`store_suite!`](crate::store_suite!),
//! with the doors of webhooks and a world around its store: see
//! [`Fixture::telling`](crate::store_suite::Fixture::telling) and
//! [`Fixture::within`](crate::store_suite::Fixture::within).

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test of the suite cannot go on without is its failure"
)]

pub mod sample;

pub mod claims;
pub mod notices;

/// Makes a test of each promise. `$make` is an expression that answers a future of a new
/// [`Fixture`](crate::store_suite::Fixture) with an empty store, its doors of webhooks, and the world around
/// it; it is evaluated once a test.
#[macro_export]
macro_rules! webhook_suite {
    ($make:expr) => {
        $crate::webhook_suite! { @tests $make;
            notices: [
                every_ending_of_a_run_is_told_once_to_everybody,
                a_cancel_is_told,
                what_was_lost_too_often_is_told_by_who_ends_it,
                what_does_not_end_is_not_told,
                what_runs_in_the_foreground_is_told_to_nobody,
                an_end_is_named_in_the_words_of_each_payload,
                every_pattern_covers_what_it_says,
                endpoints_of_others_hear_nothing,
                a_disabled_endpoint_hears_nothing,
                a_callback_hears_what_it_asked_for,
                a_stale_ending_is_told_to_nobody,
                an_ending_that_is_written_again_is_told_once,
                who_took_nothing_last_waits_in_the_patient_lane,
                many_endpoints_are_all_told,
            ]
            claims: [
                each_delivery_is_claimed_by_one,
                what_has_been_due_longest_is_claimed_first,
                no_more_is_claimed_than_asked_for,
                lanes_are_kept_apart,
                a_claim_tells_all_that_sending_takes,
                an_endpoint_is_claimed_as_it_is_now,
                what_nothing_is_recorded_of_is_due_again_after_a_while,
                every_claim_has_a_larger_token,
            ]
        }
    };
    (@tests $make:expr; $($group:ident: [$($name:ident),* $(,)?])*) => {
        mod webhooks {
            use super::*;

            $(mod $group {
                use super::*;

                $(#[tokio::test]
                async fn $name() {
                    let fixture = $make.await;
                    $crate::webhook_suite::$group::$name(&fixture).await;
                })*
            })*
        }
    };
}
