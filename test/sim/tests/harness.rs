//! The simulator itself, with an engine that does one of everything.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waypost_engine::{
    Engine, Input, MibOperation, MibReply, Now, Outbox, PortId, PortSpec, RouteInterest, Target, Transport,
    TxOptions,
};
use waypost_routprot::{
    BlockConfig, Event, Functionality, Impact, InfoBlock, InterfaceStatus, Layout, Refusal, Topic,
};
use waypost_sim::{NodeId, Program, Quality, SegmentId, Simulation};
use waypost_types::{InterfaceIndex, NextHop, PathId, Prefix4, ProtocolId, Route, RouteKind, Seed, Time};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 250);
const PORT: u16 = 5000;

/// What it does is configured in octets: how long its messages are, how far they reach, how far others' must come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Manner {
    length: u32,
    ttl: u8,
    minimum_ttl: u8,
    broadcast: bool,
    silent: bool,
    impossible: bool,
}

impl BlockConfig for Manner {
    const LAYOUT: u32 = 2;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        serde_json::from_slice(block.payload()?)
            .map(|config| (config, Layout::Waypost(2)))
            .map_err(|error| Refusal::invalid(error.to_string()))
    }

    fn encode(&self, _layout: Layout) -> InfoBlock {
        InfoBlock::new(2, serde_json::to_vec(self).unwrap())
    }

    fn validate(&self) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Says hello on every interface each second and keeps a route to whoever says hello to it.
#[derive(Default)]
struct Beacon {
    manners: BTreeMap<InterfaceIndex, Manner>,
    heard: BTreeMap<Ipv4Addr, u64>,
    notices: Vec<String>,
    lives: u8,
    continued: u64,
    next: Option<Time>,
}

fn spec(index: InterfaceIndex, manner: &Manner) -> PortSpec {
    PortSpec {
        transport: Transport::Udp(PORT),
        interface: index,
        groups: [GROUP].into_iter().collect(),
        broadcast: false,
        ttl: 64,
        multicast_ttl: manner.ttl.max(1),
        minimum_ttl: manner.minimum_ttl,
        dscp: 0,
        receive_buffer: 65536,
    }
}

impl Engine for Beacon {
    type Global = Manner;
    type Interface = Manner;

    const PROTOCOL: ProtocolId = ProtocolId(77);
    const NAME: &'static str = "beacon";
    const TITLE: &'static str = "Beacon";
    const FUNCTIONALITY: Functionality = Functionality::RF_ROUTING;

    fn new(_seed: Seed) -> Self {
        Self::default()
    }

    fn check_interface(&self, _index: Option<InterfaceIndex>, config: &Manner) -> Result<(), Refusal> {
        if config.impossible {
            return Err(Refusal::invalid("cannot be done").at("impossible"));
        }
        Ok(())
    }

    fn impact(&self, _: Target, _: &str, _: Option<&Value>, _: Option<&Value>) -> (Impact, String) {
        (Impact::Live, String::new())
    }

    fn handle(&mut self, now: Now, input: Input<'_, Manner, Manner>, out: &mut Outbox) {
        match input {
            Input::Start { persisted, .. } => {
                self.lives = persisted.first().map_or(0, |(_, value)| value[0]) + 1;
                out.persist("lives", vec![self.lives]);
                out.interest(RouteInterest {
                    owners: vec![ProtocolId::LOCAL, Self::PROTOCOL],
                });
            }
            Input::StartComplete => {
                self.next = Some(now.time);
                out.again();
            }
            Input::AddInterface { identity, config } => {
                let manner = config.unwrap_or_default();
                if !manner.silent {
                    out.open_port(PortId(identity.index.0), spec(identity.index, &manner));
                }
                self.manners.insert(identity.index, manner);
            }
            Input::SetInterface { index, config } => {
                out.open_port(PortId(index.0), spec(index, &config));
                self.manners.insert(index, config);
            }
            Input::Deadline => {
                self.next = Some(now.time + Duration::from_secs(1));
                for (index, manner) in self.manners.iter().filter(|(_, manner)| !manner.silent) {
                    let to = if manner.broadcast {
                        Ipv4Addr::BROADCAST
                    } else {
                        GROUP
                    };
                    let octets = vec![7; manner.length as usize];
                    out.send(
                        PortId(index.0),
                        SocketAddr::new(to.into(), PORT),
                        TxOptions::default(),
                        &octets,
                    );
                }
            }
            Input::Packet { meta, .. } => {
                let IpAddr::V4(source) = meta.source.ip() else {
                    panic!()
                };
                *self.heard.entry(source).or_default() += 1;
                let route = Route {
                    kind: RouteKind::Unicast,
                    next_hops: [NextHop::via(source.into(), meta.interface)]
                        .into_iter()
                        .collect(),
                    metric: 1,
                    tag: 0,
                    preference: None,
                };
                let beyond = Ipv4Addr::from(u32::from(source) | 0x8000_0000);
                out.set_route(Prefix4::host(beyond), PathId(0), route);
            }
            Input::Routes(notices) => {
                self.notices.extend(notices.iter().map(|notice| {
                    let sign = if notice.best.is_some() { '+' } else { '-' };
                    format!("{sign}{}", notice.prefix)
                }));
            }
            Input::Continue => self.continued += 1,
            Input::Status {
                status: InterfaceStatus::Disabled,
                index,
            } => out.close_port(PortId(index.0)),
            Input::Stop => {
                self.next = None;
                for index in self.manners.keys() {
                    out.close_port(PortId(index.0));
                }
                out.event(Event::RouterStopped);
            }
            _ => {}
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.next
    }

    fn show(&self, _now: Now, _topic: Topic) -> Result<Value, Refusal> {
        Ok(json!({
            "heard": self.heard, "notices": self.notices, "lives": self.lives, "continued": self.continued,
        }))
    }

    fn mib(&mut self, _: Now, _: MibOperation, _: &[u8]) -> Result<MibReply, Refusal> {
        Err(Refusal::failed("no MIB"))
    }
}

/// Three routers on 10.0.0.0/24, the third also on 10.0.1.0/24 with a fourth.
fn lan(quality: Quality, manners: [Value; 4]) -> Simulation {
    let mut sim = Simulation::new(Seed(1), true);
    let nodes: Vec<NodeId> = (0..4).map(|_| sim.add_node()).collect();
    let lan = sim.add_segment("10.0.0.0/24".parse().unwrap(), quality);
    let line = sim.add_segment("10.0.1.0/24".parse().unwrap(), quality);
    for (node, manner) in nodes.iter().zip(manners) {
        sim.install(*node, Program::of::<Beacon>(), json!({}));
        for segment in [lan, line] {
            if (segment == lan && node.0 < 3) || (segment == line && node.0 >= 2) {
                let index = sim.attach(*node, segment);
                sim.configure_interface(*node, 0, index, &manner).unwrap();
            }
        }
    }
    for node in nodes {
        sim.boot(node).unwrap();
    }
    sim
}

fn plain() -> [Value; 4] {
    [json!({}), json!({}), json!({}), json!({})]
}

fn shown(sim: &Simulation, node: usize) -> Value {
    sim.show(NodeId(node), 0, Topic::Summary).unwrap()
}

#[test]
fn multicast_reaches_the_others_on_the_link_and_nobody_else() {
    let mut sim = lan(Quality::GOOD, plain());
    sim.run_for(Duration::from_millis(9500));
    assert_eq!(shown(&sim, 0)["heard"], json!({ "10.0.0.2": 10, "10.0.0.3": 10 }));
    assert_eq!(
        shown(&sim, 2)["heard"],
        json!({ "10.0.0.1": 10, "10.0.0.2": 10, "10.0.1.2": 10 })
    );
    assert_eq!(shown(&sim, 3)["heard"], json!({ "10.0.1.1": 10 }));
    assert_eq!(shown(&sim, 3)["continued"], 1);
    assert_eq!(sim.violations(), []);
}

#[test]
fn a_port_that_is_closed_or_strict_hears_nothing() {
    let manners = [
        json!({ "ttl": 255 }),
        json!({ "ttl": 254 }),
        json!({ "minimum_ttl": 255 }),
        json!({ "silent": true }),
    ];
    let mut sim = lan(Quality::GOOD, manners);
    sim.run_for(Duration::from_millis(4500));
    assert_eq!(shown(&sim, 2)["heard"], json!({ "10.0.0.1": 5 }));
    assert_eq!(shown(&sim, 3)["heard"], json!({}));
    // Router 1's at router 2, router 2's at router 3.
    assert_eq!(sim.counts().unclaimed, 10);
}

#[test]
fn the_routing_table_feeds_protocols_and_the_kernel() {
    let mut sim = lan(Quality::GOOD, plain());
    sim.run_for(Duration::from_secs(3));
    assert_eq!(shown(&sim, 2)["notices"], json!(["+10.0.0.0/24", "+10.0.1.0/24"]));
    let beyond: Prefix4 = "138.0.1.2/32".parse().unwrap();
    let has = |sim: &Simulation| sim.node(NodeId(2)).fib().unwrap().get(beyond).is_some();
    assert!(has(&sim));
    // The kernel forgets without a word; the host puts the routes back that the protocol still has.
    sim.watch_fibs();
    sim.set_carrier(SegmentId(1), false);
    assert!(!has(&sim));
    assert!(sim.node(NodeId(2)).rtm().unwrap().exact(beyond.into()).is_some());
    assert_eq!(
        sim.watch_fibs()
            .iter()
            .filter(|change| change.prefix == beyond)
            .count(),
        1
    );
    sim.run_for(Duration::from_secs(3));
    sim.set_carrier(SegmentId(1), true);
    assert!(has(&sim));
    // News of routes take a moment.
    assert_eq!(shown(&sim, 2)["notices"].as_array().unwrap().len(), 3);
    sim.run_for(Duration::from_millis(1));
    let notices = ["+10.0.0.0/24", "+10.0.1.0/24", "-10.0.1.0/24", "+10.0.1.0/24"];
    assert_eq!(shown(&sim, 2)["notices"], json!(notices));
    assert_eq!(waypost_sim::oracle::kernels(&sim), Ok(()));
}

#[test]
fn what_was_stored_survives_a_crash_and_nothing_else_does() {
    let mut sim = lan(Quality::GOOD, plain());
    sim.run_for(Duration::from_secs(5));
    sim.crash(NodeId(0));
    assert!(sim.node(NodeId(0)).fib().is_none());
    sim.run_for(Duration::from_millis(4500));
    sim.boot(NodeId(0)).unwrap();
    sim.run_for(Duration::from_secs(3));
    let now = shown(&sim, 0);
    assert_eq!((&now["lives"], &now["heard"]["10.0.0.2"]), (&json!(2), &json!(3)));
    sim.stop_protocol(NodeId(0), 0).unwrap();
    assert!(!sim.node(NodeId(0)).runs(0));
    // Its routes left with it; the connected network stays.
    assert_eq!(sim.node(NodeId(0)).fib().unwrap().len(), 1);
    sim.start_protocol(NodeId(0), 0).unwrap();
    assert_eq!(shown(&sim, 0)["lives"], 3);
    assert_eq!(sim.violations(), []);
}

#[test]
fn parts_of_a_link_do_not_hear_each_other() {
    let mut sim = lan(Quality::GOOD, plain());
    sim.partition(SegmentId(0), |node| u8::from(node.0 == 1));
    sim.run_for(Duration::from_secs(5));
    assert_eq!(shown(&sim, 1)["heard"], json!({}));
    assert_eq!(shown(&sim, 0)["heard"], json!({ "10.0.0.3": 5 }));
}

#[test]
fn broken_laws_are_found() {
    let law = |manner: Value| {
        let mut sim = lan(Quality::GOOD, [manner, json!({}), json!({}), json!({})]);
        sim.run_for(Duration::from_secs(2));
        sim.violations().first().map(|violation| violation.text.clone())
    };
    assert_eq!(law(json!({ "length": 1472 })), None);
    assert_eq!(
        law(json!({ "length": 1473 })).unwrap(),
        "router 0 sends 1473 octets over an MTU of 1500"
    );
    assert!(law(json!({ "broadcast": true })).unwrap().contains("may not"));
    // It closes the port of a disabled interface and goes on sending through it.
    let mut sim = lan(Quality::GOOD, plain());
    sim.set_enabled(NodeId(0), InterfaceIndex(1), false);
    sim.run_for(Duration::from_secs(2));
    assert!(sim.violations()[0].text.contains("which is not open"));
}

#[test]
fn a_refused_configuration_changes_nothing() {
    let mut sim = lan(Quality::GOOD, plain());
    sim.run_for(Duration::from_secs(1));
    let (node, index) = (NodeId(1), InterfaceIndex(1));
    let refusal = sim.configure_interface(node, 0, index, &json!({ "impossible": true }));
    assert_eq!(refusal.unwrap_err().path, "impossible");
    let prepared = sim
        .configure_interface(node, 0, index, &json!({ "ttl": 9 }))
        .unwrap();
    assert_eq!(prepared.changes[0].path, "ttl");
    assert_eq!(sim.violations(), []);
}

#[test]
fn a_full_receive_buffer_drops() {
    // 65536 octets hold 85 empty datagrams; two come every second and each takes a hundred.
    let mut sim = lan(Quality::GOOD, plain());
    sim.set_service_time(Duration::from_secs(100));
    sim.run_for(Duration::from_secs(200));
    let counts = sim.counts();
    assert!(
        counts.overflowed > 0 && counts.deepest_queue <= 65536,
        "{counts:?}"
    );
    assert!(sim.node(NodeId(0)).waiting() > 0);
    assert!(waypost_sim::oracle::rest(&sim).is_err());
}

#[test]
fn losses_are_counted() {
    let bad = Quality {
        loss: 500,
        ..Quality::GOOD
    };
    let mut sim = lan(bad, plain());
    sim.run_for(Duration::from_millis(99_500));
    let counts = sim.counts();
    assert_eq!(counts.delivered + counts.lost, 800, "{counts:?}");
    assert!((300..500).contains(&counts.lost), "{counts:?}");
}
