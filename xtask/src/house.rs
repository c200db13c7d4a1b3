//! The floors of the house: a crate may use only crates of lower floors (ARCHITECTURE.md).

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which floor a crate is on, and which crates above the ground floor it may use at all where the floor alone says too much.
struct Room {
    floor: u8,
    only: Option<&'static [&'static str]>,
}

const fn on(floor: u8) -> Room {
    Room { floor, only: None }
}

/// What every protocol may use, and nothing else of ours.
const PROTOCOL: &[&str] = &[
    "waypost-types",
    "waypost-wire",
    "waypost-policy",
    "waypost-engine",
    "waypost-routprot",
];

fn rooms() -> BTreeMap<&'static str, Room> {
    let protocol = || Room {
        floor: 3,
        only: Some(PROTOCOL),
    };
    BTreeMap::from([
        ("waypost-types", on(0)),
        ("waypost-wire", on(0)),
        ("waypost-routprot", on(1)),
        ("waypost-rtm", on(1)),
        ("waypost-dump", on(1)),
        ("waypost-policy", on(0)),
        ("waypost-import", on(1)),
        ("waypost-netlink", on(1)),
        ("waypost-engine", on(2)),
        ("waypost-fib", on(2)),
        ("waypost-infobase", on(2)),
        ("waypost-rtmv2", on(2)),
        ("waypost-static", protocol()),
        ("waypost-rip", protocol()),
        ("waypost-ospf", protocol()),
        ("waypost-loadgen", protocol()),
        ("waypost-manager", on(3)),
        ("waypost-sys", on(4)),
        ("waypost-routprot-abi", on(4)),
        ("waypost-host", on(5)),
        ("waypost-api", on(5)),
        ("waypost-page", on(5)),
        ("waypostd", on(6)),
        ("waypost", on(6)),
        ("waypost-module-host", on(6)),
    ])
}

/// Fails, naming every forbidden edge, every crate without a room and every crate that may not contain `unsafe` but could.
pub(crate) fn check() -> Result<()> {
    let metadata = MetadataCommand::new().no_deps().exec()?;
    let rooms = rooms();
    let mut faults = Vec::new();
    let mut edges = 0;
    for package in &metadata.packages {
        let name = package.name.as_str();
        // What only tests and tools use stands outside the house.
        let folder = package.manifest_path.strip_prefix(&metadata.workspace_root)?;
        if ["test", "labs", "xtask", "bench", "examples"]
            .iter()
            .any(|outside| folder.starts_with(outside))
        {
            continue;
        }
        let Some(room) = rooms.get(name) else {
            faults.push(format!(
                "{name} has no room: give it a floor in xtask/src/house.rs"
            ));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|d| d.kind != DependencyKind::Development)
        {
            let Some(used) = rooms.get(dependency.name.as_str()) else {
                if dependency.path.is_some() {
                    faults.push(format!(
                        "{name} uses {}, which stands outside the house",
                        dependency.name
                    ));
                }
                continue;
            };
            edges += 1;
            let lower = used.floor < room.floor || (used.floor == 0 && room.floor == 0);
            let allowed = room
                .only
                .is_none_or(|only| only.contains(&dependency.name.as_str()));
            if !lower || !allowed {
                faults.push(format!(
                    "{name} (floor {}) may not use {} (floor {})",
                    room.floor, dependency.name, used.floor
                ));
            }
        }
        let manifest = std::fs::read_to_string(&package.manifest_path)?;
        let may_be_unsafe = matches!(name, "waypost-sys" | "waypost-routprot-abi");
        if !may_be_unsafe && !manifest.contains("[lints]\nworkspace = true") {
            faults.push(format!(
                "{name} does not take over the workspace's lints, which forbid unsafe code"
            ));
        }
    }
    if !faults.is_empty() {
        bail!("the house is not in order:\n  {}", faults.join("\n  "));
    }
    crate::say(&format!(
        "the house is in order: {} crates, {edges} edges between them",
        metadata.packages.len()
    ));
    Ok(())
}
