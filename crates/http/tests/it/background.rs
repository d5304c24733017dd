//! Responses that run in the background: put into the queue, looked at, stopped, forgotten.

use std::time::Duration;

use response_domain::ports::llm::Delta;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};
use serde_json::{Value, json};

use crate::bad_fields::{ask, refused};
use crate::client::{Call, Reply};
use crate::layout::{laid_out, timeless};
use crate::world::{Plan, World};

/// Puts a response into the queue; answers its path.
pub(crate) async fn queue(world: &World) -> String {
    let reply = ask(world, &json!({"background": true})).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    path(&reply)
}

/// The path of the response that a reply is about.
pub(crate) fn path(reply: &Reply) -> String {
    format!("/v1/responses/{}", reply.header("x-response-id").unwrap())
}

pub(crate) async fn get(world: &World, path: &str) -> Reply {
    Call::new("GET", path).send(world).await
}

/// The events of a response to its end.
pub(crate) async fn follow(world: &World, path: &str) -> Reply {
    let reply = get(world, &format!("{path}?stream=true")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

async fn post(world: &World, path: &str) -> Reply {
    Call::new("POST", path).send(world).await
}

/// A process that works on the queue beside `world`.
pub(crate) fn worker(world: &World, turns: impl IntoIterator<Item = TurnScript>) -> Plan {
    let plan = Plan::new(turns).beside(world, 2);
    plan.policy(|policy| policy.background.workers = 2)
}

/// A model that has told half of its answer when it falls silent.
pub(crate) fn half() -> TurnScript {
    TurnScript::Hangs(vec![vec![Delta::Text("Once upon".into())]])
}

/// Reads along until this text was told.
pub(crate) async fn told(world: &World, path: &str, text: &str) {
    let call = Call::new("GET", &format!("{path}?stream=true"));
    call.open(world).await.until(text).await;
}

/// Everything that can be read of a response.
async fn everything(world: &World, path: &str) -> String {
    let mut shown = String::new();
    for tail in ["", "/input_items", "/events"] {
        let reply = get(world, &format!("{path}{tail}")).await;
        assert_eq!(reply.status, 200, "{tail}: {}", reply.text());
        shown.extend(["GET /v1/responses/{id}", tail, "\n"]);
        shown.extend([timeless(&laid_out(reply.text())).as_str(), "\n"]);
    }
    shown
}

async fn ids(world: &World, query: &str) -> Vec<String> {
    let list = get(world, &format!("/v1/responses?{query}")).await.json();
    let id = |entry: &Value| entry["id"].as_str().unwrap().to_owned();
    list["data"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn a_background_response_is_answered_at_once_and_waits() {
    let world = World::new([]).await;
    let body = r#"{"model": "jan-v2-30b", "input": "Write a haiku", "background": true, "store": true,
        "metadata": {"webhook_url": "https://example.com/webhooks/responses", "user_id": "user_123"}}"#;
    let reply = Call::new("POST", "/v1/responses")
        .body(body)
        .send(&world)
        .await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let id = reply.header("x-response-id").unwrap();
    assert_eq!(
        reply.header("location"),
        Some(format!("responses/{id}").as_str())
    );
    insta::assert_snapshot!(laid_out(reply.text()));
    assert_eq!(get(&world, &path(&reply)).await.text(), reply.text());
    assert_eq!(world.model.asked().len(), 0);
}

#[tokio::test]
async fn what_runs_in_the_background_is_stored_and_not_read_along() {
    let world = World::new([]).await;
    let requires = (400, "background_requires_store", "background");
    let cannot = (400, "background_cannot_stream", "background");
    let with =
        |store: Value, stream: Value| json!({"background": true, "store": store, "stream": stream});
    refused(&world, &with(json!(false), json!(null)), requires).await;
    refused(&world, &with(json!(false), json!(false)), requires).await;
    refused(&world, &with(json!(true), json!(true)), cannot).await;
    refused(&world, &with(json!(null), json!(true)), cannot).await;
    let both = with(json!(false), json!(true));
    refused(&world, &both, requires).await;
    let message = ask(&world, &both).await.json()["error"]["message"].clone();
    for hint in ["`background` needs `store`", "exclude each other"] {
        assert!(message.as_str().unwrap().contains(hint), "{message}");
    }
    assert_eq!(world.store.commits(), 0);
    for store in [json!(null), json!(true)] {
        let reply = ask(&world, &with(store, json!(false))).await;
        assert_eq!(
            (reply.status, &reply.json()["store"]),
            (201, &json!(true)),
            "what is not said is stored"
        );
    }
}

#[tokio::test]
async fn a_background_response_shows_how_far_it_is_and_when_it_got_there() {
    let world = World::new([]).await;
    let path = queue(&world).await;
    insta::assert_snapshot!("queued", everything(&world, &path).await);
    world.clock.advance(Duration::from_secs(5));
    let tools = ScriptedTools::new([("clock", ToolScript::Waits("noon"))]);
    let turns = [calls(&[("clock", "{}")]), text("Noon.")];
    let worker = worker(&world, turns).tools(tools).build().await;
    worker.tools.begun.notified().await;
    insta::assert_snapshot!("running", everything(&world, &path).await);
    worker.tools.release(1);
    follow(&world, &path).await;
    insta::assert_snapshot!("completed", everything(&world, &path).await);
    assert_eq!(
        get(&worker, &path).await.text(),
        get(&world, &path).await.text(),
        "every process says the same"
    );
}

#[tokio::test]
async fn background_responses_are_listed_by_what_they_are_and_where_they_stand() {
    let world = World::new([text("hi")]).await;
    let foreground = ask(&world, &json!({})).await.json()["id"].clone();
    let (first, second) = (queue(&world).await, queue(&world).await);
    let of = |path: &str| path.trim_start_matches("/v1/responses/").to_owned();
    let both = vec![of(&second), of(&first)];
    assert_eq!(ids(&world, "background=true").await, both);
    assert_eq!(ids(&world, "status=queued").await, both);
    assert_eq!(
        ids(&world, "background=false").await,
        [foreground.as_str().unwrap()]
    );
    let worker = worker(&world, [half()]).build().await;
    for path in [&first, &second] {
        told(&world, path, "Once upon").await;
    }
    assert_eq!(
        ids(&world, "status=in_progress&background=true").await,
        both
    );
    assert_eq!(ids(&world, "status=queued").await, Vec::<String>::new());
    post(&world, &format!("{first}/cancel")).await;
    assert_eq!(ids(&world, "status=cancelled").await, [of(&first)]);
    drop(worker);
}

#[tokio::test]
async fn what_waits_is_cancelled_at_once_and_never_runs() {
    let world = World::new([]).await;
    let path = queue(&world).await;
    world.clock.advance(Duration::from_mins(1));
    let cancelled = post(&world, &format!("{path}/cancel")).await;
    assert_eq!(cancelled.status, 200);
    insta::assert_snapshot!(laid_out(cancelled.text()));
    world.clock.advance(Duration::from_mins(1));
    let again = post(&world, &format!("{path}/cancel")).await;
    assert_eq!((again.status, again.text()), (200, cancelled.text()));
    assert_eq!(get(&world, &path).await.text(), cancelled.text());
    let worker = worker(&world, [text("hi")]).build().await;
    let other = queue(&world).await;
    follow(&world, &other).await;
    assert_eq!(worker.model.asked().len(), 1, "only the other one ran");
    insta::assert_snapshot!("cancelled", everything(&world, &path).await);
}

#[tokio::test]
async fn what_runs_elsewhere_is_cancelled_from_anywhere() {
    let world = World::new([]).await;
    let path = queue(&world).await;
    let worker = worker(&world, [half()]).build().await;
    told(&world, &path, "Once upon").await;
    world.clock.advance(Duration::from_secs(3));
    let cancelled = post(&world, &format!("{path}/cancel")).await;
    assert_eq!(
        (cancelled.status, &cancelled.json()["status"]),
        (200, &json!("cancelled"))
    );
    worker.model.dropped.notified().await;
    for process in [&world, &worker] {
        let again = post(process, &format!("{path}/cancel")).await;
        assert_eq!((again.status, again.text()), (200, cancelled.text()));
        assert_eq!(get(process, &path).await.text(), cancelled.text());
    }
    insta::assert_snapshot!(everything(&world, &path).await);
}

#[tokio::test]
async fn cancelling_what_has_ended_in_the_background_changes_nothing() {
    let world = World::new([]).await;
    let path = queue(&world).await;
    let worker = worker(&world, [text("hi")]).build().await;
    follow(&world, &path).await;
    let before = get(&world, &path).await;
    assert_eq!(before.json()["status"], "completed");
    let after = post(&worker, &format!("{path}/cancel")).await;
    assert_eq!((after.status, after.text()), (200, before.text()));
}

#[tokio::test]
async fn a_background_response_can_be_forgotten_wherever_it_stands() {
    let world = World::new([]).await;
    let waiting = queue(&world).await;
    let forget = async |path: &str| {
        let reply = Call::new("DELETE", path).send(&world).await;
        assert_eq!(
            (reply.status, &reply.json()["deleted"]),
            (200, &json!(true))
        );
        for (method, tail) in [
            ("GET", ""),
            ("GET", "?stream=true"),
            ("HEAD", "?stream=true"),
            ("GET", "?stream=true&starting_after=0"),
            ("GET", "/events"),
            ("GET", "/input_items"),
            ("POST", "/cancel"),
            ("DELETE", ""),
        ] {
            let reply = Call::new(method, &format!("{path}{tail}"))
                .send(&world)
                .await;
            assert_eq!(reply.status, 404, "{method} {path}{tail}");
        }
        assert_eq!(ids(&world, "background=true").await, Vec::<String>::new());
    };
    forget(&waiting).await;
    let running = queue(&world).await;
    let worker = worker(&world, [half(), text("hi")]).build().await;
    told(&world, &running, "Once upon").await;
    forget(&running).await;
    worker.model.dropped.notified().await;
    let ended = queue(&world).await;
    follow(&world, &ended).await;
    forget(&ended).await;
    assert_eq!(worker.model.asked().len(), 2);
}

#[tokio::test]
async fn a_background_response_is_continued_when_it_has_ended() {
    let world = World::new([]).await;
    let first = queue(&world).await;
    let previous = first.trim_start_matches("/v1/responses/");
    let next = json!({"previous_response_id": previous, "background": true});
    let conflict = (409, "previous_response_in_progress", "previous_response_id");
    refused(&world, &next, conflict).await;
    let worker = worker(&world, [text("One."), text("Two.")]).build().await;
    follow(&world, &first).await;
    let second = ask(&world, &next).await;
    assert_eq!(second.status, 201);
    follow(&world, &path(&second)).await;
    let asked = worker.model.asked().pop().unwrap();
    assert_eq!(
        crate::input::lines(&asked),
        [r#"user: "hi""#, r#"assistant: "One.""#, r#"user: "hi""#]
    );
}
