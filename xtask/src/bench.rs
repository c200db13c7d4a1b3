//! `cargo xtask bench`: builds what is measured in release and measures it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use cargo_metadata::MetadataCommand;
use clap::Args;

use crate::packages::{self, PEERS};
use crate::run;
use crate::test::cargo;

/// What the measuring program is given; it says what is wrong with it.
#[derive(Args)]
pub(crate) struct Options {
    /// Which: set, transaction, live-metric, rip-10k; all of them by default
    names: Vec<String>,
    /// How often each thing is measured, in place of each benchmark's own number
    #[arg(long)]
    runs: Option<usize>,
    /// Also write the results to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where state directories and the file of the bare fdatasync lie; default: the target directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Builds the daemon, what belongs to it and the benchmarks, and runs these.
pub(crate) fn all(options: &Options) -> Result<()> {
    packages::install(&[packages::LAB, PEERS, packages::COMPILERS].concat())?;
    run(cargo().args([
        "build",
        "--release",
        "--package",
        "waypostd",
        "--package",
        "waypost",
        "--package",
        "waypost-module-host",
    ]))?;
    run(cargo().args(["build", "--release", "--package", "waypost-bench"]))?;
    let target = MetadataCommand::new().no_deps().exec()?.target_directory;
    let target = target.as_std_path();
    let mut bench = Command::new(target.join("release/waypost-bench"));
    bench
        .args(&options.names)
        .arg("--dir")
        .arg(options.dir.as_deref().unwrap_or(target));
    if let Some(runs) = options.runs {
        bench.arg("--runs").arg(runs.to_string());
    }
    if let Some(json) = &options.json {
        bench.arg("--json").arg(json);
    }
    run(&mut bench)
}
