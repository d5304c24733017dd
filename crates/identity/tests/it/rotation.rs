//! Keys that come and go: found without a restart, asked for seldom, and used for a while when nobody can be
//! asked.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::Credential;
use response_domain::ports::auth::Authenticator;
use response_identity::Options;
use response_testkit::clock::TestClock;
use serde_json::json;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::server::{Answer, Server};
use crate::signer::{Signer, message, set};
use crate::world::{KEYS, World, claims, identity_on, no_options, tokens, until, word};

const COOL_DOWN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_new_key_is_found_when_a_token_names_it() {
    let world = World::new().await;
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
    let second = Signer::new("second");
    world.server.json(KEYS, &set(&[&world.signer, &second]));
    let token = second.token(&world.claims());
    assert_eq!(
        world.word(&token).await,
        "(key)",
        "too soon after the last fetch"
    );
    world.pass(COOL_DOWN).await;
    assert_eq!(world.word(&token).await, "ada");
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
    assert_eq!(world.server.asked(), 2);
}

#[tokio::test]
async fn keys_are_fetched_ahead_of_time_and_what_is_withdrawn_is_good_no_more() {
    let world = World::new().await;
    let second = Signer::new("second");
    let first = set(&[&world.signer]).to_string();
    world
        .server
        .say(KEYS, 200, "cache-control: max-age=1000\r\n", &first);
    world.identity.start();
    let old = world.token(|claims| {
        let exp = claims["exp"].as_i64().unwrap();
        claims["exp"] = json!(exp + 3600);
    });
    until(|| world.server.asked() == 1).await;
    assert_eq!(world.word(&old).await, "ada");
    world.server.json(KEYS, &set(&[&second]));
    world.pass(Duration::from_secs(790)).await;
    assert_eq!(world.word(&old).await, "ada");
    assert_eq!(world.server.asked(), 1);
    world.pass(Duration::from_secs(10)).await;
    until(|| world.server.asked() == 2).await;
    let new = second.token(&world.claims());
    assert_eq!(world.word(&new).await, "ada");
    // Although it was verified and is remembered.
    assert_eq!(world.word(&old).await, "(key)");
    assert_eq!(world.server.asked(), 2);
}

#[tokio::test]
async fn ten_thousand_unknown_keys_cause_one_fetch_in_half_a_minute() {
    let world = World::new().await;
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
    let claims = world.claims().to_string();
    for round in 1..=3 {
        for number in 0..10_000 {
            let header = json!({ "alg": "ES256", "kid": format!("{round}-{number}") }).to_string();
            let token = format!("{}.c2ln", message(&header, &claims));
            assert_eq!(world.word(&token).await, "(key)");
        }
        assert_eq!(world.server.asked(), round);
        assert_eq!(world.word(&world.token(|_| {})).await, "ada");
        world.pass(COOL_DOWN).await;
    }
}

#[tokio::test]
async fn of_many_that_need_a_fetch_at_once_one_fetches_and_all_get_the_keys() {
    let world = Arc::new(World::new().await);
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let world = Arc::clone(&world);
        let token = world.token(|_| {});
        callers.spawn(async move { world.word(&token).await });
    }
    let words = callers.join_all().await;
    assert_eq!(words, vec!["ada"; 100]);
    assert_eq!(world.server.asked(), 1);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_take_the_fetch_along() {
    let world = World::new().await;
    let token = world.token(|_| {});
    tokio::select! {
        biased;
        _ = world.word(&token) => panic!("without keys nobody can tell at once"),
        () = std::future::ready(()) => {}
    }
    until(|| world.server.asked() == 1).await;
    assert_eq!(world.word(&token).await, "ada");
    assert_eq!(world.server.asked(), 1);
}

#[tokio::test]
async fn a_token_of_a_stranger_causes_no_fetch() {
    let world = World::new().await;
    for _ in 0..100 {
        let token = world.token(|claims| claims["iss"] = json!(world.server.url("/evil")));
        assert_eq!(world.word(&token).await, "(issuer)");
    }
    for text in ["a.b.c", "", "sk_123", "x.y"] {
        world.word(text).await;
    }
    assert_eq!(world.server.asked(), 0);
}

#[tokio::test]
async fn old_keys_are_used_for_a_day_while_their_issuer_is_away_and_no_longer() {
    let world = World::new().await;
    world.identity.start();
    until(|| world.server.asked() == 1).await;
    let second = Signer::new("second");
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
    world.server.say(KEYS, 500, "", "");
    for _ in 0..23 {
        world.pass(Duration::from_hours(1)).await;
        assert_eq!(world.word(&world.token(|_| {})).await, "ada");
        assert_eq!(world.identity.readiness().await, Ok(()));
    }
    world.pass(Duration::from_mins(59)).await;
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
    // It may be a new key, which nobody can say.
    let new = second.token(&world.claims());
    assert_eq!(world.word(&new).await, "(unavailable)");
    let remembered = world.token(|_| {});
    assert_eq!(world.word(&remembered).await, "ada");
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.word(&remembered).await, "(unavailable)");
    assert_eq!(world.word(&world.token(|_| {})).await, "(unavailable)");
    assert!(world.identity.readiness().await.is_err());
    // And back again.
    world.server.json(KEYS, &set(&[&second]));
    world.pass(COOL_DOWN).await;
    assert_eq!(world.word(&second.token(&world.claims())).await, "ada");
    assert_eq!(world.identity.readiness().await, Ok(()));
}

#[tokio::test]
async fn keys_that_nobody_fetches_ahead_are_fetched_by_their_use() {
    let world = World::new().await;
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
    until(|| world.server.asked() == 2).await;
}

#[tokio::test]
async fn a_slow_issuer_holds_up_nobody_whose_key_is_known() {
    let world = Arc::new(World::new().await);
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
    world.server.put(KEYS, Answer::Silence);
    world.pass(COOL_DOWN).await;
    let waiting = {
        let world = Arc::clone(&world);
        let token = Signer::new("second").token(&world.claims());
        async move { world.word(&token).await }
    };
    let mut callers = JoinSet::new();
    callers.spawn(waiting);
    until(|| world.server.asked() == 2).await;
    assert_eq!(world.word(&world.token(|_| {})).await, "ada");
    assert!(callers.try_join_next().is_none(), "the other one waits");
    tokio::time::pause();
    let outcome = callers.join_next().await.unwrap().unwrap();
    assert_eq!(outcome, "(unavailable)");
}

#[tokio::test]
async fn a_runtime_that_is_gone_holds_nobody_up() {
    let server = Server::start().await;
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Arc::new(TestClock::default());
    let options = Options {
        tokens: Some(tokens(&server)),
        ..no_options()
    };
    let identity = identity_on(runtime.handle().clone(), options, &clock);
    runtime.shutdown_background();
    identity.start();
    let token = Credential::bearer(Signer::new("first").token(&claims(&clock)));
    for _ in 0..2 {
        assert_eq!(word(&*identity, token.clone()).await, "(unavailable)");
    }
}

#[tokio::test]
async fn who_is_dropped_fetches_no_more() {
    let world = World::new().await;
    world.identity.start();
    world.identity.start();
    until(|| world.server.asked() == 1).await;
    let World {
        identity,
        server,
        clock,
        ..
    } = world;
    drop(identity);
    for _ in 0..10 {
        crate::world::pass(&clock, Duration::from_hours(1)).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(server.asked(), 1);
}
