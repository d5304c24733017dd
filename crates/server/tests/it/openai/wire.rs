//! What goes over the wire, held to the grammar that clients rely on: live, told again, and told of what was
//! stored, in the words of OpenAI and of Open Responses.

use response_testkit::wire::{
    EndMark, Flavour, check_error, check_events, check_item, check_list, check_response,
    check_stream, read_frames,
};
use serde_json::{Value, json};

use super::stage::{SERVER, Stage, python};
use crate::background_postgres::fleet::Fleet;
use crate::process::Client;

const OPENAI: (&str, Flavour) = ("openai/v1", Flavour::OpenAi);
const OPEN_RESPONSES: (&str, Flavour) = ("openresponses/v1", Flavour::OpenResponses);

/// Questions that are answered in every way there is.
fn questions() -> Vec<Value> {
    let never = json!({"type": "mcp", "server_label": SERVER, "require_approval": "never"});
    let always = json!({"type": "mcp", "server_label": SERVER});
    let lookup = json!({"type": "function", "name": "lookup"});
    let rounds = "Search for the latest AI news, read the top 2 results, then calculate 12*7 and tell me what \
                  time it is";
    vec![
        json!({"input": "say hello"}),
        json!({"input": "Think, then write a haiku.", "include": ["reasoning.encrypted_content"]}),
        json!({"input": "Write a long report.", "max_output_tokens": 16}),
        json!({"input": rounds, "tools": [never]}),
        json!({"input": format!("Think. {rounds} [[preamble]]"), "tools": [never]}),
        json!({"input": "Calculate 12*7.", "tools": [always]}),
        json!({"input": "Look. [[call:lookup {}]] [[call:lookup {\"a\":1}]]", "tools": [lookup]}),
        json!({"input": "Both. [[call:lookup {}]] [[call:clock {}]]", "tools": [never, lookup]}),
        json!({"input": "Both. [[call:lookup {}]] [[call:clock {}]]", "tools": [lookup, always]}),
        json!({"input": "Calculate 1/0.", "tools": [never]}),
        json!({"input": "Calculate 1+1 and 2+2.", "tools": [never], "max_tool_calls": 1}),
        json!({"input": "a story [[fail:invalid-json]]"}),
        json!({"input": "a story [[fail:truncate]]"}),
        json!({"input": "a story [[fail:unknown-tool]]", "tools": [lookup]}),
        json!({"input": "a story [[fail:unknown-tool round:1]]", "tools": [lookup]}),
        json!({"input": "a story [[fail:loop]]", "tools": [never]}),
        json!({"input": "a story [[fail:bad-arguments]]", "tools": [never]}),
        json!({"input": "Calculate 12*7. [[quirk:q5 round:1]] [[quirk:q14-inline]]", "tools": [never]}),
        json!({"input": "Calculate 12*7. [[quirk:q9-tagged round:1]]", "tools": [never]}),
        json!({"input": "a story [[fail:broken]]", "text": {"format": {"type": "json_object"}}}),
    ]
}

fn ask(question: &Value, more: &Value) -> Value {
    let mut body = question.clone();
    body["model"] = json!("jan-v2-30b");
    let fields = body.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    body
}

/// The text of a stream that was read to its end.
async fn told(service: &Client, base: &str, body: Value) -> String {
    let answer = service.post(&format!("{base}/responses"), body).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    answer.body.as_str().unwrap().to_owned()
}

async fn told_again(service: &Client, base: &str, id: &str, after: Option<usize>) -> String {
    let after = after.map_or_else(String::new, |after| format!("&starting_after={after}"));
    let path = format!("{base}/responses/{id}?stream=true{after}");
    let answer = service.get(&path).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    answer.body.as_str().unwrap().to_owned()
}

/// The events of a stream, none of which a client would stumble over, and the response that it ends with.
fn checked(text: &str, flavour: Flavour, of: &Value) -> (Vec<Value>, Value) {
    let events = check_stream(text.as_bytes(), flavour, EndMark::Required);
    let events = events.unwrap_or_else(|fault| panic!("{of}: {fault}\n{text}"));
    let last = events.last().unwrap()["response"].clone();
    check_response(&last, flavour).unwrap_or_else(|fault| panic!("{of}: {fault}\n{last:#}"));
    (events, last)
}

/// What is stored of a response is what its stream ended with, and its input items are well made.
async fn is_kept(service: &Client, (base, flavour): (&str, Flavour), last: &Value) {
    let path = format!("{base}/responses/{}", last["id"].as_str().unwrap());
    let kept = service.get(&path).await.body;
    assert_eq!(kept, *last, "{kept:#}\n{last:#}");
    let items = service
        .get(&format!("{path}/input_items?limit=100"))
        .await
        .body;
    check_list(&items, |item| check_item(item, flavour))
        .unwrap_or_else(|fault| panic!("{fault}\n{items:#}"));
}

async fn every_answer_is_well_made(service: &Client, (base, flavour): (&str, Flavour)) {
    for question in questions() {
        let text = told(service, base, ask(&question, &json!({"stream": true}))).await;
        let (_, last) = checked(&text, flavour, &question);
        is_kept(service, (base, flavour), &last).await;
        let whole = ask(&question, &json!({"store": false}));
        let whole = service.post(&format!("{base}/responses"), whole).await;
        if whole.status == 200 {
            check_response(&whole.body, flavour)
                .unwrap_or_else(|fault| panic!("{question}: {fault}\n{:#}", whole.body));
            assert_eq!(whole.body["status"], last["status"], "{question}");
        } else {
            check_error(&whole.body).unwrap_or_else(|fault| panic!("{question}: {fault}"));
            assert_eq!(last["status"], "failed", "{question}: {:#}", whole.body);
        }
    }
}

async fn every_replay_is_the_same_to_the_byte(service: &Client, (base, flavour): (&str, Flavour)) {
    for question in questions() {
        let followed = ask(&question, &json!({"stream": true, "background": true}));
        let live = told(service, base, followed).await;
        let (events, last) = checked(&live, flavour, &question);
        let id = last["id"].as_str().unwrap();
        assert_eq!(
            told_again(service, base, id, None).await,
            live,
            "{question}"
        );
        let frames: Vec<_> = live.split_inclusive("\n\n").collect();
        assert_eq!(frames.len(), events.len() + 1, "{question}");
        for after in [0, events.len() / 2, events.len() - 1, events.len() + 7] {
            let tail = told_again(service, base, id, Some(after)).await;
            let from = (after + 1).min(events.len());
            assert_eq!(tail, frames[from..].concat(), "{question}: behind {after}");
            read_frames(tail.as_bytes(), EndMark::Required).unwrap();
        }
        is_kept(service, (base, flavour), &last).await;
    }
}

#[tokio::test]
async fn every_stream_and_every_answer_keeps_to_the_grammar() {
    let stage = Stage::new().await;
    every_answer_is_well_made(&stage.service, OPENAI).await;
}

#[tokio::test]
async fn every_stream_and_every_answer_keeps_to_the_words_of_open_responses() {
    let stage = Stage::new().await;
    every_answer_is_well_made(&stage.service, OPEN_RESPONSES).await;
}

#[tokio::test]
async fn every_replay_is_the_same_to_the_byte_as_it_was_live() {
    let stage = Stage::new().await;
    every_replay_is_the_same_to_the_byte(&stage.service, OPENAI).await;
}

#[tokio::test]
async fn every_replay_of_a_worker_on_postgresql_is_the_same_in_both_words() {
    let fleet = Fleet::new().await;
    let api = fleet.api().await;
    let _worker = fleet.worker().await;
    every_replay_is_the_same_to_the_byte(&api, OPENAI).await;
    every_replay_is_the_same_to_the_byte(&api, OPEN_RESPONSES).await;
}

#[tokio::test]
async fn events_over_a_socket_keep_to_the_grammar() {
    let stage = Stage::new().await;
    let asked: Vec<_> = questions()
        .iter()
        .map(|it| ask(it, &json!({"store": false})))
        .collect();
    let asked = Value::from(asked).to_string();
    let told = python(&stage.service, "sockets", &["tells_events", &asked]).await;
    let told = told.as_array().unwrap();
    assert_eq!(told.len(), questions().len());
    for (events, question) in told.iter().zip(questions()) {
        check_events(events.as_array().unwrap(), Flavour::OpenAi)
            .unwrap_or_else(|fault| panic!("{question}: {fault}\n{events:#}"));
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_in_one_form_everywhere() {
    let stage = Stage::new().await;
    let service = &stage.service;
    let unknown = "resp_01hqr8v9k2x3f4g5h6j7k8m9n0";
    for base in [OPENAI.0, OPEN_RESPONSES.0] {
        let at = |path: &str| format!("{base}/{path}");
        let posted = |path: &str, body: Value| {
            let path = at(path);
            async move { service.post(&path, body).await }
        };
        let answers = [
            posted("responses", json!({"model": "jan-v2-30b"})).await,
            posted("responses", json!([])).await,
            posted("responses", json!("text")).await,
            posted("responses/compact", json!({"input": "hi"})).await,
            posted("responses/input_tokens", json!({"model": 7})).await,
            posted("conversations", json!({"items": 7})).await,
            posted(&format!("responses/{unknown}/cancel"), json!({})).await,
            service.get(&at(&format!("responses/{unknown}"))).await,
            service
                .get(&at(&format!("responses/{unknown}?stream=maybe")))
                .await,
            service
                .get(&at(&format!("responses/{unknown}/input_items?limit=0")))
                .await,
            service.get(&at("responses")).await,
            service.get(&at("nothing")).await,
            service.delete(&at("responses")).await,
            service.delete(&at("conversations/conv_x")).await,
        ];
        for (number, answer) in answers.iter().enumerate() {
            assert!(
                (400..500).contains(&answer.status),
                "{number}: {}",
                answer.status
            );
            check_error(&answer.body)
                .unwrap_or_else(|fault| panic!("{base} {number}: {fault}\n{:#}", answer.body));
            assert!(answer.headers.contains_key("x-request-id"), "{number}");
        }
    }
}
