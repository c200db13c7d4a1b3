//! `cargo xtask lab`: builds the release and becomes the demonstration.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;

use crate::test::cargo;
use crate::{run, say};

/// Programs that the lab starts, each with the Debian package it is in.
const NEEDED: &[(&str, &[&str])] = &[
    ("iproute2", &["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"]),
    ("iputils-ping", &["/usr/bin/ping", "/bin/ping"]),
    ("util-linux", &["/usr/bin/unshare"]),
];

pub(crate) fn show(keep: bool) -> Result<()> {
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(_, programs)| !programs.iter().any(|program| Path::new(program).exists()))
        .map(|(package, _)| *package)
        .collect();
    if !missing.is_empty() {
        bail!(
            "these Debian packages are missing: install them with\n  sudo apt-get install {}",
            missing.join(" ")
        );
    }
    say("== building the release (some minutes the first time)");
    run(cargo().args([
        "build",
        "--release",
        "--package",
        "waypostd",
        "--package",
        "waypost",
        "--package",
        "waypost-labs",
        "--bins",
    ]))?;
    let metadata = MetadataCommand::new().no_deps().exec()?;
    let lab = metadata
        .target_directory
        .as_std_path()
        .join("release/waypost-lab");
    let mut program = Command::new(&lab);
    if keep {
        program.arg("--keep");
    }
    // In place of this process: a Ctrl-C reaches the lab alone, which cleans up before the prompt is back.
    Err(program.exec()).with_context(|| lab.display().to_string())
}
