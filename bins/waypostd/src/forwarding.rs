//! What the kernel itself says about packets: where they go, and whether they are forwarded at all.

use std::fmt::Write as _;
use std::net::IpAddr;

use waypost_api::KernelMatch;
use waypost_fib::Fib;
use waypost_netlink::constants::{RT_TABLE_MAIN, RTN_UNICAST};
use waypost_netlink::{Body, Query, Route};
use waypost_sys::netlink::{Client, RequestError};

use crate::daemon::NameMap;

/// Asks the kernel which route packets to an address follow. `None` when it cannot be asked.
pub(crate) fn matching(fib: &Fib, names: &NameMap, address: IpAddr) -> Option<KernelMatch> {
    let mut client = Client::open()
        .inspect_err(|error| tracing::warn!(%error, "the kernel cannot be asked for a route"))
        .ok()?;
    match client.query(&Query::Match(address)) {
        Ok(messages) => messages.into_iter().find_map(|message| match message.body {
            Body::NewRoute(route) => Some(KernelMatch {
                text: text(names, &route),
                prefix: Some(route.destination),
                metric: Some(route.priority),
                protocol: Some(route.protocol.to_string()),
                ours: fib.is_ours(&route),
            }),
            _ => None,
        }),
        Err(RequestError::Refused(refusal)) => Some(KernelMatch {
            text: refusal.to_string(),
            prefix: None,
            metric: None,
            protocol: None,
            ours: false,
        }),
        Err(error) => {
            tracing::warn!(%error, "the kernel cannot be asked for a route");
            None
        }
    }
}

/// A route as `ip route` writes it.
fn text(names: &NameMap, route: &Route) -> String {
    let mut text = String::new();
    if route.kind != RTN_UNICAST {
        text = format!("{} ", route.kind);
    }
    text.push_str(&route.destination.to_string());
    // Writing to a string does not fail.
    for hop in &route.next_hops {
        if let Some(gateway) = hop.gateway {
            let _ = write!(text, " via {gateway}");
        }
        if let Some(index) = hop.interface {
            let name = names.get(&index).cloned().unwrap_or_else(|| format!("if{index}"));
            let _ = write!(text, " dev {name}");
        }
    }
    let _ = write!(text, " proto {} metric {}", route.protocol, route.priority);
    if route.table != RT_TABLE_MAIN {
        let _ = write!(text, " table {}", route.table);
    }
    text
}

/// What keeps packets from being forwarded although there are routes, in words. `names` are the interfaces there are.
pub(crate) fn obstacles<'n>(names: impl Iterator<Item = &'n String>) -> Vec<String> {
    let is_off = |setting: &str| {
        // What cannot be read is not there: a kernel without IPv6.
        let value = std::fs::read_to_string(format!("/proc/sys/net/{setting}"));
        value.is_ok_and(|value| value.trim() == "0")
    };
    let mut obstacles = Vec::new();
    if is_off("ipv4/ip_forward") {
        obstacles.push(
            "the kernel forwards no IPv4 packets: net.ipv4.ip_forward is 0; sysctl -w net.ipv4.ip_forward=1 turns it on"
                .to_owned(),
        );
        return obstacles;
    }
    let off: Vec<&str> = names
        .map(String::as_str)
        .filter(|name| *name != "lo" && is_off(&format!("ipv4/conf/{name}/forwarding")))
        .collect();
    if let Some((first, others)) = off.split_first() {
        let more = match others.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        obstacles.push(format!(
            "IPv4 packets that come in on {first}{more} are not forwarded: net.ipv4.conf.{first}.forwarding is 0"
        ));
    }
    obstacles
}
