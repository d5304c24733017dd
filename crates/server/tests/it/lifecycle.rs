//! Beginning and ending: of readers, of runs, of the process.

use serde_json::json;

use crate::process::World;

#[tokio::test]
async fn a_killed_process_leaves_no_run_in_progress() {
    let world = World::new();
    let service = world.start().await;
    let body = json!({"model": "jan-v2-30b", "input": r#"wait [[call:wait {"seconds":60}]]"#, "stream": true});
    let mut reading = service.stream(body).await;
    let mut id = String::new();
    while let Some((name, event)) = reading.next().await {
        if name == "response.tool_call" {
            id = event["id"].as_str().unwrap().to_owned();
            break;
        }
    }
    service.kill().await;
    let service = world.start().await;
    let kept = service.get(&format!("v1/responses/{id}")).await.body;
    assert_eq!(
        (&kept["status"], &kept["error"]["code"]),
        (&json!("failed"), &json!("interrupted")),
        "{kept:#}"
    );
    assert_eq!(kept["tool_executions"][0]["status"], "unknown");
}

#[tokio::test]
async fn a_reader_that_leaves_stops_the_model() {
    let world = World::new();
    let service = world.start().await;
    let body = json!({"model": "jan-v2-30b", "input": "a story [[fail:slow]]", "stream": true});
    let mut reading = service.stream(body).await;
    let mut id = String::new();
    while let Some((name, event)) = reading.next().await {
        if name == "response.output_text.delta" {
            id = event["id"].as_str().unwrap().to_owned();
            break;
        }
    }
    drop(reading);
    world
        .model
        .ledger()
        .until(|traffic| traffic.abandoned == 1)
        .await;
    let kept = service
        .post(&format!("v1/responses/{id}/cancel"), json!({}))
        .await;
    assert_eq!(
        (kept.status, &kept.body["status"]),
        (200, &json!("cancelled"))
    );
}

#[tokio::test]
async fn a_waiting_caller_that_leaves_stops_the_model() {
    let world = World::new();
    let service = world.start().await;
    let create = service.create(json!({"model": "jan-v2-30b", "input": "a story [[fail:hang]]"}));
    tokio::select! {
        answer = create => panic!("{:#}", answer.body),
        _ = world.model.ledger().until(|traffic| traffic.started == 1) => {}
    }
    world
        .model
        .ledger()
        .until(|traffic| traffic.abandoned == 1)
        .await;
}

#[tokio::test]
async fn a_cancel_from_elsewhere_ends_a_stream() {
    let world = World::new();
    let service = world.start().await;
    let body = json!({"model": "jan-v2-30b", "input": "a story [[fail:slow]]", "stream": true});
    let mut reading = service.stream(body).await;
    let (_, created) = reading.next().await.unwrap();
    let id = created["id"].as_str().unwrap().to_owned();
    let cancelled = service
        .post(&format!("v1/responses/{id}/cancel"), json!({}))
        .await;
    assert_eq!(
        (cancelled.status, &cancelled.body["status"]),
        (200, &json!("cancelled"))
    );
    let (name, last) = reading.all().await.pop().unwrap();
    assert_eq!(
        (name.as_str(), &last["response"]["status"]),
        ("response.cancelled", &json!("cancelled"))
    );
    let again = service
        .post(&format!("v1/responses/{id}/cancel"), json!({}))
        .await;
    assert_eq!(again.body, cancelled.body);
}

#[tokio::test]
async fn a_signal_ends_the_process_in_order() {
    let mut world = World::new();
    world.set("RESPONSE_SHUTDOWN_SOFT", "200ms");
    let service = world.start().await;
    assert_eq!(service.get("readyz").await.status, 200);
    let body = json!({"model": "jan-v2-30b", "input": "a story [[fail:slow]]", "stream": true});
    let mut reading = service.stream(body).await;
    let (_, created) = reading.next().await.unwrap();
    let id = created["id"].as_str().unwrap().to_owned();
    service.signal("-TERM");
    let (name, last) = reading.all().await.pop().unwrap();
    assert_eq!(
        (name.as_str(), &last["response"]["error"]["code"]),
        ("response.failed", &json!("interrupted"))
    );
    assert_eq!(service.ended().await, Some(0));
    let service = world.start().await;
    let kept = service.get(&format!("v1/responses/{id}")).await.body;
    assert_eq!(kept["error"]["code"], "interrupted");
}

#[tokio::test]
async fn one_process_holds_an_embedded_database() {
    let world = World::new();
    let _first = world.start().await;
    let second = world.command().output().await.unwrap();
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success());
    assert!(told.contains("another process"), "{told}");
}
