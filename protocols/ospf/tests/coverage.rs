//! Every test that the table of clauses names exists.

#![allow(
    clippy::disallowed_methods,
    reason = "a test that reads the document and the sources"
)]

use std::path::Path;

const DOCUMENT: &str = include_str!("../../../docs/rfc-coverage/ospf.md");

/// Whether a test `module::...::name` is in the sources.
fn exists(name: &str) -> bool {
    let Some((module, function)) = name.rsplit_once("::") else {
        return false;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let path = module.replace("::", "/");
    let places = [
        format!("{path}.rs"),
        format!("{path}/mod.rs"),
        format!("tests/{path}.rs"),
    ];
    let signature = format!("fn {function}(");
    places
        .iter()
        .filter_map(|place| std::fs::read_to_string(root.join(place)).ok())
        .any(|source| source.contains(&signature))
}

#[test]
fn every_test_named_in_the_document_exists() {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| "));
    let names: Vec<&str> = rows
        .filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let missing: Vec<&&str> = names.iter().filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(
        names.len() > 60,
        "only {} names: the table is read wrongly",
        names.len()
    );
}
