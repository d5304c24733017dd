//! Tokens of the provider, and forgeries of them: A1 of the faults.

use serde_json::{Value, json};

use super::stage::{Stage, are_one, are_strangers, body, gets_in, is_turned_away};
use crate::wire::{Wire, address};

#[tokio::test]
async fn a_token_of_any_allowed_algorithm_gets_in_as_its_subject() {
    let stage = Stage::new().await;
    let mut all = Vec::new();
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let token = stage.provider.token("ada", algorithm).await;
        let caller = stage.service.bearing(&token);
        gets_in(&caller).await;
        // Providers that have not heard of RFC 9068 say otherwise what kind of token it is.
        for kind in [
            Value::Null,
            json!("JWT"),
            json!("at+jwt"),
            json!("application/at+jwt"),
        ] {
            let header = json!({"typ": kind});
            let token = stage.provider.sign(header, json!({}), algorithm).await;
            gets_in(&stage.service.bearing(&token)).await;
        }
        all.push(caller);
    }
    let grace = stage.caller("grace").await;
    for one in &all[1..] {
        are_one(&all[0], one).await;
    }
    are_strangers(&all[0], &grace).await;
}

/// Everything that is one's own is not there for another: the same answer as for what never was.
#[tokio::test]
async fn what_is_anothers_is_not_there() {
    let stage = Stage::new().await;
    let (ada, grace) = (stage.caller("ada").await, stage.caller("grace").await);
    let id = gets_in(&ada).await;
    let conversation = ada.post("openai/v1/conversations", json!({})).await;
    let conversation = conversation.body["id"].as_str().unwrap().to_owned();
    let queued = ada
        .create(json!({"model": "m", "input": "[[fail:hang]]", "background": true}))
        .await;
    assert_eq!(queued.status, 201, "{:#}", queued.body);
    let queued = queued.body["id"].as_str().unwrap().to_owned();
    let never = |prefix: &str| format!("{prefix}_01m7zzzzzzzzzzzzzzzzzzzzzz");
    let told = |answer: &crate::process::Answer, id: &str| {
        let mut body = answer.body.to_string().replace(id, "ID");
        if let Some(request) = answer.headers.get("x-request-id") {
            body = body.replace(request.to_str().unwrap(), "REQUEST");
        }
        (answer.status, body)
    };
    for dialect in ["v1", "openai/v1"] {
        for (kind, own, prefix) in [
            ("responses", &id, "resp"),
            ("responses", &queued, "resp"),
            ("conversations", &conversation, "conv"),
        ] {
            if kind == "conversations" && dialect == "v1" {
                // The native dialect has none of its own.
                continue;
            }
            let missing = never(prefix);
            let path = |id: &str| format!("{dialect}/{kind}/{id}");
            let both = [own.as_str(), missing.as_str()];
            let mut seen = Vec::new();
            for id in both {
                let items = if kind == "responses" {
                    "input_items"
                } else {
                    "items"
                };
                seen.push([
                    told(&grace.get(&path(id)).await, id),
                    told(&grace.get(&format!("{}/{items}", path(id))).await, id),
                    told(&grace.get(&format!("{}?stream=true", path(id))).await, id),
                    told(
                        &grace.post(&format!("{}/cancel", path(id)), json!({})).await,
                        id,
                    ),
                    told(&grace.delete(&path(id)).await, id),
                ]);
            }
            assert_eq!(seen[0], seen[1], "{dialect} {kind}");
            let statuses: Vec<u16> = seen[0].iter().map(|(status, _)| *status).collect();
            assert!(
                statuses.iter().all(|status| *status == 404),
                "{dialect} {kind}: {statuses:?}"
            );
        }
        // Nor can it be referred to.
        for (field, own, prefix) in [
            ("previous_response_id", &id, "resp"),
            ("conversation", &conversation, "conv"),
        ] {
            let mut seen = Vec::new();
            for id in [own.clone(), never(prefix)] {
                let mut body = body();
                body[field] = json!(id);
                seen.push(told(
                    &grace.post(&format!("{dialect}/responses"), body).await,
                    &id,
                ));
            }
            assert_eq!(seen[0], seen[1], "{dialect} {field}");
            assert_eq!(seen[0].0, 404, "{dialect} {field}: {}", seen[0].1);
        }
    }
    // Nothing of that did anything.
    for id in [&id, &queued] {
        let found = ada.get(&format!("v1/responses/{id}")).await;
        assert_eq!(found.status, 200);
        assert_ne!(found.body["status"], "cancelled");
    }
    ada.post(&format!("v1/responses/{queued}/cancel"), json!({}))
        .await;
}

/// A forgery: what it is, its header, its claims, and what stands where the signature does.
type Forgery = (&'static str, Value, Value, &'static str);

fn forgeries() -> Vec<Forgery> {
    let none = || json!({});
    vec![
        // Not by whom it says.
        ("signed by nobody", none(), none(), "nothing"),
        ("signed with zeros", none(), none(), "zeros"),
        ("signed with noise", none(), none(), "noise"),
        ("signed by a stranger", none(), none(), "a stranger's RSA"),
        (
            "signed by a stranger's curve",
            json!({"alg": "ES256"}),
            none(),
            "a stranger's EC",
        ),
        (
            "a curve's signature for RSA",
            none(),
            none(),
            "a stranger's EC",
        ),
        (
            "a signature in DER",
            json!({"alg": "ES256"}),
            none(),
            "ES256 in DER",
        ),
        // By another algorithm than it says.
        ("none", json!({"alg": "none"}), none(), "nothing"),
        (
            "None",
            json!({"alg": "None", "kid": null}),
            none(),
            "nothing",
        ),
        ("nOnE with noise", json!({"alg": "nOnE"}), none(), "noise"),
        ("no algorithm", json!({"alg": null}), none(), "RS256"),
        (
            "an algorithm that is no text",
            json!({"alg": 256}),
            none(),
            "RS256",
        ),
        (
            "the public key as a secret, PEM",
            json!({"alg": "HS256"}),
            none(),
            "HMAC with the PEM",
        ),
        (
            "the public key as a secret, DER",
            json!({"alg": "HS256"}),
            none(),
            "HMAC with the DER",
        ),
        (
            "the modulus as a secret",
            json!({"alg": "HS256"}),
            none(),
            "HMAC with the modulus",
        ),
        (
            "an empty secret",
            json!({"alg": "HS256"}),
            none(),
            "HMAC with nothing",
        ),
        (
            "no key named, an HMAC",
            json!({"alg": "HS256", "kid": null}),
            none(),
            "HMAC with the PEM",
        ),
        (
            "RS256 said to be PS256",
            json!({"alg": "PS256"}),
            none(),
            "RS256",
        ),
        (
            "PS256 said to be RS256",
            json!({"alg": "RS256"}),
            none(),
            "PS256",
        ),
        (
            "an algorithm that is not taken",
            json!({"alg": "RS512"}),
            none(),
            "RS512",
        ),
        (
            "a curve said to be EdDSA",
            json!({"alg": "EdDSA"}),
            none(),
            "ES256",
        ),
        // By a key that it brings itself.
        (
            "an unknown key",
            json!({"kid": "nobody's"}),
            none(),
            "RS256",
        ),
        (
            "a key of a path",
            json!({"kid": "../../../../etc/passwd"}),
            none(),
            "RS256",
        ),
        (
            "a key that is no text",
            json!({"kid": {"$ne": ""}}),
            none(),
            "RS256",
        ),
        (
            "a key of its own",
            json!({"jwk": {"kty": "oct", "k": "c2VjcmV0"}, "alg": "HS256"}),
            none(),
            "HMAC with secret",
        ),
        (
            "keys elsewhere",
            json!({"jku": "http://127.0.0.1:9/keys", "kid": "there"}),
            none(),
            "a stranger's RSA",
        ),
        (
            "a certificate elsewhere",
            json!({"x5u": "http://127.0.0.1:9/c", "kid": "there"}),
            none(),
            "a stranger's RSA",
        ),
        (
            "something critical",
            json!({"crit": ["b64"], "b64": false}),
            none(),
            "RS256",
        ),
        (
            "something critical and unknown",
            json!({"crit": ["exp"], "exp": 1}),
            none(),
            "RS256",
        ),
        // Another kind of token.
        (
            "a logout token",
            json!({"typ": "logout+jwt"}),
            none(),
            "RS256",
        ),
        (
            "a proof of possession",
            json!({"typ": "dpop+jwt"}),
            none(),
            "RS256",
        ),
        ("a nested one", json!({"typ": "JWE"}), none(), "RS256"),
        (
            "a refresh token",
            none(),
            json!({"typ": "Refresh"}),
            "RS256",
        ),
        ("an id token", none(), json!({"typ": "ID"}), "RS256"),
        (
            "a logout token of Keycloak",
            none(),
            json!({"typ": "Logout"}),
            "RS256",
        ),
        // By somebody else, or for somebody else.
        (
            "another issuer",
            none(),
            json!({"iss": "http://127.0.0.1:9/realms/menlo"}),
            "RS256",
        ),
        (
            "an issuer with a slash",
            none(),
            json!({"iss": "ISSUER/"}),
            "RS256",
        ),
        ("no issuer", none(), json!({"iss": null}), "RS256"),
        (
            "an issuer in a list",
            none(),
            json!({"iss": ["ISSUER"]}),
            "RS256",
        ),
        (
            "another audience",
            none(),
            json!({"aud": "billing"}),
            "RS256",
        ),
        (
            "other audiences",
            none(),
            json!({"aud": ["billing", "accounts"]}),
            "RS256",
        ),
        (
            "an audience that is nearly it",
            none(),
            json!({"aud": "Account"}),
            "RS256",
        ),
        ("no audience", none(), json!({"aud": null}), "RS256"),
        ("an empty audience", none(), json!({"aud": []}), "RS256"),
        // Of nobody.
        ("no subject", none(), json!({"sub": null}), "RS256"),
        ("an empty subject", none(), json!({"sub": ""}), "RS256"),
        (
            "a subject that is no text",
            none(),
            json!({"sub": 1}),
            "RS256",
        ),
        (
            "a subject in a list",
            none(),
            json!({"sub": ["ada", "grace"]}),
            "RS256",
        ),
        // Of another time.
        ("no end", none(), json!({"exp": null}), "RS256"),
        (
            "an end that is no number",
            none(),
            json!({"exp": "tomorrow"}),
            "RS256",
        ),
        ("not yet good", none(), json!({"nbf": {"in": 120}}), "RS256"),
        (
            "issued tomorrow",
            none(),
            json!({"iat": {"in": 86_400}}),
            "RS256",
        ),
        // Too much of it.
        (
            "nine kilobytes",
            none(),
            json!({"padding": "x".repeat(9_000)}),
            "RS256",
        ),
    ]
}

#[tokio::test]
async fn every_forgery_is_turned_away_in_the_same_words() {
    let stage = Stage::new().await;
    gets_in(&stage.caller("ada").await).await;
    let before = stage.world.model.ledger().traffic().started;
    for (told, header, claims, by) in forgeries() {
        let claims = claims
            .to_string()
            .replace("ISSUER", stage.provider.issuer());
        let claims = serde_json::from_str(&claims).unwrap();
        let token = stage.provider.sign(header, claims, by).await;
        is_turned_away(&stage.service.bearing(&token), "invalid_token", told).await;
    }
    let expired = json!({"exp": {"in": -60}});
    let expired = stage.provider.sign(json!({}), expired, "RS256").await;
    is_turned_away(&stage.service.bearing(&expired), "token_expired", "expired").await;
    // Whoever forges a token that is also too old learns nothing of its age.
    let both = json!({"exp": {"in": -60}});
    let both = stage
        .provider
        .sign(json!({}), both, "a stranger's RSA")
        .await;
    is_turned_away(
        &stage.service.bearing(&both),
        "invalid_token",
        "expired and forged",
    )
    .await;
    assert_eq!(stage.world.model.ledger().traffic().started, before);
    // Nobody asked for the keys that the forgeries told of, and hardly for others.
    assert!(stage.provider.fetches().await <= 3);
    gets_in(&stage.caller("ada").await).await;
}

/// A clock may be a little off.
#[tokio::test]
async fn a_little_of_time_is_forgiven() {
    let stage = Stage::new().await;
    for claims in [
        json!({"exp": {"in": -10}}),
        json!({"nbf": {"in": 15}}),
        json!({"iat": {"in": 15}}),
        json!({"aud": ["billing", "account"]}),
        json!({"iat": null}),
    ] {
        let token = stage.provider.sign(json!({}), claims, "ES256").await;
        gets_in(&stage.service.bearing(&token)).await;
    }
}

/// What is no token at all, and what is changed on the way.
#[tokio::test]
async fn damaged_tokens_and_other_texts_are_turned_away() {
    let stage = Stage::new().await;
    let token = stage.provider.token("ada", "ES256").await;
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("{token}");
    };
    let other = stage.provider.token("grace", "ES256").await;
    let others: Vec<&str> = other.split('.').collect();
    let cases = [
        ("half a token", format!("{header}.{claims}")),
        ("four parts", format!("{token}.{signature}")),
        (
            "five parts",
            format!("{header}.{claims}.{signature}.{claims}.{header}"),
        ),
        (
            "another's claims",
            format!("{header}.{}.{signature}", others[1]),
        ),
        (
            "another's signature",
            format!("{header}.{claims}.{}", others[2]),
        ),
        ("no claims", format!("{header}..{signature}")),
        ("no header", format!(".{claims}.{signature}")),
        ("padding", format!("{token}==")),
        (
            "standard base64",
            format!("{}.{claims}.{signature}", header.replace('J', "+")),
        ),
        ("a text", "ada".to_owned()),
        ("dots", "..".to_owned()),
        (
            "a key that nobody gave out",
            "sk_live_0123456789".to_owned(),
        ),
        (
            "a key of our own shape",
            format!("sk_ra_{}", "0".repeat(59)),
        ),
        ("much of a text", "x.".repeat(4_000)),
    ];
    for (told, text) in cases {
        is_turned_away(&stage.service.bearing(&text), "invalid_token", told).await;
    }
    is_turned_away(&stage.service, "missing_credentials", "nothing").await;
    for scheme in ["Basic YWRhOmFkYQ==", "Token x", "Bearer"] {
        let caller = stage.service.with("authorization", scheme);
        let answered = caller.get("v1/responses").await;
        assert_eq!(answered.status, 401, "{scheme}: {:#}", answered.body);
    }
    // A token is no key, whatever header it comes in; but what is no token in one place is none in the other.
    is_turned_away(
        &stage.service.with("x-api-key", "ada"),
        "invalid_token",
        "a key",
    )
    .await;
    gets_in(&stage.service.bearing(&token)).await;
}

/// Before a connection becomes a `WebSocket`, its caller must be known.
#[tokio::test]
async fn a_socket_is_not_opened_for_a_stranger() {
    let stage = Stage::new().await;
    let good = stage.provider.token("ada", "ES256").await;
    let forged = stage.provider.sign(json!({}), json!({}), "zeros").await;
    for (token, status) in [(good, "101"), (forged, "401")] {
        let mut wire = Wire::open(address(&stage)).await;
        let head = format!(
            "GET /openai/v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        wire.send(head.as_bytes()).await;
        wire.until(&format!("HTTP/1.1 {status}")).await;
    }
}

/// What needs no caller asks for none, and tells nothing of any.
#[tokio::test]
async fn health_and_the_document_are_for_everybody() {
    let stage = Stage::new().await;
    for path in ["healthz", "readyz", "health/auth", "openapi.json"] {
        assert_eq!(stage.service.get(path).await.status, 200, "{path}");
    }
}
