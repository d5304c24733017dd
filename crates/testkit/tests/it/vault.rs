//! The vault for tests.

use response_domain::caller::{Access, Credential, OwnerId, ToolSecrets};
use response_domain::id::EndpointId;
use response_domain::ports::vault::{Binding, Purpose, SecretVault, VaultError};
use response_domain::webhook::SigningSecret;
use response_testkit::store_suite::sample::{ada, id};
use response_testkit::vault::TestVault;

fn endpoint(number: u32) -> EndpointId {
    EndpointId::new(id(number).raw())
}

fn binding() -> Binding {
    Binding {
        owner: ada(),
        purpose: Purpose::Credential(id(1)),
    }
}

fn access(credential: Credential) -> Access {
    let tools = ToolSecrets::default();
    Access { credential, tools }
}

#[test]
fn every_credential_opens_again_and_shows_nothing() {
    let secret = "sk-0123456789-ABCDEFGHIJ-größe";
    let credentials = [
        Credential::bearer(secret.into()),
        Credential::api_key(secret.into()),
        Credential::api_key(String::new()),
    ];
    let vault = TestVault::default();
    for credential in credentials {
        let access = access(credential);
        let sealed = vault.seal_access(&access, &ada(), id(1)).unwrap();
        let sealed = sealed.unwrap();
        let opened = vault.open_access(&sealed, &ada(), id(1)).unwrap();
        assert_eq!(opened, access);
        let held = |window: &[u8]| secret.as_bytes().windows(4).any(|piece| piece == window);
        assert!(!sealed.bytes.windows(4).any(held), "{:?}", sealed.bytes);
        assert!(!format!("{sealed:?} {vault:?}").contains("sk-"));
    }
    let absent = vault.seal_access(&access(Credential::Absent), &ada(), id(1));
    assert_eq!(absent.unwrap(), None);
}

#[test]
fn the_secret_of_an_endpoint_opens_again() {
    let vault = TestVault::default();
    let secret = SigningSecret::parse("a-secret-that-signs").unwrap();
    let sealed = vault.seal_signing(&secret, &ada(), endpoint(1)).unwrap();
    let opened = vault.open_signing(&sealed, &ada(), endpoint(1)).unwrap();
    assert_eq!(opened, secret);
}

#[test]
fn a_secret_opens_only_where_it_belongs() {
    let vault = TestVault::default();
    let sealed = vault.seal(b"secret", &binding()).unwrap();
    let others = [
        Binding {
            owner: OwnerId::new("bob"),
            ..binding()
        },
        Binding {
            purpose: Purpose::Credential(id(2)),
            ..binding()
        },
        Binding {
            purpose: Purpose::Signing(endpoint(1)),
            ..binding()
        },
        Binding {
            purpose: Purpose::Content,
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
    let old = TestVault::with_keys(["a"]);
    let sealed = old.seal(b"secret", &binding()).unwrap();
    let both = TestVault::with_keys(["b", "a"]);
    assert_eq!(&**both.open(&sealed, &binding()).unwrap(), b"secret");
    assert_eq!(&*both.seal(b"secret", &binding()).unwrap().key, "b");
    let other = TestVault::with_keys(["b"]).open(&sealed, &binding());
    assert!(matches!(other, Err(VaultError::UnknownKey(_))), "{other:?}");
    let none = TestVault::with_keys([]);
    let sealed_by_none = none.seal(b"secret", &binding());
    assert!(matches!(sealed_by_none, Err(VaultError::NoKey)));
    let opened_by_none = none.open(&sealed, &binding());
    assert!(matches!(opened_by_none, Err(VaultError::NoKey)));
}

#[test]
fn every_fresh_secret_is_another_and_the_first_is_known() {
    let vault = TestVault::with_keys([]);
    let fresh = [(), ()].map(|()| vault.fresh_signing().unwrap());
    assert_ne!(fresh[0], fresh[1]);
    assert_eq!(fresh[0], TestVault::default().fresh_signing().unwrap());
}
