//! The audit log: who changed what, and whose credentials were refused.

use std::collections::BTreeMap;

use async_trait::async_trait;
use response_domain::caller::{Caller, Means, OwnerId, Presented};
use response_domain::id::{ApiKeyId, RawId};
use response_domain::ports::auth::{AuthError, Authenticator};
use response_http::openapi_json;
use response_testkit::script::{TurnScript, text};
use serde_json::{Value, json};

use crate::client::Call;
use crate::log::Log;
use crate::sample;
use crate::who::{ByName, Known};
use crate::world::{Plan, World};

/// What every operation is called that changes something.
const ACTIONS: &str = "
    POST /v1/responses                                         response.create
    DELETE /v1/responses/{id}                                  response.delete
    POST /v1/responses/{id}/cancel                             response.cancel
    POST /v1/responses/{id}/deliveries/redeliver               delivery.redeliver
    POST /v1/webhooks                                          webhook.create
    PATCH /v1/webhooks/{id}                                    webhook.change
    DELETE /v1/webhooks/{id}                                   webhook.delete
    POST /v1/webhooks/{id}/rotate_secret                       webhook.rotate_secret
    POST /v1/webhooks/{id}/test                                webhook.test
    POST /v1/webhooks/{id}/deliveries/{event_id}/redeliver     delivery.redeliver
    POST /openai/v1/responses                                  response.create
    POST /openai/v1/responses/input_tokens                     response.count_tokens
    POST /openai/v1/responses/compact                          response.compact
    DELETE /openai/v1/responses/{id}                           response.delete
    POST /openai/v1/responses/{id}/cancel                      response.cancel
    POST /openai/v1/conversations                              conversation.create
    POST /openai/v1/conversations/{id}                         conversation.change
    DELETE /openai/v1/conversations/{id}                       conversation.delete
    POST /openai/v1/conversations/{id}/items                   conversation.add_items
    DELETE /openai/v1/conversations/{id}/items/{item_id}       conversation.delete_item
    POST /openai/v1/webhook_endpoints                          webhook.create
    POST /openai/v1/webhook_endpoints/{id}                     webhook.change
    DELETE /openai/v1/webhook_endpoints/{id}                   webhook.delete
    POST /openai/v1/webhook_endpoints/{id}/rotate_secret       webhook.rotate_secret
    POST /openai/v1/webhook_endpoints/{id}/test                webhook.test
";

/// Operations and their words, those of Open Responses as those of OpenAI.
fn actions() -> BTreeMap<String, &'static str> {
    let rows = ACTIONS.lines().map(str::trim).filter(|row| !row.is_empty());
    let row = |row: &'static str| {
        let words: Vec<&str> = row.split_whitespace().collect();
        let &[method, path, action] = words.as_slice() else {
            panic!("{row}")
        };
        let path = path.replacen("/openai/", "/{dialect}/", 1);
        (format!("{method} {path}"), action)
    };
    rows.map(row).collect()
}

/// The method, the path and the word of every operation that needs a caller; none for those that only read.
fn operations() -> Vec<(String, String, Option<&'static str>)> {
    let actions = actions();
    let document: Value = serde_json::from_str(&openapi_json()).unwrap();
    let mut all = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if operation.get("security") == Some(&json!([])) {
                continue;
            }
            let method = method.to_uppercase();
            let any = ["/openai/", "/openresponses/"]
                .iter()
                .fold(path.clone(), |path, one| {
                    path.replacen(one, "/{dialect}/", 1)
                });
            let action = actions.get(&format!("{method} {any}")).copied();
            assert_eq!(action.is_none(), method == "GET", "{method} {path}");
            all.push((method, path.clone(), action));
        }
    }
    all
}

#[tokio::test]
async fn every_request_that_is_to_change_something_leaves_a_line_and_no_other_does() {
    let log = Log::of_process();
    let world = Plan::new([]).authenticator(Known("ada")).build().await;
    for (number, (method, template, action)) in operations().into_iter().enumerate() {
        let request = format!("audit-{number}");
        let path = template
            .replace("{id}", "thing_1")
            .replace("{item_id}", "thing_2")
            .replace("{event_id}", "thing_3");
        let call = Call::new(&method, &path).header("x-request-id", &request);
        let call = call.header("authorization", "Bearer marked-token");
        let reply = call.json(&json!({"marked": "body"})).send(&world).await;
        let access = log.access(&request).await;
        assert_eq!(access["fields"]["caller.owner"], "ada");
        let of_this = |line: &Value| line["fields"]["request.id"] == request;
        let lines: Vec<Value> = log.lines().into_iter().filter(of_this).collect();
        let audit: Vec<&Value> = lines
            .iter()
            .filter(|line| line["target"] == "audit")
            .collect();
        let Some(action) = action else {
            assert_eq!(audit.len(), 0, "{method} {path}");
            continue;
        };
        let [line] = audit.as_slice() else {
            panic!("{method} {path}: {audit:?}")
        };
        let object = ["thing_2", "thing_3", "thing_1"];
        let object = object.iter().find(|name| path.contains(*name));
        let outcome = if reply.status < 400 { "ok" } else { "refused" };
        let fields = &line["fields"];
        assert_eq!(fields["audit.action"], action, "{method} {path}");
        assert_eq!(fields["audit.outcome"], outcome, "{method} {path}");
        assert_eq!(fields["http.status"], reply.status, "{method} {path}");
        assert_eq!(fields["caller.owner"], "ada");
        assert_eq!(fields["caller.means"], "token");
        assert_eq!(fields["client.address"], "127.0.0.1");
        if let Some(object) = object {
            assert_eq!(fields["object.id"], *object, "{method} {path}");
        }
        assert_eq!(fields.get("key.id"), None);
        for line in lines {
            assert!(!line.to_string().contains("marked"), "{line}");
        }
    }
}

#[tokio::test]
async fn a_line_names_what_was_made() {
    let log = Log::of_process();
    let world = World::new([text("hi")]).await;
    let endpoint = json!({"url": "https://a.example", "events": ["*"]});
    let theirs =
        json!({"name": "n", "url": "https://a.example", "event_types": ["response.failed"]});
    let create = json!({"model": "m", "input": "hi"});
    for (number, (path, body)) in [
        ("/v1/responses", &create),
        ("/openai/v1/responses", &create),
        ("/openai/v1/conversations", &json!({})),
        ("/v1/webhooks", &endpoint),
        ("/openai/v1/webhook_endpoints", &theirs),
    ]
    .into_iter()
    .enumerate()
    {
        let request = format!("audit-made-{number}");
        let call = Call::new("POST", path).header("x-request-id", &request);
        let made = call.json(body).send(&world).await;
        let line = log.audit(&request).await;
        assert_eq!(line["fields"]["audit.outcome"], "ok", "{}", made.text());
        assert_eq!(line["fields"]["object.id"], made.json()["id"], "{path}");
    }
}

#[tokio::test]
async fn a_path_that_is_no_id_is_not_written_down() {
    let log = Log::of_process();
    let world = World::new([]).await;
    let endless = "x".repeat(65);
    for (number, id) in ["a%0Ab", "%22", endless.as_str()].into_iter().enumerate() {
        let request = format!("audit-odd-{number}");
        let call = Call::new("DELETE", &format!("/v1/responses/{id}"));
        call.header("x-request-id", &request).send(&world).await;
        assert_eq!(log.audit(&request).await["fields"].get("object.id"), None);
    }
}

#[tokio::test]
async fn how_a_change_went_has_a_word() {
    let log = Log::of_process();
    let turns = [TurnScript::Panics, TurnScript::Hangs(Vec::new())];
    let world = World::new(turns).await;
    let create = |request: &str| {
        let call = Call::new("POST", "/v1/responses").header("x-request-id", request);
        call.json(&json!({"model": "m", "input": "hi"}))
    };
    create("audit-failed").send(&world).await;
    let failed = log.audit("audit-failed").await;
    assert_eq!(failed["fields"]["audit.outcome"], "failed");
    let leaves = create("audit-left").open(&world).await;
    world.model.hanging.notified().await;
    drop(leaves);
    let left = log.audit("audit-left").await;
    assert_eq!(left["fields"]["audit.outcome"], "left");
    assert_eq!(left["fields"]["http.status"], 499);
}

/// Knows everybody by the same key.
struct ByKey;

const KEY: ApiKeyId = ApiKeyId::new(RawId::new(7));

#[async_trait]
impl Authenticator for ByKey {
    async fn authenticate(&self, presented: Presented) -> Result<Caller, AuthError> {
        Ok(Caller {
            owner: OwnerId::new("ada"),
            credential: presented.credential,
            expires: None,
            means: Means::ApiKey(KEY),
        })
    }
}

#[tokio::test]
async fn a_key_is_named_by_its_id() {
    let log = Log::of_process();
    let world = Plan::new([]).authenticator(ByKey).build().await;
    let call = Call::new("DELETE", "/v1/responses/resp_1").header("x-request-id", "audit-key");
    call.header("x-api-key", "marked-key").send(&world).await;
    let line = log.audit("audit-key").await;
    assert_eq!(line["fields"]["caller.means"], "api_key");
    assert_eq!(line["fields"]["key.id"], KEY.to_string());
    assert!(!log.text().contains("marked-key"));
}

#[tokio::test]
async fn a_refused_credential_leaves_a_line_that_says_what_is_wrong_with_it() {
    let log = Log::of_process();
    let world = Plan::new([]).authenticator(ByName).build().await;
    for (credential, reason) in [
        ("Bearer forged", "signature"),
        ("Bearer old", "expired"),
        ("Basic bWFya2Vk", "unknown"),
        ("Bearer marked-ü", "malformed"),
    ] {
        let request = format!("audit-no-{reason}");
        let call = Call::new("GET", "/v1/responses").header("x-request-id", &request);
        let refused = call.header("authorization", credential).send(&world).await;
        assert_eq!(refused.status, 401);
        let line = log.audit(&request).await;
        let fields = &line["fields"];
        assert_eq!(fields["audit.action"], "authenticate");
        assert_eq!(fields["audit.outcome"], "refused");
        assert_eq!(fields["audit.reason"], reason);
        assert_eq!(fields["http.status"], 401);
        assert_eq!(fields["client.address"], "127.0.0.1");
        assert_eq!(fields.get("caller.owner"), None);
        assert!(!line.to_string().contains("marked"), "{line}");
        let access = log.access(&request).await;
        assert_eq!(access["fields"].get("caller.owner"), None);
    }
}

#[tokio::test]
async fn whoever_wants_no_audit_log_has_none() {
    let log = Log::of_process();
    let plan = Plan::new([]).options(|options| options.audit = false);
    let world = plan.build().await;
    for (request, credential) in [
        ("audit-off", "Bearer ada"),
        ("audit-off-no", "Bearer forged"),
    ] {
        let call = Call::new("DELETE", &format!("/v1/responses/{}", sample::id(1)));
        let call = call.header("x-request-id", request);
        call.header("authorization", credential).send(&world).await;
        log.access(request).await;
        let is_one =
            |line: &Value| line["target"] == "audit" && line["fields"]["request.id"] == request;
        assert!(!log.lines().iter().any(is_one), "{request}");
    }
}
