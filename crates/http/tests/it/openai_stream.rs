//! Reading along in the words of OpenAI and of Open Responses: whole streams, to the letter, each held to the
//! grammar that clients rely on.

use std::collections::BTreeMap;
use std::time::Duration;

use response_domain::ports::llm::{Delta, LlmErrorKind};
use response_domain::ports::tools::ToolErrorKind;
use response_domain::response::Finish;
use response_domain::tool::Verdict;
use response_domain::usage::Usage;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};
use response_testkit::wire::{EndMark, Flavour, check_stream};
use serde_json::{Value, json};

use crate::background::{half, worker};
use crate::client::{Call, Reply};
use crate::world::{Plan, World};

const OPENAI: (&str, Flavour) = ("/openai/v1", Flavour::OpenAi);
const OPEN: (&str, Flavour) = ("/openresponses/v1", Flavour::OpenResponses);

/// The events of a stream, which must be right down to the last byte.
fn checked(reply: &Reply, flavour: Flavour) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    match check_stream(&reply.body, flavour, EndMark::Required) {
        Ok(events) => events,
        Err(fault) => panic!("{fault}\n{}", reply.text()),
    }
}

/// Asks for a stream with these fields.
async fn ask(world: &World, base: &str, fields: &Value) -> Reply {
    let mut body = json!({"model": "m", "input": "hi", "stream": true});
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    let path = format!("{base}/responses");
    Call::new("POST", &path).json(&body).send(world).await
}

fn names(events: &[Value]) -> Vec<&str> {
    let names = events.iter().map(|event| event["type"].as_str());
    names.map(Option::unwrap).collect()
}

fn call(slot: u32, name: &str, arguments: &str) -> Delta {
    Delta::Call {
        slot,
        name: Some(name.into()),
        arguments: arguments.into(),
    }
}

/// A turn that says these deltas, one after another.
fn says(deltas: Vec<Delta>, finish: Finish) -> TurnScript {
    let usage = Usage {
        prompt: 10,
        cached: 4,
        completion: 5,
        reasoning: 2,
    };
    let end = vec![Delta::Finish(finish), Delta::Usage(usage)];
    TurnScript::Says(vec![deltas, end])
}

/// A run that thinks, speaks, calls a tool of a server, one that does not exist and one of its caller at
/// once, and would answer.
fn long_run() -> Plan {
    let tools = ScriptedTools::new([]).configured(
        "clocks",
        [("clock", ToolScript::Answers("noon\n\"sharp\""))],
    );
    let wants = vec![
        Delta::Reasoning("Hm, \u{2028}".into()),
        Delta::Reasoning("time.".into()),
        Delta::Text("Let me look.\r\n".into()),
        call(0, "clock", "{\n  \"zone\": "),
        call(1, "clokc", "{}"),
        call(2, "mine", "{}"),
        call(0, "clock", "\"UTC\"\r\n}"),
    ];
    Plan::new([says(wants, Finish::ToolCalls)]).tools(tools)
}

fn all_tools() -> Value {
    json!({"tools": [
        {"type": "mcp", "server_label": "clocks", "require_approval": "never"},
        {"type": "function", "name": "mine", "parameters": {"type": "object"}},
    ]})
}

#[tokio::test]
async fn a_whole_stream_with_every_kind_of_item() {
    for (name, (base, flavour)) in [("openai", OPENAI), ("open-responses", OPEN)] {
        let world = long_run().build().await;
        let reply = ask(&world, base, &all_tools()).await;
        let events = checked(&reply, flavour);
        insta::assert_snapshot!(format!("stream-{name}"), reply.text());
        let last = &events.last().unwrap()["response"];
        let path = format!("{base}/responses/{}", last["id"].as_str().unwrap());
        let fetched = Call::new("GET", &path).send(&world).await.json();
        assert_eq!(*last, fetched, "what is fetched is what was told");
    }
}

/// Runs, the fields with which they are asked for, and how their streams end.
fn endings() -> Vec<(&'static str, Plan, Value, &'static str)> {
    let tools = |script| ScriptedTools::new([]).configured("clocks", [("clock", script)]);
    let run = |script, turns: Vec<TurnScript>| Plan::new(turns).tools(tools(script));
    let asks = || calls(&[("clock", "{\"zone\": \"UTC\"}")]);
    let gated = json!({"tools": [{"type": "mcp", "server_label": "clocks"}]});
    let free = || json!({"tools": [all_tools()["tools"][0]]});
    let noon = ToolScript::Answers("noon");
    let unlisted = ScriptedTools::new([]).named_unlisted("shop", ToolErrorKind::Unavailable);
    let shop = json!({"tools": [
        {"type": "mcp", "server_label": "shop", "server_url": "https://shop.example/mcp"},
    ]});
    let cut = vec![Delta::Text("Once".into()), call(0, "clock", "{\"zone\":")];
    let breaks = vec![vec![Delta::Text("Once upon".into()), call(0, "clock", "{")]];
    let broken = TurnScript::BreaksOff(breaks, LlmErrorKind::Unreadable);
    vec![
        (
            "asks",
            run(noon.clone(), vec![asks()]),
            gated,
            "response.completed",
        ),
        (
            "complains",
            run(
                ToolScript::Complains(Verdict::ToolSaysError, "no clock"),
                vec![asks(), text("Sorry.")],
            ),
            free(),
            "response.completed",
        ),
        (
            "breaks-tool",
            run(ToolScript::Fails(ToolErrorKind::Timeout), vec![asks()]),
            free(),
            "response.failed",
        ),
        (
            "cut",
            run(noon.clone(), vec![says(cut, Finish::Length)]),
            free(),
            "response.incomplete",
        ),
        ("breaks", run(noon, vec![broken]), free(), "response.failed"),
        (
            "unlisted",
            Plan::new([text("hi")]).tools(unlisted),
            shop,
            "response.failed",
        ),
        (
            "panics",
            Plan::new([TurnScript::Panics]),
            json!({}),
            "response.failed",
        ),
    ]
}

#[tokio::test]
async fn streams_end_as_their_runs_do() {
    for (name, plan, fields, end) in endings() {
        let world = plan.build().await;
        let reply = ask(&world, OPENAI.0, &fields).await;
        let events = checked(&reply, OPENAI.1);
        assert_eq!(names(&events).last(), Some(&end), "{name}");
        insta::assert_snapshot!(format!("stream-{name}"), reply.text());
    }
    for (name, plan, fields, end) in endings() {
        let world = plan.build().await;
        let reply = ask(&world, OPEN.0, &fields).await;
        assert_eq!(names(&checked(&reply, OPEN.1)).last(), Some(&end), "{name}");
    }
}

/// What was asked for in the background is told by any process, again and again, from anywhere, and byte for
/// byte as to whoever read along.
#[tokio::test]
async fn what_is_told_again_is_what_was_told() {
    for (base, flavour) in [OPENAI, OPEN] {
        // It knows the server, and works on nothing.
        let world = long_run().build().await;
        let wish = json!({"background": true, "stream": true, "tools": all_tools()["tools"]});
        let mut body = json!({"model": "m", "input": "hi"});
        body.as_object_mut()
            .unwrap()
            .extend(wish.as_object().unwrap().clone());
        let asking = Call::new("POST", &format!("{base}/responses")).json(&body);
        let mut live = asking.header("connection", "close").open(&world).await;
        live.until("event: response.queued").await;
        let plan = long_run().beside(&world, 2);
        let worker = plan
            .policy(|policy| policy.background.workers = 1)
            .build()
            .await;
        let live = live.end().await;
        let events = checked(&live, flavour);
        let id = events[0]["response"]["id"].as_str().unwrap();
        let path = format!("{base}/responses/{id}?stream=true");
        let frames = live.frames();
        assert_eq!(frames.len(), events.len() + 1, "and the mark");
        for process in [&world, &worker] {
            let again = Call::new("GET", &path).send(process).await;
            assert_eq!(again.text(), live.text());
            for after in 0..events.len() {
                let tail = format!("{path}&starting_after={after}");
                let tail = Call::new("GET", &tail).send(process).await;
                assert_eq!(tail.text(), frames[after + 1..].concat(), "after {after}");
            }
        }
    }
}

#[tokio::test]
async fn a_turn_that_was_left_and_asked_again_is_told_as_it_went() {
    let world = World::new([]).await;
    let asking = json!({"model": "m", "input": "hi", "background": true});
    let made = Call::new("POST", "/openai/v1/responses")
        .json(&asking)
        .send(&world)
        .await
        .json();
    let path = format!(
        "/openai/v1/responses/{}?stream=true",
        made["id"].as_str().unwrap()
    );
    let lost = worker(&world, [half()]).build().await;
    let reader = Call::new("GET", &path).header("connection", "close");
    let mut reader = reader.open(&world).await;
    reader.until("Once upon").await;
    lost.engine
        .shut_down(async {}, Duration::from_secs(5))
        .await;
    let plan = Plan::new([text("Once upon a time.")]).beside(&world, 3);
    let next = plan
        .policy(|policy| policy.background.workers = 1)
        .build()
        .await;
    let told = reader.end().await;
    checked(&told, Flavour::OpenAi);
    insta::assert_snapshot!("stream-taken-up-again", told.text());
    assert_eq!(
        Call::new("GET", &path).send(&next).await.text(),
        told.text()
    );
}

#[tokio::test]
async fn what_is_cancelled_while_it_waits_or_runs_ends_as_failed() {
    let world = World::new([]).await;
    let asking = json!({"model": "m", "input": "hi", "background": true});
    for (name, runs) in [("waiting", false), ("running", true)] {
        let made = Call::new("POST", "/openai/v1/responses")
            .json(&asking)
            .send(&world)
            .await;
        let path = format!(
            "/openai/v1/responses/{}",
            made.json()["id"].as_str().unwrap()
        );
        let reader = Call::new("GET", &format!("{path}?stream=true"));
        let mut reader = reader.header("connection", "close").open(&world).await;
        let process = if runs {
            Some(worker(&world, [half()]).build().await)
        } else {
            None
        };
        reader
            .until(if runs { "Once upon" } else { "response.queued" })
            .await;
        let cancelled = Call::new("POST", &format!("{path}/cancel"))
            .send(&world)
            .await;
        let told = reader.end().await;
        let events = checked(&told, Flavour::OpenAi);
        let last = &events.last().unwrap()["response"];
        assert_eq!(
            (&last["status"], last),
            (&json!("cancelled"), &cancelled.json())
        );
        insta::assert_snapshot!(format!("stream-cancelled-{name}"), told.text());
        drop(process);
    }
}

/// A silent stream gets comments, and nothing else that clients would have to understand.
#[tokio::test]
async fn silence_is_told_by_comments() {
    let plan = Plan::new([TurnScript::Hangs(vec![vec![Delta::Text("Once".into())]])]);
    let plan = plan.options(|options| options.heartbeat = Duration::from_millis(5));
    let world = plan.build().await;
    let asking = json!({"model": "m", "input": "hi", "stream": true});
    let asking = Call::new("POST", "/openresponses/v1/responses").json(&asking);
    let mut reader = asking.open(&world).await;
    reader.until("Once").await;
    reader.until(": ping\n\n").await;
}

/// A request that bears the key of one that streams is told the same response when it has ended, in one piece
/// each text.
#[tokio::test]
async fn a_stream_that_is_asked_for_twice_is_told_twice() {
    for (base, flavour) in [OPENAI, OPEN] {
        let world = long_run().build().await;
        let ask = async || {
            let mut body = json!({"model": "m", "input": "hi", "stream": true});
            body["tools"] = all_tools()["tools"].clone();
            let call = Call::new("POST", &format!("{base}/responses")).json(&body);
            call.header("idempotency-key", "once").send(&world).await
        };
        let first = checked(&ask().await, flavour);
        let second = ask().await;
        let again = checked(&second, flavour);
        assert_eq!(
            again.last().unwrap()["response"],
            first.last().unwrap()["response"]
        );
        assert_eq!(world.model.asked().len(), 1, "the model is asked once");
        let done = |events: &[Value]| -> BTreeMap<u64, Value> {
            let items = events
                .iter()
                .filter(|event| event["type"] == "response.output_item.done");
            items
                .map(|it| (it["output_index"].as_u64().unwrap(), it["item"].clone()))
                .collect()
        };
        assert_eq!(done(&again), done(&first));
        if flavour == Flavour::OpenAi {
            insta::assert_snapshot!("stream-told-again", second.text());
        }
    }
}
