//! What is sealed opens for the same purpose, and for nothing else.

use proptest::prelude::*;
use response_domain::ports::vault::{Binding, Sealed, SecretVault, VaultError};
use response_vault::Vault;
use rstest::rstest;
use zeroize::Zeroizing;

use crate::{KEY_A, KEY_B, TOKEN, binding, signing, vault, with_a};

type Opened = Result<Zeroizing<Vec<u8>>, VaultError>;

/// Whose, for which id, and whether it is a credential or signs.
type Whatever = (String, u128, bool);

fn bound((owner, id, signs): &Whatever) -> Binding {
    if *signs {
        signing(owner, *id)
    } else {
        binding(owner, *id)
    }
}

fn token(vault: &Vault, binding: &Binding) -> Sealed {
    vault.seal(TOKEN.as_bytes(), binding).unwrap()
}

fn is_token(opened: &Opened) -> bool {
    opened
        .as_ref()
        .is_ok_and(|secret| **secret == TOKEN.as_bytes())
}

fn is_tampered(opened: &Opened) -> bool {
    matches!(opened, Err(VaultError::Tampered))
}

proptest! {
    #[test]
    fn what_is_sealed_opens_for_the_same_purpose(secret: Vec<u8>, purpose: Whatever) {
        let (vault, binding) = (with_a(), bound(&purpose));
        let sealed = vault.seal(&secret, &binding).unwrap();
        prop_assert_eq!(&*sealed.key, "a");
        prop_assert_eq!(&*vault.open(&sealed, &binding).unwrap(), &secret);
    }

    #[test]
    fn with_another_binding_nothing_opens(
        secret: Vec<u8>,
        one: Whatever,
        other: Whatever,
    ) {
        prop_assume!(one != other);
        let vault = with_a();
        let sealed = vault.seal(&secret, &bound(&one)).unwrap();
        prop_assert!(is_tampered(&vault.open(&sealed, &bound(&other))));
    }

    /// Two bindings that come out of the dice are unlike in all; these are alike in all but one.
    #[test]
    fn with_a_binding_that_is_other_in_one_thing_nothing_opens(
        secret: Vec<u8>,
        one: Whatever,
        letter: char,
        bit in 0_u32..128,
    ) {
        let vault = with_a();
        let sealed = vault.seal(&secret, &bound(&one)).unwrap();
        let (owner, id, signs) = one;
        for other in [
            (format!("{owner}{letter}"), id, signs),
            (format!("{letter}{owner}"), id, signs),
            (owner.clone(), id ^ 1 << bit, signs),
            (owner, id, !signs),
        ] {
            prop_assert!(is_tampered(&vault.open(&sealed, &bound(&other))), "{:?}", other);
        }
    }

    #[test]
    fn no_text_at_all_makes_opening_panic(bytes: Vec<u8>, purpose: Whatever) {
        let sealed = Sealed { key: "a".into(), bytes: bytes.into() };
        prop_assert!(is_tampered(&with_a().open(&sealed, &bound(&purpose))));
    }
}

#[rstest]
#[case::nothing(0)]
#[case::one_byte(1)]
#[case::very_long(64 * 1024)]
fn a_secret_may_be_of_any_length(#[case] length: usize) {
    let secret = "x".repeat(length);
    for binding in [binding("ada", 1), signing("ada", 1)] {
        let sealed = with_a().seal(secret.as_bytes(), &binding).unwrap();
        assert_eq!(sealed.bytes.len(), 1 + 32 + 12 + length + 16);
        assert_eq!(
            *with_a().open(&sealed, &binding).unwrap(),
            secret.as_bytes()
        );
    }
}

#[test]
fn a_single_bit_that_flips_is_noticed_wherever_it_is() {
    let (vault, binding) = (with_a(), binding("ada", 1));
    let sealed = token(&vault, &binding);
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
    let sealed = token(&vault, &binding);
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
fn a_record_is_of_no_use_to_another_owner_response_or_purpose() {
    let vault = with_a();
    let own = binding("ada", 1);
    let sealed = token(&vault, &own);
    for foreign in [
        binding("bob", 1),
        binding("ada", 2),
        binding("ad", 1),
        binding("", 1),
        signing("ada", 1),
    ] {
        assert!(is_tampered(&vault.open(&sealed, &foreign)), "{foreign:?}");
    }
    assert!(is_token(&vault.open(&sealed, &own)));
}

/// Joined without their lengths, the id of the key and the owner would read the same.
#[test]
fn letters_cannot_move_between_the_key_and_the_owner() {
    let vault = vault(&format!("a:{KEY_A},ab:{KEY_A}"));
    let sealed = token(&vault, &binding("bob", 1));
    let moved = Sealed {
        key: "ab".into(),
        ..sealed
    };
    assert!(is_tampered(&vault.open(&moved, &binding("ob", 1))));
}

#[test]
fn the_same_secret_never_looks_the_same_twice() {
    let (vault, binding) = (with_a(), binding("ada", 1));
    let seal = || token(&vault, &binding).bytes;
    let (one, other) = (seal(), seal());
    for part in [1..33, 33..45, 45..one.len()] {
        assert_ne!(one[part.clone()], other[part.clone()], "{part:?}");
    }
}

#[test]
fn an_older_key_opens_what_it_sealed_after_a_newer_one_came() {
    let (old, own) = (with_a(), binding("ada", 1));
    let rotated = vault(&format!("b:{KEY_B},a:{KEY_A}"));
    let sealed = token(&old, &own);
    assert!(is_token(&rotated.open(&sealed, &own)));

    let sealed = token(&rotated, &own);
    assert_eq!(&*sealed.key, "b", "the first key seals");
    let unknown = old.open(&sealed, &own).unwrap_err();
    assert!(matches!(&unknown, VaultError::UnknownKey(id) if &**id == "b"));
}

#[test]
fn another_key_under_the_same_id_does_not_open() {
    let own = binding("ada", 1);
    let sealed = token(&with_a(), &own);
    let other = vault(&format!("a:{KEY_B}"));
    assert!(is_tampered(&other.open(&sealed, &own)));
}

#[test]
fn a_vault_without_keys_says_so_to_everything() {
    let (none, own) = (Vault::without_keys(), binding("ada", 1));
    let sealed = token(&with_a(), &own);
    for secret in [TOKEN.as_bytes(), b""] {
        let refused = none.seal(secret, &own);
        assert!(matches!(refused, Err(VaultError::NoKey)));
    }
    assert!(matches!(none.open(&sealed, &own), Err(VaultError::NoKey)));
    assert_eq!(none.key_ids().count(), 0);
}

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let (vault, own) = (vault(&format!("a:{KEY_A},b:{KEY_B}")), binding("ada", 1));
    let sealed = token(&vault, &own);
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
