//! The vault for tests.

use response_domain::caller::{Credential, OwnerId};
use response_domain::ports::vault::{Binding, SecretVault, VaultError};
use response_testkit::store_suite::sample::{ada, id};
use response_testkit::vault::TestVault;

fn binding() -> Binding {
    Binding {
        owner: ada(),
        response: id(1),
    }
}

#[test]
fn every_credential_opens_again_and_shows_nothing() {
    let secret = "sk-0123456789-ABCDEFGHIJ-größe";
    let credentials = [
        Credential::Absent,
        Credential::bearer(secret.into()),
        Credential::api_key(secret.into()),
        Credential::api_key(String::new()),
    ];
    let vault = TestVault::default();
    for credential in credentials {
        let sealed = vault.seal(&credential, &binding()).unwrap();
        assert_eq!(vault.open(&sealed, &binding()).unwrap(), credential);
        let held = |window: &[u8]| secret.as_bytes().windows(4).any(|piece| piece == window);
        assert!(!sealed.bytes.windows(4).any(held), "{:?}", sealed.bytes);
        assert!(!format!("{sealed:?} {vault:?}").contains("sk-"));
    }
}

#[test]
fn a_credential_opens_only_where_it_belongs() {
    let vault = TestVault::default();
    let credential = Credential::bearer("secret".into());
    let sealed = vault.seal(&credential, &binding()).unwrap();
    let others = [
        Binding {
            owner: OwnerId::new("bob"),
            ..binding()
        },
        Binding {
            response: id(2),
            ..binding()
        },
    ];
    for other in others {
        let opened = vault.open(&sealed, &other);
        assert!(matches!(opened, Err(VaultError::Tampered)), "{opened:?}");
    }
    for place in 0..sealed.bytes.len() {
        let mut changed = sealed.clone();
        let mut bytes = changed.bytes.to_vec();
        bytes[place] ^= 1;
        changed.bytes = bytes.into();
        let opened = vault.open(&changed, &binding());
        assert!(matches!(opened, Err(VaultError::Tampered)), "{opened:?}");
    }
}

#[test]
fn an_older_key_still_opens_and_an_unknown_one_does_not() {
    let credential = Credential::bearer("secret".into());
    let old = TestVault::with_keys(["a"]);
    let sealed = old.seal(&credential, &binding()).unwrap();
    let both = TestVault::with_keys(["b", "a"]);
    assert_eq!(both.open(&sealed, &binding()).unwrap(), credential);
    assert_eq!(&*both.seal(&credential, &binding()).unwrap().key, "b");
    let other = TestVault::with_keys(["b"]).open(&sealed, &binding());
    assert!(matches!(other, Err(VaultError::UnknownKey(_))), "{other:?}");
    let none = TestVault::with_keys([]);
    let sealed_by_none = none.seal(&credential, &binding());
    assert!(matches!(sealed_by_none, Err(VaultError::NoKey)));
    let opened_by_none = none.open(&sealed, &binding());
    assert!(matches!(opened_by_none, Err(VaultError::NoKey)));
}
