//! Verifiers that others wrote: those of the OpenAI SDKs and of the Standard Webhooks libraries, in Python
//! and JavaScript. The tests install them, as pinned in `tests/verifiers`, into the build folder.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use response_testkit::packages::Packages;
use serde::{Deserialize, Serialize};

use crate::receiver::Request;

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
    packages("webhook-python", &["requirements.txt", "verify.py"]).python()
}

pub(crate) fn node() -> PathBuf {
    let files = &["package.json", "package-lock.json", ".npmrc", "verify.mjs"];
    packages("webhook-node", files).node()
}

fn packages<'a>(name: &'a str, files: &'a [&'a str]) -> Packages<'a> {
    Packages {
        built: env!("CARGO_TARGET_TMPDIR"),
        name,
        pinned: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verifiers"),
        files,
    }
}
