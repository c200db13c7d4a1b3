//! `watch`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::daemon::{Daemon, fixture};
use crate::{run, text, waypost};

#[test]
fn snapshots_one_after_the_other() {
    let mut daemon = Daemon::start();
    daemon.watched(vec![fixture("snapshot"), fixture("snapshot")], false);
    let output = run(&daemon, &["watch", "--json"]);
    let lines: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["neighbors"], fixture("snapshot")["neighbors"]);
    // The stand-in has hung up.
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).starts_with("error: "));
    let shown = text(&run(&daemon, &["watch"]).stdout);
    assert_eq!(shown.matches("\nNeighbours\n").count(), 2, "{shown}");
    assert!(!shown.contains('\x1b'), "no terminal, no drawing");
}

#[test]
fn an_interrupt_ends_it_well() {
    let mut daemon = Daemon::start();
    daemon.watched(vec![fixture("snapshot")], true);
    for signal in ["-INT", "-TERM", "-HUP"] {
        let mut child = waypost(&daemon, &["watch", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.starts_with('{'));
        assert!(
            Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), text(&output.stderr).as_str()),
            (Some(0), ""),
            "{signal}"
        );
    }
}
