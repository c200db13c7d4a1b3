//! Whole tables: who is told them while configuration changes under the walk.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use waypost_routprot::{InterfaceStatus, LocalBinding};
use waypost_types::{InterfaceIndex, Prefix4};

use super::lab::{Lab, ip, p};

const ROUTES: u32 = 10_000;

fn prefixes() -> impl Iterator<Item = Prefix4> {
    (0..ROUTES).map(|n| Prefix4::containing((0xAC00_0000 + (n << 8)).into(), 24).unwrap())
}

/// One router with a large table, all of it announced.
fn large(options: &Value) -> Lab {
    let mut lab = Lab::new();
    let global = json!({ "redistribute": [{ "source": "static" }], "triggered-delay": 5000 });
    lab.router(1, global, &[(1, options.clone())]);
    lab.redistribute(1, prefixes());
    lab.secs(1);
    lab.quiet();
    lab
}

/// The destinations that datagrams chosen by `heard` spoke of.
fn told(lab: &Lab, heard: impl Fn(&super::lab::Sent) -> bool) -> BTreeSet<String> {
    let sent = lab.nodes[&1].sent.iter().filter(|sent| heard(sent));
    sent.flat_map(super::lab::Sent::entries)
        .map(|(prefix, _)| prefix)
        .collect()
}

#[test]
fn receivers_that_change_under_a_walk_are_told_all_of_it() {
    let mut lab = large(&json!({}));
    lab.configure(1, 1, json!({ "port": 5200 }));
    lab.run(Duration::from_millis(12));
    lab.configure(1, 1, json!({ "port": 5201 }));
    lab.run(Duration::from_millis(100));
    assert!(told(&lab, |sent| sent.to.port() == 5200).len() < ROUTES as usize);
    assert_eq!(told(&lab, |sent| sent.to.port() == 5201).len(), ROUTES as usize);
}

#[test]
fn a_network_that_joins_under_a_walk_is_told_all_of_it() {
    let mut lab = large(&json!({ "update-interval": 60 }));
    // Whoever is there already is being told everything once more.
    lab.configure(1, 1, json!({ "update-interval": 60, "port": 5200 }));
    lab.run(Duration::from_millis(12));
    let mut binding = lab.nodes[&1].rip.interfaces[&InterfaceIndex(1)].binding.clone();
    binding.addresses.push(LocalBinding {
        address: ip("10.77.0.1"),
        prefix: p("10.77.0.0/24"),
    });
    lab.status(1, 1, &InterfaceStatus::AddressChange(binding));
    lab.run(Duration::from_millis(200));
    let from = std::net::IpAddr::from(ip("10.77.0.1"));
    assert_eq!(
        told(&lab, |sent| sent.source == Some(from)).len(),
        ROUTES as usize
    );
}
