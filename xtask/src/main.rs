//! The project's own commands. `cargo xtask` lists them.

mod house;

use std::io::Write;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check that no crate uses one it may not use.
    House,
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::House => house::check(),
    }
}

/// Prints a line; a closed pipe is no error.
fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
