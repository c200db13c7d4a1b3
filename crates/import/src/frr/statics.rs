//! Static routes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};
use waypost_types::Prefix;

use super::{Done, Line, Reader, number};

/// Routes that belong together: those to one destination with one distance and tag are one route with several next hops.
#[derive(Default)]
pub(super) struct Pending<'t> {
    routes: BTreeMap<Together, Vec<(Line<'t>, Hop)>>,
}

/// Destination, distance and tag.
type Together = (Prefix, Option<u64>, Option<u64>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hop {
    /// A gateway, and perhaps the interface it is on.
    Gateway(IpAddr, Option<String>),
    Interface(String),
    Kind(&'static str),
}

impl<'t> Reader<'t> {
    /// What follows `ip route` or `ipv6 route`.
    pub(super) fn static_route(&mut self, line: &Line<'t>, rest: &[&'t str]) -> Done {
        let [prefix, to, rest @ ..] = rest else {
            return Err("a route has a destination and a next hop".to_owned());
        };
        let prefix = containing(prefix).ok_or_else(|| format!("'{prefix}' is no prefix"))?;
        let mut hop = match *to {
            "blackhole" | "Null0" | "null0" => Hop::Kind("blackhole"),
            "reject" => Hop::Kind("unreachable"),
            word => word.parse().map_or_else(
                |_| Hop::Interface(word.to_owned()),
                |gateway| Hop::Gateway(gateway, None),
            ),
        };
        let (mut distance, mut tag) = (None, None);
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            match *word {
                "tag" => tag = Some(number(rest.next().copied().unwrap_or_default())?),
                "onlink" => {
                    return Err(
                        "give the route to the interface: interfaces.NAME.static with onlink = true"
                            .to_owned(),
                    );
                }
                "table" => return Err("all routes go to the main table".to_owned()),
                "label" | "segments" | "color" | "vrf" | "nexthop-vrf" | "bfd" => {
                    return Err(format!("'{word}' is not here"));
                }
                word if word.bytes().all(|c| c.is_ascii_digit()) => distance = Some(number(word)?),
                word => match &mut hop {
                    Hop::Gateway(_, interface @ None) => *interface = Some(word.to_owned()),
                    _ => return Err(format!("'{word}' is not understood")),
                },
            }
        }
        let routes = self.statics.routes.entry((prefix, distance, tag)).or_default();
        routes.push((line.clone(), hop));
        Ok(())
    }

    pub(super) fn finish_statics(&mut self) {
        let routes = std::mem::take(&mut self.statics).routes;
        for ((prefix, distance, tag), hops) in routes {
            let mut route = Map::new();
            route.insert("prefix".to_owned(), json!(prefix.to_string()));
            let mut via = Vec::new();
            let mut kind = None;
            for (line, hop) in hops {
                match hop {
                    Hop::Kind(_) if !via.is_empty() => {
                        self.leave(&line, "the route has next hops, and so packets are not dropped");
                    }
                    Hop::Kind(word) => kind = Some(word),
                    _ if kind.is_some() => {
                        self.leave(&line, "packets to this destination are dropped by a line above");
                    }
                    Hop::Gateway(gateway, Some(interface)) => via.push(format!("{gateway} dev {interface}")),
                    Hop::Gateway(gateway, None) if self.is_far(gateway) => {
                        via.push(format!("{gateway} recursive"));
                    }
                    Hop::Gateway(gateway, None) => via.push(gateway.to_string()),
                    Hop::Interface(interface) => via.push(format!("dev {interface}")),
                }
            }
            match (kind, via.as_slice()) {
                (Some(kind), _) => drop(route.insert("kind".to_owned(), json!(kind))),
                (None, [hop]) => drop(route.insert("via".to_owned(), json!(hop))),
                (None, hops) => drop(route.insert("via".to_owned(), json!(hops))),
            }
            if let Some(distance) = distance {
                route.insert("preference".to_owned(), json!(distance));
            }
            if let Some(tag) = tag {
                route.insert("tag".to_owned(), json!(tag));
            }
            self.tree
                .push(&["protocols", "static", "routes"], Value::Object(route));
        }
    }

    /// Whether a gateway is on none of the links that the file knows, and must be reached through other routes. A file without
    /// any address leaves it to the machine.
    fn is_far(&self, gateway: IpAddr) -> bool {
        let IpAddr::V4(gateway) = gateway else {
            return false;
        };
        let mut links = self.addresses.values().flatten().peekable();
        links.peek().is_some() && !links.any(|link| link.contains(gateway))
    }
}

/// A prefix of either family, whatever stands in its host bits.
pub(super) fn containing(word: &str) -> Option<Prefix> {
    if let Ok(prefix) = super::network(word) {
        return Some(prefix.into());
    }
    let (address, length) = word.split_once('/')?;
    let prefix = waypost_types::Prefix6::containing(address.parse().ok()?, length.parse().ok()?);
    prefix.ok().map(Prefix::from)
}
