//! The kinds of secrets: what callers bring, secrets of webhook endpoints, and what owners are given to keep.
//! None comes back as another, and what is sealed today opens tomorrow.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use response_domain::caller::{Access, Credential, OwnerId, ToolSecret, ToolSecrets};
use response_domain::id::{EndpointId, RawId, ResponseId};
use response_domain::ports::vault::{Binding, Purpose, Sealed, SecretVault, VaultError};
use response_domain::webhook::{SECRET_PREFIX, SigningSecret};
use response_vault::Vault;

use crate::{binding, signing, with_a};

/// The body of the ids in here, which a response and an endpoint share.
const RAW: RawId = RawId::new(1);
const RESPONSE: ResponseId = ResponseId::new(RAW);
const ENDPOINT: EndpointId = EndpointId::new(RAW);

const KNOWN: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn ada() -> OwnerId {
    OwnerId::new("ada")
}

fn content(owner: &str) -> Binding {
    Binding {
        owner: OwnerId::new(owner),
        purpose: Purpose::Content,
    }
}

fn secret(text: &str) -> SigningSecret {
    SigningSecret::parse(text).unwrap()
}

/// What a caller brings that gives nothing along for tools.
fn access(credential: Credential) -> Access {
    Access {
        credential,
        tools: ToolSecrets::default(),
    }
}

fn any_credential() -> impl Strategy<Value = Credential> {
    let text = || any::<String>();
    prop_oneof![
        text().prop_map(Credential::bearer),
        text().prop_map(Credential::api_key)
    ]
}

prop_compose! {
    fn any_access()(
        credential in prop_oneof![Just(Credential::Absent), any_credential()],
        servers in prop::collection::btree_map(
            any::<String>(),
            (
                prop::option::of(any::<String>()),
                // A header has a name.
                prop::collection::vec((".+", any::<String>()), 1..3),
            ),
            1..3,
        ),
    ) -> Access {
        let header = |(name, value): (String, String)| (name.into(), value.into());
        let secrets = servers.into_iter().map(|(label, (address, headers))| ToolSecret {
            label: label.into(),
            address: address.map(Into::into),
            headers: headers.into_iter().map(header).collect(),
        });
        Access { credential, tools: ToolSecrets::new(secrets.collect()) }
    }
}

fn any_secret() -> impl Strategy<Value = SigningSecret> {
    let key = prop::collection::vec(any::<u8>(), 24..=64);
    prop_oneof![
        key.prop_map(|key| secret(&format!("{SECRET_PREFIX}{}", STANDARD.encode(key)))),
        "[!-~]{16,256}"
            .prop_filter("that is no plain one", |text| !text
                .starts_with(SECRET_PREFIX))
            .prop_map(|text| secret(&text)),
    ]
}

proptest! {
    #[test]
    fn a_credential_opens_for_its_response(
        credential in any_credential(),
        owner: String,
        response: u128,
    ) {
        let vault = with_a();
        let (owner, response) = (OwnerId::new(&owner), ResponseId::new(RawId::new(response)));
        let access = access(credential);
        let sealed = vault.seal_access(&access, &owner, response).unwrap().unwrap();
        prop_assert_eq!(vault.open_access(&sealed, &owner, response).unwrap(), access);
    }

    #[test]
    fn what_a_caller_gives_along_for_tools_opens_with_its_credential(
        access in any_access(),
        owner: String,
        response: u128,
    ) {
        let vault = with_a();
        let (owner, response) = (OwnerId::new(&owner), ResponseId::new(RawId::new(response)));
        let sealed = vault.seal_access(&access, &owner, response).unwrap().unwrap();
        prop_assert_eq!(vault.open_access(&sealed, &owner, response).unwrap(), access);
    }

    #[test]
    fn content_opens_for_its_owner_and_for_nobody_else(
        text in prop::collection::vec(any::<u8>(), 0..200),
        owner: String,
        other: String,
    ) {
        let vault = with_a();
        let sealed = vault.seal(&text, &content(&owner)).unwrap();
        prop_assert_eq!(&**vault.open(&sealed, &content(&owner)).unwrap(), &text[..]);
        if other != owner {
            let opened = vault.open(&sealed, &content(&other));
            prop_assert!(matches!(opened, Err(VaultError::Tampered)));
        }
    }

    #[test]
    fn a_signing_secret_opens_for_its_endpoint(
        secret in any_secret(),
        owner: String,
        endpoint: u128,
    ) {
        let vault = with_a();
        let (owner, endpoint) = (OwnerId::new(&owner), EndpointId::new(RawId::new(endpoint)));
        let sealed = vault.seal_signing(&secret, &owner, endpoint).unwrap();
        prop_assert_eq!(vault.open_signing(&sealed, &owner, endpoint).unwrap(), secret);
    }
}

#[test]
fn no_kind_opens_as_another_although_the_ids_are_alike() {
    let vault = with_a();
    let credential = access(Credential::bearer(KNOWN.into()));
    let credential = vault.seal_access(&credential, &ada(), RESPONSE);
    let credential = credential.unwrap().unwrap();
    let opened = vault.open_signing(&credential, &ada(), ENDPOINT);
    assert!(matches!(opened, Err(VaultError::Tampered)));

    let signs = vault
        .seal_signing(&secret(KNOWN), &ada(), ENDPOINT)
        .unwrap();
    let opened = vault.open_access(&signs, &ada(), RESPONSE);
    assert!(matches!(opened, Err(VaultError::Tampered)));
    for sealed in [credential, signs] {
        let opened = vault.open(&sealed, &content("ada"));
        assert!(matches!(opened, Err(VaultError::Tampered)));
    }
    let text = vault.seal(KNOWN.as_bytes(), &content("ada")).unwrap();
    let opened = vault.open_signing(&text, &ada(), ENDPOINT);
    assert!(matches!(opened, Err(VaultError::Tampered)));
    let opened = vault.open_access(&text, &ada(), RESPONSE);
    assert!(matches!(opened, Err(VaultError::Tampered)));
}

/// Nobody seals such a thing. If it were there, it would be no secret.
#[test]
fn what_opens_and_is_none_of_its_kind_is_refused() {
    let vault = with_a();
    for odd in [&b"weak"[..], b"whsec_not base64", b"\xff\xfe"] {
        let sealed = vault.seal(odd, &signing("ada", 1)).unwrap();
        let opened = vault.open_signing(&sealed, &ada(), ENDPOINT);
        assert!(matches!(opened, Err(VaultError::Tampered)), "{odd:?}");
    }
    for odd in [&b""[..], b"\0kind", b"\x01\xff"] {
        let sealed = vault.seal(odd, &binding("ada", 1)).unwrap();
        let opened = vault.open_access(&sealed, &ada(), RESPONSE);
        assert!(matches!(opened, Err(VaultError::Tampered)), "{odd:?}");
    }
}

#[test]
fn a_bearer_token_does_not_come_back_as_an_api_key() {
    let vault = with_a();
    let opened = |credential| {
        let sealed = vault.seal_access(&access(credential), &ada(), RESPONSE);
        vault
            .open_access(&sealed.unwrap().unwrap(), &ada(), RESPONSE)
            .unwrap()
            .credential
    };
    let (bearer, key) = (
        Credential::bearer("same".into()),
        Credential::api_key("same".into()),
    );
    assert_eq!(opened(bearer.clone()), bearer);
    assert_eq!(opened(key.clone()), key);
    assert_ne!(bearer, key);
}

#[test]
fn a_credential_that_is_not_there_is_not_sealed_and_needs_no_key() {
    for vault in [with_a(), Vault::without_keys()] {
        let sealed = vault.seal_access(&access(Credential::Absent), &ada(), RESPONSE);
        assert_eq!(sealed.unwrap(), None);
    }
}

#[test]
fn without_keys_nothing_is_sealed_and_the_vault_says_so() {
    let none = Vault::without_keys();
    let credential = Credential::bearer("token".into());
    let refused = none.seal_access(&access(credential), &ada(), RESPONSE);
    assert!(matches!(refused, Err(VaultError::NoKey)));
    let refused = none.seal_signing(&secret(KNOWN), &ada(), ENDPOINT);
    assert!(matches!(refused, Err(VaultError::NoKey)));
}

#[test]
fn a_fresh_signing_secret_is_32_bytes_that_nobody_has_had_before() {
    for vault in [with_a(), Vault::without_keys()] {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let fresh = vault.fresh_signing().unwrap();
            let key = fresh.expose().strip_prefix(SECRET_PREFIX).unwrap();
            let key = STANDARD.decode(key).unwrap();
            assert_eq!(key.len(), 32);
            assert!(seen.insert(key), "the same secret twice");
        }
        // Every place takes many values, so none of them is left out of the dice.
        for at in 0..32 {
            let values: std::collections::BTreeSet<_> = seen.iter().map(|key| key[at]).collect();
            assert!(
                values.len() > 200,
                "byte {at} takes {} values",
                values.len()
            );
        }
    }
}

#[test]
fn a_secret_that_was_opened_is_not_printed() {
    let vault = with_a();
    let fresh = vault.fresh_signing().unwrap();
    let sealed = vault.seal_signing(&fresh, &ada(), ENDPOINT).unwrap();
    let opened = vault.open_signing(&sealed, &ada(), ENDPOINT);
    let credential = vault.seal_access(
        &access(Credential::bearer("t0ken".into())),
        &ada(),
        RESPONSE,
    );
    let credential = vault.open_access(&credential.unwrap().unwrap(), &ada(), RESPONSE);
    let text = format!("{fresh:?} {sealed:?} {opened:?} {opened:#?} {credential:?}");
    let key = fresh.expose().strip_prefix(SECRET_PREFIX).unwrap();
    assert!(!text.contains(key) && !text.contains("t0ken"), "{text}");
}

/// A record with the salt 0, 1, 2… and the nonce 100, 101, 102…
fn record(body_and_tag: &[u8]) -> Sealed {
    let salt: Vec<u8> = (0..32).collect();
    let nonce: Vec<u8> = (100..112).collect();
    Sealed {
        key: "a".into(),
        bytes: [&[1], &salt[..], &nonce, body_and_tag].concat().into(),
    }
}

/// Computed, as the next one is, from the description of the format by another implementation. A release
/// that cannot read it would lose the credentials of all that waits while it is rolled out.
#[test]
fn a_credential_of_the_first_format_opens() {
    assert_eq!(
        with_a()
            .open_access(&record(&CREDENTIAL), &ada(), RESPONSE)
            .unwrap(),
        access(Credential::bearer("first".into()))
    );
}

/// A release that cannot read it would leave every registered endpoint without its signature.
#[test]
fn a_signing_secret_of_the_first_format_opens() {
    assert_eq!(
        with_a()
            .open_signing(&record(&SIGNING), &ada(), ENDPOINT)
            .unwrap(),
        secret(KNOWN)
    );
}

const CREDENTIAL: [u8; 22] = [
    0x39, 0xbd, 0xdc, 0x3a, 0x7d, 0x0d, 0xc9, 0x51, 0x61, 0xa7, 0x99, 0x4b, 0xb0, 0x7b, 0x09, 0x1f,
    0x98, 0xaa, 0x39, 0x1b, 0xaf, 0x21,
];

const SIGNING: [u8; 54] = [
    0x4f, 0xb3, 0xc6, 0x2d, 0x6d, 0x26, 0xec, 0x14, 0x1a, 0x1f, 0xaa, 0x5e, 0xcb, 0x9a, 0x4b, 0x00,
    0xfc, 0x0e, 0x90, 0x36, 0x1a, 0x1a, 0x90, 0x4f, 0x12, 0xac, 0xc8, 0xc1, 0x23, 0x57, 0x87, 0x21,
    0xa0, 0xd9, 0x7e, 0xa3, 0x39, 0x29, 0x0e, 0x65, 0x3f, 0x4b, 0x5f, 0xcf, 0x09, 0x0a, 0xfc, 0x99,
    0x4a, 0x32, 0xaa, 0x76, 0x66, 0xee,
];
