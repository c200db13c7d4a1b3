//! The benchmarks: what a change of configuration costs and how fast routes travel, beside the peers and the bare disk.
//!
//! `cargo xtask bench` builds everything in release and runs this. Each benchmark prints a table: medians with least and
//! greatest value, the ratio to what stands beside it in the same run, and the bar with whether it was met.

mod cost;
mod disk;
mod generator;
mod kernel_1m;
mod live_cost;
mod live_metric;
mod machine;
mod module;
mod policy;
mod recursion;
mod report;
mod rig;
mod rip_10k;
mod set;
mod spf;
mod table;
mod transaction;
mod triangle;
mod watch;
mod waypost;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use report::{Report, Section};

/// What is measured: a name, and how.
type Benchmark = (&'static str, fn(&Context) -> Result<Section>);

const BENCHMARKS: [Benchmark; 11] = [
    ("table", table::run),
    ("recursion", recursion::run),
    ("policy", policy::run),
    ("spf", spf::run),
    ("module", module::run),
    ("set", set::run),
    ("transaction", transaction::run),
    ("live-metric", live_metric::run),
    ("live-cost", live_cost::run),
    ("rip-10k", rip_10k::run),
    ("kernel-1m", kernel_1m::run),
];

/// Measures Waypost beside FRR, BIRD and the bare disk.
#[derive(Parser)]
#[command(name = "cargo xtask bench", max_term_width = 100)]
struct Arguments {
    /// Which: table, recursion, policy, spf, module, set, transaction, live-metric, live-cost, rip-10k, kernel-1m; all of them by default
    names: Vec<String>,
    /// How often each thing is measured, in place of each benchmark's own number
    #[arg(long)]
    runs: Option<usize>,
    /// Also write the results to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where state directories and the file of the bare fdatasync lie: a disk, or the figures say nothing of durability
    #[arg(long, value_name = "DIR", default_value = "target")]
    dir: PathBuf,
}

/// How to measure.
pub(crate) struct Context {
    runs: Option<usize>,
    /// A directory of this run's own, on the disk that was asked for.
    scratch: PathBuf,
}

impl Context {
    /// The number of measurements where `usual` would be taken.
    fn runs(&self, usual: usize) -> usize {
        self.runs.unwrap_or(usual).max(1)
    }

    /// The scratch directory.
    fn scratch(&self) -> &Path {
        &self.scratch
    }
}

/// The scratch directory goes with the run, however that ends.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn main() -> Result<ExitCode> {
    if table::measured_memory()? {
        return Ok(ExitCode::SUCCESS);
    }
    let arguments = Arguments::parse();
    waypost_testkit::gain_privileges()?;
    let wanted = wanted(&arguments.names)?;
    // Short, because paths of sockets below it are limited to 107 octets.
    let scratch = arguments.dir.join(format!("b{}", std::process::id()));
    fs::create_dir_all(&scratch).with_context(|| format!("making {}", scratch.display()))?;
    let scratch = Scratch(scratch.canonicalize()?);
    let context = Context {
        runs: arguments.runs,
        scratch: scratch.0.clone(),
    };
    let mut report = Report::new(machine::describe(&scratch.0));
    report.say_machine();
    let mut failed = false;
    for (name, run) in wanted {
        match run(&context) {
            Ok(section) => report.add(name, section),
            Err(error) => {
                failed = true;
                report.add(name, Section::failed(name, &error));
            }
        }
    }
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&report.json())?;
        fs::write(file, text + "\n").with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        report.say_bars();
        ExitCode::SUCCESS
    })
}

fn wanted(names: &[String]) -> Result<Vec<Benchmark>> {
    if names.is_empty() {
        return Ok(BENCHMARKS.into());
    }
    names
        .iter()
        .map(|name| {
            let found = BENCHMARKS.iter().find(|(known, _)| known == name);
            match found {
                Some(benchmark) => Ok(*benchmark),
                None => bail!(
                    "there is no benchmark '{name}'; there are {}",
                    BENCHMARKS.map(|(known, _)| known).join(", ")
                ),
            }
        })
        .collect()
}
