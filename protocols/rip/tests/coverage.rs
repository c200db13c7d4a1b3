//! Every test that the table of clauses names exists.

#![allow(
    clippy::disallowed_methods,
    reason = "a test that reads the document and the sources"
)]
#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DOCUMENT: &str = include_str!("../../../docs/rfc-coverage/rip.md");

/// The files that may hold the module `path` of a crate.
fn files(root: &Path, path: &[&str]) -> Vec<PathBuf> {
    let modules: Vec<&str> = match path {
        [module, "tests"] => vec![module],
        [first, module, "tests"] => vec![first, module],
        other => other.to_vec(),
    };
    let inside = modules.join("/");
    vec![
        root.join(format!("{inside}.rs")),
        root.join(format!("{inside}/tests.rs")),
        root.join(format!("tests/{inside}.rs")),
    ]
}

#[test]
fn every_test_named_in_the_document_exists() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates: BTreeMap<&str, PathBuf> = [("waypost_wire", "../../crates/wire/src")]
        .into_iter()
        .map(|(name, folder)| (name, here.join(folder)))
        .collect();
    let own = here.join("src");
    let (mut missing, mut found) = (Vec::new(), 0);
    for row in DOCUMENT.lines().filter(|line| line.starts_with("| ")) {
        let Some(cell) = row.trim_end_matches(" |").rsplit(" | ").next() else {
            continue;
        };
        let mut root = &own;
        for name in cell.split('`').skip(1).step_by(2) {
            if let Some(other) = crates.get(name) {
                root = other;
                continue;
            }
            let mut path: Vec<&str> = name.split("::").collect();
            let Some(function) = path.pop().filter(|_| !path.is_empty()) else {
                continue;
            };
            let signature = format!("fn {function}(");
            let exists = files(root, &path)
                .iter()
                .filter_map(|file| std::fs::read_to_string(file).ok())
                .any(|source| source.contains(&signature));
            if exists {
                found += 1;
            } else {
                missing.push(format!("{name} in: {row}"));
            }
            root = &own;
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(
        found > 80,
        "only {found} names were found: the table is read wrongly"
    );
}
