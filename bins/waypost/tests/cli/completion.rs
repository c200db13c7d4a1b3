//! Completion, as shells ask for it.

use std::process::Command;

use crate::daemon::Daemon;
use crate::{run, text, waypost};

/// What bash would show for a line.
fn bash(daemon: &Daemon, line: &str) -> Vec<String> {
    let mut command = waypost(daemon, &["--", "waypost"]);
    let output = command
        .env("COMPLETE", "bash")
        .env("_WAYPOST_COMPLETE_LINE", line)
        .output()
        .unwrap();
    assert!(output.status.success());
    text(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn knows_the_router() {
    let daemon = Daemon::start();
    assert_eq!(
        bash(&daemon, "waypost show interfaces et"),
        ["eth0", "eth10", "eth1", "eth0.100"],
        "in the daemon's order"
    );
    assert_eq!(
        bash(&daemon, "waypost set interfaces.eth0."),
        [
            "interfaces.eth0.enabled=",
            "interfaces.eth0.rip.",
            "interfaces.eth0.rip=\\{\\}"
        ]
    );
    assert_eq!(
        bash(&daemon, "waypost set interfaces.eth0.rip.me"),
        ["interfaces.eth0.rip.metric="]
    );
    assert_eq!(
        bash(&daemon, "waypost set interfaces.eth0.rip.announce="),
        ["none", "v1", "v1-compatible", "v2-multicast"]
    );
    assert_eq!(
        bash(&daemon, "waypost unset interfaces.eth1.rip."),
        ["interfaces.eth1.rip.passive"]
    );
    assert_eq!(bash(&daemon, "waypost rollback 4"), ["42", "41", "40"]);
    assert_eq!(bash(&daemon, "waypost autostatic update pp"), ["ppp0"]);
    assert_eq!(bash(&daemon, "waypost blocks show pp"), ["ppp0"]);
    assert_eq!(bash(&daemon, "waypost schema r"), ["rip"]);
    assert!(bash(&daemon, "waypost sho").contains(&"show".to_owned()));
}

#[test]
fn names_with_dots_are_quoted_for_us_and_for_bash() {
    let daemon = Daemon::start();
    assert_eq!(
        bash(&daemon, r#"waypost set interfaces.\"eth0.100\".rip.metr"#),
        [r#"interfaces.\"eth0.100\".rip.metric="#]
    );
}

#[test]
fn other_shells_get_paths_a_part_at_a_time_and_help() {
    let daemon = Daemon::start();
    let fish = |word: &str| -> Vec<String> {
        let mut command = waypost(&daemon, &["--", "waypost", "set", word]);
        let output = command.env("COMPLETE", "fish").output().unwrap();
        text(&output.stdout).lines().map(str::to_owned).collect()
    };
    let interfaces = fish("interfaces.");
    assert!(
        interfaces.contains(&"interfaces.eth0.".to_owned()),
        "{interfaces:?}"
    );
    assert!(
        interfaces.iter().all(|path| path.ends_with('.')),
        "{interfaces:?}"
    );
    let line = &fish("interfaces.eth0.rip.met")[0];
    assert!(
        line.starts_with("interfaces.eth0.rip.metric=\tCost added to routes heard here"),
        "{line}"
    );
}

#[test]
fn without_a_daemon_there_is_nothing_to_offer_and_no_noise() {
    let daemon = Daemon::start();
    assert!(bash(&daemon, "waypost --socket /nonexistent set inter").is_empty());
}

#[test]
fn the_script_works_in_bash() {
    let daemon = Daemon::start();
    let program = env!("CARGO_BIN_EXE_waypost");
    let script = format!(
        r#"source <(COMPLETE=bash '{program}')
        COMP_LINE='waypost set interfaces.eth0.rip.announce=v1' COMP_POINT=${{#COMP_LINE}}
        COMP_POINT=${{#COMP_LINE}}
        _waypost_complete && printf '%s\n' "${{COMPREPLY[@]}}""#
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &script])
        .env("WAYPOST_SOCKET", daemon.socket())
        .output()
        .unwrap();
    assert_eq!(
        text(&output.stdout),
        "v1\nv1-compatible\n",
        "{}",
        text(&output.stderr)
    );
    let other = run(&daemon, &["--version"]);
    assert!(text(&other.stdout).starts_with("waypost "));
}
