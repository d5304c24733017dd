//! All means at once: one person is one owner by each of them, and each credential has one way to be judged.

use std::sync::Arc;

use response_domain::caller::{Assertion, Credential, Means, Presented};
use response_domain::ports::auth::Authenticator;
use response_identity::{Gateway, Identity, Options, keys};
use response_testkit::clock::TestClock;
use serde_json::json;

use crate::own::Keys;
use crate::server::Server;
use crate::signer::{Signer, set};
use crate::world::{KEYS, claims, identity, in_a_word, tokens};

const SECRET: &str = "a-secret-of-some-length";

struct All {
    server: Server,
    signer: Signer,
    store: Arc<Keys>,
    clock: Arc<TestClock>,
    identity: Arc<Identity>,
}

async fn all() -> All {
    let server = Server::start().await;
    let signer = Signer::new("first");
    server.json(KEYS, &set(&[&signer]));
    server.json("/validate", &json!({ "subject": "ada" }));
    let store = Keys::new();
    let clock = Arc::new(TestClock::default());
    let options = Options {
        tokens: Some(tokens(&server)),
        own_keys: Some(Arc::clone(&store) as _),
        foreign_keys: Some(server.url("/validate")),
        key_cache: std::time::Duration::from_secs(30),
        gateway: Some(Gateway {
            nets: Vec::new(),
            secrets: vec![SECRET.into()],
        }),
    };
    let identity = identity(options, &clock);
    All {
        server,
        signer,
        store,
        clock,
        identity,
    }
}

fn said_by_gateway(credential: Credential) -> Presented {
    Presented {
        credential,
        peer: None,
        assertion: Some(Arc::new(Assertion {
            user: Some("ada".into()),
            proof: Some(SECRET.to_owned().into()),
            ..Assertion::default()
        })),
    }
}

#[tokio::test]
async fn one_person_is_one_owner_by_whatever_means() {
    let all = all().await;
    let token = all.signer.token(&claims(&all.clock));
    let own = all.store.add("ada", None).await;
    for (presented, means) in [
        (Credential::bearer(token).into(), "token"),
        (Credential::api_key(own).into(), "api_key"),
        (Credential::api_key("sk_abc".into()).into(), "foreign_key"),
        (said_by_gateway(Credential::Absent), "gateway"),
    ] {
        let caller = all.identity.authenticate(presented).await.unwrap();
        assert_eq!(
            (caller.owner.as_str(), caller.means.as_str()),
            ("ada", means)
        );
    }
}

#[tokio::test]
async fn the_gateways_word_comes_before_what_it_passes_on() {
    let all = all().await;
    let mut other = claims(&all.clock);
    other["sub"] = json!("eve");
    let token = Credential::bearer(all.signer.token(&other));
    let caller = all
        .identity
        .authenticate(said_by_gateway(token.clone()))
        .await
        .unwrap();
    assert_eq!(caller.owner.as_str(), "ada");
    assert_eq!(caller.means, Means::Gateway);
    assert_eq!(all.server.asked(), 0);
    // From anybody else it is as if nothing had been said.
    for (user, is_anonymous, proof) in [
        (Some("ada"), false, None),
        (Some("ada"), false, Some("another-secret-of-some-length")),
        (None, true, Some(SECRET)),
    ] {
        let presented = Presented {
            credential: token.clone(),
            peer: Some("10.0.0.1".parse().unwrap()),
            assertion: Some(Arc::new(Assertion {
                user: user.map(Arc::from),
                is_anonymous,
                proof: proof.map(|proof| proof.to_owned().into()),
                ..Assertion::default()
            })),
        };
        let caller = all.identity.authenticate(presented).await.unwrap();
        assert_eq!(caller.owner.as_str(), "eve");
        assert_eq!(caller.means, Means::Token);
    }
}

/// Kong's plugin for tokens names its consumer for the issuer on each of them, whosever it is.
#[tokio::test]
async fn of_a_consumer_that_brings_a_credential_of_its_own_the_credential_says_who_it_is() {
    let all = all().await;
    let token = |subject: &str| {
        let mut claims = claims(&all.clock);
        claims["sub"] = json!(subject);
        all.signer.token(&claims)
    };
    let own = all.store.add("bob", None).await;
    let mut stale = claims(&all.clock);
    stale["exp"] = json!(0);
    let (ada, eve) = (token("ada"), token("eve"));
    for (credential, expected) in [
        (Credential::bearer(ada), "ada"),
        (Credential::bearer(eve), "eve"),
        (Credential::bearer(all.signer.token(&stale)), "(expired)"),
        (Credential::bearer("a.b.c".into()), "(malformed)"),
        (Credential::bearer(own.clone()), "bob"),
        (Credential::api_key(own), "bob"),
        (Credential::api_key("sk_abc".into()), "ada"),
        // What is of no kind that is judged here says nothing.
        (Credential::Absent, "consumer|keycloak-jwt"),
        (Credential::bearer("opaque".into()), "consumer|keycloak-jwt"),
        (
            Credential::api_key("opaque".into()),
            "consumer|keycloak-jwt",
        ),
    ] {
        let presented = Presented {
            credential: credential.clone(),
            peer: None,
            assertion: Some(Arc::new(Assertion {
                consumer: Some("keycloak-jwt".into()),
                proof: Some(SECRET.to_owned().into()),
                ..Assertion::default()
            })),
        };
        let outcome = all.identity.authenticate(presented).await;
        assert_eq!(in_a_word(outcome), expected, "{credential:?}");
    }
}

#[tokio::test]
async fn each_credential_goes_one_way_and_is_seen_by_nobody_else() {
    let all = all().await;
    let known = all.store.add("ada", None).await;
    let unknown = keys::fresh().unwrap().text.to_string();
    let mut slip = known.clone();
    slip.replace_range(10..=10, if &known[10..=10] == "0" { "1" } else { "0" });
    let before = all.server.asked();
    for (text, expected) in [
        (known.as_str(), "ada"),
        (unknown.as_str(), "(key)"),
        (slip.as_str(), "(malformed)"),
        ("opaque", "(unknown)"),
        ("", "(unknown)"),
    ] {
        let outcome = all
            .identity
            .authenticate(Credential::bearer(text.to_owned()).into())
            .await;
        assert_eq!(in_a_word(outcome), expected, "{text}");
    }
    assert_eq!(
        all.server.asked(),
        before,
        "no key of ours is shown to others"
    );
    assert_eq!(all.store.asked(), 2);
    let outcome = all.identity.authenticate(Credential::Absent.into()).await;
    assert_eq!(in_a_word(outcome), "(missing)");
}
