//! What an operator can watch of recognising callers.

use metrics::{counter, describe_counter};

const FETCHES: &str = "jan_response_api_jwks_fetches_total";
const CHECKS: &str = "jan_response_api_key_checks_total";

/// Says what each number means, to whoever records them.
pub fn describe() {
    describe_counter!(
        FETCHES,
        "Times the keys of an issuer were asked for, by outcome: `fetched`, `failed`"
    );
    describe_counter!(
        CHECKS,
        "Times somebody was asked about a key that no answer was kept of, by `kind` (`own`, `foreign`) and \
         outcome (`good`, `refused`, `failed`)"
    );
}

pub(crate) fn fetched(outcome: &'static str) {
    counter!(FETCHES, "outcome" => outcome).increment(1);
}

pub(crate) fn checked(kind: &'static str, outcome: &'static str) {
    counter!(CHECKS, "kind" => kind, "outcome" => outcome).increment(1);
}
