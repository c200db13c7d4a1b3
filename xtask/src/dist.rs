//! `cargo xtask dist`: a tarball with the programs, their manual pages, completions, a unit file and the documents, and with
//! what authors of C modules need: headers, library and its pkg-config file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::MetadataCommand;
use waypost_clibrary::{Library, SONAME};

use crate::test::cargo;
use crate::{run, say};

const PROGRAMS: &[&str] = &["waypostd", "waypost", "waypost-module-host"];
/// Where each shell looks for completions.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash", "share/bash-completion/completions/waypost"),
    ("zsh", "share/zsh/site-functions/_waypost"),
    ("fish", "share/fish/vendor_completions.d/waypost.fish"),
];
const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "docs/modules.md",
    "docs/writing-a-protocol.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

pub(crate) fn tarball() -> Result<()> {
    let metadata = MetadataCommand::new().no_deps().exec()?;
    let root = metadata.workspace_root.as_std_path();
    let version = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "waypostd")
        .context("waypostd")?;
    let name = format!("waypost-{}-{}", version.version, std::env::consts::ARCH);
    let mut build = cargo();
    build.args(["build", "--release"]);
    for program in PROGRAMS {
        build.args(["--package", program]);
    }
    run(&mut build)?;
    let folder = root.join("dist").join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for part in [
        "bin",
        "share/man/man1",
        "share/man/man8",
        "lib/systemd/system",
        "lib/sysusers.d",
        "share/doc/waypost",
    ] {
        fs::create_dir_all(folder.join(part))?;
    }
    let release = metadata.target_directory.as_std_path().join("release");
    for program in PROGRAMS {
        copy(&release.join(program), &folder.join("bin"))?;
    }
    run(Command::new(release.join("waypost"))
        .arg("man")
        .arg(folder.join("share/man/man1")))?;
    for (shell, file) in COMPLETIONS {
        let script = Command::new(release.join("waypost"))
            .env("COMPLETE", shell)
            .output()
            .with_context(|| format!("completion for {shell}"))?;
        ensure!(
            script.status.success() && !script.stdout.is_empty(),
            "no completion for {shell}"
        );
        // The script names the program that wrote it; an installed one is found on the path.
        let here = release.join("waypost").display().to_string();
        let script = String::from_utf8(script.stdout)?.replace(&here, "waypost");
        let file = folder.join(file);
        fs::create_dir_all(file.parent().context("a folder")?)?;
        fs::write(file, script)?;
    }
    for (file, place) in [
        ("waypost.service", "lib/systemd/system"),
        ("sysusers.d/waypost.conf", "lib/sysusers.d"),
        ("man/waypostd.8", "share/man/man8"),
    ] {
        copy(&root.join("packaging").join(file), &folder.join(place))?;
    }
    for document in DOCUMENTS {
        copy(&root.join(document), &folder.join("share/doc/waypost"))?;
    }
    library(root, &version.version.to_string(), &folder)?;
    samples(root, &folder)?;
    let tarball = root.join("dist").join(format!("{name}.tar.gz"));
    run(Command::new("tar")
        .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-czf"])
        .arg(&tarball)
        .arg("-C")
        .arg(root.join("dist"))
        .arg(&name))?;
    let size = fs::metadata(&tarball)?.len();
    say(&format!(
        "{} ({:.1} MiB)",
        tarball.display(),
        size as f64 / f64::from(1 << 20)
    ));
    Ok(())
}

/// Puts headers, library and pkg-config file into a folder that stands for `/usr` or `/usr/local`.
fn library(root: &Path, version: &str, folder: &Path) -> Result<()> {
    let headers = folder.join("include/waypost");
    let libraries = folder.join("lib");
    let pkgconfig = libraries.join("pkgconfig");
    for part in [&headers, &pkgconfig] {
        fs::create_dir_all(part)?;
    }
    for header in fs::read_dir(root.join("include/waypost"))? {
        copy(&header?.path(), &headers)?;
    }
    let build = folder.with_extension("build");
    let built = Library::build(&build, &["-O2"])?;
    copy(&built.shared(), &libraries)?;
    copy(&built.archive(), &libraries)?;
    let link = libraries.join(built.link().file_name().context("a file name")?);
    std::os::unix::fs::symlink(SONAME, link)?;
    fs::remove_dir_all(&build)?;
    let description = fs::read_to_string(root.join("packaging/waypost-routprot.pc"))?;
    fs::write(
        pkgconfig.join("waypost-routprot.pc"),
        description.replace("@VERSION@", version),
    )?;
    Ok(())
}

/// Puts the sample protocols, sources only, beside the documents.
fn samples(root: &Path, folder: &Path) -> Result<()> {
    let examples = root.join("examples");
    let listed = Command::new("git")
        .args(["ls-files", "."])
        .current_dir(&examples)
        .output()?;
    ensure!(
        listed.status.success(),
        "git does not say what belongs to the samples"
    );
    for file in String::from_utf8(listed.stdout)?.lines() {
        let to = folder.join("share/doc/waypost/examples").join(file);
        copy(&examples.join(file), to.parent().context("a folder")?)?;
    }
    Ok(())
}

fn copy(from: &Path, into: &Path) -> Result<PathBuf> {
    fs::create_dir_all(into)?;
    let to = into.join(from.file_name().context("a file name")?);
    fs::copy(from, &to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is packed is all that an author needs: a module compiles, in the words of older sources, and links.
    #[test]
    fn a_module_is_built_from_what_is_packed() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("waypost-1.2.3");
        library(&waypost_clibrary::root(), "1.2.3", &folder).unwrap();
        let pkgconfig = fs::read_to_string(folder.join("lib/pkgconfig/waypost-routprot.pc")).unwrap();
        assert!(pkgconfig.contains("\nVersion: 1.2.3\n"), "{pkgconfig}");
        // The variables as pkg-config reads them.
        let value = |name: &str| {
            let line = pkgconfig
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{name}: ")));
            line.unwrap()
                .replace("${includedir}", &folder.join("include").display().to_string())
                .replace("${libdir}", &folder.join("lib").display().to_string())
        };
        let source = temporary.path().join("module.c");
        fs::write(
            &source,
            "#include <windows.h>\n#include <routprot.h>\n#include <rtutils.h>\n\
             DWORD trace(void);\nDWORD trace(void) { return TraceRegister(\"M\"); }\n",
        )
        .unwrap();
        let module = temporary.path().join("module.so");
        run(Command::new("gcc")
            .args(["-shared", "-fPIC", "-Wall", "-Werror", "-Wl,--no-undefined"])
            .args(value("Cflags").split(' '))
            .arg(&source)
            .args(value("Libs").split(' '))
            .arg("-o")
            .arg(&module))
        .unwrap();
        let needed = Command::new("readelf").arg("-d").arg(&module).output().unwrap();
        assert!(String::from_utf8_lossy(&needed.stdout).contains(&format!("[{SONAME}]")));
        let left: Vec<_> = fs::read_dir(temporary.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 3, "{left:?}");
    }
}
