//! What one owner may take, and that others do not notice; what all together may take.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use super::stage::{Stage, body, gets_in};
use crate::background_postgres::fleet::{pass, until};
use crate::openai::stage::python_told;
use crate::process::{Answer, Client};

const SOON: Duration = Duration::from_secs(30);

fn number(answer: &Answer, name: &str) -> u64 {
    let value = answer.headers.get(name);
    let value = value.unwrap_or_else(|| panic!("{name} is not in {:?}", answer.headers));
    value.to_str().unwrap().parse().unwrap()
}

/// A run that goes on until it is stopped.
fn endless() -> serde_json::Value {
    json!({"model": "m", "input": "[[fail:hang]]", "tools": [], "store": false})
}

#[tokio::test]
async fn every_answer_says_how_much_is_left_and_the_last_one_when_to_come_again() {
    let stage = Stage::with(&[("LIMIT_REQUESTS", "30")]).await;
    let (ada, grace) = (stage.caller("ada").await, stage.caller("grace").await);
    let first = ada.get("v1/responses").await;
    assert_eq!(first.status, 200);
    assert_eq!(number(&first, "x-ratelimit-limit"), 30);
    assert_eq!(number(&first, "x-ratelimit-remaining"), 29);
    // What has a model answer counts as five.
    let heavy = ada.create(body()).await;
    assert_eq!(heavy.status, 200, "{:#}", heavy.body);
    assert!((24..=25).contains(&number(&heavy, "x-ratelimit-remaining")));
    // A request that is refused counts as well, also one for what is not there.
    let missing = ada.get("v1/responses/none").await;
    assert_eq!(missing.status, 404);
    assert!(number(&missing, "x-ratelimit-remaining") <= 24);
    for (path, kind, code) in [
        ("v1/responses", "rate_limit_error", "too_many_requests"),
        ("openai/v1/responses", "requests", "rate_limit_exceeded"),
    ] {
        let mut refused = None;
        for _ in 0..60 {
            let answer = ada.get(&format!("{path}/none")).await;
            if answer.status == 429 {
                refused = Some(answer);
                break;
            }
            assert_eq!(answer.status, 404);
        }
        let refused = refused.expect("nobody was refused");
        let error = &refused.body["error"];
        assert_eq!(error["code"], code, "{error:#}");
        assert!(
            [kind, "rate_limit_error"].contains(&error["type"].as_str().unwrap()),
            "{error:#}"
        );
        assert!((1..=60).contains(&number(&refused, "retry-after")));
        assert_eq!(number(&refused, "x-ratelimit-remaining"), 0);
        assert!((1..=60).contains(&number(&refused, "x-ratelimit-reset")));
    }
    // Another owner has all of its own.
    let other = grace.get("v1/responses").await;
    assert_eq!(
        (other.status, number(&other, "x-ratelimit-remaining")),
        (200, 29)
    );
    // Whoever waits as it is told is served.
    until("there is something left", SOON, async || {
        ada.get("v1/responses").await.status == 200
    })
    .await;
}

/// A refusal for the want of a credential tells nothing about anybody's limits.
#[tokio::test]
async fn strangers_have_no_limits_to_be_told_of() {
    let stage = Stage::with(&[("LIMIT_REQUESTS", "30")]).await;
    for _ in 0..40 {
        let refused = stage.service.get("v1/responses").await;
        assert_eq!(refused.status, 401);
        assert!(refused.headers.get("x-ratelimit-limit").is_none());
    }
}

#[tokio::test]
async fn openais_library_waits_as_it_is_told() {
    let stage = Stage::with(&[("LIMIT_REQUESTS", "60")]).await;
    let token = stage.provider.token("ada", "ES256").await;
    let told = python_told(&stage.service, "keys", &["waits_as_it_is_told"], &token).await;
    assert_eq!(told["code"], "rate_limit_exceeded");
    assert_eq!(told["limit"], "60");
    // Less is left than an answer of a model counts.
    let left: u32 = told["remaining"].as_str().unwrap().parse().unwrap();
    assert!(left < 5, "{left}");
    assert_eq!(told["status"], "completed");
    let (after, waited) = (
        told["after"].as_f64().unwrap(),
        told["waited"].as_f64().unwrap(),
    );
    assert!(waited + 0.5 > after, "{told:#}");
}

#[tokio::test]
async fn one_owner_may_have_only_so_many_runs_and_others_have_theirs() {
    let stage = Stage::with(&[("LIMIT_FOREGROUND_RUNS", "4")]).await;
    let (ada, grace) = (stage.caller("ada").await, stage.caller("grace").await);
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut body = endless();
        body["stream"] = json!(true);
        body["input"] = json!("[[fail:slow]]");
        streams.push(ada.stream(body).await);
    }
    for dialect in ["v1", "openai/v1"] {
        let mut body = body();
        body["store"] = json!(false);
        let refused = ada
            .post(&format!("{dialect}/responses"), body.clone())
            .await;
        assert_eq!(refused.status, 429, "{:#}", refused.body);
        assert!(refused.headers.get("retry-after").is_some());
        let code = refused.body["error"]["code"].as_str().unwrap().to_owned();
        assert!(
            ["too_many_responses", "rate_limit_exceeded"].contains(&&*code),
            "{code}"
        );
        let served = grace.post(&format!("{dialect}/responses"), body).await;
        assert_eq!(served.status, 200, "{:#}", served.body);
    }
    drop(streams);
    until("there is a place again", SOON, async || {
        ada.create(body()).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn one_owner_may_follow_only_so_many_streams() {
    let stage = Stage::with(&[("LIMIT_STREAMS", "3")]).await;
    let (ada, grace) = (stage.caller("ada").await, stage.caller("grace").await);
    let queue = async |caller: &Client| {
        let body = json!({"model": "m", "input": "[[fail:slow]]", "tools": [], "background": true});
        let queued = caller.create(body).await;
        assert_eq!(queued.status, 201, "{:#}", queued.body);
        queued.body["id"].as_str().unwrap().to_owned()
    };
    let id = queue(&ada).await;
    let mut followed = Vec::new();
    for _ in 0..3 {
        followed.push(ada.follow(&id, None).await);
    }
    let path = format!("v1/responses/{id}?stream=true");
    let refused = ada.get(&path).await;
    assert_eq!(refused.status, 429, "{:#}", refused.body);
    assert_eq!(refused.body["error"]["code"], "too_many_streams");
    assert!(refused.headers.get("retry-after").is_some());
    let other = queue(&grace).await;
    drop(grace.follow(&other, None).await);
    drop(followed);
    let mut is_free = false;
    until("there is a place again", SOON, async || {
        let head = ada.head(&path).await;
        if head == 200 {
            is_free = true;
        }
        is_free
    })
    .await;
    for (caller, id) in [(&ada, &id), (&grace, &other)] {
        caller
            .post(&format!("v1/responses/{id}/cancel"), json!({}))
            .await;
    }
}

#[tokio::test]
async fn one_owner_may_queue_only_so_much() {
    let stage = Stage::with(&[
        ("BACKGROUND_OWNER_QUEUE_LIMIT", "5"),
        ("BACKGROUND_WORKER_COUNT", "1"),
    ])
    .await;
    let (ada, grace) = (stage.caller("ada").await, stage.caller("grace").await);
    let queued =
        || json!({"model": "m", "input": "[[fail:hang]]", "tools": [], "background": true});
    let mut statuses = Vec::new();
    let mut last = None;
    for _ in 0..8 {
        let answer = ada.create(queued()).await;
        statuses.push(answer.status);
        last = Some(answer);
    }
    let last = last.unwrap();
    assert_eq!(last.status, 429, "{statuses:?}");
    assert_eq!(last.body["error"]["code"], "queue_full");
    assert!(last.headers.get("retry-after").is_some());
    assert!((5..=6).contains(&statuses.iter().filter(|status| **status == 201).count()));
    assert_eq!(grace.create(queued()).await.status, 201);
}

#[tokio::test]
async fn tokens_beyond_the_limit_are_not_answered() {
    let stage = Stage::with(&[("LIMIT_TOKENS", "20")]).await;
    let (ada, grace) = (stage.caller("ada").await, stage.caller("grace").await);
    let ask = || json!({"model": "jan-v2-30b", "input": "Say hello. [[deltas:200]]", "tools": []});
    assert_eq!(ada.create(ask()).await.status, 200);
    let refused = ada.create(ask()).await;
    assert_eq!(refused.status, 429, "{:#}", refused.body);
    assert_eq!(refused.body["error"]["code"], "token_limit_reached");
    assert!(refused.headers.get("retry-after").is_some());
    // What has no model answer is not meant.
    assert_eq!(ada.get("v1/responses").await.status, 200);
    assert_eq!(grace.create(ask()).await.status, 200);
}

/// An owner that floods is refused early, and others are served meanwhile.
#[tokio::test]
async fn an_owner_that_floods_is_alone_with_it() {
    let stage = Stage::with(&[("LIMIT_REQUESTS", "100"), ("LIMIT_FOREGROUND_RUNS", "8")]).await;
    let (ada, grace) = (stage.caller("ada").await, stage.caller("grace").await);
    let flood = async {
        let floods = (0..32).map(async |_| {
            let mut refused = 0;
            for _ in 0..60 {
                let answer = ada.create(body()).await;
                assert!([200, 429].contains(&answer.status), "{:#}", answer.body);
                refused += usize::from(answer.status == 429);
            }
            refused
        });
        join_all(floods).await.into_iter().sum::<usize>()
    };
    let meanwhile = async {
        for _ in 0..15 {
            let served = tokio::time::timeout(Duration::from_secs(8), gets_in(&grace));
            assert!(served.await.is_ok(), "it waits behind another");
            pass(Duration::from_millis(20)).await;
        }
    };
    let (refused, ()) = tokio::join!(flood, meanwhile);
    assert!(refused > 1_000, "{refused}");
}

/// Beyond what all together may have, whoever comes is sent away at once instead of waiting.
#[tokio::test]
async fn beyond_what_all_may_have_everybody_is_told_to_come_again() {
    let stage = Stage::with(&[
        ("RESPONSE_MAX_FOREGROUND_RUNS", "6"),
        ("RESPONSE_MAX_STREAMS", "2"),
        ("LIMIT_FOREGROUND_RUNS", "4"),
    ])
    .await;
    let callers = [stage.caller("ada").await, stage.caller("grace").await];
    let mut streams = Vec::new();
    for caller in callers.iter().cycle().take(6) {
        let mut body = endless();
        body["stream"] = json!(true);
        body["input"] = json!("[[fail:slow]]");
        streams.push(caller.stream(body).await);
    }
    for caller in &callers {
        let refused = caller.create(body()).await;
        assert_eq!(refused.status, 503, "{:#}", refused.body);
        assert_eq!(refused.body["error"]["code"], "overloaded");
        assert!(refused.headers.get("retry-after").is_some());
    }
    let queued = json!({"model": "m", "input": "[[fail:slow]]", "tools": [], "background": true});
    let queued = callers[0].create(queued).await;
    let id = queued.body["id"].as_str().unwrap().to_owned();
    let followed = [
        callers[0].follow(&id, None).await,
        callers[0].follow(&id, None).await,
    ];
    let refused = callers[0]
        .get(&format!("v1/responses/{id}?stream=true"))
        .await;
    assert_eq!(refused.status, 503, "{:#}", refused.body);
    // What needs no place is answered on.
    assert_eq!(callers[1].get("v1/responses").await.status, 200);
    drop((streams, followed));
    until("there is a place again", SOON, async || {
        callers[0].create(body()).await.status == 200
    })
    .await;
    callers[0]
        .post(&format!("v1/responses/{id}/cancel"), json!({}))
        .await;
}
