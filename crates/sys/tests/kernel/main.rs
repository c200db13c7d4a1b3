//! Against the real kernel, each test in network namespaces of its own.
//!
//! Needs CAP_SYS_ADMIN and `ip`: run as root or under `unshare --user --map-root-user`.

#![allow(clippy::unwrap_used)]

mod links;
mod nexthops;
mod notifications;
mod routes;
mod udp;

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use waypost_netlink::constants::RTNLGRP_LINK;
use waypost_netlink::{Address, AddressFlags, Body, Change, Query, Set};
use waypost_sys::interface;
use waypost_sys::namespace::in_new_network_namespace;
use waypost_sys::netlink::{Client, Socket};
use waypost_sys::wait::{Interest, Poller};
use waypost_types::InterfaceIndex;

/// Runs `test` in a new namespace.
fn isolated(test: impl FnOnce() + Send) {
    in_new_network_namespace(test).unwrap();
}

/// Runs `ip` in the thread's namespace.
fn ip(arguments: &str) -> String {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "ip {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// What `ip -j` prints, as a list.
fn ip_json(arguments: &str) -> Vec<Value> {
    let text = ip(&format!("-j {arguments}"));
    if text.trim().is_empty() {
        return Vec::new();
    }
    match serde_json::from_str(&text).unwrap() {
        // `ip -j` prints empty objects for what it filters out.
        Value::Array(all) => all
            .into_iter()
            .filter(|item| item.as_object().is_some_and(|o| !o.is_empty()))
            .collect(),
        other => panic!("{other}"),
    }
}

/// Waits until a link passes packets. One that has just been set up drops them until the kernel's link watch ran.
fn await_operational(interface: InterfaceIndex) {
    let socket = Socket::open(1 << 16).unwrap();
    socket.join(RTNLGRP_LINK).unwrap();
    let poller = Poller::new().unwrap();
    poller.add(&socket, 0, Interest::Read).unwrap();
    let mut client = Client::open().unwrap();
    let mut ready = Vec::new();
    let mut buffer = Vec::new();
    loop {
        let answer = client.query(&Query::Link(interface)).unwrap();
        if matches!(&answer[0].body, Body::NewLink(link) if link.is_operational()) {
            return;
        }
        poller.wait(Some(Duration::from_secs(10)), &mut ready).unwrap();
        assert!(!ready.is_empty(), "interface {interface} does not come up");
        socket.try_recv(&mut buffer).unwrap();
    }
}

/// Two veth pairs, all four ends up; `left` and `right` have 10.0.0.1/24, fd00::1/64 and 10.0.1.1/24, fd00:1::1/64.
struct TwoLinks {
    client: Client,
    left: InterfaceIndex,
    right: InterfaceIndex,
}

fn two_links() -> TwoLinks {
    ip("link add left type veth peer name left-far");
    ip("link add right type veth peer name right-far");
    let mut client = Client::open().unwrap();
    for name in ["left", "left-far", "right", "right-far"] {
        client.set_link_up(interface::index(name).unwrap(), true).unwrap();
    }
    let (left, right) = (
        interface::index("left").unwrap(),
        interface::index("right").unwrap(),
    );
    await_operational(left);
    await_operational(right);
    for (link, address, length) in [
        (left, "10.0.0.1", 24),
        (right, "10.0.1.1", 24),
        (left, "fd00::1", 64),
        (right, "fd00:1::1", 64),
    ] {
        let mut address = Address::new(link, address.parse().unwrap(), length);
        if address.local.is_ipv6() {
            address.flags |= AddressFlags::NODAD;
        }
        client.change(&Change::SetAddress(Set::Add, &address)).unwrap();
    }
    TwoLinks { client, left, right }
}
