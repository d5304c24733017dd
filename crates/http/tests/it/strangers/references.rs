//! What bodies and headers refer to.

use serde_json::{Value, json};

use super::{Things, as_who, asks_for_leave, everything, learnt, world};
use crate::client::Reply;
use crate::world::World;

/// Requests of Bob's that name a thing of Ada's.
const NAMED: &str = r#"
    /v1/responses {"model":"m","input":"hi","previous_response_id":"{response}"}
    /v1/responses {"model":"m","input":"hi","previous_response_id":"{response}","stream":true}
    /v1/responses {"model":"m","input":"hi","previous_response_id":"{response}","background":true}
    /v1/responses {"model":"m","input":"hi","conversation":"{conversation}"}
    /v1/responses {"model":"m","input":[{"type":"item_reference","id":"{native_item}"}]}
    /v1/responses {"model":"m","input":[{"id":"{native_item}"}]}
    /{any}/v1/responses {"model":"m","input":"hi","previous_response_id":"{response}"}
    /{any}/v1/responses {"model":"m","input":"hi","previous_response_id":"{response}","stream":true}
    /{any}/v1/responses {"model":"m","input":"hi","previous_response_id":"{response}","background":true}
    /{any}/v1/responses {"model":"m","input":"hi","previous_response_id":"{response}","store":false}
    /{any}/v1/responses {"model":"m","input":"hi","conversation":"{conversation}"}
    /{any}/v1/responses {"model":"m","input":"hi","conversation":{"id":"{conversation}"}}
    /{any}/v1/responses {"model":"m","input":[{"type":"item_reference","id":"{item}"}]}
    /{any}/v1/responses {"model":"m","input":[{"type":"item_reference","id":"{item}"},{"role":"user","content":"hi"}],"background":true}
    /{any}/v1/responses {"model":"m","input":[{"type":"mcp_approval_response","approval_request_id":"{item}","approve":true}]}
    /{any}/v1/responses/input_tokens {"model":"m","input":"hi","previous_response_id":"{response}"}
    /{any}/v1/responses/input_tokens {"model":"m","input":"hi","conversation":"{conversation}"}
    /{any}/v1/responses/input_tokens {"model":"m","input":[{"type":"item_reference","id":"{item}"}]}
    /{any}/v1/responses/compact {"model":"m","previous_response_id":"{response}"}
    /{any}/v1/responses/compact {"model":"m","input":[{"type":"item_reference","id":"{item}"}]}
    /{any}/v1/conversations {"items":[{"type":"item_reference","id":"{item}"}]}
    /{any}/v1/conversations/MINE/items {"items":[{"type":"item_reference","id":"{item}"}]}
    /v1/responses/MINE/deliveries/redeliver {"webhook_id":"{endpoint}"}
"#;

/// Paths and bodies, with places for ids.
fn named() -> Vec<(String, &'static str)> {
    let mut all = Vec::new();
    for row in NAMED.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (path, body) = row.split_once(' ').unwrap();
        for dialect in ["openai", "openresponses"] {
            let path = path.replace("{any}", dialect);
            if !all.contains(&(path.clone(), body)) {
                all.push((path, body));
            }
        }
    }
    all
}

async fn post(world: &World, who: &str, path: &str, body: &str) -> Reply {
    let call = as_who(who, "POST", path).header("content-type", "application/json");
    call.body(body).send(world).await
}

#[tokio::test]
async fn a_body_that_names_what_is_somebody_elses_is_answered_as_if_it_never_was() {
    let (world, _worker, theirs) = world().await;
    let mine = Things::of(&world, "bob").await;
    let (before, own) = (everything(&world, &theirs).await, listed(&world).await);
    let missing = theirs.missing();
    let asked = world.model.asked().len();
    for (path, body) in named() {
        let path = mine.fill(&path.replace("MINE", "{id}"));
        let foreign = post(&world, "bob", &path, &theirs.fill(body)).await;
        let nothing = post(&world, "bob", &path, &missing.fill(body)).await;
        let status = foreign.status;
        assert!(
            matches!(status, 400 | 404),
            "{path} {body}: {}",
            foreign.text()
        );
        assert_eq!(learnt(&foreign), learnt(&nothing), "{path} {body}");
    }
    assert_eq!(world.model.asked().len(), asked, "no model was asked");
    assert_eq!(listed(&world).await, own, "and Bob has no response of it");
    assert_eq!(everything(&world, &theirs).await, before);
}

async fn listed(world: &World) -> String {
    let list = as_who("bob", "GET", "/v1/responses").send(world).await;
    list.text().to_owned()
}

/// Otherwise it would not be for being somebody else's that it is refused.
#[tokio::test]
async fn whose_it_is_may_name_it() {
    let (world, _worker, mine) = world().await;
    for (path, body) in named() {
        if body.contains("mcp_approval_response") {
            continue;
        }
        let path = mine.fill(&path.replace("MINE", "{id}"));
        let reply = post(&world, "ada", &path, &mine.fill(body)).await;
        assert!(reply.status < 300, "{path} {body}: {}", reply.text());
    }
}

const ANY: [&str; 2] = ["openai", "openresponses"];

/// What an item of a list holds, by its type.
fn of_kind(items: &Value, kind: &str, field: &str) -> Option<String> {
    let items = items.as_array().unwrap().iter();
    let mut found = items.filter(|item| item["type"].as_str().unwrap().ends_with(kind));
    Some(found.next()?[field].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_was_sealed_for_somebody_else_is_as_good_as_made_up() {
    for dialect in ANY {
        let (world, _worker, _things) = world().await;
        let compact = format!("/{dialect}/v1/responses/compact");
        let talk = r#"{"model":"m","input":[{"role":"user","content":"hi"}]}"#;
        let compacted = post(&world, "ada", &compact, talk).await;
        assert_eq!(compacted.status, 200, "{}", compacted.text());
        let sealed = of_kind(
            &compacted.json()["output"],
            "compaction",
            "encrypted_content",
        );
        let sealed = sealed.unwrap();
        let made_up = "A".repeat(sealed.len());
        let room = format!("/{dialect}/v1/conversations");
        for (path, around) in [
            (format!("/{dialect}/v1/responses"), "input"),
            (format!("/{dialect}/v1/responses/input_tokens"), "input"),
            (compact, "input"),
            (room, "items"),
        ] {
            let body = |text: &str| {
                let item = json!({"type": "compaction", "encrypted_content": text});
                json!({"model": "m", around: [item, {"role": "user", "content": "and?"}]})
                    .to_string()
            };
            let foreign = post(&world, "bob", &path, &body(&sealed)).await;
            let nothing = post(&world, "bob", &path, &body(&made_up)).await;
            assert_eq!(foreign.status, 400, "{path}: {}", foreign.text());
            assert_eq!(learnt(&foreign), learnt(&nothing), "{path}");
            let own = post(&world, "ada", &path, &body(&sealed)).await;
            assert_eq!(own.status, 200, "{path}: {}", own.text());
        }
    }
}

#[tokio::test]
async fn leave_that_somebody_else_was_asked_for_cannot_be_given() {
    for dialect in ANY {
        let world = asks_for_leave().build().await;
        let path = format!("/{dialect}/v1/responses");
        let tools =
            json!([{"type": "mcp", "server_label": "default", "require_approval": "always"}]);
        let ask = json!({"model": "m", "input": "What time is it?", "tools": tools});
        let asked = post(&world, "ada", &path, &ask.to_string()).await.json();
        let request = of_kind(&asked["output"], "mcp_approval_request", "id").unwrap();
        let previous = asked["id"].as_str().unwrap();
        let body = |request: &str, previous: Option<&str>| {
            let kind = if dialect == "openai" { "" } else { "jan:" };
            let leave = json!({
                "type": format!("{kind}mcp_approval_response"),
                "approval_request_id": request,
                "approve": true,
            });
            let body = json!({
                "model": "m", "input": [leave], "tools": tools, "previous_response_id": previous,
            });
            body.to_string()
        };
        for (theirs, before) in [
            (None, None),
            (Some(previous), Some(super::beside(previous))),
        ] {
            let foreign = post(&world, "bob", &path, &body(&request, theirs)).await;
            let nothing = body(&super::beside(&request), before.as_deref());
            let nothing = post(&world, "bob", &path, &nothing).await;
            assert!(matches!(foreign.status, 400 | 404), "{}", foreign.text());
            assert_eq!(learnt(&foreign), learnt(&nothing), "{dialect}");
        }
        assert!(world.tools.called().is_empty(), "nothing was called");
        let own = post(&world, "ada", &path, &body(&request, Some(previous))).await;
        assert_eq!(own.status, 200, "{}", own.text());
        assert_eq!(world.tools.called().len(), 1);
    }
}

#[tokio::test]
async fn a_key_of_somebody_else_is_free() {
    for base in ["/v1", "/openai/v1", "/openresponses/v1"] {
        for background in [false, true] {
            let (world, _worker, _things) = world().await;
            let ask = json!({"model": "m", "input": "hi", "background": background});
            let keyed = async |who: &str, key: &str, body: &Value| {
                let call = as_who(who, "POST", &format!("{base}/responses"));
                call.header("idempotency-key", key)
                    .json(body)
                    .send(&world)
                    .await
            };
            let theirs = keyed("ada", "taken", &ask).await;
            let foreign = keyed("bob", "taken", &ask).await;
            let nothing = keyed("bob", "free", &ask).await;
            assert_ne!(foreign.json()["id"], theirs.json()["id"], "{base}");
            assert_eq!(learnt(&foreign), learnt(&nothing), "{base}");
            let other = json!({"model": "m", "input": "other"});
            let reused = keyed("ada", "taken", &other).await;
            assert_eq!(reused.status, 400, "{base}: {}", reused.text());
            let other = keyed("carol", "taken", &other).await;
            assert_eq!(other.status, 200, "{base}: {}", other.text());
        }
    }
}
