//! The keys of the vault: where they may stand, what is wrong with them, and that they are shown nowhere.

use response_settings::{Settings, Sources};
use rstest::rstest;

use crate::{file, load, only_fault, origin, refused, shown, sources, with};

const KEY_A: &str = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=";
const KEY_B: &str = "u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s=";

const ALLOWED: &str = "allowed is `id:key` pairs, separated by commas or lines; an id is 1 to 32 \
                       letters, digits, `_`, `-` or `.`, a key is 32 bytes in base64 (`openssl rand \
                       -base64 32` makes one)";

fn given(text: &str) -> Sources {
    sources(&[("RESPONSE_VAULT_KEYS", text)])
}

fn ids(sources: &Sources) -> Vec<String> {
    let keys = load(sources).settings.vault.keys.unwrap();
    keys.ids().map(str::to_owned).collect()
}

#[rstest]
#[case::one(format!("2026-07:{KEY_A}"), &["2026-07"])]
#[case::several(format!("b:{KEY_B},a:{KEY_A}"), &["b", "a"])]
#[case::with_spaces(format!(" b : {KEY_B} , a:{KEY_A},"), &["b", "a"])]
#[case::without_padding(format!("a:{}", KEY_A.trim_end_matches('=')), &["a"])]
fn keys_are_read_in_their_order(#[case] text: String, #[case] expected: &[&str]) {
    assert_eq!(ids(&given(&text)), expected);
}

#[test]
fn keys_may_stand_in_a_file_one_a_line() {
    let text = format!("b:{KEY_B}\r\n\na:{KEY_A}\n");
    let (_folder, path) = file(&text);
    let path = path.to_str().unwrap();
    let by_variable = sources(&[("RESPONSE_VAULT_KEYS_FILE", path)]);
    assert_eq!(ids(&by_variable), ["b", "a"]);
    assert_eq!(
        origin(&load(&by_variable), "vault.keys"),
        "environment RESPONSE_VAULT_KEYS_FILE"
    );
    assert_eq!(
        ids(&sources(&[]).overrides([format!("vault.keys_file={path}")])),
        ["b", "a"]
    );
    let (_other, settings) = file(&format!("[vault]\nkeys_file = '{path}'\n"));
    assert_eq!(ids(&sources(&[]).file(settings)), ["b", "a"]);
}

#[test]
fn the_keys_are_handed_on_as_they_were_given() {
    let text = format!("b:{KEY_B},a:{KEY_A}");
    let keys = load(&given(&text)).settings.vault.keys.unwrap();
    assert_eq!(keys.expose(), text);
}

#[test]
fn the_table_shows_the_ids_and_no_key() {
    let loaded = load(&given(&format!("b:{KEY_B},a:{KEY_A}")));
    assert_eq!(shown(&loaded, "vault.keys"), "b, a (set, not shown)");
    assert_eq!(shown(&with(&[]), "vault.keys"), "");
    let texts = [
        loaded.table(),
        format!("{loaded:?} {loaded:#?}"),
        format!("{}", loaded.settings.vault.keys.unwrap()),
    ];
    for text in texts {
        assert!(!text.contains("qqqq") && !text.contains("u7u7"), "{text}");
    }
}

#[rstest]
#[case::no_colon(KEY_B, "is not written `id:key`")]
#[case::no_id(&format!(" :{KEY_B}"), "has no id")]
#[case::odd_id(&format!("k y:{KEY_B}"), "has an id (not shown) that cannot be used")]
#[case::long_id(&format!("{}:{KEY_B}", "x".repeat(33)), "has an id (not shown) that cannot be used")]
#[case::the_wrong_way_round(&format!("{KEY_B}:b"), "has an id (not shown) that cannot be used")]
#[case::twice(&format!("a:{KEY_B}"), "gives the id `a` a second time")]
#[case::no_key("b:", "has a key (`b`, not shown) of 0 bytes")]
#[case::short("b:u7u7u7u7u7u7u7u7u7u7uw==", "has a key (`b`, not shown) of 16 bytes")]
#[case::long(&format!("b:{}", "u7u7".repeat(11)), "has a key (`b`, not shown) of 33 bytes")]
#[case::very_long(&format!("b:{}", "u7u7".repeat(400)), "has a key (`b`, not shown) of 1200 bytes")]
#[case::not_base64(&format!("b:!{KEY_B}"), "has a key (`b`, not shown) that is not base64")]
#[case::other_alphabet(&format!("b:-{}", &KEY_B[1..]), "has a key (`b`, not shown) that is not base64")]
fn an_entry_is_refused_unseen(#[case] entry: &str, #[case] why: &str) {
    let sources = given(&format!("a:{KEY_A},{entry}"));
    let expected =
        format!("vault.keys (environment RESPONSE_VAULT_KEYS): entry 2 {why}; {ALLOWED}");
    assert_eq!(only_fault(&sources), expected);
    let faults = refused(&sources);
    for told in [faults.to_string(), format!("{faults:?}"), faults.table()] {
        assert!(!told.contains("u7u7") && !told.contains("qqqq"), "{told}");
    }
}

#[test]
fn every_entry_that_is_wrong_is_told_at_once() {
    let faults = Settings::load(&given(&format!("a:{KEY_A},b:short,:{KEY_B},a:{KEY_A}")))
        .unwrap_err()
        .to_string();
    for (line, entry) in faults.lines().skip(1).zip(["2", "3", "4"]) {
        assert!(line.contains(&format!(": entry {entry} ")), "{faults}");
    }
    assert_eq!(faults.lines().count(), 4, "{faults}");
}

#[rstest]
#[case(",")]
#[case(" , , ")]
fn keys_that_name_no_key_are_refused(#[case] text: &str) {
    let fault = only_fault(&given(text));
    assert!(
        fault.ends_with(&format!("the value (not shown) is not allowed; {ALLOWED}")),
        "{fault}"
    );
}

#[test]
fn a_file_of_keys_that_is_empty_is_a_fault_and_an_empty_variable_is_none() {
    let (_folder, path) = file("\n");
    let path = path.to_str().unwrap();
    let fault = only_fault(&sources(&[("RESPONSE_VAULT_KEYS_FILE", path)]));
    assert!(fault.contains("the value (not shown)"), "{fault}");
    assert!(
        with(&[("RESPONSE_VAULT_KEYS", "")])
            .settings
            .vault
            .keys
            .is_none()
    );
}
