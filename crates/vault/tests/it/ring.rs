//! The text of a key ring: what is taken, what is refused, and what is not repeated.

use response_vault::{KeyFault, KeysError, Vault};
use rstest::rstest;

use crate::{KEY_A, KEY_B, told};

fn ids(text: &str) -> Vec<String> {
    let vault = Vault::from_keys(text).unwrap_or_else(|fault| panic!("{}", told(&fault)));
    vault.key_ids().map(str::to_owned).collect()
}

#[rstest]
#[case::commas(format!("a:{KEY_A},b:{KEY_B}"))]
#[case::lines(format!("a:{KEY_A}\nb:{KEY_B}\n"))]
#[case::both(format!("a:{KEY_A},\r\n\r\n b : {KEY_B} ,\n"))]
#[case::without_padding(format!("a:{KEY_A},b:{KEY_B}").replace('=', ""))]
fn keys_are_separated_by_commas_or_lines(#[case] text: String) {
    assert_eq!(ids(&text), ["a", "b"]);
}

#[rstest]
#[case("2026-07")]
#[case("Prod.eu_1")]
#[case("x23456789012345678901234567890ab")]
fn an_id_is_taken(#[case] id: &str) {
    assert_eq!(ids(&format!("{id}:{KEY_A}")), [id]);
}

#[rstest]
#[case::nothing("")]
#[case::only_separators(" ,\n, ")]
fn a_text_without_keys_is_no_ring(#[case] text: &str) {
    assert_eq!(Vault::from_keys(text).unwrap_err(), KeysError::Empty);
}

#[rstest]
#[case::no_colon(KEY_B, KeyFault::NotAPair)]
#[case::empty_id(&format!(":{KEY_B}"), KeyFault::Id)]
#[case::long_id(&format!("{}:{KEY_B}", "x".repeat(33)), KeyFault::Id)]
#[case::odd_id(&format!("a b:{KEY_B}"), KeyFault::Id)]
#[case::the_wrong_way_round(&format!("{KEY_B}:b"), KeyFault::Id)]
#[case::twice(&format!("a:{KEY_B}"), KeyFault::Twice("a".into()))]
#[case::no_key("b:", KeyFault::Length("b".into()))]
#[case::short_key("b:u7u7u7u7u7u7u7u7u7u7uw==", KeyFault::Length("b".into()))]
#[case::long_key(&format!("b:{}", "u7u7".repeat(11)), KeyFault::Length("b".into()))]
#[case::very_long_key(&format!("b:{}", "u7u7".repeat(1000)), KeyFault::Length("b".into()))]
#[case::not_base64(&format!("b:!{}", &KEY_B[1..]), KeyFault::NotBase64("b".into()))]
#[case::other_alphabet(&format!("b:-{}", &KEY_B[1..]), KeyFault::NotBase64("b".into()))]
#[case::two_colons(&format!("b:{KEY_B}:"), KeyFault::NotBase64("b".into()))]
fn an_entry_is_refused_unseen(#[case] entry: &str, #[case] fault: KeyFault) {
    let refused = Vault::from_keys(&format!("a:{KEY_A},{entry}")).unwrap_err();
    let told = format!("{} {refused:?}", told(&refused));
    assert_eq!(refused, KeysError::Entry { entry: 2, fault });
    for part in ["u7u7", "qqqq"] {
        assert!(!told.contains(part), "{told}");
    }
}
