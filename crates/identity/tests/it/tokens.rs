//! Tokens that are good: by every algorithm, of several issuers, and again.

use std::collections::HashSet;
use std::time::Duration;

use response_domain::caller::{Credential, Means};
use response_domain::ports::auth::Authenticator;
use response_domain::time::Clock;
use response_identity::{Algorithm, Issuer, KeySet};
use serde_json::json;

use crate::server::Server;
use crate::signer::{Signer, set};
use crate::world::{ISSUER, KEYS, World, word};

#[tokio::test]
async fn a_token_signed_in_any_way_that_is_taken_lets_its_subject_in() {
    let world = World::with(|tokens| tokens.algorithms = Algorithm::ALL.into()).await;
    let signers: Vec<Signer> = Algorithm::ALL
        .iter()
        .map(|alg| Signer::of(alg.as_str(), alg.as_str()))
        .collect();
    world
        .server
        .json(KEYS, &set(&signers.iter().collect::<Vec<_>>()));
    for signer in &signers {
        let token = signer.token(&world.claims());
        assert_eq!(world.word(&token).await, "ada", "{}", signer.kid);
    }
    assert_eq!(world.server.asked(), 1);
}

#[tokio::test]
async fn a_caller_is_known_by_its_token_which_is_passed_on_as_it_came() {
    let world = World::new().await;
    let credential = Credential::bearer(world.token(|_| {}));
    let caller = world
        .identity
        .authenticate(credential.clone().into())
        .await
        .unwrap();
    assert_eq!(caller.owner.as_str(), "ada");
    assert_eq!(caller.credential, credential);
    assert_eq!(caller.means, Means::Token);
    let expires = world.clock.now().after(Duration::from_mins(5));
    assert_eq!(caller.expires, Some(expires));
}

#[tokio::test]
async fn subjects_of_any_shape_become_owners_or_are_refused() {
    let world = World::new().await;
    for (subject, owner) in [
        ("f:1b2:ada@example.org", "f:1b2:ada@example.org"),
        ("guest", "|guest"),
        ("consumer|ada", "|consumer|ada"),
        ("Ada Lovelace", "Ada Lovelace"),
        ("", "(claims)"),
        ("a\u{0}b", "(claims)"),
        ("a\nb", "(claims)"),
        (&"x".repeat(256), "(claims)"),
    ] {
        let token = world.token(|claims| claims["sub"] = json!(subject));
        assert_eq!(world.word(&token).await, owner, "{subject:?}");
    }
}

#[tokio::test]
async fn issuers_with_one_key_set_are_one_realm_and_others_are_realms_of_their_own() {
    let (other, third) = (Server::start().await, Server::start().await);
    let world = World::with(|tokens| {
        let issuer = |name: &str, keys: &Server| Issuer {
            name: name.to_owned(),
            keys: KeySet::At(keys.url(KEYS)),
        };
        let home = tokens.issuers[0].clone();
        tokens.issuers.extend([
            issuer("https://other.example", &other),
            Issuer {
                name: "http://keycloak:8080/realms/jan".into(),
                ..home
            },
            issuer("https://third.example", &third),
            issuer("https://other.example/again", &other),
        ]);
    })
    .await;
    let (second, outer) = (Signer::new("second"), Signer::new("third"));
    other.json(KEYS, &set(&[&second]));
    third.json(KEYS, &set(&[&outer]));
    let home = &world.signer;
    for (signer, issuer, owner) in [
        (home, ISSUER, "ada"),
        (home, "http://keycloak:8080/realms/jan", "ada"),
        (
            &second,
            "https://other.example",
            "https://other.example|ada",
        ),
        (
            &second,
            "https://other.example/again",
            "https://other.example|ada",
        ),
        (&outer, "https://third.example", "https://third.example|ada"),
        // Nobody signs for anybody else.
        (home, "https://other.example", "(key)"),
        (&second, ISSUER, "(key)"),
        (&outer, "https://other.example", "(key)"),
    ] {
        let mut claims = world.claims();
        claims["iss"] = json!(issuer);
        let token = signer.token(&claims);
        assert_eq!(world.word(&token).await, owner, "{issuer}");
    }
}

#[tokio::test]
async fn a_token_is_remembered_no_longer_than_it_is_good() {
    let world = World::new().await;
    let token = world.token(|claims| {
        let exp = claims["exp"].as_i64().unwrap();
        claims["exp"] = json!(exp - 200);
    });
    assert_eq!(world.word(&token).await, "ada");
    world.pass(Duration::from_secs(129)).await;
    assert_eq!(world.word(&token).await, "ada", "within the leeway");
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.word(&token).await, "(expired)");
}

#[tokio::test]
async fn what_is_remembered_of_one_token_lets_no_other_in() {
    for cache in [0, 1000] {
        let world = World::with(|tokens| tokens.cache = cache).await;
        let token = world.token(|_| {});
        let mut flawed = HashSet::new();
        for _ in 0..2 {
            assert_eq!(world.word(&token).await, "ada");
            // Another last character spells other bytes, or the same in a way that is not taken.
            let (rest, last) = token.split_at(token.len() - 1);
            for other in ["A", "B", "Q", "g", "w", "_"]
                .iter()
                .filter(|c| **c != last)
            {
                flawed.insert(world.word(&format!("{rest}{other}")).await);
            }
            assert_eq!(world.word(&format!("{token}=")).await, "(signature)");
        }
        assert_eq!(flawed, HashSet::from(["(signature)".to_owned()]));
    }
}

#[tokio::test]
async fn a_token_without_the_name_of_its_key_needs_an_issuer_with_one_that_fits() {
    let world = World::new().await;
    let nameless = |signer: &Signer| {
        let mut header = signer.header();
        header.as_object_mut().unwrap().remove("kid");
        signer.sign(&header.to_string(), &world.claims().to_string())
    };
    let edwards = Signer::of("EdDSA", "edwards");
    let second = Signer::new("second");
    world.server.json(KEYS, &set(&[&world.signer, &edwards]));
    assert_eq!(world.word(&nameless(&world.signer)).await, "ada");
    assert_eq!(world.word(&nameless(&edwards)).await, "ada");
    world
        .server
        .json(KEYS, &set(&[&world.signer, &edwards, &second]));
    world.pass(Duration::from_secs(30)).await;
    // It may be signed by a newer key, so the keys are fetched; then it may be either.
    assert_eq!(world.word(&nameless(&second)).await, "(key)");
    assert_eq!(world.server.asked(), 2);
    assert_eq!(world.word(&nameless(&edwards)).await, "ada");
}

#[tokio::test]
async fn of_keys_with_one_name_each_that_fits_is_tried_but_not_many() {
    let world = World::new().await;
    let twins: Vec<Signer> = (0..5).map(|_| Signer::new("twin")).collect();
    let edwards = Signer::of("EdDSA", "twin");
    let mut all: Vec<&Signer> = vec![&edwards];
    all.extend(&twins);
    world.server.json(KEYS, &set(&all));
    for (at, signer) in twins.iter().enumerate() {
        let outcome = world.word(&signer.token(&world.claims())).await;
        let expected = if at < 4 { "ada" } else { "(signature)" };
        assert_eq!(outcome, expected, "{at}");
    }
    assert_eq!(world.word(&edwards.token(&world.claims())).await, "ada");
}

#[tokio::test]
async fn an_odd_key_does_not_spoil_the_others() {
    let world = World::new().await;
    let mut document = set(&[&world.signer]);
    let keys = document["keys"].as_array_mut().unwrap();
    for odd in [
        json!(null),
        json!("key"),
        json!({}),
        json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "first", "alg": "HS256" }),
        json!({ "kty": "AKP", "kid": "first" }),
        json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "first", "use": "enc" }),
        json!({ "kty": "EC", "crv": "P-256", "x": 1, "y": 2, "kid": "first" }),
    ] {
        keys.insert(0, odd);
    }
    world.server.json(KEYS, &document);
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
}

#[tokio::test]
async fn a_jwt_is_taken_as_a_bearer_token_alone() {
    let world = World::new().await;
    let key = Credential::api_key(world.token(|_| {}));
    assert_eq!(word(&*world.identity, key).await, "(unknown)");
    for text in ["", "opaque", "a.b", "a.b.c.d", "sk_abc"] {
        assert_eq!(world.word(text).await, "(unknown)", "{text}");
    }
    assert_eq!(
        word(&*world.identity, Credential::Absent).await,
        "(missing)"
    );
}
