//! The events of a background response told once more: the whole of them, from the middle, and on as they
//! happen.

use std::time::Duration;

use response_domain::ports::llm::Delta;
use response_domain::response::Finish;
use response_domain::usage::Usage;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};
use serde_json::{Value, json};

use crate::background::{follow, get, half, path, queue, told, worker};
use crate::bad_fields::ask;
use crate::client::{Call, Reply};
use crate::layout::timeless;
use crate::world::{Plan, World};

/// The frames behind number `after`.
async fn tail(world: &World, path: &str, after: usize) -> Reply {
    get(world, &format!("{path}?stream=true&starting_after={after}")).await
}

fn call(slot: u32, name: &str, arguments: &str) -> Delta {
    Delta::Call {
        slot,
        name: Some(name.into()),
        arguments: arguments.into(),
    }
}

/// A run that thinks, speaks, calls two tools of which one does not exist, and answers.
fn long_run() -> (Vec<TurnScript>, ScriptedTools) {
    let usage = Usage {
        prompt: 10,
        completion: 5,
        ..Usage::default()
    };
    // What comes at once stays together in the log.
    let looks = vec![
        Delta::Reasoning("Hm, time.".into()),
        Delta::Text("Let me look.\r\n".into()),
        call(0, "clock", "{\n  \"zone\": \"UTC\"\r\n}"),
        call(1, "clokc", "{broken"),
        Delta::Finish(Finish::ToolCalls),
        Delta::Usage(usage),
    ];
    let answers = vec![
        Delta::Text("It is noon.".into()),
        Delta::Finish(Finish::Stop),
        Delta::Usage(usage),
    ];
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon\n\"sharp\""))]);
    let turns = vec![
        TurnScript::Says(vec![looks]),
        TurnScript::Says(vec![answers]),
    ];
    (turns, tools)
}

/// A process that takes requests, one that has worked on them, and the path of what was done.
async fn done() -> (World, World, String) {
    let world = World::new([]).await;
    let path = queue(&world).await;
    let (turns, tools) = long_run();
    let worker = worker(&world, turns).tools(tools).build().await;
    follow(&world, &path).await;
    (world, worker, path)
}

fn names(reply: &Reply) -> Vec<&str> {
    let lines = reply.text().lines();
    lines
        .filter_map(|line| line.strip_prefix("event: "))
        .collect()
}

#[tokio::test]
async fn a_whole_background_run_is_told_once_more() {
    let (world, worker, path) = done().await;
    let reply = follow(&world, &path).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(
        reply.header("cache-control"),
        Some("no-cache, no-transform")
    );
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
    let id = path.trim_start_matches("/v1/responses/");
    assert_eq!(reply.header("x-response-id"), Some(id));
    insta::assert_snapshot!(timeless(reply.text()));
    let last = reply
        .text()
        .lines()
        .rfind(|line| line.starts_with("data: "));
    let last: Value = serde_json::from_str(&last.unwrap()["data: ".len()..]).unwrap();
    assert_eq!(last["response"], get(&world, &path).await.json());
    assert_eq!(follow(&worker, &path).await.text(), reply.text());
}

#[tokio::test]
async fn the_tail_behind_any_frame_is_that_of_the_whole() {
    let (world, worker, path) = done().await;
    let whole = follow(&world, &path).await;
    let frames = whole.frames();
    assert!(frames.len() > 10, "{frames:?}");
    for after in 0..frames.len() {
        let rest = frames[after + 1..].concat();
        for process in [&world, &worker] {
            let reply = tail(process, &path, after).await;
            assert_eq!((reply.status, reply.text()), (200, &*rest), "after {after}");
        }
        let again = Call::new("GET", &format!("{path}?stream=true"));
        let again = again.header("last-event-id", &after.to_string());
        assert_eq!(again.send(&world).await.text(), rest, "after {after}");
    }
    insta::assert_snapshot!(timeless(tail(&world, &path, 6).await.text()));
}

/// Who reads along from the first on, who comes back at any place, and who reads afterwards are told the
/// same.
#[tokio::test]
async fn the_tail_of_a_run_that_goes_on_is_that_of_the_whole() {
    let world = World::new([]).await;
    let path = queue(&world).await;
    let tools = ScriptedTools::new([("clock", ToolScript::Waits("noon"))]);
    let turns = [calls(&[("clock", "{}")]), text("It is noon at last.")];
    let worker = worker(&world, turns).tools(tools).build().await;
    worker.tools.begun.notified().await;
    told(&world, &path, "response.tool_call").await;
    let open = async |query: String| {
        let call = Call::new("GET", &format!("{path}?stream=true{query}"));
        call.header("connection", "close").open(&world).await
    };
    let mut first = open(String::new()).await;
    first.until("response.tool_call").await;
    // Ahead of the run too: 0, 1 and 2 were told, and more than ten will never be.
    let mut readers = Vec::new();
    for after in 0..20 {
        let mut reader = open(format!("&starting_after={after}")).await;
        assert_eq!(reader.head().await.status, 200, "after {after}");
        readers.push((after, reader));
    }
    worker.tools.release(1);
    let whole = first.end().await;
    assert_eq!(whole.text(), follow(&world, &path).await.text());
    let frames = whole.frames();
    assert!((6..20).contains(&frames.len()), "{frames:?}");
    for (after, reader) in readers {
        let rest = frames.get(after + 1..).unwrap_or_default().concat();
        assert_eq!(reader.end().await.text(), rest, "after {after}");
    }
}

#[tokio::test]
async fn a_turn_that_was_left_and_asked_again_is_told_as_it_went() {
    let world = World::new([]).await;
    let path = queue(&world).await;
    let lost = worker(&world, [half()]).build().await;
    let mut reader = Call::new("GET", &format!("{path}?stream=true"))
        .header("connection", "close")
        .open(&world)
        .await;
    reader.until("Once upon").await;
    let grace = Duration::from_secs(5);
    lost.engine.shut_down(async {}, grace).await;
    let whole = vec![vec![
        Delta::Text("Once upon a time.".into()),
        Delta::Finish(Finish::Stop),
    ]];
    let plan = Plan::new([TurnScript::Says(whole)]).beside(&world, 3);
    let plan = plan.policy(|policy| policy.background.workers = 1);
    let next = plan.build().await;
    let told = reader.end().await;
    insta::assert_snapshot!(told.text());
    assert_eq!(follow(&next, &path).await.text(), told.text());
    let stored = get(&world, &path).await.json();
    assert_eq!(stored["output"], "Once upon a time.");
    let asked = next.model.asked().pop().unwrap();
    assert_eq!(crate::input::lines(&asked), [r#"user: "hi""#]);
    let frames = told.frames();
    for after in 0..frames.len() {
        let rest = frames[after + 1..].concat();
        assert_eq!(tail(&world, &path, after).await.text(), rest);
    }
}

#[tokio::test]
async fn what_waits_is_told_as_it_waits() {
    let plan = Plan::new([]).options(|options| options.heartbeat = Duration::from_millis(5));
    let world = plan.build().await;
    let path = queue(&world).await;
    let call = Call::new("GET", &format!("{path}?stream=true")).header("connection", "close");
    let mut reader = call.open(&world).await;
    reader.until(": heartbeat\n\n").await;
    Call::new("POST", &format!("{path}/cancel"))
        .send(&world)
        .await;
    let told = reader.end().await;
    let frames: Vec<&str> = told.text().split(": heartbeat\n\n").collect();
    insta::assert_snapshot!(frames.concat());
}

#[tokio::test]
async fn of_two_places_to_begin_behind_the_later_one_counts() {
    let (world, _worker, path) = done().await;
    for (query, header, after) in [
        ("&starting_after=2", "5", 5),
        ("&starting_after=5", "2", 5),
        ("&starting_after=5", "5", 5),
        ("&starting_after=5", "", 5),
        ("", "5", 5),
    ] {
        let call = Call::new("GET", &format!("{path}?stream=true{query}"));
        let reply = call.header("last-event-id", header).send(&world).await;
        let expected = tail(&world, &path, after).await;
        assert_eq!(reply.text(), expected.text(), "{query} and {header:?}");
    }
    let whole = Call::new("GET", &format!("{path}?stream=true"));
    let whole = whole.header("last-event-id", "").send(&world).await;
    assert_eq!(whole.text(), follow(&world, &path).await.text());
}

/// Queries, the header that comes with them, and the parameter that is at fault. `12` is one more than the
/// last frame of [`done`].
const NOWHERE: &[(&str, Option<&str>, &str)] = &[
    ("stream=true&starting_after=-1", None, "starting_after"),
    ("stream=true&starting_after=%2B1", None, "starting_after"),
    ("stream=true&starting_after=", None, "starting_after"),
    ("stream=true&starting_after=two", None, "starting_after"),
    ("stream=true&starting_after=1.0", None, "starting_after"),
    (
        "stream=true&starting_after=18446744073709551616",
        None,
        "starting_after",
    ),
    (
        "stream=true&starting_after=18446744073709551615",
        None,
        "starting_after",
    ),
    ("stream=true&starting_after=12", None, "starting_after"),
    ("stream=true", Some("-1"), "Last-Event-ID"),
    ("stream=true", Some("two"), "Last-Event-ID"),
    ("stream=true", Some("ü"), "Last-Event-ID"),
    ("stream=true", Some("12"), "Last-Event-ID"),
    ("stream=true&starting_after=1", Some("12"), "Last-Event-ID"),
    ("starting_after=1", None, "starting_after"),
    ("stream=false&starting_after=1", None, "starting_after"),
    ("stream=yes", None, "stream"),
];

#[tokio::test]
async fn a_place_that_does_not_exist_is_refused_by_name() {
    let (world, _worker, path) = done().await;
    let last = follow(&world, &path).await.frames().len() - 1;
    assert_eq!(last, 11);
    let end = tail(&world, &path, last).await;
    assert_eq!((end.status, end.text()), (200, ""));
    let mut refusals = String::new();
    for &(query, header, param) in NOWHERE {
        let call = Call::new("GET", &format!("{path}?{query}"));
        let call = match header {
            None => call,
            Some(header) => call.header("last-event-id", header),
        };
        let reply = call.send(&world).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"], &error["param"]),
            (400, &json!("invalid_parameter"), &json!(param)),
            "{query} {header:?}"
        );
        let message = error["message"].as_str().unwrap();
        let header = header.unwrap_or_default();
        refusals.extend([query, " ", header, "\n    ", message, "\n"]);
    }
    insta::assert_snapshot!(refusals);
    let ignored = Call::new("GET", &path).header("last-event-id", "two");
    assert_eq!(
        ignored.send(&world).await.status,
        200,
        "it is about streams"
    );
}

#[tokio::test]
async fn only_a_background_response_is_told_once_more() {
    let world = World::new([text("hi")]).await;
    let foreground = path(&ask(&world, &json!({})).await);
    let waiting = queue(&world).await;
    for method in ["GET", "HEAD"] {
        for query in ["stream=true", "stream=true&starting_after=1"] {
            let call = Call::new(method, &format!("{foreground}?{query}"));
            assert_eq!(call.send(&world).await.status, 400, "{method} {query}");
        }
        for (path, who) in [
            (&*waiting, "Bearer bob"),
            ("/v1/responses/resp_nonsense", "Bearer ada"),
        ] {
            let call = Call::new(method, &format!("{path}?stream=true"));
            let reply = call.header("authorization", who).send(&world).await;
            assert_eq!(reply.status, 404, "{method} {path} {who}");
        }
    }
    let call = Call::new("GET", &format!("{foreground}?stream=true"));
    let reply = call.header("x-request-id", "req-7").send(&world).await;
    insta::assert_snapshot!(reply.text());
}

#[tokio::test]
async fn a_replay_tells_what_happened_in_the_described_words() {
    let (world, _worker, path) = done().await;
    let told = follow(&world, &path).await;
    assert_eq!(
        names(&told),
        [
            "response.created",
            "response.in_progress",
            "response.reasoning.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.tool_call",
            "response.tool_call",
            "response.tool_result",
            "response.tool_result",
            "response.output_text.delta",
            "response.output_text.done",
            "response.completed",
        ]
    );
    for frame in told.frames() {
        let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
        let data = serde_json::from_str(data.unwrap()).unwrap();
        crate::shapes::assert_shape("StreamEvent", &data);
    }
}
