//! The routes under `/openai/v1` as OpenAI's own client library finds them. The test installs it, as pinned
//! in `tests/sdk`, into the build folder.

use std::path::Path;
use std::process::Command;

use response_domain::webhook::{SendFault, SigningSecret};
use response_testkit::packages::Packages;
use response_testkit::sender::status;
use serde_json::{Value, json};

use crate::layout::laid_out;
use crate::world::World;

const LIBRARY: Packages<'_> = Packages {
    built: env!("CARGO_TARGET_TMPDIR"),
    name: "http-sdk",
    pinned: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk"),
    files: &["requirements.txt"],
};

/// What the library understood of a server.
fn ask(base: &str) -> Value {
    let python = LIBRARY.python().join("venv/bin/python");
    let script = Path::new(LIBRARY.pinned).join("endpoints.py");
    let output = Command::new(python).arg(script).arg(base).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_library_of_openai_makes_reads_changes_tests_and_deletes_endpoints() {
    let world = World::new([]).await;
    world
        .sender
        .answer([status(204), Err(SendFault::ConnectFailed)]);
    let base = format!("http://{}/openai/v1", world.address);
    let understood = tokio::task::spawn_blocking(move || ask(&base)).await;
    let understood = understood.unwrap();
    insta::assert_snapshot!(laid_out(&understood.to_string()));
    let letters = world.sender.letters();
    let secrets = letters[0].secrets.iter().map(SigningSecret::expose);
    assert_eq!(
        json!(secrets.collect::<Vec<_>>()),
        json!([understood["rotated"], understood["secrets"][0]]),
        "both sign for a day"
    );
}
