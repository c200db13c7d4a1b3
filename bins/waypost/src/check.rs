//! `waypost check`: what is wrong with a configuration in a file, without a router.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use waypost_api::Refusals;

use crate::change::{in_file, read};
use crate::fault::Fault;
use crate::files;

/// The program that knows every protocol.
const DAEMON: &str = "waypostd";

/// Checks a file as `waypost apply` would, as far as that can be told without a router.
pub(crate) fn check(file: &Path, modules: Option<&Path>, json: bool) -> Result<String, Fault> {
    let text = read(file)?;
    let program = daemon();
    let mut command = Command::new(&program);
    command.args(["--check", "-"]);
    if let Some(modules) = modules {
        command.arg("--modules").arg(modules);
    }
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| {
        Fault::Usage(format!(
            "{} knows the protocols and cannot be run: {error}",
            program.display()
        ))
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read to the end says why.
        drop(stdin.write_all(text.as_bytes()));
    }
    let output = child
        .wait_with_output()
        .map_err(|error| Fault::Strange(error.to_string()))?;
    let Refusals { refusals } = serde_json::from_slice(&output.stdout)
        .map_err(|_| Fault::NotDone(format!("{} could not check the file", program.display())))?;
    if !refusals.is_empty() {
        return Err(in_file(Fault::Refused(refusals), file, &text));
    }
    if json {
        return Ok("{\n  \"refusals\": []\n}\n".to_owned());
    }
    Ok(format!("{}: nothing is wrong with it\n", files::name(file)))
}

/// The daemon that belongs to this program: beside it, or where a distribution has daemons, or on the path.
fn daemon() -> PathBuf {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|here| Some(here.parent()?.join(DAEMON)));
    let folders = ["/usr/sbin", "/usr/local/sbin"].map(|folder| Path::new(folder).join(DAEMON));
    beside
        .into_iter()
        .chain(folders)
        .find(|program| program.is_file())
        .unwrap_or_else(|| PathBuf::from(DAEMON))
}
