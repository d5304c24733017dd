//! Who may depend on whom: holds the manifests to the table of the architecture.

use std::fs;

use serde_json::Value;

use crate::error::ChoreError;
use crate::finding::{self, Finding};
use crate::workspace;

mod table;

use table::{FOR_TESTS, ROOMS, Room, Tests};

const TABLE: &str = "xtask/src/layers/table.rs";

/// Compares the workspace's manifests with the table.
pub(crate) fn run() -> Result<(), ChoreError> {
    let metadata = workspace::metadata()?;
    let mut findings = Vec::new();
    for package in packages(&metadata) {
        let manifest = fs::read_to_string(workspace::root().join(&package.manifest));
        findings.extend(judge(&package, &manifest.unwrap_or_default()));
    }
    finding::report("layers", findings)
}

/// A package of the workspace as cargo sees it.
struct Package {
    name: String,
    /// Its manifest, relative to the root.
    manifest: String,
    uses: Vec<Use>,
}

/// One dependency of a package.
struct Use {
    name: String,
    own: bool,
    in_tests_only: bool,
}

fn packages(metadata: &Value) -> Vec<Package> {
    let text = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let root = text(metadata, "workspace_root");
    let read = |package: &Value| {
        let manifest = text(package, "manifest_path");
        let inside = manifest.strip_prefix(&root).unwrap_or(&manifest);
        let uses = list(package, "dependencies").iter().map(|dependency| Use {
            name: text(dependency, "name"),
            own: dependency.get("path").is_some_and(Value::is_string),
            in_tests_only: text(dependency, "kind") == "dev",
        });
        Package {
            name: text(package, "name"),
            manifest: inside.trim_start_matches('/').to_owned(),
            uses: uses.collect(),
        }
    };
    list(metadata, "packages").iter().map(read).collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// What one package uses and may not.
fn judge(package: &Package, manifest: &str) -> Vec<Finding> {
    let name = short(&package.name);
    let Some(room) = find(name) else {
        let advice = format!(
            "{} is not in the table of {TABLE}: give it a row, a floor and the crates it may use",
            package.name
        );
        return vec![Finding::new(&package.manifest, 0, advice)];
    };
    let forbidden = package.uses.iter().filter(|used| !allows(room, used));
    let tell = |used: &Use| {
        let line = manifest
            .lines()
            .position(|line| names(line, &used.name))
            .map_or(0, |at| at + 1);
        Finding::new(&package.manifest, line, refusal(room, package, used))
    };
    forbidden.map(tell).collect()
}

fn allows(room: &Room, used: &Use) -> bool {
    let name = short(&used.name);
    if !used.own {
        let listed = |outside: &[&str]| outside.contains(&used.name.as_str());
        return used.in_tests_only || room.outside.is_none_or(listed);
    }
    room.may.contains(&name) || (used.in_tests_only && allows_in_tests(room, name))
}

fn allows_in_tests(room: &Room, name: &str) -> bool {
    FOR_TESTS.contains(&name)
        || match room.tests {
            Tests::Fakes => false,
            Tests::UpTo(floor) => find(name).is_some_and(|other| other.floor <= floor),
            Tests::Everything => true,
        }
}

fn refusal(room: &Room, package: &Package, used: &Use) -> String {
    let kind = if used.in_tests_only {
        "may not use in its tests"
    } else {
        "may not depend on"
    };
    let (listed, users) = if used.own {
        (
            room.may,
            format!("; {} is for: {}", used.name, users(short(&used.name))),
        )
    } else {
        (room.outside.unwrap_or_default(), String::new())
    };
    let listed = if listed.is_empty() {
        "nothing".to_owned()
    } else {
        listed.join(", ")
    };
    format!(
        "{} {kind} {}; it may use: {listed}{users} ({TABLE})",
        package.name, used.name
    )
}

/// Who may use a crate, in words.
fn users(name: &str) -> String {
    let rooms: Vec<_> = ROOMS
        .iter()
        .filter(|room| room.may.contains(&name))
        .map(|room| room.name)
        .collect();
    match (rooms.is_empty(), FOR_TESTS.contains(&name)) {
        (true, true) => "tests only".to_owned(),
        (true, false) => "nobody".to_owned(),
        (false, true) => format!("{}, and tests", rooms.join(", ")),
        (false, false) => rooms.join(", "),
    }
}

fn find(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

fn short(package: &str) -> &str {
    package.strip_prefix("response-").unwrap_or(package)
}

/// Whether a line of a manifest is the entry of this dependency.
fn names(line: &str, dependency: &str) -> bool {
    let rest = line.trim_start().strip_prefix(dependency);
    rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, uses: &[(&str, &str)]) -> Package {
        let uses = uses.iter().map(|(name, kind)| Use {
            name: (*name).to_owned(),
            own: name.starts_with("response-") || *name == "xtask",
            in_tests_only: *kind == "dev",
        });
        Package {
            name: name.to_owned(),
            manifest: format!("crates/{}/Cargo.toml", short(name)),
            uses: uses.collect(),
        }
    }

    fn refused(name: &str, uses: &[(&str, &str)]) -> Vec<String> {
        judge(&package(name, uses), "")
            .into_iter()
            .map(|finding| finding.advice)
            .collect()
    }

    #[test]
    fn every_arrow_of_the_table_points_to_a_lower_floor() {
        for room in ROOMS {
            for name in room.may {
                let used = find(name).expect("only crates of the table stand in the table");
                assert!(used.floor < room.floor, "{} must not use {name}", room.name);
            }
        }
    }

    #[test]
    fn no_crate_stands_twice_in_the_table() {
        for (at, room) in ROOMS.iter().enumerate() {
            assert_eq!(
                ROOMS.iter().position(|other| other.name == room.name),
                Some(at)
            );
        }
    }

    #[test]
    fn an_edge_of_the_table_passes() {
        assert_eq!(
            refused("response-llm", &[("response-egress", ""), ("serde", "")]),
            [""; 0]
        );
        assert_eq!(refused("xtask", &[("response-devstack", "")]), [""; 0]);
    }

    #[test]
    fn an_edge_outside_the_table_is_refused_with_both_sides_named() {
        let said = refused("response-llm", &[("response-store", "")]);
        assert_eq!(
            said,
            [
                "response-llm may not depend on response-store; it may use: domain, egress; \
              response-store is for: app (xtask/src/layers/table.rs)"
            ]
        );
    }

    #[test]
    fn a_build_dependency_counts_like_any_other() {
        assert_eq!(
            refused("response-domain", &[("response-store", "build")]).len(),
            1
        );
    }

    #[test]
    fn fakes_are_for_tests_alone() {
        assert_eq!(
            refused("response-engine", &[("response-testkit", "dev")]),
            [""; 0]
        );
        let said = refused("response-engine", &[("response-testkit", "")]);
        assert!(
            said[0].contains("response-testkit is for: xtask, and tests"),
            "{said:?}"
        );
    }

    #[test]
    fn tests_of_the_face_reach_down_but_not_sideways() {
        assert_eq!(
            refused("response-http", &[("response-store", "dev")]),
            [""; 0]
        );
        assert_eq!(
            refused("response-http", &[("response-app", "dev")]).len(),
            1
        );
        assert_eq!(
            refused("response-llm", &[("response-store", "dev")]).len(),
            1
        );
        assert_eq!(
            refused("response-server", &[("response-llm", "dev")]),
            [""; 0]
        );
    }

    #[test]
    fn the_domain_stays_pure() {
        assert_eq!(
            refused("response-domain", &[("chrono", ""), ("proptest", "dev")]),
            [""; 0]
        );
        let said = refused("response-domain", &[("tokio", "")]);
        assert!(
            said[0].contains("may not depend on tokio; it may use: async-trait"),
            "{said:?}"
        );
    }

    #[test]
    fn a_crate_without_a_row_is_asked_for_one() {
        let said = refused("response-cache", &[]);
        assert!(
            said[0].starts_with("response-cache is not in the table"),
            "{said:?}"
        );
    }

    #[test]
    fn a_finding_names_the_line_of_the_manifest() {
        let manifest =
            "[dependencies]\nresponse-store-old = \"1\"\nresponse-store.workspace = true\n";
        let found = judge(
            &package("response-llm", &[("response-store", "")]),
            manifest,
        );
        assert_eq!(
            (found[0].path.as_str(), found[0].line),
            ("crates/llm/Cargo.toml", 3)
        );
    }

    #[test]
    fn cargo_metadata_is_read_as_packages() {
        let metadata = serde_json::json!({
            "workspace_root": "/here",
            "packages": [{
                "name": "response-llm",
                "manifest_path": "/here/crates/llm/Cargo.toml",
                "dependencies": [
                    { "name": "response-domain", "kind": null, "path": "/here/crates/domain" },
                    { "name": "wiremock", "kind": "dev" },
                ],
            }],
        });
        let read = packages(&metadata);
        assert_eq!(read[0].manifest, "crates/llm/Cargo.toml");
        assert!(read[0].uses[0].own && !read[0].uses[0].in_tests_only);
        assert!(!read[0].uses[1].own && read[0].uses[1].in_tests_only);
    }
}
