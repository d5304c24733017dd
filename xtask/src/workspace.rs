//! Where the workspace is, and what cargo says about it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command;
use crate::error::ChoreError;

/// The folder that holds the workspace's `Cargo.toml`.
///
/// The folder that cargo names when it starts the chore goes before the one compiled in: a target
/// folder shared between two clones may run a binary that the other clone built.
pub(crate) fn root() -> PathBuf {
    let compiled = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = command::variable("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let ours = named.filter(|folder| folder.file_name() == compiled.file_name());
    let package = ours.as_deref().unwrap_or(compiled);
    package.parent().unwrap_or(package).to_owned()
}

/// What `cargo metadata` says about the workspace's own packages.
pub(crate) fn metadata() -> Result<Value, ChoreError> {
    let args = ["metadata", "--format-version", "1", "--no-deps"];
    let text = command::read(&mut command::cargo(&args))?;
    serde_json::from_str(&text).map_err(|source| ChoreError::Answer {
        program: args.join(" "),
        source,
    })
}

/// The folder that cargo builds into.
pub(crate) fn target() -> Result<PathBuf, ChoreError> {
    let metadata = metadata()?;
    let folder = metadata.get("target_directory").and_then(Value::as_str);
    let missing = || ChoreError::Refused("cargo metadata names no target folder".into());
    folder.map(PathBuf::from).ok_or_else(missing)
}
