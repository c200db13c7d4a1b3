//! The project's own commands. `cargo xtask` lists them.

mod bench;
mod dist;
mod house;
mod lab;
mod packages;
mod test;

use std::io::Write;
use std::process::{Command as Program, ExitCode};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what it needs, start three routers in network namespaces, change one live while packets flow, kill one; then clean up.
    Lab {
        /// Leave the lab running at the end, until Ctrl-C, and print how to talk to it.
        #[arg(long)]
        keep: bool,
    },
    /// Install what the tests need and run all of them.
    Test {
        /// Leave out the labs: no packages are installed, no namespaces are made.
        #[arg(long)]
        quick: bool,
    },
    /// Measure Waypost beside FRR, BIRD and the bare disk; installs what that needs.
    Bench(bench::Options),
    /// Check that no crate uses one it may not use.
    House,
    /// Build the release and pack it into dist/.
    Dist,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Lab { keep } => lab::show(keep),
        Command::Test { quick } => test::all(quick),
        Command::Bench(options) => bench::all(&options),
        Command::House => house::check(),
        Command::Dist => dist::tarball(),
    };
    // The error and its causes, never a trace of calls: who reads it called a command, not a function.
    done.map_or_else(
        |error| {
            drop(writeln!(std::io::stderr(), "error: {error:#}"));
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

/// Runs a program to its end; anything but success is an error that names it.
fn run(program: &mut Program) -> Result<()> {
    let status = program.status().with_context(|| format!("{program:?}"))?;
    if !status.success() {
        bail!("{program:?} failed: {status}");
    }
    Ok(())
}

/// Prints a line; a closed pipe is no error.
fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
