//! The gateway's word, and everybody else's word that they are the gateway.

use std::net::IpAddr;
use std::sync::Arc;

use response_domain::caller::{Assertion, Caller, Credential, Means, Presented};
use response_domain::ports::auth::{AuthError, Authenticator};
use response_domain::time::Timestamp;
use response_identity::{Gateway, Identity, Options, keys};
use response_testkit::clock::TestClock;

use crate::world::{identity, in_a_word, no_options};

const SECRET: &str = "a-secret-of-some-length";

fn behind(nets: &[&str], secrets: &[&str]) -> Arc<Identity> {
    let options = Options {
        gateway: Some(Gateway {
            nets: nets.iter().map(|net| net.parse().unwrap()).collect(),
            secrets: secrets.iter().map(|secret| (*secret).into()).collect(),
        }),
        ..no_options()
    };
    identity(options, &Arc::new(TestClock::default()))
}

fn user(user: &str) -> Assertion {
    Assertion {
        user: Some(user.into()),
        ..Assertion::default()
    }
}

fn presented(peer: Option<&str>, said: Option<Assertion>, credential: Credential) -> Presented {
    Presented {
        credential,
        peer: peer.map(|peer| peer.parse::<IpAddr>().unwrap()),
        assertion: said.map(Arc::new),
    }
}

async fn ask(identity: &Identity, presented: Presented) -> Result<Caller, AuthError> {
    identity.authenticate(presented).await
}

#[tokio::test]
async fn only_who_bears_every_mark_of_the_gateway_is_believed() {
    let net = ["10.1.0.0/16", "fd00::/8"];
    let (second, other) = ("the-next-secret-to-come", "a-secret-of-some-lengtH");
    for (nets, secrets, peer, proof, is_gateway) in [
        (&net[..], &[][..], Some("10.1.2.3"), None, true),
        (&net, &[], Some("fd00::7"), None, true),
        (&net, &[], Some("::ffff:10.1.2.3"), None, true),
        (&net, &[], Some("10.2.0.1"), None, false),
        (&net, &[], Some("::ffff:10.2.0.1"), None, false),
        (&net, &[], Some("127.0.0.1"), None, false),
        (&net, &[], Some("::10.1.2.3"), None, false),
        (&net, &[], None, None, false),
        (&net, &[], Some("10.2.0.1"), Some(SECRET), false),
        (&["::ffff:10.1.0.0/112"], &[], Some("10.1.2.3"), None, true),
        (&["::ffff:10.1.0.0/112"], &[], Some("10.2.2.3"), None, false),
        (&[], &[SECRET], Some("203.0.113.9"), Some(SECRET), true),
        (&[], &[SECRET], None, Some(SECRET), true),
        (&[], &[SECRET, second], None, Some(second), true),
        (&[], &[SECRET], Some("127.0.0.1"), None, false),
        (&[], &[SECRET], None, Some(""), false),
        (&[], &[SECRET], None, Some(other), false),
        (&[], &[SECRET], None, Some("a-secret-of-some-lengt"), false),
        (
            &[],
            &[SECRET],
            None,
            Some("a-secret-of-some-length "),
            false,
        ),
        (&net, &[SECRET], Some("10.1.2.3"), Some(SECRET), true),
        (&net, &[SECRET], Some("10.1.2.3"), None, false),
        (&net, &[SECRET], Some("10.1.2.3"), Some(other), false),
        (&net, &[SECRET], Some("10.2.2.3"), Some(SECRET), false),
        (&net, &[SECRET], None, Some(SECRET), false),
    ] {
        let identity = behind(nets, secrets);
        let mut said = user("ada");
        said.proof = proof.map(|proof| proof.to_owned().into());
        let outcome = ask(&identity, presented(peer, Some(said), Credential::Absent)).await;
        let expected = if is_gateway { "ada" } else { "(missing)" };
        assert_eq!(
            in_a_word(outcome),
            expected,
            "{nets:?} {secrets:?} {peer:?} {proof:?}"
        );
    }
}

#[tokio::test]
async fn the_gateway_names_users_or_consumers_or_nobody() {
    let identity = behind(&["10.0.0.0/8"], &[]);
    let said = |user: Option<&str>, consumer: Option<&str>, is_anonymous| Assertion {
        user: user.map(Arc::from),
        consumer: consumer.map(Arc::from),
        is_anonymous,
        proof: None,
    };
    let long = "x".repeat(256);
    for (said, expected) in [
        (said(Some("ada"), None, false), "ada"),
        (said(Some("ada"), Some("kong"), false), "ada"),
        (said(None, Some("kong"), false), "consumer|kong"),
        (said(Some("consumer|kong"), None, false), "|consumer|kong"),
        (said(Some("guest"), None, false), "|guest"),
        (said(None, Some("guest"), false), "consumer|guest"),
        (said(Some("ada"), Some("kong"), true), "(missing)"),
        (said(None, None, true), "(missing)"),
        (said(None, None, false), "(missing)"),
        (said(Some(""), None, false), "(claims)"),
        (said(Some("a\u{1}b"), None, false), "(claims)"),
        (said(Some(&long), None, false), "(claims)"),
        (said(None, Some(&long), false), "(claims)"),
    ] {
        let request = presented(Some("10.9.9.9"), Some(said.clone()), Credential::Absent);
        assert_eq!(
            in_a_word(ask(&identity, request).await),
            expected,
            "{said:?}"
        );
        let stranger = presented(Some("192.0.2.1"), Some(said.clone()), Credential::Absent);
        assert_eq!(
            in_a_word(ask(&identity, stranger).await),
            "(missing)",
            "{said:?}"
        );
    }
    let silent = presented(Some("10.9.9.9"), None, Credential::Absent);
    assert_eq!(in_a_word(ask(&identity, silent).await), "(missing)");
}

#[tokio::test]
async fn what_the_gateway_passes_on_goes_upstream_as_it_came_but_for_keys_of_ours() {
    let identity = behind(&["10.0.0.0/8"], &[]);
    let own = keys::fresh().unwrap().text.to_string();
    // The claims are `{"exp":7}`.
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjd9.c2ln".to_owned();
    let seven = Some(Timestamp::from_micros(7_000_000));
    for (brought, passed, expires) in [
        (Credential::Absent, Credential::Absent, None),
        (
            Credential::bearer(token.clone()),
            Credential::bearer(token.clone()),
            seven,
        ),
        (
            Credential::api_key("sk_abc".into()),
            Credential::api_key("sk_abc".into()),
            None,
        ),
        (Credential::bearer(own.clone()), Credential::Absent, None),
        (Credential::api_key(own), Credential::Absent, None),
    ] {
        let request = presented(Some("10.0.0.1"), Some(user("ada")), brought);
        let caller = ask(&identity, request).await.unwrap();
        assert_eq!(caller.owner.as_str(), "ada");
        assert_eq!(caller.means, Means::Gateway);
        assert_eq!((caller.credential, caller.expires), (passed, expires));
    }
}
