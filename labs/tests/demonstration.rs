//! `cargo xtask lab` as a user sees it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use waypost_testkit::wait_for;

fn demonstration() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost-lab"));
    command.stdin(Stdio::null());
    command
}

/// It checks its own claims and fails when one does not hold; here is what must be among them.
#[test]
fn it_tells_its_story_and_succeeds() {
    let output = demonstration().output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    for claim in [
        "revision 2 is in force",
        "10.0.23.3 to-r3 2   ->  10.0.32.3 spare 3",
        "value is out of range: 99 (allowed: 0..=16) [ERROR_INVALID_PARAMETER 87]",
        "No kernel lost a route meanwhile",
        "0 lost: through a live change",
    ] {
        assert!(text.contains(claim), "no '{claim}' in:\n{text}");
    }
    assert!(errors.is_empty(), "{errors}");
}

/// Kept until it is interrupted, and gone then: processes, directory and all.
#[test]
fn it_cleans_up_when_interrupted() {
    let mut child = demonstration()
        .arg("--keep")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut sockets = Vec::new();
    let mut pids = Vec::new();
    let mut page = false;
    for line in lines.map_while(Result::ok) {
        if let Some((_, socket)) = line.split_once("WAYPOST_SOCKET=") {
            sockets.push(socket.to_owned());
        }
        if let Some((_, rest)) = line.split_once("--target ") {
            pids.push(rest.split(' ').next().unwrap().to_owned());
        }
        page |= line.contains("http://127.0.0.1:8480/#token=");
        if line.contains("waypost watch") {
            break;
        }
    }
    assert_eq!((sockets.len(), pids.len()), (3, 3), "it says how to talk to each");
    assert!(page, "it says where the page of r2 is");
    assert!(sockets.iter().all(|socket| std::path::Path::new(socket).exists()));
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    for path in sockets
        .into_iter()
        .chain(pids.into_iter().map(|pid| format!("/proc/{pid}/exe")))
    {
        wait_for(
            Duration::from_secs(5),
            &format!("{path} is gone"),
            || match std::fs::symlink_metadata(&path) {
                Err(_) => Ok(()),
                Ok(_) => Err("it is there".to_owned()),
            },
        )
        .unwrap();
    }
}
