//! libwaypost-routprot: its C tests, plain and under sanitizers, and what it shows to others.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use waypost_clibrary::{Library, WARNINGS, root, sources};

/// Seconds after which a test program is taken to hang; the checks within have deadlines of their own.
const DEADLINE: &str = "300";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn build(name: &str, options: &[&str]) -> Library {
    Library::build(&folder(name), &[WARNINGS, &["-g"], options].concat()).unwrap()
}

/// Runs the C tests; the one that fails is named with what it said.
fn run_tests(program: impl Fn(&Path) -> PathBuf) {
    let tests = sources(&root().join("lib/routprot/tests")).unwrap();
    assert!(!tests.is_empty());
    for test in tests {
        let run = Command::new("timeout")
            .arg(DEADLINE)
            .arg(program(&test))
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "{}: {}\n{}",
            test.display(),
            run.status,
            String::from_utf8_lossy(&run.stderr)
        );
    }
}

/// What modules use: the shared object, by its public names alone.
#[test]
fn c_tests_with_the_shared_object() {
    let library = build("shared", &["-O2"]);
    run_tests(|test| library.linked_program(test, &["-std=c11"]).unwrap());
}

#[test]
fn c_tests_under_address_and_undefined_sanitizers() {
    let library = build(
        "address",
        &["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover"],
    );
    run_tests(|test| library.program(test, &["-std=c11"]).unwrap());
}

#[test]
fn c_tests_under_the_thread_sanitizer() {
    let library = build("thread", &["-O1", "-fsanitize=thread"]);
    run_tests(|test| library.program(test, &["-std=c11"]).unwrap());
}
