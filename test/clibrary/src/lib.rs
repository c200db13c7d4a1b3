//! Builds libwaypost-routprot (`lib/routprot`) with gcc, and C programs and modules against it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The name that modules ask the loader for. The number changes when a module built before would no longer run.
pub const SONAME: &str = "libwaypost-routprot.so.0";

/// What the library is compiled with, wherever it is: the language, and that only the interface is seen from outside.
const LIBRARY: &[&str] = &["-std=c11", "-fPIC", "-fvisibility=hidden", "-pthread"];

/// What our own C must pass.
pub const WARNINGS: &[&str] = &[
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Werror",
];

/// The root of the source tree.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder with `waypost/*.h`.
pub fn include() -> PathBuf {
    root().join("include")
}

/// The C files directly in a folder, sorted.
pub fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("c")) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A library that was built.
pub struct Library {
    folder: PathBuf,
    options: Vec<String>,
}

impl Library {
    /// Builds the library into a folder, with options for compiler and linker (`-O2`, [`WARNINGS`], `-fsanitize=...`).
    pub fn build(folder: &Path, options: &[&str]) -> Result<Self> {
        let library = Self {
            folder: folder.to_path_buf(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
        };
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let mut objects = Vec::new();
        for source in sources(&root().join("lib/routprot"))? {
            let object = folder
                .join(source.file_stem().context("a file name")?)
                .with_extension("o");
            let compile = library
                .compiler()
                .args(LIBRARY)
                .arg("-c")
                .arg(&source)
                .arg("-o")
                .arg(&object)
                .output();
            succeeded(&source, compile)?;
            objects.push(object);
        }
        // An archive keeps members that are no longer made.
        if library.archive().exists() {
            fs::remove_file(library.archive())?;
        }
        let archive = Command::new("ar")
            .arg("rcs")
            .arg(library.archive())
            .args(&objects)
            .output();
        succeeded(&library.archive(), archive)?;
        // It has threads of its own, which must not lose their code when the last module that asked for it is unloaded.
        let link = library
            .compiler()
            .args(["-shared", "-pthread", "-Wl,-z,nodelete"])
            .arg(format!("-Wl,-soname,{SONAME}"))
            .args(&objects)
            .arg("-o")
            .arg(library.shared())
            .output();
        succeeded(&library.shared(), link)?;
        let link = library.link();
        if link.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(SONAME, &link).with_context(|| link.display().to_string())?;
        }
        Ok(library)
    }

    /// The shared object.
    pub fn shared(&self) -> PathBuf {
        self.folder.join(SONAME)
    }

    /// The name of the shared object that linkers look for.
    pub fn link(&self) -> PathBuf {
        self.folder.join("libwaypost-routprot.so")
    }

    /// The static archive.
    pub fn archive(&self) -> PathBuf {
        self.folder.join("libwaypost-routprot.a")
    }

    /// A file of a module that includes none of the headers.
    pub fn object(&self, source: &Path) -> Result<PathBuf> {
        let stem = source.file_stem().context("a file name")?;
        let object = self.folder.join(stem).with_extension("module.o");
        let compile = Command::new("gcc")
            .args(&self.options)
            .args(["-std=gnu11", "-fPIC", "-fvisibility=hidden", "-c"])
            .arg(source)
            .arg("-o")
            .arg(&object)
            .output();
        succeeded(source, compile)?;
        Ok(object)
    }

    /// A program of one file that holds the whole library.
    pub fn program(&self, source: &Path, options: &[&str]) -> Result<PathBuf> {
        let program = self.folder.join(source.file_stem().context("a file name")?);
        let compile = self
            .compiler()
            .args(options)
            .arg(source)
            .arg(self.archive())
            .arg("-pthread")
            .arg("-o")
            .arg(&program)
            .output();
        succeeded(source, compile)?;
        Ok(program)
    }

    /// A program of one file that is linked to the shared object.
    pub fn linked_program(&self, source: &Path, options: &[&str]) -> Result<PathBuf> {
        let stem = source.file_stem().context("a file name")?.to_string_lossy();
        self.linked(&format!("{stem}-linked"), source, options)
    }

    /// A module of one file: a shared object that is linked to the library's.
    pub fn module(&self, source: &Path, options: &[&str]) -> Result<PathBuf> {
        let stem = source.file_stem().context("a file name")?.to_string_lossy();
        self.module_named(&stem, source, options)
    }

    /// A module of one file that is called otherwise: one of several with different options.
    pub fn module_named(&self, name: &str, source: &Path, options: &[&str]) -> Result<PathBuf> {
        self.linked(
            &format!("{name}.so"),
            source,
            &[&["-shared", "-fPIC"], options].concat(),
        )
    }

    fn linked(&self, name: &str, source: &Path, options: &[&str]) -> Result<PathBuf> {
        let made = self.folder.join(name);
        let compile = self
            .compiler()
            .args(options)
            .arg(source)
            .arg("-L")
            .arg(&self.folder)
            .arg(format!("-Wl,-rpath,{}", self.folder.display()))
            .args(["-Wl,--no-undefined", "-lwaypost-routprot", "-o"])
            .arg(&made)
            .output();
        succeeded(source, compile)?;
        Ok(made)
    }

    fn compiler(&self) -> Command {
        let mut gcc = Command::new("gcc");
        gcc.args(&self.options).arg("-I").arg(include());
        gcc
    }
}

/// What a tool says is the error.
fn succeeded(about: &Path, output: std::io::Result<std::process::Output>) -> Result<()> {
    let output = output.context("gcc and ar: `cargo xtask test` installs what tests need")?;
    ensure!(
        output.status.success(),
        "{}:\n{}",
        about.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
