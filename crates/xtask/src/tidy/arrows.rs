//! Which crate may use which: the table of the house, compared with what the
//! manifests say. No arrow goes up, none sideways.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::Violation;
use crate::failure::Failure;

/// A crate of this workspace and what it may use of the others: in the product,
/// and in its own tests besides.
struct Room {
    package: &'static str,
    uses: &'static [&'static str],
    tests_use: &'static [&'static str],
}

const fn room(
    package: &'static str,
    uses: &'static [&'static str],
    tests_use: &'static [&'static str],
) -> Room {
    Room { package, uses, tests_use }
}

const MODEL: &str = "hatchery-model";
const PORTS: &str = "hatchery-ports";
const DB: &str = "hatchery-db";
const BUS: &str = "hatchery-bus";
const STORAGE: &str = "hatchery-storage";
const VIRT: &str = "hatchery-virt";
const CONTROL: &str = "hatchery-control";
const AGENT: &str = "hatchery-agent";
const API: &str = "hatchery-api";
const OPENSTACK: &str = "hatchery-openstack";
const TESTKIT: &str = "hatchery-testkit";

const ROOMS: &[Room] = &[
    room(MODEL, &[], &[]),
    room(PORTS, &[MODEL], &[TESTKIT]),
    room(DB, &[MODEL, PORTS], &[TESTKIT]),
    room(BUS, &[MODEL, PORTS], &[TESTKIT]),
    room(STORAGE, &[MODEL, PORTS], &[TESTKIT]),
    room(VIRT, &[MODEL, PORTS], &[TESTKIT]),
    room(OPENSTACK, &[MODEL, PORTS], &[TESTKIT]),
    // Use cases are tried on a real store and bus: a fake of SQL would lie.
    room(CONTROL, &[MODEL, PORTS], &[DB, BUS, STORAGE, TESTKIT]),
    room(AGENT, &[MODEL, PORTS], &[BUS, STORAGE, VIRT, TESTKIT]),
    room(API, &[MODEL, CONTROL], &[PORTS, DB, BUS, STORAGE, TESTKIT]),
    room(
        "hatchery",
        &[MODEL, PORTS, DB, BUS, STORAGE, VIRT, OPENSTACK, CONTROL, AGENT, API],
        &[TESTKIT],
    ),
    room(TESTKIT, &[MODEL, PORTS], &[]),
    room(
        "hatchery-tests",
        &[MODEL, PORTS, DB, BUS, STORAGE, VIRT, CONTROL, AGENT, API, TESTKIT, "hatchery"],
        &[],
    ),
    // Its `ceph` is the fixture of the tests.
    room("xtask", &[TESTKIT], &[]),
];

/// Technologies that only one crate may know, whatever else changes.
const OWNED: &[(&str, &str)] = &[
    ("sqlx", DB),
    ("sea-query", DB),
    ("rusqlite", DB),
    ("lapin", BUS),
    ("amqprs", BUS),
    ("axum", API),
    ("tower-http", API),
    ("imago", STORAGE),
    ("ceph", STORAGE),
    ("librados", STORAGE),
    ("librbd-sys", STORAGE),
    ("virt", VIRT),
    ("qapi", VIRT),
    ("rtnetlink", VIRT),
    ("nftables", VIRT),
];

/// What the nouns must never hear of.
const UNKNOWN_TO_MODEL: &[&str] = &["tokio", "async-trait", "tracing", "nix", "rustix"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// Compares the output of `cargo metadata` with the table.
pub fn check(metadata: &str, root: &Path) -> Result<Vec<Violation>, Failure> {
    let metadata: Metadata =
        serde_json::from_str(metadata).map_err(Failure::of("cargo metadata is not as expected"))?;
    let known: Vec<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for package in &metadata.packages {
        let path = Path::new(&package.manifest_path);
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let manifest = fs::read_to_string(path).unwrap_or_default();
        let Some(room) = ROOMS.iter().find(|room| room.package == package.name) else {
            let reason =
                format!("{} has no place in the table of arrows: give it one", package.name);
            found.push(Violation::new(&name, 1, reason));
            continue;
        };
        for dependency in &package.dependencies {
            if let Some(reason) = forbidden(room, dependency, &known) {
                let line = line_of(&manifest, &dependency.name);
                found.push(Violation::new(&name, line, reason));
            }
        }
    }
    Ok(found)
}

/// Why this room may not use that crate, if it may not.
fn forbidden(room: &Room, dependency: &Dependency, known: &[&str]) -> Option<String> {
    let (from, to) = (room.package, dependency.name.as_str());
    let in_tests = dependency.kind.as_deref() == Some("dev");
    if known.contains(&to) {
        let allowed = room.uses.contains(&to) || (in_tests && room.tests_use.contains(&to));
        let whose = if in_tests { "the tests of " } else { "" };
        return (!allowed).then(|| format!("{whose}{from} must not use {to}: no such arrow"));
    }
    if in_tests {
        return None;
    }
    if let Some((_, owner)) = OWNED.iter().find(|(technology, _)| *technology == to)
        && *owner != from
    {
        return Some(format!("only {owner} may know {to}"));
    }
    (from == MODEL && UNKNOWN_TO_MODEL.contains(&to))
        .then(|| format!("{MODEL} holds nouns, and must not know {to}"))
}

fn line_of(manifest: &str, dependency: &str) -> usize {
    manifest
        .lines()
        .position(|line| {
            line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        })
        .map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{check, line_of};

    /// A workspace of `package` with one dependency, beside all that it may name.
    fn reasons(package: &str, dependency: &str, kind: &str) -> Vec<String> {
        let metadata = format!(
            r#"{{"packages": [
                {{"name": "{package}", "manifest_path": "/x/crates/p/Cargo.toml",
                  "dependencies": [{{"name": "{dependency}", "kind": {kind}}}]}},
                {{"name": "hatchery-db", "manifest_path": "/x/crates/db/Cargo.toml", "dependencies": []}},
                {{"name": "hatchery-model", "manifest_path": "/x/crates/model/Cargo.toml", "dependencies": []}}
            ]}}"#
        );
        let found = check(&metadata, Path::new("/x")).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_arrow_of_the_table_passes() {
        assert!(reasons("hatchery-control", "hatchery-model", "null").is_empty());
        assert!(reasons("hatchery", "hatchery-db", "null").is_empty());
    }

    #[test]
    fn an_arrow_sideways_is_found_unless_only_tests_take_it() {
        let found = reasons("hatchery-control", "hatchery-db", "null");
        assert_eq!(
            found,
            ["crates/p/Cargo.toml:1: hatchery-control must not use hatchery-db: no such arrow"]
        );
        assert!(reasons("hatchery-control", "hatchery-db", "\"dev\"").is_empty());
        assert_eq!(reasons("hatchery-virt", "hatchery-db", "\"dev\"").len(), 1);
    }

    #[test]
    fn a_technology_has_one_owner() {
        assert_eq!(reasons("hatchery-api", "sqlx", "null").len(), 1);
        assert!(reasons("hatchery-db", "sqlx", "null").is_empty());
        assert_eq!(reasons("hatchery-model", "tokio", "null").len(), 1);
    }

    #[test]
    fn a_crate_that_the_table_lacks_is_found() {
        assert_eq!(reasons("hatchery-extra", "serde", "null").len(), 1);
    }

    #[test]
    fn the_line_is_that_of_the_dependency() {
        let manifest = "[dependencies]\nsqlx-extra = \"1\"\nsqlx.workspace = true\n";
        assert_eq!(line_of(manifest, "sqlx"), 3);
        assert_eq!(line_of(manifest, "other"), 1);
    }
}
