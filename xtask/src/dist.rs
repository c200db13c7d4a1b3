//! `cargo xtask dist`: a tarball with the programs, their manual pages, completions, a unit file and the documents.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

use crate::test::cargo;
use crate::{run, say};

const PROGRAMS: &[&str] = &["waypostd", "waypost"];
const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "LICENSE-MIT", "LICENSE-APACHE"];

pub(crate) fn tarball() -> Result<()> {
    let metadata = MetadataCommand::new().no_deps().exec()?;
    let root = metadata.workspace_root.as_std_path();
    let version = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "waypostd")
        .context("waypostd")?;
    let name = format!("waypost-{}-{}", version.version, std::env::consts::ARCH);
    run(cargo().args([
        "build",
        "--release",
        "--workspace",
        "--bins",
        "--exclude",
        "xtask",
    ]))?;
    let folder = root.join("dist").join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for part in [
        "bin",
        "share/man/man1",
        "share/bash-completion/completions",
        "lib/systemd/system",
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
    let completion = Command::new(release.join("waypost"))
        .env("COMPLETE", "bash")
        .output()
        .context("completion")?;
    fs::write(
        folder.join("share/bash-completion/completions/waypost"),
        completion.stdout,
    )?;
    copy(
        &root.join("packaging/waypost.service"),
        &folder.join("lib/systemd/system"),
    )?;
    for document in DOCUMENTS {
        copy(&root.join(document), &folder.join("share/doc/waypost"))?;
    }
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

fn copy(from: &Path, into: &Path) -> Result<PathBuf> {
    let to = into.join(from.file_name().context("a file name")?);
    fs::copy(from, &to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    Ok(to)
}
