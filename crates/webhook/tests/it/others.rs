//! Verifiers that others wrote: those of the OpenAI SDKs and of the Standard Webhooks libraries, in Python
//! and JavaScript. The tests install them, as pinned in `tests/verifiers`, into the build folder.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::receiver::Request;

const PINNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verifiers");
const FOR_PYTHON: &[&str] = &["requirements.txt", "verify.py"];
const FOR_NODE: &[&str] = &["package.json", "package-lock.json", ".npmrc", "verify.mjs"];

/// Somebody else's verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verifier {
    /// The SDK's `client.webhooks.unwrap`.
    OpenAi,
    /// The library of Standard Webhooks.
    Standard,
    /// The one for `X-Signature`, as the ecosystem's documentation has it; in Python only.
    Ecosystem,
}

/// Something to verify.
#[derive(Clone, Serialize)]
pub(crate) struct Case {
    pub(crate) verifier: Verifier,
    pub(crate) secret: String,
    pub(crate) headers: std::collections::BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What a verifier understood of a delivery that it believes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Understood {
    #[serde(rename = "type")]
    pub(crate) event: String,
    /// The response.
    pub(crate) of: String,
}

impl Case {
    pub(crate) fn new(verifier: Verifier, secret: &str, request: &Request) -> Self {
        Self {
            verifier,
            secret: secret.to_owned(),
            headers: request.headers.clone(),
            body: String::from_utf8(request.body.clone()).unwrap(),
        }
    }
}

/// Python's verdicts; none where a delivery is refused.
pub(crate) fn in_python(cases: &[Case]) -> Vec<Option<Understood>> {
    let folder = python();
    let program = folder.join("venv").join("bin").join("python");
    verdicts(program.as_ref(), "verify.py", &folder, cases)
}

/// JavaScript's verdicts.
pub(crate) fn in_javascript(cases: &[Case]) -> Vec<Option<Understood>> {
    verdicts("node".as_ref(), "verify.mjs", &node(), cases)
}

fn verdicts(
    program: &OsStr,
    script: &str,
    folder: &Path,
    cases: &[Case],
) -> Vec<Option<Understood>> {
    let mut process = Command::new(program)
        .arg(script)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(cases).unwrap();
    // If it ended without reading, its own words say why.
    let _ = process.stdin.take().unwrap().write_all(&input);
    let output = process.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}:\n{said}");
    let verdicts: Vec<_> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdicts.len(), cases.len());
    verdicts
}

pub(crate) fn python() -> PathBuf {
    installed("webhook-python", FOR_PYTHON, |folder| {
        run(folder, "python3", &["-m", "venv", "--clear", "venv"]);
        run(
            folder,
            "venv/bin/python",
            &[
                "-m",
                "pip",
                "--disable-pip-version-check",
                "install",
                "--quiet",
                "--only-binary=:all:",
                "--require-hashes",
                "--requirement=requirements.txt",
            ],
        );
    })
}

pub(crate) fn node() -> PathBuf {
    installed("webhook-node", FOR_NODE, |folder| {
        run(
            folder,
            "npm",
            &["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        );
    })
}

/// The folder with the verifiers in it; filled by the first test that comes, whatever process it runs in,
/// and again only when something else is pinned.
fn installed(name: &str, files: &[&str], install: impl FnOnce(&Path)) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("install.lock")).unwrap();
    lock.lock().unwrap();
    let read = |name: &&str| fs::read(Path::new(PINNED).join(name)).unwrap();
    let pinned: Vec<Vec<u8>> = files.iter().map(read).collect();
    let wanted = pinned.concat();
    let mark = folder.join("installed");
    if fs::read(&mark).is_ok_and(|there| there == wanted) {
        return folder;
    }
    for (name, content) in files.iter().zip(pinned) {
        fs::write(folder.join(name), content).unwrap();
    }
    install(&folder);
    fs::write(mark, wanted).unwrap();
    folder
}

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output();
    let needed = "These tests ask verifiers that others wrote: install Python 3.10 or newer with venv \
                  and Node.js 20 or newer with npm (Debian: apt-get install python3-venv nodejs npm)";
    let output =
        output.unwrap_or_else(|error| panic!("{program} does not run ({error}). {needed}"));
    let said = String::from_utf8_lossy(&output.stderr);
    let wanted = arguments.join(" ");
    assert!(
        output.status.success(),
        "{program} {wanted}:\n{said}\n{needed}"
    );
}
