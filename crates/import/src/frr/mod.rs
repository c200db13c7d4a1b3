//! FRR's integrated configuration (`frr.conf`, or what `show running-config` prints): interfaces, static routes, RIP, OSPFv2, and
//! prefix lists and route maps, which are policies here.

mod interface;
mod keys;
mod ospf;
mod policies;
mod rip;
mod statics;

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use waypost_types::Prefix4;

use crate::tree::Tree;
use crate::{Imported, Left, Links};

use keys::KeyChain;
use policies::Policies;

/// A line, with its words.
#[derive(Clone, Debug)]
struct Line<'t> {
    number: usize,
    text: &'t str,
    words: Vec<&'t str>,
}

/// What a line stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Section {
    Top,
    Interface(String),
    Ospf,
    Rip,
    KeyChain(String),
    Key(String, u8),
    /// A clause of a route map.
    Clause(String, u64),
    /// Something that is not translated as a whole, with why its lines are not.
    Foreign(String),
}

/// What is known so far, and what can only be translated when everything is.
#[derive(Default)]
struct Reader<'t> {
    tree: Tree,
    left: Vec<Left>,
    notes: Vec<String>,
    /// Of each interface, as far as the file says.
    addresses: Links,
    policies: Policies,
    chains: BTreeMap<String, KeyChain>,
    ospf: ospf::Pending<'t>,
    rip: rip::Pending<'t>,
    statics: statics::Pending<'t>,
}

/// An entry of redistribute, and the route map that it names.
struct Redistributed<'t> {
    line: Line<'t>,
    entry: Map<String, Value>,
    policy: Option<String>,
}

/// An interface that takes its keys from a chain.
struct Chained<'t> {
    line: Line<'t>,
    interface: String,
    chain: String,
}

/// Why a line is left.
type Reason = String;
type Done = Result<(), Reason>;

/// Reads a configuration of FRR. `links` are the addresses that the router's interfaces have beside those in the text.
#[must_use]
pub fn frr(text: &str, links: &Links) -> Imported {
    let mut reader = Reader {
        addresses: links.clone(),
        ..Reader::default()
    };
    let mut section = Section::Top;
    for (number, whole) in text.lines().enumerate() {
        let text = whole.trim();
        if text.is_empty() || text.starts_with(['!', '#']) {
            continue;
        }
        let line = Line {
            number: number + 1,
            text,
            words: text.split_whitespace().collect(),
        };
        // Blocks end where something begins that belongs to no block, whether or not `exit` says so.
        if section != Section::Top && !whole.starts_with(char::is_whitespace) && begins(&line.words) {
            section = Section::Top;
        }
        match reader.line(&mut section, &line) {
            Ok(()) => {}
            Err(reason) => reader.leave(&line, reason),
        }
    }
    reader.finish()
}

/// Whether a line at the left edge is one of the top.
fn begins(words: &[&str]) -> bool {
    !matches!(words, ["exit" | "exit-vrf" | "quit"])
}

impl<'t> Reader<'t> {
    fn leave(&mut self, line: &Line<'_>, reason: impl Into<String>) {
        self.left.push(Left {
            line: line.number,
            text: line.text.to_owned(),
            reason: reason.into(),
        });
    }

    fn line(&mut self, section: &mut Section, line: &Line<'t>) -> Done {
        let words = line.words.as_slice();
        if let ["exit" | "exit-vrf" | "quit" | "end"] = words {
            *section = match section {
                Section::Key(chain, _) => Section::KeyChain(chain.clone()),
                _ => Section::Top,
            };
            return Ok(());
        }
        match section.clone() {
            Section::Top => self.top(section, line),
            Section::Interface(name) => self.interface(&name, line),
            Section::Ospf => self.router_ospf(line),
            Section::Rip => self.router_rip(line),
            Section::KeyChain(chain) | Section::Key(chain, _) if matches!(words, ["key", _]) => {
                let ["key", number] = words else { return Ok(()) };
                let number = number
                    .parse()
                    .map_err(|_| "keys have numbers from 0 to 255 here".to_owned())?;
                *section = Section::Key(chain.clone(), number);
                self.chains.entry(chain).or_default().begin(number);
                Ok(())
            }
            Section::KeyChain(_) => Err("not known in a key chain".to_owned()),
            Section::Key(chain, number) => self.chains.entry(chain).or_default().line(number, words),
            Section::Clause(name, sequence) => self.clause(&name, sequence, line),
            Section::Foreign(reason) => Err(reason),
        }
    }

    fn top(&mut self, section: &mut Section, line: &Line<'t>) -> Done {
        match line.words.as_slice() {
            ["frr", ..]
            | ["service", ..]
            | ["Building", ..]
            | ["Current", ..]
            | ["no", "ipv6" | "ip", "forwarding"] => Ok(()),
            ["line", "vty"] => {
                *section = Section::Foreign("there is no terminal line to configure".to_owned());
                Ok(())
            }
            ["hostname" | "domainname", ..] => {
                Err("the host's name is the machine's: hostnamectl".to_owned())
            }
            ["log", ..] | ["debug", ..] => {
                Err("what is logged is said to the daemon: --log, --log-to".to_owned())
            }
            ["password" | "enable" | "username" | "banner", ..] => {
                Err("who may do what is a matter of the socket's group, not of passwords".to_owned())
            }
            ["ip" | "ipv6", "forwarding"] => Err(
                "forwarding is the machine's: sysctl net.ipv4.ip_forward, net.ipv6.conf.all.forwarding"
                    .to_owned(),
            ),
            ["interface", name] => {
                *section = Section::Interface((*name).to_owned());
                Ok(())
            }
            ["interface", name, "vrf", ..] => {
                *section =
                    Section::Foreign("there is one daemon for each network namespace, and no VRF".to_owned());
                Err(format!(
                    "{name} is in a VRF: there is one daemon for each network namespace"
                ))
            }
            ["router", "ospf"] => {
                *section = Section::Ospf;
                self.begin_ospf();
                Ok(())
            }
            ["router", "rip"] => {
                *section = Section::Rip;
                self.tree.table(&["protocols", "rip"]);
                Ok(())
            }
            ["router", name, ..] => {
                let reason = match *name {
                    "ospf" | "rip" => "a second instance, or one in a VRF, is a daemon of its own".to_owned(),
                    name => format!("{name} is not here"),
                };
                *section = Section::Foreign(reason.clone());
                Err(reason)
            }
            ["key", "chain", name] => {
                *section = Section::KeyChain((*name).to_owned());
                self.chains.entry((*name).to_owned()).or_default();
                Ok(())
            }
            ["route-map", name, rest @ ..] => {
                *section = Section::Clause((*name).to_owned(), self.begin_clause(name, rest)?);
                Ok(())
            }
            ["vrf", ..] => {
                *section =
                    Section::Foreign("there is one daemon for each network namespace, and no VRF".to_owned());
                Err("there is one daemon for each network namespace, and no VRF".to_owned())
            }
            ["ip" | "ipv6", "prefix-list", name, rest @ ..] => self.prefix_list(name, rest),
            ["ip" | "ipv6", "route", rest @ ..] => self.static_route(line, rest),
            ["no", "ip" | "ipv6", "route", ..] => Ok(()),
            ["router-id", id] | ["ip", "router-id", id] => {
                self.tree.set(&["router", "id"], *id);
                Ok(())
            }
            _ => Err("not translated".to_owned()),
        }
    }

    fn finish(mut self) -> Imported {
        self.settle_policies();
        self.finish_ospf();
        self.finish_rip();
        self.finish_statics();
        self.finish_policies();
        self.left.sort_by_key(|left| left.line);
        Imported {
            configuration: self.tree.finish(),
            left: self.left,
            notes: self.notes,
        }
    }

    /// What a protocol redistributes; an entry whose route map is not translated is left.
    fn redistributions(&mut self, protocol: &str, entries: Vec<Redistributed<'t>>) {
        for Redistributed {
            line,
            mut entry,
            policy,
        } in entries
        {
            if let Some(name) = policy {
                if let Err(reason) = self.policies.check(&name) {
                    self.leave(&line, reason);
                    continue;
                }
                entry.insert("policy".to_owned(), Value::from(name));
            }
            self.tree
                .push(&["protocols", protocol, "redistribute"], Value::Object(entry));
        }
    }

    /// The keys of a protocol's interfaces.
    fn key_chains(&mut self, protocol: &str, chained: Vec<Chained<'t>>) {
        for Chained {
            line,
            interface,
            chain,
        } in chained
        {
            match self.chains.get(&chain).map(KeyChain::keys) {
                Some(keys) => self.tree.set(&["interfaces", &interface, protocol, "keys"], keys),
                None => self.leave(&line, format!("there is no key chain {chain}")),
            }
        }
    }

    /// The interfaces that have an address in a network.
    fn interfaces_in(&self, network: Prefix4) -> Vec<String> {
        let inside = |addresses: &&Vec<Prefix4>| addresses.iter().any(|address| network.covers(*address));
        self.addresses
            .iter()
            .filter(|(_, addresses)| inside(addresses))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// A number, or why there is none.
fn number(word: &str) -> Result<u64, Reason> {
    word.parse().map_err(|_| format!("'{word}' is no number"))
}

/// A prefix as FRR writes networks, whatever stands in its host bits.
fn network(word: &str) -> Result<Prefix4, Reason> {
    let wrong = || format!("'{word}' is no IPv4 prefix");
    let (address, length) = word.split_once('/').ok_or_else(wrong)?;
    let address = address.parse().map_err(|_| wrong())?;
    let length = length.parse().map_err(|_| wrong())?;
    Prefix4::containing(address, length).map_err(|_| wrong())
}
