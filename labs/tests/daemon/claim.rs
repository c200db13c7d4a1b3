//! One daemon a network namespace.

use anyhow::Result;
use waypost_testkit::{Lab, run};

use crate::network::{Daemon, SOON};

/// A second daemon would take the first one's routes for strays.
#[test]
fn a_second_daemon_in_the_namespace_is_refused() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        let mut first = Daemon::start(&r1, "first", &[])?;
        first.waypost(&[
            "set",
            "protocols.static.routes=[{ prefix = '10.9.0.0/24', via = '10.0.12.2' }]",
        ])?;
        r1.wait_for_route("10.9.0.0/24", &["10.0.12.2"], SOON)?;

        let mut second = Daemon::launch(&r1, "second", &[], &["--restart-time", "0"])?;
        assert_eq!(second.ends()?.code(), Some(1), "{}", second.log());
        let log = second.log();
        assert!(
            log.contains("another daemon manages this network namespace"),
            "{log}"
        );
        assert!(log.contains("held by process"), "{log}");
        r1.wait_for_route("10.9.0.0/24", &["10.0.12.2"], SOON)?;

        // Another namespace has room for another one, and this one when the first is gone.
        let _third = Daemon::start(&r2, "third", &[])?;
        first.process.kill()?;
        let mut second = Daemon::start(&r1, "second", &["--restart-time", "0"])?;
        r1.wait_for_no_route("10.9.0.0/24", SOON)?;
        second.process.stop(SOON)?;
        Ok(())
    });
}
