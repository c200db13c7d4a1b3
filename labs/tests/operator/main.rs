//! What an operator sees of the real daemon.

mod import;
mod trial;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use waypost_testkit::{Lab, Make, Router, run, wait_for};

const SOON: Duration = Duration::from_secs(10);

fn signal(router: &Router, signal: &str) -> Result<()> {
    let pid = router.pids().first().context("a daemon")?.to_string();
    let sent = Command::new("kill").args([signal, &pid]).status()?;
    ensure!(sent.success(), "kill {signal} {pid}: {sent}");
    Ok(())
}

/// A file that is refused is in `show status` until the file is read again and taken.
#[test]
fn a_refused_file_is_told_of_until_it_is_taken() {
    run(|lab: &Lab| -> Result<()> {
        let node = lab.node("r1")?;
        let router = Router::start(&node, Make::Waypost, "[protocols.rip]\nport = 99999\n")?;
        let warnings = |expected: bool| {
            wait_for(SOON, "what show status says of the file", || {
                let status = router
                    .command(&["show", "status"])
                    .map_err(|error| format!("{error:#}"))?;
                if status.contains("--config was refused: protocols.rip.port: value is out of range: 99999")
                    == expected
                {
                    Ok(())
                } else {
                    Err(status)
                }
            })
        };
        warnings(true)?;
        let file = node.directory().join("waypost.toml");
        std::fs::write(&file, "[protocols.rip]\nport = 1520\n")?;
        signal(&router, "-HUP")?;
        warnings(false)?;
        assert_eq!(router.command(&["get", "protocols.rip.port"])?, "1520\n");
        std::fs::write(&file, "[protocols.rip]\nport = 99999\n")?;
        signal(&router, "-HUP")?;
        warnings(true)?;
        assert_eq!(router.command(&["get", "protocols.rip.port"])?, "1520\n");
        Ok(())
    });
}

/// A protocol that joins an interface without an option of its own is a change, in words and by its revision.
#[test]
fn joining_an_interface_is_said() {
    run(|lab: &Lab| -> Result<()> {
        let node = lab.node("r1")?;
        lab.stub(&node, "lan0", "10.1.0.1/24")?;
        let router = Router::start(&node, Make::Waypost, "[protocols.rip]\n")?;
        let planned = router.command(&["set", "interfaces.lan0.rip={}", "--plan"])?;
        assert!(
            planned.contains("live: the protocol joins the interface"),
            "{planned}"
        );
        let made = router.command(&["set", "interfaces.lan0.rip={}"])?;
        assert!(made.contains("revision 2 is in force"), "{made}");
        let again = router.command(&["set", "interfaces.lan0.rip={}"])?;
        assert_eq!(again, "nothing changed: revision 2 stays in force\n");
        let left = router.command(&["unset", "interfaces.lan0.rip"])?;
        assert!(left.ends_with("rip left lan0\n"), "{left}");
        let (status, text) = router.attempt(&["get", "interfaces.lan0.rip.metric"])?;
        assert_eq!(status.code(), Some(1));
        assert!(text.contains("not configured; the default is 1 ["), "{text}");
        let (_, text) = router.attempt(&["set", "protocols.bgp={}"])?;
        assert!(text.contains("protocols.bgp: bgp is not installed"), "{text}");
        Ok(())
    });
}
