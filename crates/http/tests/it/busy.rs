//! Why a background response is not taken, and why one that was taken fails.

use std::time::Duration;

use async_trait::async_trait;
use response_domain::caller::{Caller, Presented};
use response_domain::id::{RawId, WorkerId};
use response_domain::ports::auth::{AuthError, Authenticator};
use response_domain::time::Timestamp;
use response_engine::policy::Policy;
use response_testkit::script::TurnScript;
use response_testkit::vault::TestVault;
use serde_json::{Value, json};

use crate::background::{follow, get, half, queue, told, worker};
use crate::client::{Call, Reply};
use crate::layout::laid_out;
use crate::who::ByName;
use crate::world::{Plan, World};

/// Asks for a background response in somebody's name.
async fn ask_as(world: &World, who: &str) -> Reply {
    let call = Call::new("POST", "/v1/responses").header("x-request-id", "req-7");
    let call = call.header("authorization", &format!("Bearer {who}"));
    call.json(&json!({"model": "m", "input": "hi", "background": true}))
        .send(world)
        .await
}

fn at_most_one(limit: impl FnOnce(&mut Policy)) -> Plan {
    Plan::new([]).policy(limit)
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let limit = |policy: &mut Policy| policy.background.queue_limit = Some(1.try_into().unwrap());
    let world = at_most_one(limit).build().await;
    assert_eq!(ask_as(&world, "ada").await.status, 201);
    for (waited, seconds) in [(0, "1"), (7, "7"), (3_600, "60")] {
        world.clock.advance(Duration::from_secs(waited));
        // One that has not looked at the queue a moment ago.
        let other = at_most_one(limit).beside(&world, 3).build().await;
        let reply = ask_as(&other, "bob").await;
        assert_eq!(reply.status, 429);
        assert_eq!(reply.header("retry-after"), Some(seconds));
        assert_eq!(reply.header("x-should-retry"), None);
        insta::allow_duplicates! {
            insta::assert_snapshot!("queue-full", laid_out(reply.text()));
        }
    }
}

#[tokio::test]
async fn one_owners_backlog_is_not_everybodys() {
    let limit =
        |policy: &mut Policy| policy.background.owner_queue_limit = Some(1.try_into().unwrap());
    let world = at_most_one(limit).build().await;
    assert_eq!(ask_as(&world, "ada").await.status, 201);
    let reply = ask_as(&world, "ada").await;
    assert_eq!(reply.status, 429);
    assert!(reply.header("retry-after").is_some());
    insta::assert_snapshot!("owners-queue-full", laid_out(reply.text()));
    assert_eq!(ask_as(&world, "bob").await.status, 201);
}

/// Gives tokens that are good until a moment.
struct GoodUntil(Timestamp);

#[async_trait]
impl Authenticator for GoodUntil {
    async fn authenticate(&self, presented: Presented) -> Result<Caller, AuthError> {
        let caller = ByName.authenticate(presented).await?;
        Ok(Caller {
            expires: Some(self.0),
            ..caller
        })
    }
}

#[tokio::test]
async fn a_credential_that_expires_before_it_is_needed_is_refused() {
    let begin = Timestamp::from_micros(1_705_315_800_000_000);
    let plan =
        |seconds| Plan::new([]).authenticator(GoodUntil(begin.after(Duration::from_secs(seconds))));
    let world = plan(30).build().await;
    assert_eq!(ask_as(&world, "ada").await.status, 201, "nobody waits");
    world.clock.advance(Duration::from_secs(20));
    let short = plan(30).beside(&world, 3).build().await;
    let reply = ask_as(&short, "ada").await;
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
    insta::assert_snapshot!(laid_out(reply.text()));
    let long = plan(41).beside(&world, 4).build().await;
    assert_eq!(ask_as(&long, "ada").await.status, 201);
}

#[tokio::test]
async fn a_credential_that_cannot_be_kept_is_refused() {
    let keyless = Plan::new([]).vault(TestVault::with_keys([]));
    let world = keyless.build().await;
    let reply = ask_as(&world, "ada").await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    assert_eq!(reply.header("retry-after"), None);
    insta::assert_snapshot!(laid_out(reply.text()));
    assert_eq!(world.store.commits(), 0);
    queue(&world).await;
}

#[tokio::test]
async fn a_service_that_ends_takes_nothing_into_its_queue() {
    let world = World::new([]).await;
    let path = queue(&world).await;
    world.engine.drain();
    let reply = ask_as(&world, "ada").await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (503, &json!("overloaded"))
    );
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(get(&world, &path).await.status, 200, "it can be read");
}

/// The failed response, which must be shown like any other and end its stream.
async fn failed(world: &World, path: &str) -> Value {
    let told = follow(world, path).await;
    let last = told.frames().pop().unwrap().to_owned();
    assert!(last.starts_with("event: response.failed\n"), "{last}");
    let reply = get(world, path).await;
    assert_eq!(reply.status, 200);
    let response = reply.json();
    assert_eq!(response["status"], "failed");
    assert!(last.contains(reply.text()), "{last}");
    response
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_shown_as_failed() {
    let world = World::new([]).await;
    let path = queue(&world).await;
    let plan = worker(&world, [half()])
        .policy(|policy| policy.background.task_timeout = Duration::from_millis(20));
    let _worker = plan.build().await;
    let response = failed(&world, &path).await;
    insta::assert_snapshot!(laid_out(&response["error"].to_string()));
    assert_eq!(response["failed_at"], 1_705_315_800);
}

#[tokio::test]
async fn a_run_whose_workers_are_lost_is_shown_as_failed() {
    let limit = |policy: &mut Policy| policy.background.max_attempts = 1;
    let world = Plan::new([]).policy(limit).build().await;
    let path = queue(&world).await;
    let _worker = worker(&world, [half()]).build().await;
    told(&world, &path, "Once upon").await;
    world.clock.advance(Duration::from_secs(4));
    world.store.forget_worker(WorkerId::new(RawId::new(2)));
    world.engine.sweep().await.unwrap();
    let response = failed(&world, &path).await;
    insta::assert_snapshot!(laid_out(&response["error"].to_string()));
    assert_eq!(response["started_at"], 1_705_315_800);
    assert_eq!(response["failed_at"], 1_705_315_804);
}

#[tokio::test]
async fn a_model_that_fails_fails_the_response_and_not_the_request() {
    use response_domain::ports::llm::LlmErrorKind;
    let world = World::new([]).await;
    let path = queue(&world).await;
    let turns = [TurnScript::Refuses(LlmErrorKind::ModelNotFound)];
    let _worker = worker(&world, turns).build().await;
    let response = failed(&world, &path).await;
    assert_eq!(response["error"]["code"], "model_not_found");
    assert_eq!(response["error"]["type"], "invalid_request_error");
}
