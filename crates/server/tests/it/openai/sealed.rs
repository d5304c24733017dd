//! What is kept by nobody, or by nobody who could read it.

use super::stage::Stage;

/// Neither the log nor a file of the process has this.
pub(super) fn holds_nowhere(stage: &Stage, secret: &str) {
    for line in stage.service.log().lines() {
        assert!(!line.contains(secret), "{line}");
    }
    let mut files = 0;
    for file in std::fs::read_dir(stage.world.data()).unwrap() {
        let path = file.unwrap().path();
        let held = std::fs::read(&path).unwrap();
        let is_there = held
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!is_there, "{} has it", path.display());
        files += 1;
    }
    assert!(files > 0, "the database is not where it was looked for");
}

#[tokio::test]
async fn nothing_is_kept_of_what_is_not_to_be_stored() {
    let stage = Stage::new().await;
    let function = "nothing_is_kept_of_what_is_not_to_be_stored";
    let told = stage.python("answers", &[function]).await;
    let id = told["id"].as_str().unwrap();
    let native = stage.service.get(&format!("v1/responses/{id}")).await;
    assert_eq!(native.status, 404);
    let body = id.strip_prefix("resp_").unwrap();
    let in_a_file = std::fs::read_dir(stage.world.data()).unwrap().any(|file| {
        let held = std::fs::read(file.unwrap().path()).unwrap();
        held.windows(body.len()).any(|part| part == body.as_bytes())
    });
    assert!(!in_a_file, "{id}");
}

#[tokio::test]
async fn thoughts_travel_with_the_caller_sealed_and_come_back_to_the_model() {
    let stage = Stage::new().await;
    let told = stage.python("answers", &["reasoning_travels_sealed"]).await;
    let sealed = told["sealed"].as_str().unwrap();
    assert!(
        sealed.len() > 40 && !sealed.contains("The user says"),
        "{sealed}"
    );
    let thought = told["thought"].as_str().unwrap();
    let asked = stage.asked();
    let reads = |place: usize| {
        asked[place]["messages"]
            .to_string()
            .contains("The user says")
    };
    assert!(thought.starts_with("The user says"), "{thought}");
    assert_eq!(
        [reads(0), reads(1), reads(2), reads(3)],
        [false, true, true, false],
        "in clear, sealed, and sealed by somebody else: {asked:#?}"
    );
}
