//! Every path that takes an id.

use std::collections::BTreeSet;

use super::{Things, as_who, everything, learnt, operations, world};
use crate::client::Reply;
use crate::world::World;

/// Every operation that takes an id, and a body with which its owner is answered 200. A line with `{any}`
/// stands for both dialects of OpenAI.
const KNOWN: &str = r#"
    GET    /v1/responses/{id}
    DELETE /v1/responses/{id}
    POST   /v1/responses/{id}/cancel
    GET    /v1/responses/{id}/input_items
    GET    /v1/responses/{id}/events
    GET    /v1/responses/{id}/deliveries
    POST   /v1/responses/{id}/deliveries/redeliver {"webhook_id":"{endpoint}"}
    GET    /v1/webhooks/{id}
    PATCH  /v1/webhooks/{id} {"name":"theirs"}
    DELETE /v1/webhooks/{id}
    POST   /v1/webhooks/{id}/rotate_secret {}
    POST   /v1/webhooks/{id}/test {}
    GET    /v1/webhooks/{id}/deliveries
    POST   /v1/webhooks/{id}/deliveries/{event_id}/redeliver
    GET    /{any}/v1/responses/{id}
    DELETE /{any}/v1/responses/{id}
    POST   /{any}/v1/responses/{id}/cancel
    GET    /{any}/v1/responses/{id}/input_items
    GET    /{any}/v1/conversations/{id}
    POST   /{any}/v1/conversations/{id} {"metadata":{"of":"them"}}
    DELETE /{any}/v1/conversations/{id}
    GET    /{any}/v1/conversations/{id}/items
    POST   /{any}/v1/conversations/{id}/items {"items":[{"role":"user","content":"theirs"}]}
    GET    /{any}/v1/conversations/{id}/items/{item_id}
    DELETE /{any}/v1/conversations/{id}/items/{item_id}
    GET    /openai/v1/webhook_endpoints/{id}
    POST   /openai/v1/webhook_endpoints/{id} {"name":"theirs"}
    DELETE /openai/v1/webhook_endpoints/{id}
    POST   /openai/v1/webhook_endpoints/{id}/rotate_secret {}
    POST   /openai/v1/webhook_endpoints/{id}/test {"event_type":"response.failed"}
"#;

/// What is asked besides, because it is answered otherwise.
const BESIDES: &str = "
    GET /v1/responses/{id}?stream=true
    GET /v1/responses/{id}?stream=true&starting_after=0
    GET /v1/responses/{id}?stream=true&starting_after=1000000
    GET /{any}/v1/responses/{id}?stream=true
    GET /{any}/v1/responses/{id}?stream=true&starting_after=0
    GET /{any}/v1/responses/{id}?include[]=reasoning.encrypted_content
    GET /v1/responses/{id}/input_items?limit=1&order=desc
    GET /{any}/v1/responses/{id}/input_items?limit=1&after={item}
    GET /{any}/v1/conversations/{id}/items?limit=1&after={item}
    GET /v1/webhooks/{id}/deliveries?limit=1&after={event}
";

/// A request: its method, its path and its body, with places for ids.
type Request = (String, String, String);

fn requests(table: &str) -> Vec<Request> {
    let mut all = Vec::new();
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (method, rest) = row.split_once(' ').unwrap();
        let (path, body) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let dialects: &[&str] = if path.contains("{any}") {
            &["openai", "openresponses"]
        } else {
            &[""]
        };
        for dialect in dialects {
            let path = path.replace("{any}", dialect);
            all.push((method.to_owned(), path, body.to_owned()));
        }
    }
    all
}

async fn send(world: &World, who: &str, (method, path, body): &Request, ids: &Things) -> Reply {
    let call = as_who(who, method, &ids.fill(path));
    let call = match body.as_str() {
        "" => call,
        body => call
            .header("content-type", "application/json")
            .body(ids.fill(body)),
    };
    call.send(world).await
}

/// A path that is new in the document has to be put into the table, or this fails.
#[test]
fn the_table_knows_every_operation_that_takes_an_id() {
    let known: BTreeSet<(String, String)> = requests(KNOWN)
        .into_iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    let told: BTreeSet<(String, String)> = operations()
        .into_iter()
        .filter(|(_, path, _)| path.contains('{'))
        .map(|(method, path, _)| (method, path))
        .collect();
    assert_eq!(known, told);
}

#[tokio::test]
async fn what_is_somebody_elses_is_answered_as_what_never_was() {
    let (world, _worker, things) = world().await;
    let before = everything(&world, &things).await;
    let missing = things.missing();
    for request in requests(KNOWN).iter().chain(&requests(BESIDES)) {
        let mut methods = vec![request.clone()];
        if request.0 == "GET" {
            methods.push(("HEAD".to_owned(), request.1.clone(), request.2.clone()));
        }
        for request in methods {
            let foreign = send(&world, "bob", &request, &things).await;
            let nothing = send(&world, "bob", &request, &missing).await;
            assert_eq!(foreign.status, 404, "{request:?}: {}", foreign.text());
            assert_eq!(learnt(&foreign), learnt(&nothing), "{request:?}");
        }
    }
    assert_eq!(everything(&world, &things).await, before);
}

/// Otherwise it would not be for being somebody else's that it is refused.
#[tokio::test]
async fn whose_it_is_is_answered() {
    for request in requests(KNOWN).iter().chain(&requests(BESIDES)) {
        let (world, _worker, things) = world().await;
        let expected = if request.1.ends_with("=1000000") {
            400
        } else {
            200
        };
        let reply = send(&world, "ada", request, &things).await;
        assert_eq!(reply.status, expected, "{request:?}: {}", reply.text());
    }
}

/// What is in one's own hands does not lead to what is in those of others.
#[tokio::test]
async fn a_path_of_ones_own_does_not_lead_to_what_is_somebody_elses() {
    let (world, _worker, theirs) = world().await;
    let mine = Things::of(&world, "bob").await;
    let before = everything(&world, &theirs).await;
    let half = |ids: &Things| Things {
        response: mine.response.clone(),
        conversation: mine.conversation.clone(),
        endpoint: mine.endpoint.clone(),
        ..ids.clone()
    };
    let (theirs_in_mine, nothing_in_mine) = (half(&theirs), half(&theirs.missing()));
    let all = requests(KNOWN);
    let inner = all
        .iter()
        .filter(|(_, path, _)| path.matches('{').count() > 1);
    assert_eq!(inner.clone().count(), 5);
    for request in inner {
        let foreign = send(&world, "bob", request, &theirs_in_mine).await;
        let nothing = send(&world, "bob", request, &nothing_in_mine).await;
        assert_eq!(foreign.status, 404, "{request:?}: {}", foreign.text());
        assert_eq!(learnt(&foreign), learnt(&nothing), "{request:?}");
    }
    assert_eq!(everything(&world, &theirs).await, before);
}
