//! The main job: one request, tools run, one answer, waited for and streamed.

use serde_json::{Value, json};

use crate::process::{Process, World};

/// Leads the stand-in through three rounds and five calls.
const QUESTION: &str = "Search for the latest AI news, read the top 2 results, then calculate 12*7 and tell me \
                        what time it is";

fn question() -> Value {
    json!({"model": "jan-v2-30b", "input": QUESTION})
}

/// The text without what differs from run to run.
fn steady(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| {
                    let told = name == "id"
                        || name.ends_with("_id")
                        || name.ends_with("_at")
                        || name.ends_with("_ms");
                    (
                        name.clone(),
                        if told && !value.is_null() {
                            json!("…")
                        } else {
                            steady(value)
                        },
                    )
                })
                .collect(),
        ),
        Value::Array(entries) => Value::Array(entries.iter().map(steady).collect()),
        other => other.clone(),
    }
}

async fn kept(service: &Process, id: &str) -> Value {
    let response = service.get(&format!("v1/responses/{id}")).await.body;
    let items = service
        .get(&format!("v1/responses/{id}/input_items?limit=100"))
        .await
        .body;
    let events = service.get(&format!("v1/responses/{id}/events")).await.body;
    let mut steps: Vec<_> = events["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    // Answers of one round come back in any order.
    steps.sort_by_key(ToString::to_string);
    json!({"response": response, "items": items, "steps": steps})
}

fn check(response: &Value) {
    assert_eq!(response["status"], "completed", "{response:#}");
    let executions = response["tool_executions"].as_array().unwrap();
    let depths: Vec<_> = executions
        .iter()
        .map(|call| call["depth"].as_u64().unwrap())
        .collect();
    assert_eq!(depths, [1, 2, 2, 3, 3], "{response:#}");
    assert!(
        executions.iter().all(|call| call["status"] == "completed"),
        "{response:#}"
    );
    assert!(executions.iter().all(|call| call["duration_ms"].is_u64()));
    assert_eq!(response["execution_metadata"]["actual_depth"], 3);
    let output = response["output"].as_str().unwrap();
    assert!(
        output.contains("84"),
        "the calculator's result is in the answer: {output}"
    );
    let usage = &response["usage"];
    assert_eq!(
        usage["total_tokens"].as_u64().unwrap(),
        usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap()
    );
}

#[tokio::test]
async fn the_answer_comes_from_a_real_document_through_real_tools() {
    let world = World::new();
    let service = world.start().await;
    let answer = service.create(question()).await;
    assert_eq!(answer.status, 200);
    check(&answer.body);
    let searched = answer.body["tool_executions"][0]["output"]
        .as_str()
        .unwrap();
    let read = answer.body["tool_executions"][1]["output"]
        .as_str()
        .unwrap();
    assert!(
        searched.contains("http"),
        "the search names documents: {searched}"
    );
    assert!(read.len() > 200, "the page is real text: {read}");
    let id = answer.body["id"].as_str().unwrap();
    let kept = kept(&service, id).await;
    assert_eq!(
        kept["response"], answer.body,
        "what is fetched is what was answered"
    );
    let kinds: Vec<_> = kept["items"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["type"].as_str().unwrap())
        .collect();
    let call = "function_call";
    let output = "function_call_output";
    assert_eq!(
        kinds,
        [
            "message", call, output, call, call, output, output, call, call, output, output
        ]
    );
    let seen = world.model.ledger().traffic();
    assert_eq!(seen.started, 4, "three rounds and an answer");
}

#[tokio::test]
async fn the_same_run_streamed_tells_every_step_in_order() {
    let world = World::new();
    let service = world.start().await;
    let mut body = question();
    body["stream"] = json!(true);
    let events = service.stream(body).await.all().await;
    let numbers: Vec<_> = events
        .iter()
        .map(|(_, event)| event["sequence_number"].as_u64().unwrap())
        .collect();
    assert_eq!(
        numbers,
        (0..numbers.len() as u64).collect::<Vec<_>>(),
        "dense from 0"
    );
    assert!(events.iter().all(|(name, event)| event["type"] == **name));
    let mut names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    let call = "response.tool_call";
    let result = "response.tool_result";
    assert_eq!(
        names,
        [
            "response.created",
            "response.in_progress",
            call,
            result,
            call,
            result,
            call,
            result,
            "response.output_text.delta",
            "response.output_text.done",
            "response.completed",
        ]
    );
    let (_, last) = events.last().unwrap();
    check(&last["response"]);
    let text: String = events
        .iter()
        .filter(|(name, _)| name == "response.output_text.delta")
        .map(|(_, event)| event["delta"].as_str().unwrap())
        .collect();
    assert_eq!(last["response"]["output"], text);
    let id = last["response"]["id"].as_str().unwrap();
    assert_eq!(kept(&service, id).await["response"], last["response"]);
}

#[tokio::test]
async fn both_databases_keep_the_same() {
    let postgres = response_testkit::postgres::TestDatabase::empty().await;
    let mut kept_there = [Value::Null, Value::Null];
    for (database, kept_there) in [None, Some(postgres.url())]
        .into_iter()
        .zip(&mut kept_there)
    {
        let mut world = World::new();
        if let Some(url) = database {
            world.set("DB_POSTGRESQL_WRITE_DSN", &url);
        }
        let service = world.start().await;
        let mut body = question();
        // The clock's answer differs from run to run.
        body["input"] = json!(
            "Search for the latest AI news, read the top 2 results, then calculate 12*7 and 3*3"
        );
        body["metadata"] = json!({"nul": "a\u{0}b", "deep": {"text": "ü"}});
        let answer = service.create(body).await;
        let id = answer.body["id"].as_str().unwrap().to_owned();
        let text = kept(&service, &id).await.to_string();
        // The stand-ins listen on other ports each time.
        let text = text.replace(&world.tools.url().port().unwrap().to_string(), "PORT");
        *kept_there = steady(&serde_json::from_str(&text).unwrap());
    }
    let [there, here] = kept_there.map(|kept| serde_json::to_string_pretty(&kept).unwrap());
    for (there, here) in there.lines().zip(here.lines()) {
        assert_eq!(there, here);
    }
    assert_eq!(there.lines().count(), here.lines().count());
}

#[tokio::test]
async fn a_continuation_remembers() {
    let world = World::new();
    let service = world.start().await;
    let first = service
        .create(json!({"model": "jan-v2-30b", "input": "My name is Ada."}))
        .await
        .body;
    let again = json!({
        "model": "jan-v2-30b", "input": "What is my name?", "previous_response_id": first["id"],
    });
    let second = service.create(again).await.body;
    assert!(
        second["output"].as_str().unwrap().contains("Ada"),
        "{second:#}"
    );
    assert_eq!(second["conversation_id"], first["conversation_id"]);
    let gone = service
        .delete(&format!("v1/responses/{}", first["id"].as_str().unwrap()))
        .await;
    assert_eq!(
        gone.body,
        json!({"id": first["id"], "object": "response", "deleted": true})
    );
    assert_eq!(
        service
            .get(&format!("v1/responses/{}", first["id"].as_str().unwrap()))
            .await
            .status,
        404
    );
}
