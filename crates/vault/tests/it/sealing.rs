//! What is sealed opens for the same response, and for nothing else.

use proptest::prelude::*;
use response_domain::caller::Credential;
use response_domain::ports::vault::{Sealed, SecretVault, VaultError};
use response_vault::Vault;
use rstest::rstest;

use crate::{KEY_A, KEY_B, TOKEN, binding, token, told, vault, with_a};

fn any_credential() -> impl Strategy<Value = Credential> {
    let text = || any::<String>();
    prop_oneof![
        text().prop_map(Credential::bearer),
        text().prop_map(Credential::api_key)
    ]
}

fn is_tampered(opened: &Result<Credential, VaultError>) -> bool {
    matches!(opened, Err(VaultError::Tampered))
}

proptest! {
    #[test]
    fn what_is_sealed_opens_for_the_same_response(
        credential in any_credential(),
        owner: String,
        response: u128,
    ) {
        let (vault, binding) = (with_a(), binding(&owner, response));
        let sealed = vault.seal(&credential, &binding).unwrap();
        prop_assert_eq!(&*sealed.key, "a");
        prop_assert_eq!(vault.open(&sealed, &binding).unwrap(), credential);
    }

    #[test]
    fn with_another_binding_nothing_opens(
        credential in any_credential(),
        one: (String, u128),
        other: (String, u128),
    ) {
        prop_assume!(one != other);
        let vault = with_a();
        let sealed = vault.seal(&credential, &binding(&one.0, one.1)).unwrap();
        prop_assert!(is_tampered(&vault.open(&sealed, &binding(&other.0, other.1))));
    }

    #[test]
    fn no_text_at_all_makes_opening_panic(bytes: Vec<u8>) {
        let sealed = Sealed { key: "a".into(), bytes: bytes.into() };
        prop_assert!(is_tampered(&with_a().open(&sealed, &binding("ada", 1))));
    }
}

#[rstest]
#[case::nothing(0)]
#[case::one_byte(1)]
#[case::very_long(64 * 1024)]
fn a_token_may_be_of_any_length(#[case] length: usize) {
    let binding = binding("ada", 1);
    for credential in [
        Credential::bearer("x".repeat(length)),
        Credential::api_key("x".repeat(length)),
    ] {
        let sealed = with_a().seal(&credential, &binding).unwrap();
        assert_eq!(sealed.bytes.len(), 1 + 32 + 12 + 1 + length + 16);
        assert_eq!(with_a().open(&sealed, &binding).unwrap(), credential);
    }
}

#[test]
fn a_bearer_token_does_not_come_back_as_an_api_key() {
    let (vault, binding) = (with_a(), binding("ada", 1));
    let opened = |credential| {
        let sealed = vault.seal(&credential, &binding).unwrap();
        vault.open(&sealed, &binding).unwrap()
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
fn a_single_bit_that_flips_is_noticed_wherever_it_is() {
    let (vault, binding) = (with_a(), binding("ada", 1));
    let sealed = vault.seal(&token(), &binding).unwrap();
    for at in 0..sealed.bytes.len() {
        for bit in 0..8 {
            let mut bytes = sealed.bytes.to_vec();
            bytes[at] ^= 1 << bit;
            let flipped = Sealed {
                bytes: bytes.into(),
                ..sealed.clone()
            };
            assert!(
                is_tampered(&vault.open(&flipped, &binding)),
                "bit {bit} of byte {at}"
            );
        }
    }
}

#[test]
fn a_record_that_was_cut_or_made_longer_does_not_open() {
    let (vault, binding) = (with_a(), binding("ada", 1));
    let sealed = vault.seal(&token(), &binding).unwrap();
    let lengths = 0..sealed.bytes.len();
    let cut = lengths.map(|length| sealed.bytes[..length].to_vec());
    let longer = [&sealed.bytes[..], &[0]].concat();
    for bytes in cut.chain([longer]) {
        let changed = Sealed {
            bytes: bytes.into(),
            ..sealed.clone()
        };
        assert!(is_tampered(&vault.open(&changed, &binding)));
    }
}

#[test]
fn a_record_is_of_no_use_to_another_owner_or_response() {
    let vault = with_a();
    let own = binding("ada", 1);
    let sealed = vault.seal(&token(), &own).unwrap();
    for foreign in [
        binding("bob", 1),
        binding("ada", 2),
        binding("ad", 1),
        binding("", 1),
    ] {
        assert!(is_tampered(&vault.open(&sealed, &foreign)), "{foreign:?}");
    }
    assert_eq!(vault.open(&sealed, &own).unwrap(), token());
}

/// Joined without their lengths, the id of the key and the owner would read the same.
#[test]
fn letters_cannot_move_between_the_key_and_the_owner() {
    let vault = vault(&format!("a:{KEY_A},ab:{KEY_A}"));
    let sealed = vault.seal(&token(), &binding("bob", 1)).unwrap();
    let moved = Sealed {
        key: "ab".into(),
        ..sealed
    };
    assert!(is_tampered(&vault.open(&moved, &binding("ob", 1))));
}

#[test]
fn the_same_credential_never_looks_the_same_twice() {
    let (vault, binding) = (with_a(), binding("ada", 1));
    let seal = || vault.seal(&token(), &binding).unwrap().bytes;
    let (one, other) = (seal(), seal());
    for part in [1..33, 33..45, 45..one.len()] {
        assert_ne!(one[part.clone()], other[part.clone()], "{part:?}");
    }
}

#[test]
fn an_older_key_opens_what_it_sealed_after_a_newer_one_came() {
    let (old, own) = (with_a(), binding("ada", 1));
    let rotated = vault(&format!("b:{KEY_B},a:{KEY_A}"));
    let sealed = old.seal(&token(), &own).unwrap();
    assert_eq!(rotated.open(&sealed, &own).unwrap(), token());

    let sealed = rotated.seal(&token(), &own).unwrap();
    assert_eq!(&*sealed.key, "b", "the first key seals");
    let unknown = old.open(&sealed, &own).unwrap_err();
    assert!(matches!(&unknown, VaultError::UnknownKey(id) if &**id == "b"));
}

#[test]
fn another_key_under_the_same_id_does_not_open() {
    let own = binding("ada", 1);
    let sealed = with_a().seal(&token(), &own).unwrap();
    let other = vault(&format!("a:{KEY_B}"));
    assert!(is_tampered(&other.open(&sealed, &own)));
}

#[test]
fn a_vault_without_keys_says_so_to_everything() {
    let (none, own) = (Vault::without_keys(), binding("ada", 1));
    let sealed = with_a().seal(&token(), &own).unwrap();
    for credential in [token(), Credential::Absent] {
        let refused = none.seal(&credential, &own);
        assert!(matches!(refused, Err(VaultError::NoKey)));
    }
    assert!(matches!(none.open(&sealed, &own), Err(VaultError::NoKey)));
    assert_eq!(none.key_ids().count(), 0);
}

#[test]
fn a_credential_that_is_not_there_is_not_sealed() {
    let refused = with_a()
        .seal(&Credential::Absent, &binding("ada", 1))
        .unwrap_err();
    assert_eq!(
        told(&refused),
        "the credential could not be sealed: there is no credential to seal"
    );
}

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let (vault, own) = (vault(&format!("a:{KEY_A},b:{KEY_B}")), binding("ada", 1));
    let sealed = vault.seal(&token(), &own).unwrap();
    let tampered = vault.open(&sealed, &binding("bob", 1)).unwrap_err();
    let unknown = vault
        .open(
            &Sealed {
                key: "c".into(),
                ..sealed.clone()
            },
            &own,
        )
        .unwrap_err();
    let texts = [
        format!("{vault:?} {vault:#?}"),
        format!("{sealed:?} {sealed:#?}"),
        format!("{tampered:?} {tampered}"),
        format!("{unknown:?} {unknown}"),
        format!("{:?}", vault.open(&sealed, &own)),
    ];
    for text in texts {
        // 170 and 187 are the bytes of the keys.
        for secret in [KEY_A, KEY_B, TOKEN, "170", "187", "aa, aa", "AA, AA"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert_eq!(
        format!("{vault:?}"),
        r#"Vault { keys: ["a", "b"], .. }"#,
        "the ids help to find the key that is missing"
    );
}

/// Computed from the description of the format by another implementation. A release that cannot read it
/// would lose the credentials of all that waits while it is rolled out.
#[test]
fn a_record_of_the_first_format_opens() {
    let salt: Vec<u8> = (0..32).collect();
    let nonce: Vec<u8> = (100..112).collect();
    let sealed = Sealed {
        key: "a".into(),
        bytes: [&[1], &salt[..], &nonce, &BODY_AND_TAG].concat().into(),
    };
    assert_eq!(
        with_a().open(&sealed, &binding("ada", 1)).unwrap(),
        Credential::bearer("first".into())
    );
}

const BODY_AND_TAG: [u8; 22] = [
    0x39, 0xbd, 0xdc, 0x3a, 0x7d, 0x0d, 0xc9, 0x51, 0x61, 0xa7, 0x99, 0x4b, 0xb0, 0x7b, 0x09, 0x1f,
    0x98, 0xaa, 0x39, 0x1b, 0xaf, 0x21,
];
