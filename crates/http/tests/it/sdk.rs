//! The routes under `/openai/v1` as OpenAI's own client library finds them. The test installs it, as pinned
//! in `tests/sdk`, into the build folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use response_domain::webhook::{SendFault, SigningSecret};
use response_testkit::sender::status;
use serde_json::{Value, json};

use crate::layout::laid_out;
use crate::world::World;

const PINNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk");
const REQUIREMENTS: &str = "requirements.txt";

/// The folder with the library in it; filled by whoever comes first, and again when something else is pinned.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("http-sdk");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("install.lock")).unwrap();
    lock.lock().unwrap();
    let pinned = fs::read(Path::new(PINNED).join(REQUIREMENTS)).unwrap();
    let mark = folder.join("installed");
    if fs::read(&mark).is_ok_and(|there| there == pinned) {
        return folder;
    }
    fs::write(folder.join(REQUIREMENTS), &pinned).unwrap();
    run(Command::new("python3")
        .args(["-m", "venv", "--clear", "venv"])
        .current_dir(&folder));
    run(Command::new(folder.join("venv/bin/python"))
        .args(["-m", "pip", "--disable-pip-version-check", "install"])
        .args(["--quiet", "--only-binary=:all:", "--require-hashes"])
        .args(["--requirement", REQUIREMENTS])
        .current_dir(&folder));
    fs::write(mark, pinned).unwrap();
    folder
}

/// What a program says, which must not fail.
fn run(command: &mut Command) -> Vec<u8> {
    const NEEDED: &str = "This test asks OpenAI's client library: install Python 3.10 or newer with venv \
                          (Debian: apt-get install python3-venv)";
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}. {NEEDED}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{said}\n{NEEDED}");
    output.stdout
}

/// What the library understood of a server.
fn ask(base: &str) -> Value {
    let python = installed().join("venv/bin/python");
    let script = Path::new(PINNED).join("endpoints.py");
    let said = run(Command::new(python).arg(script).arg(base));
    serde_json::from_slice(&said).unwrap()
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
