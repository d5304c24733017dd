//! What every store must do that keeps the keys which the service gives out, each promise a test of its own.
//! [`api_key_suite!`](crate::api_key_suite!) makes the tests for one store; a behaviour exists when it stands
//! here.
//!
//! A test is given the same [`Fixture`](crate::store_suite::Fixture) as in [`store_suite!`](crate::store_suite!),
//! with the door of these keys, see [`Fixture::admitting`](crate::store_suite::Fixture::admitting).

pub mod sample;

pub mod kept;
pub mod seen;
pub mod taken_back;

/// Makes a test of each promise. `$make` is an expression that answers a future of a new
/// [`Fixture`](crate::store_suite::Fixture) with an empty store; it is evaluated once a test.
#[macro_export]
macro_rules! api_key_suite {
    ($make:expr) => {
        $crate::api_key_suite! { @tests $make;
            kept: [
                a_key_is_found_by_its_digest,
                another_digest_is_nobodys,
                odd_owners_and_labels_are_told_apart,
                an_id_and_a_digest_are_one_keys_only,
                of_many_with_one_digest_one_is_kept,
                keys_are_listed_oldest_first,
            ]
            seen: [
                a_use_is_noted_as_exactly_as_a_minute,
                who_saw_it_earlier_takes_nothing_back,
                many_who_bring_it_at_once_all_find_it,
                looking_at_keys_is_no_use_of_them,
            ]
            taken_back: [
                a_key_that_is_taken_back_stays_as_it_was,
                of_many_who_take_it_back_one_says_when,
                what_is_no_key_cannot_be_taken_back,
            ]
        }
    };
    (@tests $make:expr; $($group:ident: [$($name:ident),* $(,)?])*) => {
        mod api_keys {
            use super::*;

            $(mod $group {
                use super::*;

                $(#[tokio::test]
                async fn $name() {
                    let fixture = $make.await;
                    $crate::api_key_suite::$group::$name(fixture.api_keys()).await;
                })*
            })*
        }
    };
}
