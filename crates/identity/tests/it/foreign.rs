//! Keys that another service vouches for.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::{Credential, Means};
use response_domain::ports::auth::Authenticator;
use response_identity::{Identity, Options, keys};
use response_testkit::clock::TestClock;
use serde_json::{Value, json};

use crate::server::{Answer, Server};
use crate::world::{identity, no_options, pass, word};

const PATH: &str = "/auth/validate-api-key";
const CACHE: Duration = Duration::from_mins(1);
const KEY: &str = "sk_0123456789abcdef0123456789abcdef0123456789abcdef";

async fn with(key_cache: Duration) -> (Server, Arc<Identity>, Arc<TestClock>) {
    let server = Server::start().await;
    let clock = Arc::new(TestClock::default());
    let options = Options {
        foreign_keys: Some(server.url(PATH)),
        key_cache,
        ..no_options()
    };
    let identity = identity(options, &clock);
    (server, identity, clock)
}

#[tokio::test]
async fn a_key_is_asked_about_as_the_platforms_gateway_does_it() {
    let (server, identity, _clock) = with(CACHE).await;
    server.json(
        PATH,
        &json!({ "user_id": "17", "subject": "ada", "email": "a@b.example", "username": "lovelace" }),
    );
    for credential in [
        Credential::api_key(KEY.to_owned()),
        Credential::bearer(KEY.to_owned()),
    ] {
        let caller = identity
            .authenticate(credential.clone().into())
            .await
            .unwrap();
        assert_eq!(caller.owner.as_str(), "ada");
        assert_eq!(caller.credential, credential, "it is known upstream");
        assert_eq!(caller.means, Means::ForeignKey);
        assert_eq!(caller.expires, None);
    }
    let requests = server.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /auth/validate-api-key HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(!head.contains("sk_"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, json!({ "api_key": KEY }));
}

#[tokio::test]
async fn an_answer_says_whose_a_key_is_or_that_it_is_nobodys_or_says_nothing() {
    let (server, identity, _clock) = with(Duration::ZERO).await;
    let key = || Credential::api_key(KEY.to_owned());
    let huge = json!({ "subject": "ada", "note": "x".repeat(70_000) }).to_string();
    for (status, body, expected) in [
        (200, r#"{"subject":"ada"}"#, "ada"),
        (200, r#"{"user_id":"17"}"#, "17"),
        (200, r#"{"sub":"s"}"#, "s"),
        (200, r#"{"id":"i"}"#, "i"),
        (200, r#"{"subject":"ada","valid":false}"#, "(key)"),
        (401, r#"{"subject":"ada"}"#, "(key)"),
        (403, "", "(key)"),
        (404, "<html>", "(key)"),
        (200, "{}", "(unavailable)"),
        (200, r#"{"user_id":17}"#, "(unavailable)"),
        (200, r#"{"subject":"a\u0000"}"#, "(unavailable)"),
        (200, r#"[{"subject":"ada"}]"#, "(unavailable)"),
        (200, "<html>ada</html>", "(unavailable)"),
        (200, "", "(unavailable)"),
        (200, &huge, "(unavailable)"),
        (201, r#"{"subject":"ada"}"#, "(unavailable)"),
        (204, "", "(unavailable)"),
        (302, r#"{"subject":"ada"}"#, "(unavailable)"),
        (400, r#"{"subject":"ada"}"#, "(unavailable)"),
        (429, "", "(unavailable)"),
        (500, r#"{"subject":"ada"}"#, "(unavailable)"),
        (503, "", "(unavailable)"),
    ] {
        server.say(PATH, status, "location: /other\r\n", body);
        let outcome = word(&*identity, key()).await;
        assert_eq!(outcome, expected, "{status} {body:.60}");
    }
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.contains(PATH))
    );
}

#[tokio::test]
async fn a_yes_is_kept_as_long_as_settings_say_and_a_no_for_ten_seconds() {
    let (server, identity, clock) = with(CACHE).await;
    let ask = |key: &str| {
        let key = Credential::api_key(key.to_owned());
        let identity = Arc::clone(&identity);
        async move { word(&*identity, key).await }
    };
    server.say(PATH, 401, "", "");
    assert_eq!(ask(KEY).await, "(key)");
    assert_eq!(ask(KEY).await, "(key)");
    assert_eq!(server.asked(), 1);
    server.json(PATH, &json!({ "subject": "ada" }));
    assert_eq!(ask(KEY).await, "(key)");
    assert_eq!(ask("sk_another").await, "ada");
    pass(&clock, Duration::from_secs(10)).await;
    assert_eq!(ask(KEY).await, "ada");
    assert_eq!(server.asked(), 3);
    server.say(PATH, 401, "", "");
    pass(&clock, Duration::from_secs(59)).await;
    assert_eq!(ask(KEY).await, "ada");
    assert_eq!(server.asked(), 3);
    pass(&clock, Duration::from_secs(1)).await;
    assert_eq!(ask(KEY).await, "(key)");
    // That nobody could tell is not kept.
    server.say(PATH, 500, "", "");
    assert_eq!(ask("sk_third").await, "(unavailable)");
    server.json(PATH, &json!({ "subject": "bob" }));
    assert_eq!(ask("sk_third").await, "bob");
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_waited_for_five_seconds() {
    let (server, identity, _clock) = with(CACHE).await;
    server.put(PATH, Answer::Silence);
    let before = tokio::time::Instant::now();
    tokio::time::pause();
    let outcome = word(&*identity, Credential::api_key(KEY.to_owned())).await;
    assert_eq!(outcome, "(unavailable)");
    let waited = before.elapsed().as_secs();
    assert!((4..=6).contains(&waited), "{waited}");
}

#[tokio::test]
async fn what_is_no_key_of_others_is_not_shown_to_them() {
    let (server, identity, _clock) = with(CACHE).await;
    server.json(PATH, &json!({ "subject": "ada" }));
    let own = keys::fresh().unwrap().text.to_string();
    for (text, expected) in [
        (own.clone(), "(unknown)"),
        (own[..60].to_owned(), "(unknown)"),
        ("sk-proj-123".into(), "(unknown)"),
        ("SK_123".into(), "(unknown)"),
        ("opaque".into(), "(unknown)"),
        ("eyJh.eyJh.c2ln".into(), "(unknown)"),
        (format!("sk_{}", "x".repeat(600)), "(malformed)"),
    ] {
        for credential in [
            Credential::api_key(text.clone()),
            Credential::bearer(text.clone()),
        ] {
            let outcome = word(&*identity, credential).await;
            assert_eq!(outcome, expected, "{text}");
        }
    }
    assert_eq!(server.asked(), 0);
}
