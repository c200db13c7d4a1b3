//! Debian's FRR without touching `/etc` or `/var`.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::{PATIENCE, Router, as_text, control};
use crate::process::{Process, remove};
use crate::wait::wait_for;

/// A daemon, its program and the socket by which it shows that it listens.
const DAEMONS: [(&str, &str, &str); 4] = [
    ("zebra", "/usr/lib/frr/zebra", "zserv.api"),
    ("staticd", "/usr/lib/frr/staticd", "staticd.vty"),
    ("ripd", "/usr/lib/frr/ripd", "ripd.vty"),
    ("ospfd", "/usr/lib/frr/ospfd", "ospfd.vty"),
];
const VTYSH: &str = "/usr/bin/vtysh";

pub(super) fn is_installed() -> bool {
    DAEMONS
        .iter()
        .map(|(_, program, _)| *program)
        .chain([VTYSH])
        .all(|program| Path::new(program).exists())
}

/// FRR insists that its user is in the group `frrvty`. In a mount namespace of its own, where that is another name of
/// root's group, it runs as root, which is the only user there is in a user namespace. It also wants to write to
/// `/var/tmp/frr`.
const WRAP: &str =
    r#"mount --make-rprivate / && mount --bind "$0" /etc/group && mount -t tmpfs none /var/tmp && exec "$@""#;
const GROUPS: &str = "root:x:0:\nfrrvty:x:0:\nfrr:x:0:\n";

pub(super) fn launch(router: &mut Router) -> Result<()> {
    let directory = as_text(router.node.directory())?;
    let groups = router.write("group", GROUPS)?;
    let zserv = as_text(&router.path("zserv.api"))?;
    router.write("vtysh.conf", "")?;
    router.write("frr.conf", &router.configuration)?;
    for (daemon, program, socket) in DAEMONS {
        if daemon == "ospfd" && !speaks_ospf(router) {
            continue;
        }
        // A socket of an earlier run would look like a daemon that listens.
        remove(&router.path(socket))?;
        let configuration = router.write(&format!("{daemon}.conf"), "")?;
        let pid = as_text(&router.path(&format!("{daemon}.pid")))?;
        let arguments = [
            &["-m", "sh", "-c", WRAP, &groups, program][..],
            &["-u", "root", "-g", "root", "--log", "stdout", "-P", "0"],
            &[
                "-z",
                &zserv,
                "--vty_socket",
                &directory,
                "-i",
                &pid,
                "-f",
                &configuration,
            ],
        ]
        .concat();
        let mut process = Process::start(&router.node, daemon, "unshare", &arguments)?;
        wait_for(PATIENCE, &format!("{daemon} listens"), || {
            if let Ok(Some(status)) = process.ended() {
                return Err(format!("{daemon} ended: {status}"));
            }
            if router.path(socket).exists() {
                Ok(())
            } else {
                Err(format!("no {socket}"))
            }
        })?;
        router.processes.push(process);
    }
    let (done, text) = control(vtysh(&directory).arg("-b"))?;
    // A line that is refused is no failure to vtysh.
    if !done || text.contains('%') || text.contains("failed") {
        bail!("FRR refuses its configuration:\n{text}");
    }
    Ok(())
}

fn speaks_ospf(router: &Router) -> bool {
    router.configuration.contains("router ospf")
}

fn vtysh(directory: &str) -> Command {
    let mut command = Command::new(VTYSH);
    command.args(["--vty_socket", directory, "--config_dir", directory]);
    command
}

pub(super) fn questions(router: &Router) -> Result<Vec<Command>> {
    let mut vtysh = vtysh(&as_text(router.node.directory())?);
    if speaks_ospf(router) {
        vtysh.args(["-c", "show ip ospf neighbor", "-c", "show ip ospf database"]);
    } else {
        vtysh.args(["-c", "show ip rip", "-c", "show ip rip status"]);
    }
    Ok(vec![vtysh])
}

pub(super) fn command(router: &Router, commands: &[&str]) -> Result<String> {
    let mut vtysh = vtysh(&as_text(router.node.directory())?);
    for command in commands {
        vtysh.args(["-c", command]);
    }
    let (done, text) = control(&mut vtysh)?;
    if !done || text.contains("% ") {
        bail!("vtysh: {}:\n{text}", commands.join("; "));
    }
    Ok(text)
}

pub(super) fn reconfigure(router: &Router, lines: &str) -> Result<()> {
    let commands: Vec<_> = std::iter::once("configure terminal")
        .chain(lines.lines().filter(|line| !line.trim().is_empty()))
        .collect();
    command(router, &commands)?;
    Ok(())
}
