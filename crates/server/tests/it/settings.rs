//! The commands that serve nobody.

use crate::process::World;

#[tokio::test]
async fn every_wrong_setting_is_told_at_once() {
    let mut world = World::new();
    world.set("RESPONSE_MAX_TOOL_DEPTH", "99");
    world.set("TOOL_EXECUTION_TIMEOUT", "soon");
    let ended = world.command().output().await.unwrap();
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1));
    for expected in [
        "RESPONSE_MAX_TOOL_DEPTH",
        "99",
        "15",
        "TOOL_EXECUTION_TIMEOUT",
        "soon",
    ] {
        assert!(told.contains(expected), "{expected} is not in:\n{told}");
    }
}

#[tokio::test]
async fn the_settings_are_printed_without_secrets() {
    let mut world = World::new();
    world.set("RESPONSE_LLM_API_KEY", "sk_marker_secret");
    world.set(
        "DB_POSTGRESQL_WRITE_DSN",
        "postgres://api:marker_password@db/api",
    );
    let ended = world.command().arg("config").output().await.unwrap();
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success());
    assert!(told.contains("RESPONSE_LLM_API_KEY"), "{told}");
    assert!(!told.contains("marker"), "{told}");
}

#[tokio::test]
async fn a_schema_can_be_made_without_serving() {
    let mut world = World::new();
    world.set("AUTO_MIGRATE", "false");
    let service = world.start().await;
    let ready = service.get("readyz").await;
    assert_eq!(ready.status, 503, "{:#}", ready.body);
    assert_eq!(service.get("healthz").await.status, 200);
    service.kill().await;
    assert!(
        world
            .command()
            .arg("migrate")
            .status()
            .await
            .unwrap()
            .success()
    );
    assert_eq!(world.start().await.get("readyz").await.status, 200);
}
