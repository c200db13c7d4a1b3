//! A network of engines in virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use waypost_engine::{Engine, Input, Now, Outbox, Output, PortId, PortSpec, RxMeta};
use waypost_policy::Policies;
use waypost_routprot::{
    AdapterBinding, Event, InterfaceIdentity, InterfaceStatus, InterfaceType, LocalBinding, Topic,
};
use waypost_types::{
    BestRoute, InterfaceIndex, NextHop, Prefix, Prefix4, ProtocolId, Route, RouteChange, RouteKind,
    RouteNotice, Seed, Time, WallTime,
};
use waypost_wire::Writer;

use crate::config::{GlobalConfig, InterfaceConfig};
use crate::packet::{Command, Entry, Message, Version, encode_header};
use crate::process::Rip;

/// How long a datagram travels.
pub(super) const LATENCY: Duration = Duration::from_micros(100);

pub(super) fn p(text: &str) -> Prefix4 {
    text.parse().unwrap()
}

pub(super) fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

/// A datagram that left a node.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) at: Time,
    pub(super) port: PortId,
    pub(super) to: SocketAddr,
    pub(super) source: Option<IpAddr>,
    pub(super) octets: Vec<u8>,
}

impl Sent {
    /// The entries as prefix text and metric.
    pub(super) fn entries(&self) -> Vec<(String, u32)> {
        // What stands after the last whole entry belongs to a digest.
        let whole = self.octets.len() - (self.octets.len() - 4) % 20;
        Message::decode(&self.octets[..whole])
            .unwrap()
            .entries()
            .filter(|entry| entry.family == 2)
            .map(|entry| {
                let length = u32::from(entry.mask).count_ones();
                (format!("{}/{length}", entry.address), entry.metric)
            })
            .collect()
    }

    pub(super) fn command(&self) -> Command {
        Message::decode(self.octets.get(..4).unwrap()).unwrap().command
    }
}

pub(super) struct Node {
    pub(super) rip: Rip,
    pub(super) routes: BTreeMap<Prefix4, Route>,
    pub(super) route_batches: Vec<Time>,
    pub(super) sent: Vec<Sent>,
    pub(super) ports: BTreeMap<PortId, PortSpec>,
    pub(super) opened: u32,
    pub(super) persisted: BTreeMap<String, Vec<u8>>,
    pub(super) events: Vec<Event>,
    pub(super) notices: Vec<String>,
    pub(super) interests: Vec<Vec<ProtocolId>>,
}

struct Delivery {
    link: u32,
    from: usize,
    to: Ipv4Addr,
    meta_source: SocketAddr,
    octets: Vec<u8>,
}

/// Node `n` has on link `l` the interface number `l` and the address `10.l.0.n`/24.
pub(super) struct Lab {
    pub(super) now: Time,
    pub(super) wall: u64,
    pub(super) nodes: BTreeMap<usize, Node>,
    members: BTreeMap<u32, Vec<usize>>,
    in_flight: VecDeque<(Time, Delivery)>,
    /// Datagrams to nobody in the lab: (link, datagram).
    pub(super) strays: Vec<(u32, Sent)>,
    /// Links that lose everything.
    pub(super) cut: Vec<u32>,
    pub(super) delivered: u64,
    /// What becomes of what is to be stored; `None`: nothing is heard of it.
    pub(super) storage: Option<bool>,
}

pub(super) fn address(node: usize, link: u32) -> Ipv4Addr {
    Ipv4Addr::new(10, link as u8, 0, node as u8)
}

pub(super) fn interface_config(options: Value) -> InterfaceConfig {
    serde_json::from_value(options).unwrap()
}

/// Policies as configuration says them.
pub(super) fn compiled(config: Value) -> Arc<Policies> {
    let config = serde_json::from_value(config).unwrap();
    let interface = |name: &str| Some(InterfaceIndex(name.strip_prefix("eth")?.parse().ok()?));
    Arc::new(Policies::compile(&config, interface, &Policies::default()).unwrap())
}

fn binding(node: usize, link: u32) -> AdapterBinding {
    let address = address(node, link);
    AdapterBinding {
        addresses: vec![LocalBinding {
            address,
            prefix: Prefix4::containing(address, 24).unwrap(),
        }],
        mtu: 1500,
        ..AdapterBinding::default()
    }
}

impl Lab {
    pub(super) fn new() -> Self {
        Self {
            now: Time::from_secs(1000),
            wall: 1_700_000_000,
            nodes: BTreeMap::new(),
            members: BTreeMap::new(),
            in_flight: VecDeque::new(),
            strays: Vec::new(),
            cut: Vec::new(),
            delivered: 0,
            storage: Some(true),
        }
    }

    pub(super) fn clock(&self) -> Now {
        Now {
            time: self.now,
            wall: WallTime(self.wall + self.now.0 / 1_000_000_000),
        }
    }

    /// Starts a node with RIP of `global` on `links`, each with its own options.
    pub(super) fn router(&mut self, number: usize, global: Value, links: &[(u32, Value)]) {
        self.router_with(number, global, links, &[], Duration::ZERO);
    }

    pub(super) fn router_with(
        &mut self,
        number: usize,
        global: Value,
        links: &[(u32, Value)],
        persisted: &[(String, Vec<u8>)],
        restart_hold: Duration,
    ) {
        let global: GlobalConfig = serde_json::from_value(global).unwrap();
        self.nodes.insert(
            number,
            Node {
                rip: Rip::new(Seed(number as u64)),
                routes: BTreeMap::new(),
                route_batches: Vec::new(),
                sent: Vec::new(),
                ports: BTreeMap::new(),
                opened: 0,
                persisted: BTreeMap::new(),
                events: Vec::new(),
                notices: Vec::new(),
                interests: Vec::new(),
            },
        );
        self.handle(
            number,
            Input::Start {
                global,
                router_id: None,
                persisted,
                restart_hold,
            },
        );
        for (link, options) in links {
            self.attach(number, *link, options.clone());
        }
        self.handle(number, Input::StartComplete);
    }

    pub(super) fn attach(&mut self, node: usize, link: u32, options: Value) {
        let members = self.members.entry(link).or_default();
        if !members.contains(&node) {
            members.push(node);
        }
        let identity = InterfaceIdentity {
            name: format!("eth{link}"),
            index: InterfaceIndex(link),
            kind: InterfaceType::Permanent,
        };
        self.handle(
            node,
            Input::AddInterface {
                identity: &identity,
                config: Some(interface_config(options)),
            },
        );
        self.status(node, link, &InterfaceStatus::AddressChange(binding(node, link)));
        self.status(node, link, &InterfaceStatus::Enabled);
    }

    pub(super) fn status(&mut self, node: usize, link: u32, status: &InterfaceStatus) {
        self.handle(
            node,
            Input::Status {
                index: InterfaceIndex(link),
                status,
            },
        );
    }

    pub(super) fn configure(&mut self, node: usize, link: u32, options: Value) {
        self.handle(
            node,
            Input::SetInterface {
                index: InterfaceIndex(link),
                config: interface_config(options),
            },
        );
    }

    pub(super) fn configure_global(&mut self, node: usize, options: Value) {
        let global = serde_json::from_value(options).unwrap();
        self.handle(node, Input::SetGlobal(global));
    }

    /// Puts policies in force on a node.
    pub(super) fn policies(&mut self, node: usize, config: Value) {
        let policies = compiled(config);
        self.handle(node, Input::Policies(policies));
    }

    /// Tells a node of static routes through nowhere in particular.
    pub(super) fn redistribute(&mut self, node: usize, prefixes: impl IntoIterator<Item = Prefix4>) {
        let notices: Vec<RouteNotice> = prefixes
            .into_iter()
            .map(|prefix| RouteNotice {
                prefix: Prefix::V4(prefix),
                best: Some(BestRoute {
                    owner: ProtocolId::STATIC,
                    preference: 1,
                    route: Route {
                        kind: RouteKind::Unicast,
                        next_hops: [NextHop::on(InterfaceIndex(99))].into_iter().collect(),
                        metric: 0,
                        tag: 0,
                        preference: None,
                    },
                }),
            })
            .collect();
        self.handle(node, Input::Routes(&notices));
    }

    pub(super) fn withdraw(&mut self, node: usize, prefix: Prefix4) {
        let notice = RouteNotice {
            prefix: Prefix::V4(prefix),
            best: None,
        };
        self.handle(node, Input::Routes(&[notice]));
    }

    /// Hands a datagram straight to a node, as if it came in on `link`.
    pub(super) fn inject(&mut self, node: usize, link: u32, from: SocketAddr, octets: &[u8]) {
        self.inject_with_ttl(node, link, from, octets, 1);
    }

    pub(super) fn inject_with_ttl(
        &mut self,
        node: usize,
        link: u32,
        from: SocketAddr,
        octets: &[u8],
        ttl: u8,
    ) {
        let meta = RxMeta {
            source: from,
            destination: crate::packet::RIP2_ROUTERS.into(),
            interface: InterfaceIndex(link),
            ttl: Some(ttl),
        };
        self.handle(
            node,
            Input::Packet {
                port: PortId(link),
                meta: &meta,
                octets,
            },
        );
    }

    /// A response of version 2 from host `host` of the link.
    pub(super) fn announce(&mut self, node: usize, link: u32, host: u8, routes: &[(&str, u32)]) {
        let from = SocketAddr::new(Ipv4Addr::new(10, link as u8, 0, host).into(), 520);
        self.inject(node, link, from, &response(routes));
    }

    pub(super) fn handle(&mut self, number: usize, input: Input<'_, GlobalConfig, InterfaceConfig>) {
        let now = self.clock();
        let mut out = Outbox::new();
        let node = self.nodes.get_mut(&number).unwrap();
        node.rip.handle(now, input, &mut out);
        let changes = out.take_routes();
        if !changes.is_empty() {
            node.route_batches.push(now.time);
        }
        for change in changes {
            match change {
                RouteChange::Set {
                    prefix: Prefix::V4(prefix),
                    route,
                    ..
                } => drop(node.routes.insert(prefix, route)),
                RouteChange::Delete {
                    prefix: Prefix::V4(prefix),
                    ..
                } => drop(node.routes.remove(&prefix)),
                other => panic!("{other:?}"),
            }
        }
        node.events.extend(out.take_events());
        let (mut flights, mut stores) = (Vec::new(), Vec::new());
        for output in out.outputs() {
            match output {
                Output::OpenPort(port, spec) => {
                    node.opened += 1;
                    node.ports.insert(*port, spec.clone());
                }
                Output::ClosePort(port) => drop(node.ports.remove(port).expect("only open ports are closed")),
                Output::Send(datagram) => {
                    assert!(
                        node.ports.contains_key(&datagram.port),
                        "sends only through open ports"
                    );
                    let sent = Sent {
                        at: now.time,
                        port: datagram.port,
                        to: datagram.destination,
                        source: datagram.options.source,
                        octets: out.octets(datagram).to_vec(),
                    };
                    flights.push(sent.clone());
                    node.sent.push(sent);
                }
                Output::Persist(key, value) => {
                    node.persisted.insert(key.clone(), value.clone());
                    stores.push((key.clone(), value.clone()));
                }
                Output::Interest(interest) => node.interests.push(interest.owners.clone()),
                Output::Notice(notice) => node.notices.push(notice.text.clone()),
            }
        }
        for sent in flights {
            let link = sent.port.0;
            let IpAddr::V4(to) = sent.to.ip() else { panic!() };
            let source = sent.source.expect("every datagram names its source");
            let known = to.is_multicast()
                || to.octets()[3] == 255
                || self.members[&link].iter().any(|node| address(*node, link) == to);
            if !known {
                self.strays.push((link, sent));
                continue;
            }
            let delivery = Delivery {
                link,
                from: number,
                to,
                meta_source: SocketAddr::new(source, 520),
                octets: sent.octets,
            };
            self.in_flight.push_back((now.time + LATENCY, delivery));
        }
        if let Some(stored) = self.storage {
            for (key, value) in stores {
                let (key, value) = (key.as_str(), value.as_slice());
                self.handle(number, Input::Persisted { key, value, stored });
            }
        }
    }

    fn deliver(&mut self, delivery: &Delivery) {
        if self.cut.contains(&delivery.link) {
            return;
        }
        let one = !delivery.to.is_multicast() && delivery.to.octets()[3] != 255;
        for node in self.members[&delivery.link].clone() {
            let open = self.nodes[&node].ports.contains_key(&PortId(delivery.link));
            if node != delivery.from && open && (!one || address(node, delivery.link) == delivery.to) {
                self.delivered += 1;
                self.inject(node, delivery.link, delivery.meta_source, &delivery.octets);
            }
        }
    }

    /// Lets time pass.
    pub(super) fn run_until(&mut self, end: Time) {
        let mut steps = 0_u64;
        loop {
            let packet = self.in_flight.front().map(|(at, _)| *at);
            let timer = self
                .nodes
                .iter()
                .filter_map(|(number, node)| Some((node.rip.next_deadline()?, *number)))
                .min();
            let next = packet.into_iter().chain(timer.map(|(at, _)| at)).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            steps += 1;
            assert!(steps < 2_000_000, "the network never comes to rest");
            self.now = self.now.max(next);
            if packet.is_some_and(|at| at <= next) {
                let (_, delivery) = self.in_flight.pop_front().unwrap();
                self.deliver(&delivery);
            } else if let Some((_, number)) = timer {
                self.handle(number, Input::Deadline);
            }
        }
    }

    pub(super) fn run(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    pub(super) fn secs(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }

    /// The metric of a node's route.
    pub(super) fn metric(&self, node: usize, prefix: &str) -> Option<u32> {
        self.nodes[&node].routes.get(&p(prefix)).map(|route| route.metric)
    }

    /// The gateways of a node's route.
    pub(super) fn gateways(&self, node: usize, prefix: &str) -> Vec<Ipv4Addr> {
        self.nodes[&node]
            .routes
            .get(&p(prefix))
            .into_iter()
            .flat_map(|route| &route.next_hops)
            .map(|hop| match hop.gateway {
                Some(IpAddr::V4(gateway)) => gateway,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    pub(super) fn show(&self, node: usize, topic: Topic) -> Value {
        self.nodes[&node].rip.show(self.clock(), topic).unwrap()
    }

    /// One row of a node's database.
    pub(super) fn row(&self, node: usize, prefix: &str) -> Value {
        self.show(node, Topic::Database)
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["prefix"] == json!(prefix))
            .cloned()
            .unwrap_or(Value::Null)
    }

    pub(super) fn counter(&self, node: usize, link: u32, name: &str) -> u64 {
        self.show(node, Topic::Counters)["interfaces"][format!("eth{link}")][name]
            .as_u64()
            .unwrap_or_else(|| panic!("no counter {name}"))
    }

    /// Forgets what was sent so far.
    pub(super) fn quiet(&mut self) {
        for node in self.nodes.values_mut() {
            node.sent.clear();
            node.route_batches.clear();
            node.notices.clear();
        }
        self.strays.clear();
    }

    /// What a node said about a destination on a link since the last [`Self::quiet`]: metrics in order.
    pub(super) fn said(&self, node: usize, link: u32, prefix: &str) -> Vec<u32> {
        self.nodes[&node]
            .sent
            .iter()
            .filter(|sent| sent.port == PortId(link) && sent.command() == Command::Response)
            .flat_map(Sent::entries)
            .filter(|(said, _)| said == prefix)
            .map(|(_, metric)| metric)
            .collect()
    }
}

/// A response of version 2.
pub(super) fn response(routes: &[(&str, u32)]) -> Vec<u8> {
    let entries: Vec<Entry> = routes
        .iter()
        .map(|(prefix, metric)| entry(prefix, *metric))
        .collect();
    message(Command::Response, Version::V2, &entries)
}

pub(super) fn entry(prefix: &str, metric: u32) -> Entry {
    let prefix = p(prefix);
    Entry {
        family: 2,
        tag: 0,
        address: prefix.network(),
        mask: prefix.netmask(),
        next_hop: Ipv4Addr::UNSPECIFIED,
        metric,
    }
}

pub(super) fn message(command: Command, version: Version, entries: &[Entry]) -> Vec<u8> {
    let mut writer = Writer::new();
    encode_header(&mut writer, command, version);
    for entry in entries {
        entry.encode(&mut writer);
    }
    writer.finish()
}

/// Address of a host on a link, with RIP's port.
pub(super) fn host(link: u32, host: u8) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(10, link as u8, 0, host).into(), 520)
}
