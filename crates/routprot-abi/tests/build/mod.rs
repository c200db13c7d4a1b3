//! Compiles the modules of the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A module as a file, which goes when this is dropped.
pub(crate) struct Built {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Built {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Compiles `modules/NAME.c` against the headers, with more options for the compiler.
pub(crate) fn module(name: &str, options: &[&str]) -> Built {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = crate_root.join("tests/modules");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(format!("{name}.so"));
    let output = Command::new("gcc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror"])
        .args(["-g", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-I"])
        .arg(crate_root.join("../../include"))
        .args(options)
        .arg("-o")
        .arg(&path)
        .arg(modules.join(format!("{name}.c")))
        .arg(modules.join("set_event.c"))
        .output()
        .unwrap_or_else(|error| panic!("gcc: {error}; `cargo xtask test` installs what the tests need"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}:\n{said}");
    Built {
        path,
        _directory: directory,
    }
}
