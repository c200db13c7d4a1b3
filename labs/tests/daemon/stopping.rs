//! The end of a daemon.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::Result;
use waypost_testkit::{Lab, run, wait_for};

use crate::network::{Daemon, SOON};

/// Requests that wait for the manager when the daemon is asked to stop are told so, and do not hold it up.
#[test]
fn requests_in_the_queue_are_answered_at_once() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        let mut daemon = Daemon::start(&r1, "waypostd", &[])?;
        // Stopped in the middle: what is asked now waits in the queue, and the signal is there before it is worked on.
        daemon.process.signal("STOP")?;
        let mut asking = Vec::new();
        for _ in 0..20 {
            let mut stream = UnixStream::connect(daemon.file("sock"))?;
            stream.set_read_timeout(Some(SOON))?;
            stream.write_all(b"GET /v1/interfaces HTTP/1.1\r\nhost: waypost\r\n\r\n")?;
            asking.push(stream);
        }
        daemon.process.signal("TERM")?;
        let start = Instant::now();
        daemon.go_on()?;
        for stream in &mut asking {
            stream.set_nonblocking(true)?;
            let mut answer = Vec::new();
            wait_for(SOON, "a request is answered", || {
                let mut part = [0; 4096];
                match stream.read(&mut part) {
                    Ok(0) if answer.is_empty() => Err("closed without an answer".to_owned()),
                    Ok(length) => {
                        answer.extend_from_slice(&part[..length]);
                        Ok(())
                    }
                    Err(error) => Err(error.to_string()),
                }
            })?;
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
        }
        assert!(daemon.process.wait(SOON)?.success());
        let took = start.elapsed();
        assert!(took < Duration::from_secs(4), "stopping took {took:?}");
        Ok(())
    });
}

/// The readable copy of the configuration is there as soon as the daemon is, not when something happens next.
#[test]
fn the_readable_copy_is_written_at_start() {
    run(|lab: &Lab| -> Result<()> {
        let r1 = lab.node("r1")?;
        let mut daemon = Daemon::start(&r1, "waypostd", &[])?;
        daemon.waypost(&["set", "router.id=192.0.2.1"])?;
        let copy = daemon.file("state").join("running.toml");
        let written = || {
            wait_for(SOON, "running.toml is written", || {
                let text = std::fs::read_to_string(&copy).map_err(|error| error.to_string())?;
                if text.contains("192.0.2.1") {
                    Ok(())
                } else {
                    Err(text)
                }
            })
        };
        // A moment after the revision; the daemon does not wait for it when it stops.
        written()?;
        daemon.process.stop(SOON)?;
        std::fs::remove_file(&copy)?;
        // Nothing is asked of it: that alone would wake it.
        let _daemon = Daemon::launch(&r1, "waypostd", &[], &[])?;
        written()
    });
}
