//! Random interface events and edits against a naive model that derives all routes anew from the whole state.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::prelude::*;
use waypost_engine::{Engine, Input, Now, Outbox};
use waypost_routprot::{AdapterBinding, InterfaceIdentity, InterfaceStatus, InterfaceType, LocalBinding};
use waypost_static::Static;
use waypost_static::config::{GlobalConfig, InterfaceConfig, Via};
use waypost_static::strategies;
use waypost_types::{
    InterfaceIndex, MAX_NEXT_HOPS, NextHop, PathId, Prefix, Prefix4, Prefix6, Route, RouteChange, RouteKind,
    Seed,
};

/// What can happen. Interfaces are eth0 to eth3 with the indices 1 to 4.
#[derive(Clone, Debug)]
enum Step {
    Global(GlobalConfig),
    Interface(u8, InterfaceConfig),
    Status(u8, InterfaceStatus),
    Add(u8, Option<InterfaceConfig>),
    Delete(u8),
}

fn addresses() -> impl Strategy<Value = AdapterBinding> {
    let v4 = (0u8..112, prop_oneof![Just(24u8), Just(28), Just(31), Just(32)]).prop_map(|(host, length)| {
        let address = Ipv4Addr::new(192, 0, 2, host);
        LocalBinding {
            address,
            prefix: Prefix4::containing(address, length).unwrap(),
        }
    });
    let v6 = (0u16..3, 1u16..5, prop_oneof![Just(48u8), Just(64), Just(200)])
        .prop_map(|(net, host, length)| (Ipv6Addr::new(0xfd00, net, 0, 0, 0, 0, 0, host), length));
    let remote = prop::option::weighted(0.2, (0u8..112).prop_map(|host| IpAddr::from([192, 0, 2, host])));
    (
        prop::collection::vec(v4, 0..3),
        prop::collection::vec(v6, 0..3),
        remote,
    )
        .prop_map(|(addresses, addresses6, remote)| AdapterBinding {
            addresses,
            addresses6,
            remote,
            mtu: 1500,
            speed: 0,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let status = prop_oneof![
        3 => addresses().prop_map(InterfaceStatus::AddressChange),
        2 => Just(InterfaceStatus::Enabled),
        1 => Just(InterfaceStatus::Disabled),
        2 => Just(InterfaceStatus::MediaPresent),
        1 => Just(InterfaceStatus::MediaAbsent),
    ];
    prop_oneof![
        2 => strategies::global().prop_map(Step::Global),
        2 => (0u8..4, strategies::interface()).prop_map(|(at, config)| Step::Interface(at, config)),
        6 => (0u8..4, status).prop_map(|(at, status)| Step::Status(at, status)),
        2 => (0u8..4, prop::option::of(strategies::interface())).prop_map(|(at, config)| Step::Add(at, config)),
        1 => (0u8..4).prop_map(Step::Delete),
    ]
}

/// The whole state, kept as plainly as it can be.
#[derive(Default)]
struct Model {
    global: GlobalConfig,
    interfaces: BTreeMap<u8, ModelInterface>,
}

#[derive(Default)]
struct ModelInterface {
    enabled: bool,
    no_media: bool,
    binding: AdapterBinding,
    config: InterfaceConfig,
}

impl ModelInterface {
    fn up(&self) -> bool {
        self.enabled && !self.no_media
    }

    fn networks(&self) -> Vec<Prefix> {
        let mut networks: Vec<Prefix> = self.binding.addresses.iter().map(|a| a.prefix.into()).collect();
        for (address, length) in &self.binding.addresses6 {
            if *length <= 128 {
                networks.push(Prefix6::containing(*address, *length).unwrap().into());
            }
        }
        match self.binding.remote {
            Some(IpAddr::V4(remote)) => networks.push(Prefix4::host(remote).into()),
            Some(IpAddr::V6(remote)) => networks.push(Prefix6::host(remote).into()),
            None => {}
        }
        networks
    }

    fn owns(&self, address: IpAddr) -> bool {
        self.binding
            .addresses
            .iter()
            .any(|a| IpAddr::V4(a.address) == address)
            || self
                .binding
                .addresses6
                .iter()
                .any(|(a, _)| IpAddr::V6(*a) == address)
    }
}

type Wanted = BTreeSet<(Prefix, Option<u8>, u32, Vec<NextHop>, u32, String)>;

impl Model {
    fn resolve(&self, via: &Via) -> Option<NextHop> {
        let hop = |at: u8| NextHop {
            interface: InterfaceIndex(u32::from(at) + 1),
            gateway: via.gateway,
            weight: via.weight,
            onlink: via.onlink,
        };
        let named = |at: u8| via.device.as_ref().is_none_or(|name| *name == format!("eth{at}"));
        let up: Vec<u8> = (0..4)
            .filter(|at| named(*at) && self.interfaces.get(at).is_some_and(ModelInterface::up))
            .collect();
        let Some(gateway) = via.gateway else {
            return up.first().map(|at| hop(*at));
        };
        if self.interfaces.values().any(|interface| interface.owns(gateway)) {
            return None;
        }
        if via.recursive {
            return Some(NextHop {
                weight: via.weight,
                ..NextHop::recursive(gateway)
            });
        }
        // Every way there is, the longest network first and then the lowest interface.
        let mut ways: Vec<(u8, u8, bool)> = Vec::new();
        for at in up {
            for network in self.interfaces[&at].networks() {
                if network.contains(gateway) {
                    let broadcast = match network {
                        Prefix::V4(network) => network.length() < 31 && IpAddr::V4(network.last()) == gateway,
                        Prefix::V6(_) => false,
                    };
                    ways.push((128 - network.length(), at, broadcast));
                }
            }
            let link_local = matches!(gateway, IpAddr::V6(gateway) if gateway.segments()[0] == 0xfe80);
            if via.device.is_some() && (via.onlink || link_local) {
                ways.push((255, at, false));
            }
        }
        ways.sort_unstable();
        ways.first()
            .filter(|(.., broadcast)| !broadcast)
            .map(|(_, at, _)| hop(*at))
    }

    /// All routes, derived from nothing but configuration and interfaces.
    fn wanted(&self) -> Wanted {
        // Per destination and rank: kinds, tags and next hops in order, the router's own first, then by interface.
        type Entries = Vec<(RouteKind, u32, Vec<Via>)>;
        let mut all: BTreeMap<(Prefix, Option<u8>, u32), Entries> = BTreeMap::new();
        for route in &self.global.routes {
            all.entry((route.prefix, route.preference, route.metric.unwrap_or(1)))
                .or_default()
                .push((route.kind, route.tag.unwrap_or(0), route.via.clone()));
        }
        for (at, interface) in &self.interfaces {
            for route in &interface.config.routes {
                let via = Via {
                    gateway: route.gateway,
                    device: Some(format!("eth{at}")),
                    weight: route.weight.unwrap_or(1),
                    onlink: route.onlink,
                    recursive: false,
                };
                all.entry((
                    route.prefix,
                    route.effective_preference(),
                    route.metric.unwrap_or(1),
                ))
                .or_default()
                .push((RouteKind::Unicast, route.tag.unwrap_or(0), vec![via]));
            }
        }
        let mut wanted = BTreeSet::new();
        for ((prefix, preference, metric), entries) in all {
            let mut hops: Vec<NextHop> = Vec::new();
            let mut tag = None;
            for (_, entry_tag, via) in &entries {
                for hop in via.iter().filter_map(|via| self.resolve(via)) {
                    let known = hops
                        .iter()
                        .any(|h| (h.interface, h.gateway) == (hop.interface, hop.gateway));
                    if !known && hops.len() < MAX_NEXT_HOPS {
                        hops.push(hop);
                        tag.get_or_insert(*entry_tag);
                    }
                }
            }
            let refusal = entries.iter().find(|(kind, ..)| *kind != RouteKind::Unicast);
            if let Some(tag) = tag {
                wanted.insert((prefix, preference, metric, hops, tag, "unicast".to_owned()));
            } else if let Some((kind, tag, _)) = refusal {
                wanted.insert((prefix, preference, metric, hops, *tag, kind.to_string()));
            }
        }
        wanted
    }
}

/// The routing table as it follows from the batches.
#[derive(Default)]
struct Mirror(BTreeMap<(Prefix, PathId), Route>);

impl Mirror {
    /// Applies a batch, and checks that it says nothing that was so before.
    fn apply(&mut self, batch: Vec<RouteChange>) {
        let before = self.0.clone();
        let mut named = BTreeSet::new();
        for change in batch {
            match change {
                RouteChange::Set { prefix, path, route } => {
                    assert!(named.insert((prefix, path)), "one change a route");
                    assert_ne!(before.get(&(prefix, path)), Some(&route), "no change");
                    self.0.insert((prefix, path), route);
                }
                RouteChange::Delete { prefix, path } => {
                    assert!(named.insert((prefix, path)), "one change a route");
                    assert!(self.0.remove(&(prefix, path)).is_some(), "nothing to delete");
                }
            }
        }
    }

    fn routes(&self) -> Wanted {
        let routes: Wanted = self
            .0
            .iter()
            .map(|((prefix, _), route)| {
                (
                    *prefix,
                    route.preference,
                    route.metric,
                    route.next_hops.to_vec(),
                    route.tag,
                    route.kind.to_string(),
                )
            })
            .collect();
        assert_eq!(routes.len(), self.0.len(), "two paths with one rank");
        routes
    }
}

fn handle(engine: &mut Static, mirror: &mut Mirror, input: Input<'_, GlobalConfig, InterfaceConfig>) {
    let mut out = Outbox::new();
    engine.handle(Now::default(), input, &mut out);
    mirror.apply(out.take_routes());
    assert!(out.is_empty(), "static routes need nothing else of the host");
}

fn run(steps: Vec<Step>, complete_after: usize) {
    let mut engine = Static::new(Seed(0));
    let mut model = Model::default();
    let mut mirror = Mirror::default();
    let start = Input::Start {
        global: GlobalConfig::default(),
        router_id: None,
        persisted: &[],
        restart_hold: Duration::ZERO,
    };
    handle(&mut engine, &mut mirror, start);
    for (number, step) in steps.into_iter().enumerate() {
        if number == complete_after {
            handle(&mut engine, &mut mirror, Input::StartComplete);
            assert_eq!(mirror.routes(), model.wanted());
        }
        let index = |at: u8| InterfaceIndex(u32::from(at) + 1);
        match step {
            Step::Global(config) => {
                model.global = config.clone();
                handle(&mut engine, &mut mirror, Input::SetGlobal(config));
            }
            Step::Interface(at, config) => {
                let Some(interface) = model.interfaces.get_mut(&at) else {
                    continue;
                };
                interface.config = config.clone();
                let index = index(at);
                handle(&mut engine, &mut mirror, Input::SetInterface { index, config });
            }
            Step::Status(at, status) => {
                let Some(interface) = model.interfaces.get_mut(&at) else {
                    continue;
                };
                match &status {
                    InterfaceStatus::AddressChange(binding) => interface.binding = binding.clone(),
                    InterfaceStatus::Enabled => interface.enabled = true,
                    InterfaceStatus::Disabled => interface.enabled = false,
                    InterfaceStatus::MediaPresent => interface.no_media = false,
                    InterfaceStatus::MediaAbsent => interface.no_media = true,
                }
                let index = index(at);
                handle(
                    &mut engine,
                    &mut mirror,
                    Input::Status {
                        index,
                        status: &status,
                    },
                );
            }
            Step::Add(at, config) => {
                if model.interfaces.contains_key(&at) {
                    continue;
                }
                model.interfaces.insert(
                    at,
                    ModelInterface {
                        config: config.clone().unwrap_or_default(),
                        ..ModelInterface::default()
                    },
                );
                let identity = InterfaceIdentity {
                    name: format!("eth{at}"),
                    index: index(at),
                    kind: InterfaceType::Permanent,
                };
                let input = Input::AddInterface {
                    identity: &identity,
                    config,
                };
                handle(&mut engine, &mut mirror, input);
            }
            Step::Delete(at) => {
                if model.interfaces.remove(&at).is_none() {
                    continue;
                }
                handle(&mut engine, &mut mirror, Input::DeleteInterface(index(at)));
            }
        }
        if number >= complete_after {
            assert_eq!(mirror.routes(), model.wanted());
        } else {
            assert!(mirror.0.is_empty());
        }
    }
}

/// Interfaces that are there and up, so that most steps matter.
fn prologue() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(addresses(), 4).prop_map(|bindings| {
        let each = bindings.into_iter().zip(0u8..).flat_map(|(binding, at)| {
            [
                Step::Add(at, None),
                Step::Status(at, InterfaceStatus::AddressChange(binding)),
                Step::Status(at, InterfaceStatus::Enabled),
            ]
        });
        each.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_mirror_equals_the_model(
        prologue in prologue(),
        steps in prop::collection::vec(step(), 1..40),
        complete_after in 0usize..16,
    ) {
        run([prologue, steps].concat(), complete_after);
    }
}
