//! Conversations: made, described, filled by responses and by hand, listed, deleted.

use response_testkit::wire::{check_item, check_list};
use serde_json::{Value, json};

use super::peer::{Peer, text};
use super::{Finding, Trouble, must};

fn is_a(conversation: &Value, metadata: &Value) -> Finding {
    let object = text(conversation, "/object");
    must(object == "conversation", || {
        format!("a conversation is no {object}")
    })?;
    let created = conversation.get("created_at").is_some_and(Value::is_i64);
    must(created, || "a conversation has no `created_at`".to_owned())?;
    must(conversation.get("metadata") == Some(metadata), || {
        format!("the metadata is not {metadata}")
    })
}

pub(super) async fn kept(peer: &Peer) -> Finding {
    let items = json!([{"type": "message", "role": "user", "content": "I am Alice."}]);
    let about = json!({"topic": "names"});
    let made = peer
        .post(
            "/conversations",
            &json!({"items": items, "metadata": about}),
        )
        .await?;
    if made.status == 404 {
        return Err(Trouble::NotOffered("there is no such path".to_owned()));
    }
    let made = made.json(200)?;
    is_a(&made, &about)?;
    let path = format!("/conversations/{}", text(&made, "/id"));
    is_a(&peer.get(&path).await?.json(200)?, &about)?;
    let other = json!({"topic": "more names"});
    let described = peer
        .post(&path, &json!({"metadata": other}))
        .await?
        .json(200)?;
    is_a(&described, &other)?;
    let wish = json!({"input": "Who am I?", "conversation": text(&made, "/id")});
    let response = peer.response(&wish).await?;
    must(
        text(&response, "/conversation/id") == text(&made, "/id"),
        || "the response does not name its conversation".to_owned(),
    )?;
    let more = json!({"items": [{"role": "user", "content": "Thanks."}]});
    let added = peer
        .post(&format!("{path}/items"), &more)
        .await?
        .json(200)?;
    check_list(&added, |item| check_item(item, peer.flavour))?;
    let listed = listed(peer, &path, "?order=asc&limit=100").await?;
    must(listed.len() >= 4, || {
        format!("the conversation has {} items", listed.len())
    })?;
    paged(peer, &path, &listed).await?;
    let last = listed
        .last()
        .map(|item| text(item, "/id"))
        .unwrap_or_default();
    let item = format!("{path}/items/{last}");
    check_item(&peer.get(&item).await?.json(200)?, peer.flavour)?;
    is_a(&peer.delete(&item).await?.json(200)?, &other)?;
    peer.get(&item).await?.refusal(404, None)?;
    let gone = peer.delete(&path).await?.json(200)?;
    must(text(&gone, "/object") == "conversation.deleted", || {
        format!(
            "a conversation that is deleted is no {}",
            text(&gone, "/object")
        )
    })?;
    peer.get(&path).await?.refusal(404, None).map(drop)
}

async fn listed(peer: &Peer, path: &str, query: &str) -> Result<Vec<Value>, Trouble> {
    let list = peer.get(&format!("{path}/items{query}")).await?.json(200)?;
    check_list(&list, |item| check_item(item, peer.flavour))?;
    let data = list.get("data").and_then(Value::as_array);
    Ok(data.cloned().unwrap_or_default())
}

/// One item a page, the pages are the whole.
async fn paged(peer: &Peer, path: &str, whole: &[Value]) -> Finding {
    let mut found: Vec<Value> = Vec::new();
    loop {
        let after = found
            .last()
            .map(|item| format!("&after={}", text(item, "/id")));
        let query = format!("?order=asc&limit=1{}", after.unwrap_or_default());
        let page = listed(peer, path, &query).await?;
        if page.is_empty() || found.len() > whole.len() {
            break;
        }
        found.extend(page);
    }
    must(found == whole, || {
        "page by page other items are listed".to_owned()
    })
}
