//! A router that changes its make: FRR's configuration, translated, does in Waypost what it did in FRR.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use waypost_testkit::{Lab, Make, Node, Router, run};

const SOON: Duration = Duration::from_secs(60);

/// r1 `eth0` 10.0.12.1 --- 10.0.12.2 `eth0` r2, a stub network behind each.
fn pair(lab: &Lab) -> Result<(Node, Node)> {
    let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
    lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
    lab.stub(&r1, "lan0", "10.1.0.1/24")?;
    lab.stub(&r2, "lan0", "10.2.0.1/24")?;
    Ok((r1, r2))
}

/// Has FRR run on r1, takes down what it says it runs, stops it, and starts Waypost with the translation.
fn moved(r1: &Node, configuration: &str, converged: impl Fn() -> Result<()>) -> Result<Router> {
    let mut frr = Router::start(r1, Make::Frr, configuration)?;
    converged().context("with FRR")?;
    let running = r1.directory().join("running.conf");
    std::fs::write(&running, frr.command(&["show running-config"])?)?;
    let links = r1.directory().join("links.json");
    std::fs::write(&links, r1.ip(&["-j", "address"])?)?;
    frr.stop()?;
    let waypost = Make::program_directory()
        .context("waypost is not built")?
        .join("waypost");
    let said = std::process::Command::new(&waypost)
        .args(["import", "frr"])
        .arg(&running)
        .arg("--addresses")
        .arg(&links)
        .output()?;
    let translated = String::from_utf8(said.stdout)?;
    let about = String::from_utf8(said.stderr)?;
    ensure!(said.status.success(), "{about}");
    // The host's name is all that is not a matter of the router.
    ensure!(
        about.ends_with("1 line not translated\n") && about.contains("hostname "),
        "{about}"
    );
    let file = r1.directory().join("router.toml");
    std::fs::write(&file, &translated)?;
    let checked = std::process::Command::new(&waypost)
        .arg("check")
        .arg(&file)
        .output()?;
    ensure!(
        checked.status.success(),
        "{translated}\n{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    let router = Router::start(r1, Make::Waypost, &translated)?;
    converged().with_context(|| format!("with Waypost:\n{translated}"))?;
    Ok(router)
}

#[test]
fn ospf_and_static_routes_of_frr() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = pair(lab)?;
        let common = "interface eth0\n ip ospf hello-interval 1\n ip ospf dead-interval 4\n \
                      ip ospf cost 35\n ip ospf authentication message-digest\n ip ospf message-digest-key 5 md5 secret\nexit\n";
        let second = format!(
            "{common}interface eth0\n ip ospf area 0.0.0.7\nexit\ninterface lan0\n ip ospf area 0.0.0.7\nexit\nrouter ospf\n ospf router-id 2.2.2.2\nexit\n"
        );
        let _r2 = Router::start(&r2, Make::Frr, &second)?;
        let first = format!(
            "{common}router ospf\n ospf router-id 1.1.1.1\n network 10.1.0.0/24 area 0.0.0.7\n network 10.0.12.0/24 area 0.0.0.7\n passive-interface lan0\n \
             redistribute static metric 33 metric-type 1\nexit\nip route 192.0.2.0/24 10.1.0.9\nip route 198.51.100.0/24 blackhole\n"
        );
        let moved = moved(&r1, &first, || {
            r1.wait_for_route("10.2.0.0/24", &["10.0.12.2"], SOON)?;
            r1.wait_for_route("192.0.2.0/24", &["10.1.0.9"], SOON)?;
            for network in ["10.1.0.0/24", "192.0.2.0/24", "198.51.100.0/24"] {
                r2.wait_for_route(network, &["10.0.12.1"], SOON)?;
            }
            Ok(())
        })?;
        let interfaces = moved.command(&["show", "ospf", "interfaces"])?;
        ensure!(interfaces.contains("35"), "{interfaces}");
        Ok(())
    });
}

#[test]
fn rip_of_frr() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = pair(lab)?;
        let common = "key chain ring\n key 3\n  key-string secret\n exit\nexit\ninterface eth0\n ip rip authentication mode md5\n \
                      ip rip authentication key-chain ring\nexit\nrouter rip\n version 2\n network eth0\n network lan0\n \
                      timers basic 5 15 10\n";
        let _r2 = Router::start(&r2, Make::Frr, &format!("{common}exit\n"))?;
        let first = format!(
            "{common} redistribute static metric 4\n distribute-list prefix no-lan out eth0\nexit\n\
             ip prefix-list no-lan seq 5 deny 10.1.0.0/24\nip prefix-list no-lan seq 10 permit any\n\
             ip route 192.0.2.0/24 blackhole\n"
        );
        let _moved = moved(&r1, &first, || {
            r1.wait_for_route("10.2.0.0/24", &["10.0.12.2"], SOON)?;
            r2.wait_for_route("192.0.2.0/24", &["10.0.12.1"], SOON)?;
            ensure!(
                r2.routes_to("10.1.0.0/24")?.is_empty(),
                "the filter lets it through"
            );
            Ok(())
        })?;
        Ok(())
    });
}
