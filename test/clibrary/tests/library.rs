//! libwaypost-routprot: its C tests, plain and under sanitizers, and what it shows to others.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use waypost_clibrary::{Library, WARNINGS, include, root, sources};

/// Seconds after which a test program is taken to hang; the checks within have deadlines of their own.
const DEADLINE: &str = "300";

/// Where Debian has the headers of mingw-w64.
const PUBLISHED_HEADERS: &str = "/usr/share/mingw-w64/include";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn build(name: &str, options: &[&str]) -> Library {
    Library::build(&folder(name), &[WARNINGS, &["-g"], options].concat()).unwrap()
}

/// Runs a program that must end well; with `prefix` before its name.
fn run(prefix: &[&str], program: &Path) -> Output {
    Command::new("timeout")
        .arg(DEADLINE)
        .args(prefix)
        .arg(program)
        .output()
        .unwrap()
}

/// Runs the C tests; the one that fails is named with what it said.
fn run_tests(program: impl Fn(&Path) -> PathBuf) {
    let tests = sources(&root().join("lib/routprot/tests")).unwrap();
    assert!(!tests.is_empty());
    for test in tests {
        let program = program(&test);
        let mut output = run(&[], &program);
        // Older thread sanitizers cannot live with as much address randomization as newer kernels do.
        if String::from_utf8_lossy(&output.stderr).contains("unexpected memory mapping") {
            output = run(&["setarch", "-R"], &program);
        }
        assert!(
            output.status.success(),
            "{}: {}\n{}",
            test.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
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

/// Has the host of the C tests load, run and unload a module three times. The library must stay.
fn run_module(library: &Library, module: &Path) {
    let host = root().join("lib/routprot/tests/modules/host.c");
    let run = Command::new("timeout")
        .arg(DEADLINE)
        .arg(library.program(&host, &["-std=c11"]).unwrap())
        .args([module, &library.shared()])
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
}

#[test]
fn stays_when_its_last_module_goes() {
    let library = build("ours", &["-O2"]);
    let source = root().join("lib/routprot/tests/modules/ours.c");
    run_module(&library, &library.module(&source, &["-std=c11"]).unwrap());
}

/// A module compiled for Linux against the headers of mingw-w64 runs on the library, with our prefix before them.
#[test]
fn runs_a_module_of_the_published_headers() {
    let library = Library::build(&folder("published"), &["-O2"]).unwrap();
    let source = root().join("lib/routprot/tests/modules/published.c");
    let options = [
        "-std=gnu11",
        "-fshort-wchar",
        "-include",
        "waypost/mingw.h",
        "-isystem",
        PUBLISHED_HEADERS,
    ];
    run_module(&library, &library.module(&source, &options).unwrap());
}

/// The functions that a header declares.
fn declared(header: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(include().join("waypost").join(header)).unwrap();
    text.split("\nWAYPOST_EXPORT ")
        .skip(1)
        .map(|declaration| {
            let head = declaration.split('(').next().unwrap();
            head.rsplit(|c: char| !c.is_alphanumeric())
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// Every function of the headers is there, and nothing of the library is seen beside them.
#[test]
fn shows_what_the_headers_declare_and_nothing_else() {
    let library = build("names", &["-O2"]);
    let names = Command::new("nm")
        .args(["--dynamic", "--defined-only", "--format=posix"])
        .arg(library.shared())
        .output()
        .unwrap();
    let shown: BTreeSet<String> = String::from_utf8(names.stdout)
        .unwrap()
        .lines()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    let headers = ["windows.h", "rtutils.h", "rtmv2.h", "waypost.h"].map(declared);
    let declared: BTreeSet<String> = headers.into_iter().flatten().collect();
    assert!(declared.len() > 110, "{declared:?}");
    assert_eq!(shown, declared);
}

/// The headers that no test of layouts includes, in every language that the others are for, and in both meanings of names
/// that have two.
#[test]
fn headers_in_three_languages() {
    for language in [["-std=c99", "-xc"], ["-std=c11", "-xc"], ["-std=c++17", "-xc++"]] {
        for names in ["-UUNICODE", "-DUNICODE"] {
            let mut gcc = Command::new("gcc");
            gcc.args(language).arg(names).args(WARNINGS).arg("-fsyntax-only");
            for header in ["waypost.h", "rtutils.h", "prepare.h", "describe.h", "state.h"] {
                gcc.arg("-include").arg(include().join("waypost").join(header));
            }
            let compiled = gcc.arg("/dev/null").output().unwrap();
            assert!(compiled.status.success(), "{language:?}: {compiled:?}");
        }
    }
}
