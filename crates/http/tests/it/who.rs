//! Who calls, and what is not whose.

use std::time::Duration;

use async_trait::async_trait;
use response_domain::caller::{Caller, Credential, Means, OwnerId, Presented};
use response_domain::limit::Rate;
use response_domain::ports::auth::{AuthError, Authenticator, Flaw};
use response_testkit::script::text;
use serde_json::json;

use crate::client::{Call, Reply};
use crate::sample;
use crate::shapes::assert_shape;
use crate::world::{Plan, World};

pub(crate) fn ada() -> OwnerId {
    OwnerId::new("ada")
}

/// Takes every token for its owner's name. Who brings none is Ada.
pub(crate) struct ByName;

#[async_trait]
impl Authenticator for ByName {
    async fn authenticate(&self, presented: Presented) -> Result<Caller, AuthError> {
        let credential = presented.credential;
        let owner = match &credential {
            Credential::Absent => ada(),
            Credential::Bearer(name) | Credential::ApiKey(name) => OwnerId::new(name),
        };
        match owner.as_str() {
            "forged" => Err(AuthError::Invalid(Flaw::Signature)),
            "old" => Err(AuthError::Expired),
            "panics" => panic!("the authenticator panics"),
            _ => Ok(Caller {
                owner,
                credential,
                expires: None,
                means: Means::Token,
            }),
        }
    }
}

/// Knows everybody by this name, whatever they bring.
pub(crate) struct Known(pub(crate) &'static str);

#[async_trait]
impl Authenticator for Known {
    async fn authenticate(&self, presented: Presented) -> Result<Caller, AuthError> {
        Ok(Caller {
            owner: OwnerId::new(self.0),
            credential: presented.credential,
            expires: None,
            means: Means::Token,
        })
    }
}

/// Wants a credential, whatever it is.
pub(crate) struct Strict;

#[async_trait]
impl Authenticator for Strict {
    async fn authenticate(&self, presented: Presented) -> Result<Caller, AuthError> {
        match presented.credential {
            Credential::Absent => Err(AuthError::Missing),
            Credential::Bearer(_) | Credential::ApiKey(_) => ByName.authenticate(presented).await,
        }
    }
}

/// Headers of a request, by name.
type Headers = [(&'static str, &'static str)];

async fn with(world: &World, headers: &Headers) -> Reply {
    let call = Call::new("GET", "/v1/responses");
    let call = headers
        .iter()
        .fold(call, |call, (name, value)| call.header(name, value));
    call.send(world).await
}

#[tokio::test]
async fn a_credential_that_is_not_good_is_refused_in_its_own_words() {
    let world = Plan::new([text("hi")]).authenticator(Strict).build().await;
    let missing = "Bearer";
    let invalid = "Bearer error=\"invalid_token\"";
    let cases: &[(&Headers, &str, &str)] = &[
        (&[], "missing_credentials", missing),
        (&[("authorization", "")], "missing_credentials", missing),
        (&[("x-api-key", "")], "missing_credentials", missing),
        (
            &[("authorization", "Bearer forged")],
            "invalid_token",
            invalid,
        ),
        (&[("authorization", "Bearer old")], "token_expired", invalid),
        (&[("authorization", "Bearer")], "invalid_token", invalid),
        (&[("authorization", "Basic YTpi")], "invalid_token", invalid),
        (&[("authorization", "ada")], "invalid_token", invalid),
        (&[("authorization", "Bearer ü")], "invalid_token", invalid),
        (&[("x-api-key", "forged")], "invalid_token", invalid),
        (
            &[("authorization", "Basic YTpi"), ("x-api-key", "ada")],
            "invalid_token",
            invalid,
        ),
        (
            &[("x-api-key", "ada"), ("authorization", "Bearer forged")],
            "invalid_token",
            invalid,
        ),
    ];
    for (headers, code, challenge) in cases {
        let reply = with(&world, headers).await;
        let error = &reply.json()["error"];
        assert_eq!(reply.status, 401, "{headers:?}");
        assert_eq!(error["code"], *code, "{headers:?}");
        assert_eq!(error["type"], "authentication_error", "{headers:?}");
        assert_eq!(reply.header("www-authenticate"), Some(*challenge));
    }
    let good: &[&Headers] = &[
        &[("authorization", "Bearer ada")],
        &[("authorization", "bearer  ada ")],
        &[("x-api-key", "ada")],
        &[("authorization", ""), ("x-api-key", "ada")],
        &[("authorization", "Bearer ada"), ("x-api-key", "forged")],
    ];
    for headers in good {
        assert_eq!(with(&world, headers).await.status, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn what_asks_for_no_credential_needs_none() {
    let world = Plan::new([]).authenticator(Strict).build().await;
    for path in [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
    ] {
        assert_eq!(Call::new("GET", path).send(&world).await.status, 200);
    }
}

#[tokio::test]
async fn the_credential_goes_on_to_the_model_as_it_came() {
    let world = World::new([text("hi")]).await;
    let ask = json!({"model": "m", "input": "hi"});
    for (name, value, credential) in [
        (
            "authorization",
            "Bearer ada",
            Credential::bearer("ada".into()),
        ),
        ("x-api-key", "ada", Credential::api_key("ada".into())),
    ] {
        let call = Call::new("POST", "/v1/responses").header(name, value);
        let reply = call
            .header("x-request-id", "req-7")
            .json(&ask)
            .send(&world)
            .await;
        assert_eq!(reply.status, 200);
        let contexts = world.model.contexts();
        let context = contexts.last().unwrap();
        assert_eq!(context.credential, credential);
        assert_eq!(&*context.request_id, "req-7");
    }
}

#[tokio::test]
async fn what_is_somebody_elses_does_not_exist() {
    let world = World::new([]).await;
    sample::put(&world, &sample::accepted(1, sample::spec())).await;
    let (theirs, unknown) = (sample::id(1), sample::id(2));
    for (method, tail) in [
        ("GET", ""),
        ("GET", "?stream=true"),
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("GET", "/input_items"),
        ("GET", "/events"),
    ] {
        let ask = async |id: &str| {
            let call = Call::new(method, &format!("/v1/responses/{id}{tail}"));
            let call = call.header("x-request-id", "same");
            call.header("authorization", "Bearer bob")
                .send(&world)
                .await
        };
        let foreign = ask(&theirs.to_string()).await;
        assert_eq!(foreign.status, 404, "{method} {tail}");
        assert_eq!(foreign.json()["error"]["code"], "response_not_found");
        let others = [
            unknown.to_string(),
            "resp_nonsense".to_owned(),
            "%00".to_owned(),
        ];
        for other in others {
            assert_eq!(ask(&other).await.text(), foreign.text(), "{method} {tail}");
        }
    }
    let list = Call::new("GET", "/v1/responses").header("authorization", "Bearer bob");
    assert_eq!(list.send(&world).await.json()["data"], json!([]));
    let ask = json!({
        "model": "m",
        "input": "hi",
        "previous_response_id": theirs.to_string(),
        "user": "ada",
    });
    let call = Call::new("POST", "/v1/responses").header("authorization", "Bearer bob");
    let reply = call.json(&ask).send(&world).await;
    assert_eq!(reply.json()["error"]["code"], "response_not_found");
}

/// What the page of the API shows is what is answered.
#[tokio::test]
async fn the_page_shows_how_whoever_is_not_let_in_is_answered() {
    let page = include_str!("../../../../docs/api-native.md");
    let ask = |world| async move {
        let call = Call::new("GET", "/v1/responses").header("x-request-id", "req-7");
        call.send(world).await
    };
    let strict = Plan::new([]).authenticator(Strict).build().await;
    let refused = ask(&strict).await;
    assert_eq!(
        (refused.status, refused.header("www-authenticate")),
        (401, Some("Bearer"))
    );
    assert!(page.contains(refused.text()), "{}", refused.text());
    let limited = Plan::new([]).policy(|policy| {
        policy.owners.requests = Some(Rate {
            amount: 1.try_into().unwrap(),
            window: Duration::from_hours(1_000),
        });
    });
    let limited = limited.build().await;
    assert_eq!(ask(&limited).await.status, 200);
    let refused = ask(&limited).await;
    let seconds = refused.header("retry-after").unwrap();
    let shown = refused.text().replace(&format!("in {seconds}s"), "in 3s");
    assert!(page.contains(&shown), "{shown}");
}

/// Says so of itself.
struct Unwell(Result<(), &'static str>);

#[async_trait]
impl Authenticator for Unwell {
    async fn authenticate(&self, _presented: Presented) -> Result<Caller, AuthError> {
        Err(AuthError::Unavailable {
            retry_after: Duration::from_secs(7),
            cause: "connection refused by 10.0.0.7".into(),
        })
    }

    async fn readiness(&self) -> Result<(), String> {
        self.0.map_err(str::to_owned)
    }
}

#[tokio::test]
async fn whether_callers_can_be_recognised_can_be_asked_by_anybody() {
    let well = Plan::new([]).authenticator(Unwell(Ok(()))).build().await;
    let reply = Call::new("GET", "/health/auth").send(&well).await;
    assert_eq!((reply.status, reply.text()), (200, r#"{"status":"ok"}"#));
    let why = "the keys of an issuer were never fetched";
    let unwell = Plan::new([]).authenticator(Unwell(Err(why))).build().await;
    let call = Call::new("GET", "/health/auth").header("x-request-id", "req-7");
    let reply = call.send(&unwell).await;
    assert_eq!(reply.status, 503);
    assert_shape("NotRecognising", &reply.json());
    assert_eq!(reply.json()["status"], "failing");
    assert_eq!(reply.json()["error"]["message"], why);
    for path in ["/v1/responses/x", "/openai/v1/responses/x"] {
        let reply = Call::new("GET", path).send(&unwell).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"]),
            (503, &json!("authentication_unavailable"))
        );
        assert_eq!(reply.header("retry-after"), Some("7"));
        assert!(!reply.text().contains("10.0.0.7"), "{}", reply.text());
    }
}
