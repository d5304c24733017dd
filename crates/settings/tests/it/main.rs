//! Settings as an operator meets them: given values, sources over each other, faults, secrets, and the
//! documents. All tests go through `Settings::load` with made-up surroundings.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers below fail a test by panicking"
)]

mod background;
mod callers;
mod database;
mod durations;
mod egress;
mod environment;
mod example;
mod faults;
mod files;
mod process;
mod reference;
mod secrets;
mod servers;
mod values;
mod vault_keys;
mod webhooks;

use response_settings::{Loaded, Settings, SettingsFaults, Sources};

/// The one setting that has no default.
const LLM: (&str, &str) = ("RESPONSE_LLM_API_URL", "http://llm-api:8080");

/// Sources with these variables, and the one that must be set.
fn sources(variables: &[(&str, &str)]) -> Sources {
    Sources::from_variables(std::iter::once(LLM).chain(variables.iter().copied()))
}

fn load(sources: &Sources) -> Loaded {
    match Settings::load(sources) {
        Ok(loaded) => loaded,
        Err(faults) => panic!("{faults}"),
    }
}

fn with(variables: &[(&str, &str)]) -> Loaded {
    load(&sources(variables))
}

fn refused(sources: &Sources) -> SettingsFaults {
    match Settings::load(sources) {
        Ok(loaded) => panic!("these settings were taken:\n{}", loaded.table()),
        Err(faults) => faults,
    }
}

/// The one fault of settings that have exactly one, as text.
fn only_fault(sources: &Sources) -> String {
    let faults = refused(sources).faults;
    match faults.as_slice() {
        [fault] => fault.to_string(),
        many => panic!("expected one fault, found {many:#?}"),
    }
}

/// The value that the table shows for a key.
fn shown(loaded: &Loaded, key: &str) -> String {
    loaded
        .origins
        .rows()
        .iter()
        .find(|row| row.key == key)
        .unwrap()
        .value
        .clone()
}

/// Where the table says that a key's value came from.
fn origin(loaded: &Loaded, key: &str) -> String {
    loaded.origins.of(key).unwrap().to_string()
}

/// The notes as text.
fn notes(loaded: &Loaded) -> Vec<String> {
    loaded.notes.iter().map(ToString::to_string).collect()
}

/// A file with this text, in a folder that lives as long as the answer.
fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}
