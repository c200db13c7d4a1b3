//! What a daemon may not have: file descriptors, privileges.

use std::fs;

use anyhow::Result;
use waypost_testkit::{Lab, run, wait_for};

use crate::network::{Daemon, SOON};

/// More interfaces than there are file descriptors.
const INTERFACES: usize = 200;

/// The limit is raised as far as it goes. What does not fit is named with its reason, and the API goes on to answer.
#[test]
fn too_many_interfaces_for_the_file_descriptors() {
    run(|lab: &Lab| -> Result<()> {
        let r1 = lab.node("r1")?;
        let mut script = String::new();
        let mut configuration = String::from("[protocols.rip]\n");
        for number in 0..INTERFACES {
            let (third, fourth) = (number / 64, number % 64 * 4 + 1);
            script.push_str(&format!(
                "link add lan{number} type veth peer name far{number}\nlink set far{number} up\naddress add 10.200.{third}.{fourth}/30 dev lan{number}\nlink set lan{number} up\n"
            ));
            configuration.push_str(&format!("[interfaces.lan{number}.rip]\n"));
        }
        let path = |name: &str| r1.directory().join(name).display().to_string();
        fs::write(path("links"), script)?;
        r1.ip(&["-batch", &path("links")])?;
        fs::write(path("waypost.toml"), configuration)?;
        let limited = |name: &str, soft: u32, hard: u32| {
            let limit = format!("--nofile={soft}:{hard}");
            Daemon::launch(
                &r1,
                name,
                &["prlimit", &limit],
                &["--config", &path("waypost.toml")],
            )
        };

        let mut cramped = limited("cramped", 300, 300)?;
        cramped.answers()?;
        let status = wait_for(SOON, "status warns", || {
            let status = cramped
                .waypost(&["show", "status"])
                .map_err(|error| format!("{error:#}"))?;
            if status.contains("too many open files (limit 300") {
                Ok(status)
            } else {
                Err(status)
            }
        })?;
        assert!(status.contains("rip: interface lan"), "{status}");
        assert!(
            status.contains("more interfaces on which a protocol does not work"),
            "{status}"
        );
        let rows = cramped.json(&["show", "interfaces"])?;
        let troubled: Vec<&str> = rows
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|row| row["troubles"][0].as_str())
            .collect();
        let open = INTERFACES - troubled.len();
        assert!(
            (100..200).contains(&open),
            "{open} ports are open, and half of the limit is kept"
        );
        assert!(
            troubled.iter().all(|text| text.starts_with("rip: interface lan")),
            "{troubled:?}"
        );
        assert!(
            troubled
                .iter()
                .all(|text| text.contains("UDP port 520: too many open files")),
            "{troubled:?}"
        );
        let log = cramped.log();
        assert!(!log.contains("a message could not be sent"), "{log}");
        cramped.process.stop(SOON)?;

        let mut roomy = limited("roomy", 300, 4096)?;
        roomy.answers()?;
        let summary =
            |daemon: &Daemon| -> Result<serde_json::Value> { daemon.json(&["show", "protocols", "rip"]) };
        wait_for(SOON, "RIP runs everywhere", || {
            let row = summary(&roomy).map_err(|error| format!("{error:#}"))?;
            let all = row["summary"]["active-interfaces"].as_u64() == Some(INTERFACES as u64);
            let well = row["troubles"].as_array().is_some_and(Vec::is_empty);
            if all && well { Ok(()) } else { Err(row.to_string()) }
        })
    });
}

/// Without the right to change routes there is no router, and it says which right that is.
#[test]
fn without_cap_net_admin_it_does_not_start() {
    run(|lab: &Lab| -> Result<()> {
        let r1 = lab.node("r1")?;
        let without = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"];
        let mut daemon = Daemon::launch(&r1, "waypostd", &without, &[])?;
        assert_eq!(daemon.ends()?.code(), Some(1), "{}", daemon.log());
        let log = daemon.log();
        assert!(log.contains("CAP_NET_ADMIN is missing"), "{log}");
        assert!(!log.contains("the router is up"), "{log}");
        Ok(())
    });
}
