//! Compiles the modules of the tests.

use std::path::{Path, PathBuf};

use waypost_clibrary::{Library, WARNINGS};

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

/// Compiles `modules/NAME.c` and the library that it is linked to, with more options for the compiler.
pub(crate) fn module(name: &str, options: &[&str]) -> Built {
    let directory = tempfile::tempdir().unwrap();
    let library = Library::build(directory.path(), &["-g", "-O1"]).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/modules")
        .join(format!("{name}.c"));
    let options = [&["-std=c11", "-fvisibility=hidden"], WARNINGS, options].concat();
    Built {
        path: library.module(&source, &options).unwrap(),
        _directory: directory,
    }
}
