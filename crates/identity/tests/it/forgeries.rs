//! Tokens that are not what they seem. Each is refused, in the same way whether or not it comes again.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::server::Server;
use crate::signer::{Signer, message, set};
use crate::world::{KEYS, World};

fn changed(value: &Value, name: &str, to: Value) -> String {
    let mut value = value.clone();
    value[name] = to;
    value.to_string()
}

fn without(value: &Value, name: &str) -> String {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove(name);
    value.to_string()
}

/// Each with one claim changed or, for `null`, left out.
#[tokio::test]
async fn claims_that_are_not_good_keep_their_bearer_out_although_they_are_signed() {
    let world = World::new().await;
    let good = world.claims();
    let now = good["iat"].as_i64().unwrap();
    for (name, value, word) in [
        ("exp", json!(now - 30), "(expired)"),
        ("exp", json!(now - 86_400), "(expired)"),
        ("exp", json!(1e300), "(claims)"),
        ("exp", json!(u64::MAX), "(claims)"),
        ("exp", json!((now + 60).to_string()), "(claims)"),
        ("exp", json!(null), "(claims)"),
        ("nbf", json!(now + 31), "(not_yet)"),
        ("iat", json!(now + 86_400), "(not_yet)"),
        ("aud", json!("other"), "(audience)"),
        ("aud", json!(["other"]), "(audience)"),
        ("aud", json!(["account", null]), "(claims)"),
        ("aud", json!(null), "(claims)"),
        ("iss", json!("https://evil.example"), "(issuer)"),
        ("iss", json!("https://id.example/realms/jan/"), "(issuer)"),
        ("iss", json!("HTTPS://id.example/realms/jan"), "(issuer)"),
        ("iss", json!(["https://id.example/realms/jan"]), "(claims)"),
        ("iss", json!(null), "(claims)"),
        ("sub", json!(""), "(claims)"),
        ("sub", json!(7), "(claims)"),
        ("sub", json!("a\u{7f}"), "(claims)"),
        ("sub", json!(null), "(claims)"),
        ("typ", json!("Refresh"), "(claims)"),
        ("typ", json!("ID"), "(claims)"),
        ("typ", json!("Logout"), "(claims)"),
        ("note", json!("x".repeat(9000)), "(malformed)"),
    ] {
        let claims = match value {
            Value::Null => without(&good, name),
            value => changed(&good, name, value),
        };
        let token = world
            .signer
            .sign(&world.signer.header().to_string(), &claims);
        for _ in 0..2 {
            assert_eq!(world.word(&token).await, word, "{claims:.300}");
        }
    }
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
}

#[tokio::test]
async fn claims_that_two_readers_could_read_differently_are_refused() {
    let world = World::new().await;
    let good = world.claims();
    let mut odd: Vec<String> = ["exp", "iss", "sub", "aud"]
        .into_iter()
        .map(|name| {
            let text = good.to_string();
            format!("{},\"{name}\":{}}}", &text[..text.len() - 1], good[name])
        })
        .collect();
    odd.extend(["[]", "\"ada\"", "null", "{", ""].map(String::from));
    odd.push(format!("[{good}]"));
    odd.push(format!("{good}{good}"));
    for claims in odd {
        let token = world
            .signer
            .sign(&world.signer.header().to_string(), &claims);
        assert_eq!(world.word(&token).await, "(malformed)", "{claims}");
    }
}

#[tokio::test]
async fn headers_that_ask_for_another_way_of_verifying_are_refused() {
    let world = World::new().await;
    let header = world.signer.header();
    let crit = json!({ "alg": "ES256", "kid": "first", "crit": ["b64"], "b64": false });
    for (header, word) in [
        (changed(&header, "alg", json!("none")), "(algorithm)"),
        (changed(&header, "alg", json!("nOnE")), "(algorithm)"),
        (changed(&header, "alg", json!("HS256")), "(algorithm)"),
        (changed(&header, "alg", json!("ES384")), "(algorithm)"),
        (changed(&header, "alg", json!("RS256")), "(key)"),
        (changed(&header, "alg", json!("EdDSA")), "(key)"),
        (without(&header, "alg"), "(algorithm)"),
        (changed(&header, "kid", json!("other")), "(key)"),
        (changed(&header, "kid", json!("")), "(key)"),
        (changed(&header, "kid", json!("../../first")), "(key)"),
        (changed(&header, "kid", json!(["first"])), "(malformed)"),
        (changed(&header, "typ", json!("logout+jwt")), "(claims)"),
        (changed(&header, "typ", json!("dpop+jwt")), "(claims)"),
        (changed(&header, "crit", json!(["exp"])), "(malformed)"),
        (changed(&header, "crit", json!([])), "(malformed)"),
        (changed(&header, "b64", json!(true)), "(malformed)"),
        (crit.to_string(), "(malformed)"),
        (
            r#"{"alg":"none","alg":"ES256","kid":"first"}"#.into(),
            "(malformed)",
        ),
    ] {
        let token = world.signer.sign(&header, &world.claims().to_string());
        assert_eq!(world.word(&token).await, word, "{header}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_signed_is_nobodys() {
    let world = World::new().await;
    let claims = world.claims().to_string();
    let good = world.token(|_| {});
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let none = message(r#"{"alg":"none"}"#, &claims);
    let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
    let half = &signature[..signature.len() / 2];
    let padded = signed.replace('.', "=.");
    for (token, word) in [
        (format!("{none}."), "(algorithm)"),
        (format!("{none}.{signature}"), "(algorithm)"),
        (format!("{signed}."), "(signature)"),
        (format!("{signed}.{zeros}"), "(signature)"),
        (format!("{signed}.{half}"), "(signature)"),
        (format!("{signed}.{signature}{signature}"), "(signature)"),
        (format!("{signed}.{signature}=="), "(signature)"),
        (format!("{signed}.@@@@"), "(signature)"),
        (format!("{padded}.{signature}"), "(malformed)"),
        // Somebody else's claims under a good signature.
        (
            format!(
                "{}.{signature}",
                message(
                    &world.signer.header().to_string(),
                    &changed(&world.claims(), "sub", json!("eve"))
                )
            ),
            "(signature)",
        ),
        // Signed by somebody else under the name of the issuer's key.
        (
            Signer::new("stranger")
                .named("first")
                .token(&world.claims()),
            "(signature)",
        ),
    ] {
        assert_eq!(world.word(&token).await, word, "{token}");
    }
    assert_eq!(world.word(&good).await, "ada");
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let world = World::new().await;
    let rsa = Signer::of("RS256", "rsa");
    // Even one that stands in the set is passed over.
    let mut document = set(&[&rsa, &world.signer]);
    let shared = json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256" });
    document["keys"].as_array_mut().unwrap().push(shared);
    world.server.json(KEYS, &document);
    let jwk = rsa.jwk();
    let modulus = jwk["n"].as_str().unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(URL_SAFE_NO_PAD.decode(modulus).unwrap())
    );
    let secrets = [
        modulus.as_bytes().to_vec(),
        URL_SAFE_NO_PAD.decode(modulus).unwrap(),
        pem.into_bytes(),
        jwk.to_string().into_bytes(),
        b"secret".to_vec(),
    ];
    for secret in secrets {
        for (alg, kid) in [("HS256", "rsa"), ("HS256", "shared"), ("RS256", "rsa")] {
            let header = json!({ "alg": alg, "kid": kid }).to_string();
            let message = message(&header, &world.claims().to_string());
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            let mac = hmac::sign(&key, message.as_bytes());
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac));
            let expected = if alg == "HS256" {
                "(algorithm)"
            } else {
                "(signature)"
            };
            assert_eq!(world.word(&token).await, expected);
        }
    }
    assert_eq!(world.word(&rsa.token(&world.claims())).await, "ada");
}

#[tokio::test]
async fn a_key_is_used_for_nothing_but_what_its_issuer_says() {
    let world = World::new().await;
    let signer = Signer::of("RS256", "rsa");
    let claims = world.claims();
    for (name, value, word) in [
        ("alg", json!("RS256"), "ada"),
        ("alg", json!("PS256"), "(key)"),
        ("alg", json!("RSA-OAEP"), "(key)"),
        ("use", json!("enc"), "(key)"),
        ("key_ops", json!(["verify"]), "ada"),
        ("key_ops", json!(["sign"]), "(key)"),
        ("kty", json!("EC"), "(key)"),
        ("kid", json!("other"), "(key)"),
    ] {
        let mut document = set(&[&world.signer, &signer]);
        document["keys"][1][name] = value.clone();
        world.server.json(KEYS, &document);
        world.pass(Duration::from_secs(30)).await;
        // A key that nobody knows has the changed set fetched.
        let stranger = Signer::new("stranger").token(&claims);
        assert_eq!(world.word(&stranger).await, "(key)");
        let token = signer.token(&world.claims());
        assert_eq!(world.word(&token).await, word, "{name}: {value}");
    }
}

#[tokio::test]
async fn where_a_token_says_that_its_key_is_nobody_looks() {
    let world = World::new().await;
    let evil = Server::start().await;
    let forger = Signer::new("forged");
    evil.json("/keys", &set(&[&forger]));
    let url = evil.url("/keys").to_string();
    let mut header = forger.header();
    header["jku"] = json!(url);
    header["x5u"] = json!(url);
    header["jwk"] = forger.jwk();
    header["x5c"] = json!([STANDARD.encode("certificate")]);
    for kid in ["forged", "first", &url] {
        header["kid"] = json!(kid);
        let mut claims = world.claims();
        for issuer in [claims["iss"].clone(), json!(url)] {
            claims["iss"] = issuer;
            let token = forger.sign(&header.to_string(), &claims.to_string());
            let outcome = world.word(&token).await;
            assert!(outcome.starts_with('('), "{outcome}");
        }
    }
    assert_eq!(evil.asked(), 0);
    // A good signature stays good whatever stands beside it.
    let mut header = world.signer.header();
    header["jku"] = json!(url);
    header["jwk"] = forger.jwk();
    let token = world
        .signer
        .sign(&header.to_string(), &world.claims().to_string());
    assert_eq!(world.word(&token).await, "ada");
    assert_eq!(evil.asked(), 0);
}
