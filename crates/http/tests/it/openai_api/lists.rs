//! Lists of items, a page at a time.

use response_testkit::script::text;
use serde_json::{Value, json};

use super::{ask, get, path, refusal};
use crate::shapes::assert_shape;
use crate::world::World;

fn ids(list: &Value) -> Vec<String> {
    let id = |item: &Value| item["id"].as_str().unwrap().to_owned();
    list["data"].as_array().unwrap().iter().map(id).collect()
}

/// A response with five items of input, two of them from before.
async fn five(world: &World) -> String {
    let first = ask(world, &json!({"input": "one"})).await;
    let message = |text: &str| json!({"role": "user", "content": text, "id": "msg_mine"});
    let wish = json!({
        "previous_response_id": first.json()["id"],
        "input": [message("two"), message("three"), message("four")],
    });
    format!("{}/input_items", path(&ask(world, &wish).await))
}

#[tokio::test]
async fn the_input_of_a_response_is_listed_newest_first_with_what_came_before() {
    let world = World::new([text("hi")]).await;
    let path = five(&world).await;
    let whole = get(&world, &path).await;
    assert_eq!(whole.status, 200, "{}", whole.text());
    let list = whole.json();
    assert_shape("OpenAiItemList", &list);
    let said = |item: &Value| item["content"][0]["text"].as_str().unwrap().to_owned();
    let texts: Vec<String> = list["data"].as_array().unwrap().iter().map(said).collect();
    assert_eq!(texts, ["four", "three", "two", "hi", "one"]);
    let all = ids(&list);
    assert_eq!(
        (&list["first_id"], &list["last_id"], &list["has_more"]),
        (&json!(all[0]), &json!(all[4]), &json!(false))
    );
    let ascending = get(&world, &format!("{path}?order=asc")).await.json();
    let mut turned = ids(&ascending);
    turned.reverse();
    assert_eq!(turned, all);
    assert!(
        all.iter()
            .all(|id| id.starts_with("msg_") && id != "msg_mine")
    );
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_in_both_orders() {
    let world = World::new([text("hi")]).await;
    let path = five(&world).await;
    for order in ["asc", "desc"] {
        let whole = get(&world, &format!("{path}?order={order}")).await.json();
        for limit in 1..=6 {
            let mut found = Vec::new();
            let mut after = String::new();
            loop {
                let query = format!("{path}?order={order}&limit={limit}{after}");
                let page = get(&world, &query).await.json();
                found.extend(ids(&page));
                if page["has_more"] == json!(false) {
                    break;
                }
                assert_eq!(ids(&page).len(), limit);
                after = format!("&after={}", page["last_id"].as_str().unwrap());
            }
            assert_eq!(found, ids(&whole), "{order} {limit}");
        }
    }
}

#[tokio::test]
async fn a_page_can_end_before_an_item() {
    let world = World::new([text("hi")]).await;
    let path = five(&world).await;
    let all = ids(&get(&world, &path).await.json());
    let before = async |query: &str| get(&world, &format!("{path}?{query}")).await.json();
    let page = before(&format!("before={}", all[3])).await;
    assert_eq!(ids(&page), all[..3]);
    let page = before(&format!("before={}&limit=2", all[3])).await;
    assert_eq!(ids(&page), all[1..3]);
    assert_eq!(page["has_more"], true);
    let page = before(&format!("after={}&before={}", all[0], all[3])).await;
    assert_eq!(ids(&page), all[1..3]);
    let page = before(&format!("before={}", all[0])).await;
    assert_eq!(
        (ids(&page), &page["first_id"], &page["last_id"]),
        (Vec::new(), &json!(null), &json!(null))
    );
}

/// An item goes by its body, whatever a client takes it for.
#[tokio::test]
async fn an_item_is_found_under_any_prefix() {
    let world = World::new([text("hi")]).await;
    let path = five(&world).await;
    let all = ids(&get(&world, &path).await.json());
    let other = all[1].replace("msg_", "item_");
    let page = get(&world, &format!("{path}?after={other}")).await.json();
    assert_eq!(ids(&page), all[2..]);
}

#[tokio::test]
async fn what_is_no_page_is_refused() {
    let world = World::new([text("hi")]).await;
    let path = five(&world).await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("order=newest", "order"),
        ("after=nothing", "after"),
        ("before=msg_1", "before"),
    ] {
        let reply = get(&world, &format!("{path}?{query}")).await;
        let expected = (400, json!("invalid_value"), json!(field));
        assert_eq!(refusal(&reply), expected, "{query}");
    }
    for query in ["limit=100", "limit=1", "include[]=x", "beta=true"] {
        let reply = get(&world, &format!("{path}?{query}")).await;
        assert_eq!(reply.status, 200, "{query}");
    }
}
