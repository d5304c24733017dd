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

pub mod effects;
pub mod leases;
pub mod records;
pub mod redelivery;

pub mod endpoints;
pub mod reads;

pub mod races;

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
            records: [
                what_arrived_is_not_sent_again,
                what_is_to_be_tried_again_waits_in_the_patient_lane,
                several_are_given_up_at_once_but_for_those_that_somebody_else_has,
                what_is_given_up_is_not_sent_any_more,
                each_delivery_goes_its_own_way,
                every_attempt_reads_back,
                a_pause_may_be_long,
            ]
            effects: [
                an_endpoint_fails_from_the_first_it_did_not_take,
                an_endpoint_that_takes_one_fails_no_more,
                an_attempt_is_no_change_of_an_endpoint,
                what_waits_for_who_took_nothing_goes_to_the_patient_lane,
                what_waits_for_who_took_one_stays_where_it_is,
                an_endpoint_that_is_gone_is_disabled,
                an_endpoint_that_is_disabled_already_stays_so,
                the_address_of_a_request_is_no_endpoint,
            ]
            leases: [
                only_the_latest_lease_counts,
                a_lease_that_nobody_has_counts_nothing,
                a_lease_counts_until_somebody_has_a_later_one,
                what_there_is_no_room_for_waits_untried,
                what_a_process_gives_back_is_due_at_once,
                what_processes_had_that_are_gone_is_due_at_once,
            ]
            redelivery: [
                what_arrived_is_begun_again,
                what_was_given_up_is_begun_again,
                what_waits_is_due_at_once,
                what_is_being_sent_is_left_alone,
                one_delivery_is_begun_again_and_no_other,
                what_is_unknown_is_not_begun_again,
            ]
            endpoints: [
                every_field_of_an_endpoint_reads_back,
                odd_names_and_addresses_survive,
                endpoints_are_listed_newest_first,
                a_change_takes_the_place_of_the_latest_only,
                an_owner_has_no_more_than_allowed,
                what_is_removed_is_gone_with_its_deliveries,
                an_endpoint_of_somebody_else_does_not_exist,
            ]
            reads: [
                deliveries_of_a_response_read_back,
                what_was_never_to_be_told_reads_empty,
                odd_addresses_of_requests_survive,
                deliveries_to_an_endpoint_are_listed_newest_first,
                a_deleted_response_is_told_to_nobody,
                what_is_under_way_is_counted,
            ]
            races: [
                of_many_endings_one_is_told,
                of_many_changes_one_is_kept,
                of_many_records_one_is_kept,
                attempts_that_end_at_once_are_all_recorded,
                what_was_lost_is_rescued_once,
                of_a_record_and_a_rescue_one_wins,
                an_endpoint_that_is_removed_meanwhile_is_sent_nothing,
                many_at_once_register_no_more_than_allowed,
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
