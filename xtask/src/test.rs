//! `cargo xtask test`: installs what the tests need and runs all of them.

use std::process::Command;

use anyhow::Result;

use crate::packages::{self, COMPILERS, PEERS};
use crate::{run, say};

/// The crate whose tests build networks.
const LABS: &str = "waypost-labs";
/// As many as the testkit lets run beside each other.
const LABS_AT_ONCE: &str = "4";

/// Runs every test; with `quick`, all but the labs.
pub(crate) fn all(quick: bool) -> Result<()> {
    packages::install(COMPILERS)?;
    if !quick {
        packages::install(&[packages::LAB, PEERS, packages::BROWSER].concat())?;
    }
    // Labs and crash tests run the real daemon: build it first, so that no test waits for a compiler, and as it is built for tests,
    // so that nothing is compiled twice.
    run(cargo().args(["build", "--workspace", "--bins", "--profile", "test"]))?;
    say("== tests of every crate");
    run(cargo().args(["test", "--workspace", "--exclude", LABS, "--quiet"]))?;
    if !quick {
        say("== labs: namespaces with real peers");
        // Labs that measure take turns; those that wait for a protocol's timers run beside each other if there are threads.
        run(cargo()
            .args(["test", "--package", LABS])
            .env("RUST_TEST_THREADS", LABS_AT_ONCE))?;
    }
    say("all tests passed");
    Ok(())
}

pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
