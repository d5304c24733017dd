//! The vault as its users meet it: what is sealed, what opens, and where keys come from.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the functions that scenarios share fail a test by panicking"
)]

mod file;
mod race;
mod ring;
mod sealing;
mod secrets;

use response_domain::caller::OwnerId;
use response_domain::id::{EndpointId, RawId, ResponseId};
use response_domain::ports::vault::{Binding, Purpose};
use response_vault::Vault;

/// Keys of 32 bytes, in base64.
const KEY_A: &str = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=";
const KEY_B: &str = "u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s=";

/// A token that must not be seen anywhere.
const TOKEN: &str = "eyJ-a-token-that-nobody-may-see";

fn vault(keys: &str) -> Vault {
    Vault::from_keys(keys).unwrap()
}

/// A vault with one key.
fn with_a() -> Vault {
    vault(&format!("a:{KEY_A}"))
}

/// For the credential of a response's caller.
fn binding(owner: &str, response: u128) -> Binding {
    Binding {
        owner: OwnerId::new(owner),
        purpose: Purpose::Credential(ResponseId::new(RawId::new(response))),
    }
}

/// For the secret of a webhook endpoint.
fn signing(owner: &str, endpoint: u128) -> Binding {
    Binding {
        owner: OwnerId::new(owner),
        purpose: Purpose::Signing(EndpointId::new(RawId::new(endpoint))),
    }
}

/// The chain of causes, as a log shows it.
fn told(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", told(cause)),
        None => error.to_string(),
    }
}
