//! What every store must do that keeps keys of requests, each promise a test of its own.
//! [`idempotency_suite!`](crate::idempotency_suite!) makes the tests for one store; a behaviour exists when it
//! stands here.
//!
//! A test is given the same [`Fixture`](crate::store_suite::Fixture) as in [`store_suite!`](crate::store_suite!),
//! with the doors of keys, see [`Fixture::conversing`](crate::store_suite::Fixture::conversing), and a world
//! around its store.

#![expect(
    clippy::panic,
    reason = "what a test of the suite cannot go on without is its failure"
)]

pub mod sample;

pub mod taken;
pub mod uses;

pub mod lives;

pub mod at_once;

/// Makes a test of each promise. `$make` is an expression that answers a future of a new
/// [`Fixture`](crate::store_suite::Fixture) with an empty store and the world around it; it is evaluated
/// once a test.
#[macro_export]
macro_rules! idempotency_suite {
    ($make:expr) => {
        $crate::idempotency_suite! { @tests $make;
            uses: [
                a_key_stands_for_what_was_written_under_it,
                all_of_a_first_write_is_written_under_a_key,
                odd_keys_and_owners_are_told_apart,
                only_a_first_write_takes_a_key,
                what_is_refused_takes_no_key,
            ]
            taken: [
                a_taken_key_writes_nothing,
                the_same_again_is_taken_for_what_it_is,
                a_key_outlives_its_response,
            ]
            lives: [
                a_key_stands_for_its_life,
                a_key_past_its_life_marks_another_request,
                keys_past_their_life_are_forgotten_some_at_a_time,
            ]
            at_once: [
                of_many_under_one_key_one_is_written,
                of_many_for_the_queue_under_one_key_one_is_written,
                of_many_under_a_key_past_its_life_one_is_written,
                those_who_end_in_one_conversation_each_get_a_place,
                the_same_many_times_is_written_once,
            ]
        }
    };
    (@tests $make:expr; $($group:ident: [$($name:ident),* $(,)?])*) => {
        mod keys {
            use super::*;

            $(mod $group {
                use super::*;

                $(#[tokio::test]
                async fn $name() {
                    let fixture = $make.await;
                    $crate::idempotency_suite::$group::$name(&fixture).await;
                })*
            })*
        }
    };
}
