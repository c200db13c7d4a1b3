//! `cargo xtask lab`: builds the release and becomes the demonstration.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

use crate::test::cargo;
use crate::{packages, run, say};

pub(crate) fn show(keep: bool) -> Result<()> {
    packages::install(packages::LAB)?;
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
