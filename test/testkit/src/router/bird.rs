//! Debian's BIRD 2.

use std::process::Command;

use anyhow::{Result, bail};

use super::{PATIENCE, Router, as_text, control};
use crate::process::{Process, remove};
use crate::wait::wait_for;

pub(super) const PROGRAM: &str = "/usr/sbin/bird";
const CONTROL: &str = "/usr/sbin/birdc";

pub(super) fn launch(router: &mut Router) -> Result<()> {
    remove(&router.path("bird.ctl"))?;
    let configuration = router.write("bird.conf", &router.configuration)?;
    let socket = as_text(&router.path("bird.ctl"))?;
    let mut process = Process::start(
        &router.node,
        "bird",
        PROGRAM,
        &["-f", "-c", &configuration, "-s", &socket],
    )?;
    wait_for(PATIENCE, "BIRD answers", || {
        if let Ok(Some(status)) = process.ended() {
            return Err(format!("it ended: {status}"));
        }
        command(router, &["show", "status"])
            .map(drop)
            .map_err(|error| error.to_string())
    })?;
    router.processes.push(process);
    Ok(())
}

fn birdc(router: &Router) -> Command {
    let mut command = Command::new(CONTROL);
    command.arg("-s").arg(router.path("bird.ctl"));
    command
}

pub(super) fn questions(router: &Router) -> Vec<Command> {
    ["show route all", "show rip interfaces", "show rip neighbors"]
        .map(|question| {
            let mut command = birdc(router);
            command.args(question.split(' '));
            command
        })
        .into()
}

pub(super) fn command(router: &Router, words: &[&str]) -> Result<String> {
    let (done, text) = control(birdc(router).args(words))?;
    if !done {
        bail!("birdc {}:\n{text}", words.join(" "));
    }
    Ok(text)
}

pub(super) fn reconfigure(router: &mut Router, configuration: &str) -> Result<()> {
    router.write("bird.conf", configuration)?;
    // birdc succeeds even when BIRD refuses.
    let text = command(router, &["configure"])?;
    if !text.contains("Reconfigured") && !text.contains("Reconfiguration in progress") {
        bail!("BIRD refuses its configuration:\n{text}");
    }
    configuration.clone_into(&mut router.configuration);
    Ok(())
}
