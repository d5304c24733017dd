//! Lists: pages, filters, order.

use response_domain::failure::FailureCode;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::{Change, IncompleteReason};
use response_testkit::script::{ScriptedTools, ToolScript, calls, text};
use serde_json::{Value, json};

use crate::client::Call;
use crate::sample::{accepted, conversation, failed, id, put, spec, then};
use crate::world::{Plan, World};

async fn list(world: &World, path: &str) -> Value {
    let reply = Call::new("GET", path).send(world).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    let list = reply.json();
    assert_eq!(list["object"], "list");
    let data = list["data"].as_array().unwrap();
    let id_of = |entry: Option<&Value>| entry.map_or(Value::Null, |entry| entry["id"].clone());
    assert_eq!(list["first_id"], id_of(data.first()));
    assert_eq!(list["last_id"], id_of(data.last()));
    list
}

/// The numbers of the samples in a list.
fn numbers(list: &Value) -> Vec<u16> {
    let number = |entry: &Value| {
        let text = entry["id"].as_str().unwrap();
        (0..100)
            .find(|&number| id(number).to_string() == text)
            .unwrap()
    };
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(number)
        .collect()
}

/// Seventeen responses of every kind, the last one queued.
async fn world() -> World {
    let world = World::new([]).await;
    for number in 1..=16 {
        let response = accepted(number, spec());
        let change = match number % 8 {
            1 => Change::Complete,
            2 => Change::Stop(IncompleteReason::OutputTokens),
            3 => Change::Stop(IncompleteReason::ToolDepth),
            4 => failed(FailureCode::ModelError),
            5 => Change::Stop(IncompleteReason::ContentFilter),
            6 => Change::Stop(IncompleteReason::ToolCalls),
            7 => Change::Cancel,
            _ => {
                put(&world, &response).await;
                continue;
            }
        };
        put(&world, &then(response, change)).await;
    }
    let background = ResponseSpec {
        delivery: Delivery::Background,
        ..spec()
    };
    put(&world, &accepted(17, background)).await;
    world
}

#[tokio::test]
async fn responses_are_listed_newest_first_a_page_at_a_time() {
    let world = world().await;
    let first = list(&world, "/v1/responses?limit=10").await;
    assert_eq!(numbers(&first), [17, 16, 15, 14, 13, 12, 11, 10, 9, 8]);
    assert_eq!(first["has_more"], true);
    let after = first["last_id"].as_str().unwrap();
    let second = list(&world, &format!("/v1/responses?limit=10&after={after}")).await;
    assert_eq!(numbers(&second), [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(second["has_more"], false);
    let unknown = list(&world, &format!("/v1/responses?after={}", id(99))).await;
    assert_eq!(
        (numbers(&unknown), &unknown["has_more"]),
        (vec![], &json!(false))
    );
    let whole = list(&world, "/v1/responses").await;
    let path = format!("/v1/responses/{}", id(17));
    let alone = Call::new("GET", &path).send(&world).await.json();
    assert_eq!(whole["data"][0], alone, "an entry is the whole response");
}

#[tokio::test]
async fn a_status_finds_every_response_that_is_shown_with_it() {
    let world = world().await;
    for (word, expected) in [
        ("queued", vec![17]),
        ("in_progress", vec![16, 8]),
        ("completed", vec![13, 10, 9, 5, 2, 1]),
        ("failed", vec![14, 12, 11, 6, 4, 3]),
        ("cancelled", vec![15, 7]),
    ] {
        let path = format!("/v1/responses?status={word}");
        let whole = list(&world, &path).await;
        assert_eq!(numbers(&whole), expected, "{word}");
        for entry in whole["data"].as_array().unwrap() {
            assert_eq!(entry["status"], word);
        }
        // The same, two at a time.
        let mut found = Vec::new();
        let mut page = list(&world, &format!("{path}&limit=2")).await;
        loop {
            found.extend(numbers(&page));
            let goes_on = found.len() < expected.len();
            assert_eq!(page["has_more"], goes_on, "{word} after {found:?}");
            if !goes_on {
                break;
            }
            let after = page["last_id"].as_str().unwrap().to_owned();
            page = list(&world, &format!("{path}&limit=2&after={after}")).await;
        }
        assert_eq!(found, expected, "{word}");
    }
}

#[tokio::test]
async fn responses_are_found_by_conversation_and_by_background() {
    let world = world().await;
    let of = async |query: &str| numbers(&list(&world, &format!("/v1/responses?{query}")).await);
    assert_eq!(of(&format!("conversation={}", conversation(4))).await, [4]);
    assert_eq!(
        of(&format!("conversation={}", conversation(50))).await,
        Vec::<u16>::new()
    );
    assert_eq!(of("background=true").await, [17]);
    assert_eq!(of("background=false&limit=1").await, [16]);
    let both = format!("status=failed&conversation={}", conversation(3));
    assert_eq!(of(&both).await, [3]);
}

#[tokio::test]
async fn input_items_are_listed_in_either_order_a_page_at_a_time() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let turns = [calls(&[("clock", "{}"), ("clock", "{}")]), text("Noon.")];
    let world = Plan::new(turns).tools(tools).build().await;
    let ask = json!({"model": "m", "input": "time?"});
    let call = Call::new("POST", "/v1/responses").json(&ask);
    let id = call.send(&world).await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1/responses/{id}/input_items");
    let types = |list: &Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap();
        let name = |item: &Value| item["type"].as_str().unwrap().to_owned();
        data.iter().map(name).collect()
    };
    let sent = [
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
    ];
    let whole = list(&world, &path).await;
    assert_eq!(types(&whole), sent, "not the answer");
    for (order, expected) in [
        ("asc", sent.to_vec()),
        ("desc", sent.into_iter().rev().collect()),
    ] {
        let mut found = Vec::new();
        let mut query = format!("{path}?order={order}&limit=2");
        loop {
            let page = list(&world, &query).await;
            found.extend(types(&page));
            if page["has_more"] == false {
                break;
            }
            let after = page["last_id"].as_str().unwrap();
            query = format!("{path}?order={order}&limit=2&after={after}");
        }
        assert_eq!(found, expected, "{order}");
    }
}
