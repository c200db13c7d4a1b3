//! `router rip`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, json};
use waypost_types::Prefix4;

use super::{Chained, Done, Line, Reader, Redistributed, network, number};

/// What can only be translated when all interfaces are known.
#[derive(Default)]
pub(super) struct Pending<'t> {
    networks: Vec<(Line<'t>, Prefix4)>,
    interfaces: BTreeSet<String>,
    passive: BTreeMap<String, bool>,
    passive_by_default: bool,
    /// Neighbours to send to by unicast.
    neighbors: Vec<(Line<'t>, std::net::Ipv4Addr)>,
    /// Key chains of interfaces.
    chains: Vec<Chained<'t>>,
    /// Policies by name: whether on what is heard, of which interface.
    filters: Vec<(Line<'t>, bool, String, Option<String>)>,
    /// Entries of redistribute, each with the route map that it names.
    redistributed: Vec<Redistributed<'t>>,
    originates_default: bool,
}

impl<'t> Pending<'t> {
    pub(super) fn chain(&mut self, interface: &str, chain: &str, line: &Line<'t>) {
        self.chains.push(Chained {
            line: line.clone(),
            interface: interface.to_owned(),
            chain: chain.to_owned(),
        });
    }
}

const RIP: [&str; 2] = ["protocols", "rip"];

impl<'t> Reader<'t> {
    pub(super) fn router_rip(&mut self, line: &Line<'t>) -> Done {
        let option = |option: &'static str| [RIP[0], RIP[1], option];
        match line.words.as_slice() {
            ["network", word] => match network(word) {
                Ok(network) => self.rip.networks.push((line.clone(), network)),
                Err(_) => drop(self.rip.interfaces.insert((*word).to_owned())),
            },
            ["version", "1"] => {
                self.tree.set(&option("announce"), "v1");
                self.tree.set(&option("accept"), "v1");
            }
            ["version", "2"] => {
                self.tree.set(&option("announce"), "v2-multicast");
                self.tree.set(&option("accept"), "v2");
            }
            ["passive-interface", "default"] => self.rip.passive_by_default = true,
            ["passive-interface", name] => drop(self.rip.passive.insert((*name).to_owned(), true)),
            ["no", "passive-interface", name] => drop(self.rip.passive.insert((*name).to_owned(), false)),
            ["neighbor", address] => {
                let address = address
                    .parse()
                    .map_err(|_| "a neighbour has an IPv4 address".to_owned())?;
                self.rip.neighbors.push((line.clone(), address));
            }
            ["timers", "basic", update, timeout, garbage] => {
                self.tree.set(&option("update-interval"), number(update)?);
                self.tree.set(&option("expiration-interval"), number(timeout)?);
                self.tree.set(&option("removal-interval"), number(garbage)?);
            }
            ["default-information", "originate"] => self.rip.originates_default = true,
            ["redistribute", source, rest @ ..] => {
                let mut entry = Map::new();
                entry.insert("source".to_owned(), json!(super::ospf::source(source)?));
                let mut policy = None;
                let mut rest = rest.iter();
                while let Some(word) = rest.next() {
                    let value = rest.next().copied().unwrap_or_default();
                    match *word {
                        "metric" => drop(entry.insert("metric".to_owned(), json!(number(value)?))),
                        "route-map" => policy = Some(value.to_owned()),
                        other => return Err(format!("'{other}' is not understood")),
                    }
                }
                self.rip.redistributed.push(Redistributed {
                    line: line.clone(),
                    entry,
                    policy,
                });
            }
            ["distance", distance] => self.tree.set(&option("preference"), number(distance)?),
            ["allow-ecmp"] => {}
            ["allow-ecmp", paths] => self.tree.set(&option("ecmp"), number(paths)?),
            [
                "distribute-list",
                "prefix",
                list,
                direction @ ("in" | "out"),
                rest @ ..,
            ] => {
                let on = match rest {
                    [] => None,
                    [interface] => Some((*interface).to_owned()),
                    _ => return Err("not translated".to_owned()),
                };
                self.rip
                    .filters
                    .push((line.clone(), *direction == "in", (*list).to_owned(), on));
            }
            ["distribute-list", ..] => {
                return Err("only prefix lists are translated: an access list is no prefix list".to_owned());
            }
            ["offset-list", ..] => {
                return Err("write accept-filter or announce-filter with add-metric".to_owned());
            }
            ["default-metric", _] => return Err("say the metric in each entry of redistribute".to_owned()),
            ["route", _] => return Err("a static route that is redistributed does that".to_owned()),
            _ => return Err("not translated".to_owned()),
        }
        Ok(())
    }

    pub(super) fn finish_rip(&mut self) {
        let pending = std::mem::take(&mut self.rip);
        let mut interfaces = pending.interfaces;
        for (line, network) in pending.networks {
            let inside = self.interfaces_in(network);
            if inside.is_empty() {
                self.leave(
                    &line,
                    "no interface is known with an address in it (--addresses): write [interfaces.NAME.rip] for each",
                );
            }
            interfaces.extend(inside);
        }
        for (name, passive) in &pending.passive {
            // A passive interface that no network names is not one of RIP's.
            if interfaces.contains(name) {
                self.tree.set(&["interfaces", name, "rip", "passive"], *passive);
            }
        }
        if pending.passive_by_default {
            self.tree.set(&[RIP[0], RIP[1], "passive"], true);
        }
        for name in &interfaces {
            self.tree.table(&["interfaces", name, "rip"]);
            if pending.originates_default {
                self.tree
                    .set(&["interfaces", name, "rip", "originate-default"], 1);
            }
        }
        for (line, address) in pending.neighbors {
            let on: Vec<String> = self.interfaces_in(Prefix4::host(address));
            let link = self
                .addresses
                .iter()
                .find(|(name, links)| {
                    interfaces.contains(*name) && links.iter().any(|link| link.contains(address))
                })
                .map(|(name, _)| name.clone())
                .or_else(|| on.into_iter().next());
            match link {
                Some(name) => {
                    self.tree
                        .set(&["interfaces", &name, "rip", "neighbor-mode"], "also");
                    self.tree
                        .push(&["interfaces", &name, "rip", "neighbors"], address.to_string());
                }
                None => self.leave(&line, "it is not known which interface it is on (--addresses)"),
            }
        }
        self.key_chains("rip", pending.chains);
        self.redistributions("rip", pending.redistributed);
        for (line, heard, list, on) in pending.filters {
            if let Err(reason) = self.policies.check(&list) {
                self.leave(&line, reason);
                continue;
            }
            let option = if heard { "accept-policy" } else { "announce-policy" };
            match on {
                Some(name) => self.tree.set(&["interfaces", &name, "rip", option], list),
                None => self.tree.set(&[RIP[0], RIP[1], option], list),
            }
        }
    }
}
