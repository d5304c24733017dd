//! The release binaries, as they are shipped.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command;
use crate::error::{ChoreError, Doing as _};
use crate::{say, workspace};

/// Builds the service's binaries in release mode and says where they are.
pub(crate) fn run() -> Result<(), ChoreError> {
    let metadata = workspace::metadata()?;
    let names = binaries(&metadata);
    let mut build = command::cargo(&["build", "--release", "--locked"]);
    for name in &names {
        build.args(["--bin", name]);
    }
    command::run(&mut build)?;
    let folder = workspace::target()?.join("release");
    for name in &names {
        describe(&folder.join(name))?;
    }
    Ok(())
}

/// The binaries that an operator runs carry the product's prefix; stand-ins and chores do not
/// leave the house.
fn binaries(metadata: &Value) -> Vec<String> {
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let targets = packages
        .filter_map(|package| package.get("targets")?.as_array())
        .flatten();
    let shipped = targets.filter_map(|target| {
        let kinds = target.get("kind")?.as_array()?;
        let name = target.get("name")?.as_str()?;
        let is_binary = kinds.iter().any(|kind| kind == "bin");
        (is_binary && SHIPPED.contains(&name)).then(|| name.to_owned())
    });
    shipped.collect()
}

const SHIPPED: [&str; 2] = ["response-api", "response-worker"];

fn describe(binary: &Path) -> Result<(), ChoreError> {
    let size = fs::metadata(binary)
        .doing(|| format!("look at {}", binary.display()))?
        .len();
    // Tenths of a MiB in whole numbers.
    let tenths = size * 10 / (1024 * 1024);
    say::line(format_args!(
        "{} ({}.{} MiB)",
        binary.display(),
        tenths / 10,
        tenths % 10
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_binaries_of_the_product_are_shipped() {
        let metadata = serde_json::json!({ "packages": [
            { "targets": [
                { "name": "response-api", "kind": ["lib"] },
                { "name": "response-api", "kind": ["bin"] },
            ] },
            { "targets": [{ "name": "response-worker", "kind": ["bin"] }] },
            { "targets": [{ "name": "devstack", "kind": ["bin"] }] },
            { "targets": [{ "name": "xtask", "kind": ["bin"] }] },
        ]});
        assert_eq!(binaries(&metadata), ["response-api", "response-worker"]);
    }
}
