//! The kernel's routes, as `ip -j route` shows them.

use std::fmt;
use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use serde::Deserialize;

/// An IPv4 route of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Prefix as address/length; the default route is `0.0.0.0/0`.
    pub destination: String,
    /// Who installed it: a name of `/etc/iproute2/rt_protos`, or a number.
    pub protocol: String,
    /// The kernel's metric.
    pub metric: u32,
    /// The nexthop object it uses, if it uses one.
    pub nexthop_object: Option<u32>,
    /// Next hops in the kernel's order; none for routes that drop.
    pub hops: Vec<Hop>,
}

/// One next hop of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The gateway, unless the destination is on the link.
    pub gateway: Option<Ipv4Addr>,
    /// The outgoing interface.
    pub interface: String,
    /// Its share of an equal-cost set.
    pub weight: u32,
    /// `dead`, `linkdown` and the like.
    pub flags: Vec<String>,
}

impl Route {
    /// Gateways in ascending order.
    #[must_use]
    pub fn gateways(&self) -> Vec<Ipv4Addr> {
        let mut gateways: Vec<_> = self.hops.iter().filter_map(|hop| hop.gateway).collect();
        gateways.sort_unstable();
        gateways
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.destination)?;
        for hop in &self.hops {
            match hop.gateway {
                Some(gateway) => write!(f, " via {gateway} dev {}", hop.interface)?,
                None => write!(f, " dev {}", hop.interface)?,
            }
            if self.hops.len() > 1 {
                write!(f, " weight {}", hop.weight)?;
            }
            for flag in &hop.flags {
                write!(f, " {flag}")?;
            }
        }
        write!(f, " proto {} metric {}", self.protocol, self.metric)
    }
}

/// Routes as text, one a line.
#[must_use]
pub fn describe(routes: &[Route]) -> String {
    if routes.is_empty() {
        return "  no routes\n".to_owned();
    }
    routes.iter().map(|route| format!("  {route}\n")).collect()
}

#[derive(Deserialize)]
struct Shown {
    dst: String,
    protocol: Option<String>,
    metric: Option<u32>,
    nhid: Option<u32>,
    gateway: Option<Ipv4Addr>,
    dev: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    nexthops: Vec<ShownHop>,
}

#[derive(Deserialize)]
struct ShownHop {
    gateway: Option<Ipv4Addr>,
    dev: String,
    #[serde(default = "one")]
    weight: u32,
    #[serde(default)]
    flags: Vec<String>,
}

const fn one() -> u32 {
    1
}

/// Reads what `ip -j -4 route show` printed.
pub(crate) fn parse(text: &str) -> Result<Vec<Route>> {
    let shown: Vec<Shown> =
        serde_json::from_str(text).with_context(|| format!("reading the output of ip route: {text}"))?;
    Ok(shown.into_iter().map(Route::from).collect())
}

/// `default` and host addresses as prefixes.
pub(crate) fn normal_destination(text: &str) -> String {
    match text {
        "default" => "0.0.0.0/0".to_owned(),
        host if !host.contains('/') => format!("{host}/32"),
        prefix => prefix.to_owned(),
    }
}

impl From<Shown> for Route {
    fn from(shown: Shown) -> Self {
        let mut hops: Vec<Hop> = shown
            .nexthops
            .into_iter()
            .map(|hop| Hop {
                gateway: hop.gateway,
                interface: hop.dev,
                weight: hop.weight,
                flags: hop.flags,
            })
            .collect();
        if let Some(interface) = shown.dev {
            hops.push(Hop {
                gateway: shown.gateway,
                interface,
                weight: 1,
                flags: shown.flags,
            });
        }
        Self {
            destination: normal_destination(&shown.dst),
            protocol: shown.protocol.unwrap_or_else(|| "boot".to_owned()),
            metric: shown.metric.unwrap_or(0),
            nexthop_object: shown.nhid,
            hops,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_iproute2_prints() {
        let routes = parse(
            r#"[{"dst":"default","gateway":"10.0.0.2","dev":"eth0","protocol":"rip","metric":20,"flags":["linkdown"]},
                {"dst":"10.9.0.1","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"10.0.0.1","flags":[]},
                {"dst":"10.7.0.0/16","nhid":7,"protocol":"189","flags":[],"nexthops":[
                    {"gateway":"10.0.0.4","dev":"eth0","weight":2,"flags":[]},
                    {"gateway":"10.0.0.3","dev":"eth1","weight":1,"flags":[]}]},
                {"type":"blackhole","dst":"10.8.0.0/16","flags":[]}]"#,
        )
        .unwrap();
        let text: Vec<String> = routes.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "0.0.0.0/0 via 10.0.0.2 dev eth0 linkdown proto rip metric 20",
                "10.9.0.1/32 dev eth0 proto kernel metric 0",
                "10.7.0.0/16 via 10.0.0.4 dev eth0 weight 2 via 10.0.0.3 dev eth1 weight 1 proto 189 metric 0",
                "10.8.0.0/16 proto boot metric 0",
            ]
        );
        assert_eq!(
            routes[2].gateways(),
            ["10.0.0.3", "10.0.0.4"].map(|address| address.parse::<Ipv4Addr>().unwrap())
        );
        assert_eq!(routes[2].nexthop_object, Some(7));
        assert!(parse("Error: no such table").is_err());
    }
}
