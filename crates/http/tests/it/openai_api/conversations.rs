//! Conversations: begun, described, added to, read and forgotten.

use response_testkit::script::text;
use serde_json::{Value, json};

use super::{BASES, RESPONSES, ask, delete, get, post, refusal, request};
use crate::background::half;
use crate::client::{Call, Reply};
use crate::shapes::assert_shape;
use crate::world::World;

const ROOMS: &str = "/openai/v1/conversations";

async fn begun(world: &World, body: &Value) -> (String, Value) {
    let reply = post(world, ROOMS, body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let id = reply.json()["id"].clone();
    (format!("{ROOMS}/{}", id.as_str().unwrap()), id)
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

/// What is said in a list, oldest first.
fn texts(list: &Reply) -> Vec<String> {
    assert_eq!(list.status, 200, "{}", list.text());
    let list = list.json();
    let items = list["data"].as_array().unwrap().iter().rev();
    items
        .map(|item| item["content"][0]["text"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_conversation_is_begun_described_and_forgotten() {
    for base in BASES {
        let world = World::new([]).await;
        let rooms = format!("{base}/conversations");
        let made = post(&world, &rooms, &json!({"metadata": {"topic": "tea"}})).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let room = made.json();
        assert_shape("OpenAiConversation", &room);
        assert_eq!(room["metadata"], json!({"topic": "tea"}));
        let id = room["id"].as_str().unwrap().to_owned();
        let path = format!("{rooms}/{id}");
        assert_eq!(get(&world, &path).await.text(), made.text());
        let wish = json!({"metadata": {"mood": "calm"}});
        let described = post(&world, &path, &wish).await;
        assert_eq!(described.json()["metadata"], wish["metadata"]);
        assert_eq!(get(&world, &path).await.text(), described.text());
        let missing = post(&world, &path, &json!({})).await;
        assert_eq!(
            refusal(&missing),
            (400, json!("missing_required_parameter"), json!("metadata"))
        );
        let gone = delete(&world, &path).await;
        assert_eq!(
            gone.text(),
            format!(r#"{{"id":"{id}","object":"conversation.deleted","deleted":true}}"#)
        );
        for (method, tail) in [("GET", ""), ("DELETE", ""), ("GET", "/items")] {
            let reply = Call::new(method, &format!("{path}{tail}"))
                .send(&world)
                .await;
            assert_eq!(
                refusal(&reply),
                (404, json!(null), json!(null)),
                "{method} {tail}"
            );
        }
    }
}

#[tokio::test]
async fn a_conversation_may_begin_with_nothing_at_all() {
    let world = World::new([]).await;
    let bare = Call::new("POST", ROOMS).send(&world).await;
    assert_eq!(bare.status, 200, "{}", bare.text());
    assert_eq!(bare.json()["metadata"], json!({}));
    let nulls = post(&world, ROOMS, &json!({"metadata": null, "items": null})).await;
    assert_eq!(nulls.status, 200, "{}", nulls.text());
}

#[tokio::test]
async fn items_are_added_read_and_taken_out() {
    let world = World::new([]).await;
    let (path, _) = begun(&world, &json!({"items": [user("one")]})).await;
    let more = json!({"items": [user("two"), user("three")]});
    let added = post(&world, &format!("{path}/items?include[]=x"), &more).await;
    assert_eq!(added.status, 200, "{}", added.text());
    let list = added.json();
    assert_shape("OpenAiItemList", &list);
    assert_eq!(list["has_more"], false);
    let id = |place: usize| list["data"][place]["id"].as_str().unwrap().to_owned();
    assert_eq!(list["first_id"], json!(id(0)));
    assert_eq!(list["last_id"], json!(id(1)));
    let items = format!("{path}/items");
    assert_eq!(texts(&get(&world, &items).await), ["one", "two", "three"]);
    let page = get(&world, &format!("{items}?limit=1&after={}", id(1))).await;
    assert_eq!(texts(&page), ["two"]);
    assert_eq!(page.json()["has_more"], true);
    let item = get(&world, &format!("{items}/{}", id(0))).await;
    assert_eq!(item.json(), list["data"][0]);
    assert_shape("OpenAiItem", &item.json());
    let room = get(&world, &path).await;
    let taken = delete(&world, &format!("{items}/{}", id(0))).await;
    assert_eq!((taken.status, taken.text()), (200, room.text()));
    assert_eq!(texts(&get(&world, &items).await), ["one", "three"]);
    let other = id(0).replace("msg_", "fc_");
    for id in [id(0), other, "msg_1".to_owned(), "nothing".to_owned()] {
        for method in ["GET", "DELETE"] {
            let call = Call::new(method, &format!("{items}/{id}"));
            let reply = call.send(&world).await;
            assert_eq!(
                refusal(&reply),
                (404, json!(null), json!(null)),
                "{method} {id}"
            );
        }
    }
}

#[tokio::test]
async fn a_response_reads_its_conversation_and_adds_to_it() {
    let world = World::new([text("Ada.")]).await;
    let (path, id) = begun(&world, &json!({"items": [user("I am Ada.")]})).await;
    for (conversation, input) in [(id.clone(), "Who am I?"), (json!({"id": id}), "Again?")] {
        let wish = json!({"conversation": conversation, "input": input});
        let reply = ask(&world, &wish).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["conversation"], json!({"id": id}));
    }
    let said = ["I am Ada.", "Who am I?", "Ada.", "Again?", "Ada."];
    assert_eq!(texts(&get(&world, &format!("{path}/items")).await), said);
    let turn = world.model.asked().pop().unwrap();
    assert_eq!(turn.transcript.len(), 4, "all but its own answer");
    let list = get(&world, &format!("{path}/items")).await.json();
    let first = list["data"][4]["id"].as_str().unwrap();
    delete(&world, &format!("{path}/items/{first}")).await;
    ask(&world, &json!({"conversation": id, "input": "Once more?"})).await;
    let turn = world.model.asked().pop().unwrap();
    let lines = crate::input::lines(&turn);
    assert_eq!(lines[0], r#"user: "Who am I?""#);
}

#[tokio::test]
async fn a_conversation_has_one_response_under_way() {
    let world = World::new([half()]).await;
    let (_, id) = begun(&world, &json!({})).await;
    let wish = json!({"conversation": id, "stream": true});
    let mut open = Call::new("POST", RESPONSES)
        .json(&request(&wish))
        .open(&world)
        .await;
    open.until("Once upon").await;
    let second = ask(&world, &wish).await;
    assert_eq!(
        refusal(&second),
        (400, json!("conversation_locked"), json!("conversation"))
    );
    drop(open);
    world.model.dropped.notified().await;
}

/// Bodies that are not acceptable: where they go, and the code and the field at fault.
const REFUSED: &str = r#"
    "" {"metadata": 7} => invalid_type metadata
    "" {"metadata": {"a": 7}} => invalid_type metadata.a
    "" {"items": "hi"} => invalid_type items
    "" {"items": [7]} => invalid_type items[0]
    "" {"items": MANY} => array_above_max_length items
    "" {"items": [{"type": "function_call_output"}]} => missing_required_parameter items[0].call_id
    "" {"items": [{"id": "msg_01hqr8v9k2x3f4g5h6j7k8m9n000002"}]} => null items
    "" {"items": [{"type": "compaction", "encrypted_content": "nonsense"}]} => invalid_encrypted_content items
    /ID {} => missing_required_parameter metadata
    /ID {"metadata": []} => invalid_type metadata
    /ID/items {} => missing_required_parameter items
    /ID/items {"items": MANY} => array_above_max_length items
"#;

#[tokio::test]
async fn what_is_not_acceptable_is_refused_by_its_field() {
    let world = World::new([]).await;
    let (path, _) = begun(&world, &json!({})).await;
    let id = path.rsplit('/').next().unwrap();
    let many = json!(vec![user("x"); 21]).to_string();
    for line in REFUSED.lines().filter(|line| line.contains("=>")) {
        let (asked, expected) = line.trim().split_once(" => ").unwrap();
        let (tail, body) = asked.split_once(' ').unwrap();
        let tail = tail.trim_matches('"').replace("ID", id);
        let body = body.replace("MANY", &many);
        let call = Call::new("POST", &format!("{ROOMS}{tail}")).body(body);
        let reply = call.send(&world).await;
        let (status, code, field) = refusal(&reply);
        let code = code.as_str().unwrap_or("null");
        let told = format!("{code} {}", field.as_str().unwrap_or("null"));
        assert_eq!(told, expected, "{line}: {}", reply.text());
        let is_lost = line.contains("msg_01hq");
        assert_eq!(status, if is_lost { 404 } else { 400 }, "{line}");
    }
}
