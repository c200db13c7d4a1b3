//! Waypost as it was built.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{PATIENCE, Router, as_text, control};
use crate::lab::MODULES;
use crate::process::Process;
use crate::wait::wait_for;

/// Where a router serves its page: a node has a loopback interface of its own.
pub(super) const PAGE: &str = "127.0.0.1:8480";

/// The path of one of Waypost's programs.
pub(super) fn program(name: &str) -> Result<PathBuf> {
    if let Some(directory) = env::var_os("WAYPOST_BIN") {
        let path = PathBuf::from(directory).join(name);
        if path.is_file() {
            return Ok(path);
        }
        bail!("WAYPOST_BIN is set, but there is no {}", path.display());
    }
    let here = env::current_exe().context("finding this program")?;
    // Tests are in a directory below the one with the programs.
    here.ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "there is no {name} near {}: build it first, with the same profile (cargo build --bins)",
                here.display()
            )
        })
}

pub(super) fn launch(router: &mut Router) -> Result<()> {
    let configuration = router.write("waypost.toml", &router.configuration)?;
    let state = as_text(&router.path("state"))?;
    let socket = as_text(&router.path("waypost.sock"))?;
    // Not those of the machine.
    let own = router.path(MODULES);
    let of_the_lab = own.parent().map(|node| node.with_file_name(MODULES));
    let modules = as_text(&of_the_lab.filter(|_| !own.exists()).unwrap_or(own))?;
    let daemon = as_text(&program("waypostd")?)?;
    let mut arguments = vec![
        "--config",
        &configuration,
        "--state-dir",
        &state,
        "--socket",
        &socket,
        "--modules",
        &modules,
    ];
    if router.page {
        arguments.extend(["--page", PAGE]);
    }
    let mut process = Process::start(&router.node, "waypostd", &daemon, &arguments)?;
    wait_for(PATIENCE, "waypostd answers", || {
        if let Ok(Some(status)) = process.ended() {
            return Err(format!("it ended: {status}"));
        }
        command(router, &["show", "status"])
            .map(drop)
            .map_err(|error| format!("{error:#}"))
    })?;
    router.processes.push(process);
    Ok(())
}

/// The command line of the router's programs, ready for arguments.
pub(super) fn tool(router: &Router) -> Result<Command> {
    let mut command = Command::new(program("waypost")?);
    command.arg("--socket").arg(router.path("waypost.sock"));
    Ok(command)
}

pub(super) fn questions(router: &Router) -> Result<Vec<Command>> {
    [
        "show interfaces",
        "show neighbors",
        "show routes",
        "show database",
        "show counters",
    ]
    .into_iter()
    .map(|question| {
        let mut command = tool(router)?;
        command.args(question.split(' '));
        Ok(command)
    })
    .collect()
}

pub(super) fn command(router: &Router, arguments: &[&str]) -> Result<String> {
    let (done, text) = control(tool(router)?.args(arguments))?;
    if !done {
        bail!("waypost {}:\n{text}", arguments.join(" "));
    }
    Ok(text)
}

pub(super) fn reconfigure(router: &mut Router, configuration: &str) -> Result<()> {
    let file = router.write("wanted.toml", configuration)?;
    command(router, &["apply", &file])?;
    configuration.clone_into(&mut router.configuration);
    Ok(())
}
