//! What the service says of itself: health, where to read on, and its `OpenAPI` document.

use std::collections::BTreeSet;

use response_domain::failure::FailureCode;
use response_domain::id::EventId;
use response_http::openapi_json;
use serde_json::Value;

use crate::client::Call;
use crate::layout::laid_out;
use crate::sample;
use crate::world::World;

fn document() -> Value {
    serde_json::from_str(&openapi_json()).unwrap()
}

#[tokio::test]
async fn the_service_says_how_it_is() {
    let world = World::new([]).await;
    let alive = Call::new("GET", "/healthz").send(&world).await;
    assert_eq!((alive.status, alive.text()), (200, r#"{"status":"ok"}"#));
    let ready = Call::new("GET", "/readyz").send(&world).await;
    assert_eq!(ready.status, 200);
    insta::assert_snapshot!(laid_out(ready.text()));
}

#[tokio::test]
async fn the_service_says_what_it_is() {
    let world = World::new([]).await;
    let index = Call::new("GET", "/").send(&world).await;
    insta::assert_snapshot!(laid_out(index.text()));
    for field in ["docs", "openapi", "responses"] {
        let path = format!("/{}", index.json()[field].as_str().unwrap());
        assert_eq!(Call::new("GET", &path).send(&world).await.status, 200);
    }
    let served = Call::new("GET", "/openapi.json").send(&world).await;
    assert_eq!(served.text(), openapi_json());
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let world = World::new([]).await;
    let page = Call::new("GET", "/docs").send(&world).await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"));
    assert!(page.text().contains("fetch(\"openapi.json\")"));
    assert!(!page.text().contains("://"));
}

/// What answers on a path is in the document, and what is in the document answers.
#[tokio::test]
async fn the_document_describes_what_is_mounted_and_nothing_else() {
    let world = World::new([]).await;
    let document = document();
    let verbs = ["get", "post", "delete", "put", "patch"];
    for (template, operations) in document["paths"].as_object().unwrap() {
        let path = template
            .replace("{id}", &sample::id(1).to_string())
            .replace("{event_id}", &EventId::of(sample::id(1)).to_string());
        for verb in verbs {
            let call = Call::new(&verb.to_uppercase(), &path);
            let reply = call.send(&world).await;
            let is_mounted = reply.status != 405;
            assert_eq!(
                operations.get(verb).is_some(),
                is_mounted,
                "{verb} {template}: {}",
                reply.status
            );
            let leads_nowhere = ["route_not_found", "unknown_url"];
            let routed = !leads_nowhere.iter().any(|code| reply.text().contains(code));
            assert!(routed, "{verb} {template}");
            let status = reply.status.to_string();
            let told = &operations[verb]["responses"][&status];
            assert!(
                !is_mounted || told.is_object(),
                "{verb} {template}: {status}"
            );
        }
    }
}

/// Every `$ref` of the document, wherever it stands.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere_and_nothing_is_left_over() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let components = document["components"].as_object().unwrap();
    for (kind, entries) in components {
        for name in entries.as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            let is_used = kind == "securitySchemes" || found.contains(reference.as_str());
            assert!(is_used, "{reference} is used nowhere");
        }
    }
}

#[test]
fn the_document_names_every_failure() {
    let document = document();
    let codes = &document["components"]["schemas"]["FailureCode"]["enum"];
    let known: Vec<&str> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(*codes, serde_json::json!(known));
}

#[test]
fn the_document_is_as_it_was_last_looked_at() {
    insta::assert_snapshot!(openapi_json());
}
