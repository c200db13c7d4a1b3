//! Nothing of a lab is left, however the test that made it ends.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use waypost_testkit::{Lab, Process, run, wait_for};

const PATIENCE: Duration = Duration::from_secs(10);
/// What a lab that is to be ended says about itself begins so.
const SIGN: &str = "the lab is here: ";

/// A lab with a process that ignores polite requests and one that has left its session.
fn stubborn(lab: &Lab) -> Result<(Process, Process)> {
    let node = lab.node("r1")?;
    let first = Process::start(&node, "first", "sh", &["-c", "trap '' TERM INT HUP; sleep 1000"])?;
    let second = Process::start(&node, "second", "setsid", &["sleep", "1000"])?;
    Ok((first, second))
}

fn assert_gone(directory: &str, pids: &[u32]) -> Result<()> {
    wait_for(PATIENCE, "the lab is gone", || {
        let left: Vec<_> = pids
            .iter()
            .map(|pid| format!("/proc/{pid}"))
            .chain([directory.to_owned()])
            .filter(|path| Path::new(path).exists())
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.join(" "))
        }
    })
}

fn sign(lab: &Lab, processes: &(Process, Process)) -> String {
    format!(
        "{SIGN}{} {} {}",
        lab.directory().display(),
        processes.0.pid(),
        processes.1.pid()
    )
}

/// The directory and the process numbers of a sign.
fn read_sign(text: &str) -> Result<(String, Vec<u32>)> {
    let mut words = text.split_once(SIGN).context("no sign")?.1.split_whitespace();
    let directory = words.next().context("no directory")?.to_owned();
    Ok((directory, words.map_while(|word| word.parse().ok()).collect()))
}

#[test]
fn after_an_ordinary_end() {
    let mut seen = None;
    run(|lab| {
        seen = Some(read_sign(&sign(lab, &stubborn(lab)?))?);
        Ok(())
    });
    // Without root the body ran in another process.
    if let Some((directory, pids)) = seen {
        assert_eq!(pids.len(), 2);
        assert_gone(&directory, &pids).unwrap();
    }
}

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn lab_that_panics() {
    run(|lab| {
        let processes = stubborn(lab)?;
        println!("{}", sign(lab, &processes));
        panic!("on purpose");
    });
}

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn lab_that_waits_for_its_end() {
    run(|lab| {
        let mut processes = stubborn(lab)?;
        println!("{}", sign(lab, &processes));
        processes.0.wait(Duration::from_secs(60))?;
        bail!("the lab outlived its maker");
    });
}

/// Starts one test as root of a user namespace: in one process, whoever we are.
fn start(test: &str) -> Child {
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn after_a_panic() {
    let output = start("lab_that_panics").wait_with_output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("on purpose") && text.contains("as it was left"),
        "{text}"
    );
    let (directory, pids) = read_sign(&text).unwrap();
    assert_gone(&directory, &pids).unwrap();
}

/// Starts the lab that waits, and ends it by a signal.
fn end_by(signal: &str) {
    let mut child = start("lab_that_waits_for_its_end");
    let sign = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .find(|line| line.contains(SIGN))
        .unwrap();
    let (directory, pids) = read_sign(&sign).unwrap();
    assert_eq!(pids.len(), 2, "{sign}");
    assert!(Path::new(&directory).exists());
    assert!(pids.iter().all(|pid| Path::new(&format!("/proc/{pid}")).exists()));
    let sent = Command::new("kill")
        .args([format!("-{signal}"), child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    assert!(!child.wait().unwrap().success());
    assert_gone(&directory, &pids).unwrap();
}

#[test]
fn after_an_interrupt() {
    end_by("INT");
}

#[test]
fn after_a_kill() {
    end_by("KILL");
}
