//! `cargo xtask test`: installs what the tests need and runs all of them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{run, say};

/// Debian packages with the programs that tests start, and one program of each.
const NEEDED: &[(&str, &str)] = &[
    ("iproute2", "/usr/sbin/ip"),
    ("iputils-ping", "/usr/bin/ping"),
    ("frr", "/usr/lib/frr/ripd"),
    ("bird2", "/usr/sbin/bird"),
];

/// The crate whose tests build networks: they run one after the other.
const LABS: &str = "waypost-labs";

/// Runs every test; with `quick`, all but the labs.
pub(crate) fn all(quick: bool) -> Result<()> {
    if !quick {
        install()?;
    }
    // Labs and crash tests run the real daemon: build it first, so that no test waits for a compiler.
    run(cargo().args(["build", "--workspace", "--bins"]))?;
    say("== tests of every crate");
    run(cargo().args(["test", "--workspace", "--exclude", LABS, "--quiet"]))?;
    if !quick {
        say("== labs: namespaces with real peers");
        run(cargo().args(["test", "--package", LABS]))?;
    }
    say("all tests passed");
    Ok(())
}

pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Installs missing packages. Their services are not wanted: tests start peers themselves, in namespaces of their own.
pub(crate) fn install() -> Result<()> {
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(_, program)| !Path::new(program).exists())
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("== installing {}", missing.join(", ")));
    if !is_root()? {
        bail!(
            "these Debian packages are missing: install them with\n  sudo apt-get install {}",
            missing.join(" ")
        );
    }
    // A policy that forbids starting services while packages are installed; removed again whatever happens.
    let policy = Path::new("/usr/sbin/policy-rc.d");
    let ours = !policy.exists();
    if ours {
        std::fs::write(policy, "#!/bin/sh\nexit 101\n").context("policy-rc.d")?;
        run(Command::new("chmod").args(["755"]).arg(policy))?;
    }
    let apt = |arguments: &[&str]| {
        run(Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments))
    };
    let installed = apt(&["update", "-qq"]).and_then(|()| {
        let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
        arguments.extend(&missing);
        apt(&arguments)
    });
    if ours {
        std::fs::remove_file(policy).context("policy-rc.d")?;
    }
    installed
}

fn is_root() -> Result<bool> {
    let id = Command::new("id").arg("-u").output().context("id -u")?;
    Ok(String::from_utf8_lossy(&id.stdout).trim() == "0")
}
