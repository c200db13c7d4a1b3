//! RIP as a module, with a neighbour on a link: what it learns is in the host's table, and what others have there is announced.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use waypost_rip::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::{
    AdapterBinding, BlockConfig, Event, InfoBlock, InterfaceIdentity, InterfaceStatus, InterfaceType, Layout,
    LocalBinding, RoutingCharacteristics, RoutingProtocol, Status,
};
use waypost_rtm::Family;
use waypost_rtmv2::{EntityName, LocalTable, RouteTable, Views, everything};
use waypost_testkit::{Lab, Node, run, wait_for};
use waypost_types::{InterfaceIndex, NextHop, PathId, Prefix, Prefix4, ProtocolId, Route, RouteKind, Seed};

use crate::objects::{in_its_own_with, in_process_with};
use crate::router::{Bell, Router};

const SOON: Duration = Duration::from_secs(20);
const RIP_PORT: u16 = 520;
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 9);
const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const INFINITY: u8 = 16;

type Load = fn(&str, Option<Arc<dyn RouteTable>>) -> Box<dyn RoutingProtocol>;

/// A module that runs on the link.
struct Running {
    protocol: Box<dyn RoutingProtocol>,
    index: InterfaceIndex,
}

fn global(text: &Value) -> InfoBlock {
    let config = GlobalConfig::from_text(text).unwrap();
    config.encode(Layout::Waypost(GlobalConfig::LAYOUT))
}

impl Running {
    fn start(mut protocol: Box<dyn RoutingProtocol>, index: InterfaceIndex, id: ProtocolId) -> Result<Self> {
        protocol.register(&RoutingCharacteristics::offer(id))?;
        let global = global(&json!({ "redistribute": [{ "source": "static" }], "triggered-delay": 0 }));
        protocol.start(Arc::new(Bell::default()), Arc::new(Router), &global)?;
        let identity = InterfaceIdentity {
            name: "eth0".to_owned(),
            index,
            kind: InterfaceType::Permanent,
        };
        let interface = InterfaceConfig::from_text(&json!({ "metric": 3 })).unwrap();
        let interface = interface.encode(Layout::Waypost(InterfaceConfig::LAYOUT));
        protocol.add_interface(&identity, &interface)?;
        let binding = AdapterBinding {
            remote: None,
            mtu: 1500,
            speed: 0,
            addresses: vec![LocalBinding {
                address: HERE,
                prefix: Prefix4::containing(HERE, 24)?,
            }],
            addresses6: Vec::new(),
        };
        protocol.interface_status(index, true, &InterfaceStatus::AddressChange(binding))?;
        protocol.interface_status(index, true, &InterfaceStatus::Enabled)?;
        protocol.start_complete()?;
        Ok(Self { protocol, index })
    }

    fn stop(mut self) -> Result<()> {
        match self.protocol.stop() {
            Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING => {
                wait_for(SOON, "the protocol has stopped", || {
                    match self.protocol.next_event() {
                        Some(Event::RouterStopped) => Ok(()),
                        other => Err(format!("{other:?}")),
                    }
                })
            }
            other => Ok(other?),
        }
    }
}

/// A response with one route.
fn response(network: [u8; 4], metric: u8) -> Vec<u8> {
    let mut message = vec![2, 2, 0, 0, 0, 2, 0, 0];
    message.extend(network);
    message.extend([255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, metric]);
    message
}

/// The metric that a message announces a network with.
fn announced(message: &[u8], network: [u8; 4]) -> Option<u8> {
    let (_, entries) = message.split_at_checked(4)?;
    let (entries, _) = entries.as_chunks::<20>();
    let found = entries.iter().find(|entry| entry[4..8] == network);
    found.map(|entry| entry[19])
}

/// Waits until the neighbour hears a network announced with a metric.
fn hears(neighbour: &UdpSocket, network: [u8; 4], metric: u8) -> Result<()> {
    let mut octets = [0; 1500];
    wait_for(SOON, &format!("{network:?} is announced with {metric}"), || {
        let heard = neighbour.recv(&mut octets).map_err(|error| error.to_string())?;
        match announced(&octets[..heard], network) {
            Some(seen) if seen == metric => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
}

fn has(table: &LocalTable, prefix: &str, wanted: Option<(ProtocolId, u32)>) -> Result<()> {
    let prefix: Prefix = prefix.parse()?;
    wait_for(SOON, &format!("{prefix} is {wanted:?}"), || {
        let snapshot = table.destination(prefix);
        let routes = snapshot.iter().flat_map(|found| &found.views[0].routes);
        let seen: Vec<_> = routes
            .map(|route| {
                (
                    route.owner.protocol,
                    route.route.metric,
                    &route.route.next_hops[..],
                )
            })
            .collect();
        match (&seen[..], wanted) {
            ([], None) => Ok(()),
            ([(owner, metric, [hop])], Some(wanted))
                if (*owner, *metric) == wanted && hop.gateway == Some(IpAddr::V4(THERE)) =>
            {
                Ok(())
            }
            _ => Err(format!("{seen:?}")),
        }
    })
}

fn index_of(node: &Node, interface: &str) -> Result<InterfaceIndex> {
    let shown = node.ip(&["-o", "link", "show", interface])?;
    let (number, _) = shown.split_once(':').context("no number")?;
    Ok(InterfaceIndex(number.trim().parse()?))
}

fn check(lab: &Lab, load: Load, id: ProtocolId) -> Result<()> {
    let (router, peer) = (lab.node("router")?, lab.node("peer")?);
    lab.link((&router, "eth0", "10.0.0.1/24"), (&peer, "eth0", "10.0.0.2/24"))?;
    // A module in a process of its own has no privileges here, and RIP's port would be one.
    router.set_ipv4("ip_unprivileged_port_start", "0")?;
    let index = index_of(&router, "eth0")?;
    let neighbour = peer.inside(|| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, RIP_PORT))?;
        socket.join_multicast_v4(&GROUP, &THERE)?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        std::io::Result::Ok(socket)
    })??;
    let table = LocalTable::new(Seed(1));
    table.set_interface_usable(index, true);
    let table = Arc::new(table);
    let given: Arc<dyn RouteTable> = table.clone();
    // All of it there: the process of a module ends with the thread that started it.
    router.inside(|| {
        let running = Running::start(load("waypost-exported-rip", Some(given)), index, id)?;
        check_routes(running, &table, &neighbour, id)
    })?
}

fn check_routes(running: Running, table: &LocalTable, neighbour: &UdpSocket, id: ProtocolId) -> Result<()> {
    // What the neighbour announces is a route, as long as it does, with the metric of the interface.
    neighbour.send_to(&response([192, 0, 2, 0], 2), (HERE, RIP_PORT))?;
    has(table, "192.0.2.0/24", Some((id, 5)))?;
    neighbour.send_to(&response([198, 51, 100, 0], 1), (HERE, RIP_PORT))?;
    has(table, "198.51.100.0/24", Some((id, 4)))?;
    neighbour.send_to(&response([198, 51, 100, 0], INFINITY), (HERE, RIP_PORT))?;
    has(table, "198.51.100.0/24", None)?;

    // What another protocol has is announced, as long as it has it.
    let name = EntityName {
        protocol: ProtocolId::STATIC,
        instance: 0,
    };
    let of_static = table.register(Family::V4, name).unwrap();
    let prefix = "203.0.113.0/24".parse()?;
    let route = Route {
        kind: RouteKind::Unicast,
        next_hops: [NextHop::on(running.index)].into_iter().collect(),
        metric: 1,
        tag: 0,
        preference: None,
    };
    table
        .set(of_static, prefix, PathId(0), Views::UNICAST, &route)
        .unwrap();
    hears(neighbour, [203, 0, 113, 0], 1)?;
    table.delete(of_static, prefix, PathId(0)).unwrap();
    hears(neighbour, [203, 0, 113, 0], INFINITY)?;
    table.deregister(of_static);

    // Nothing of it is left when it has stopped.
    ensure!(!table.entities(Family::V4).is_empty() && !table.entities(Family::V6).is_empty());
    running.stop()?;
    for family in [Family::V4, Family::V6] {
        let left = table.entities(family);
        ensure!(left.is_empty(), "{left:?} are left");
        let shown = table.page(None, everything(family), 9);
        ensure!(
            shown.iter().all(|shown| shown.routed_in().is_empty()),
            "{shown:?}"
        );
    }
    Ok(())
}

#[test]
fn routes_in_process() {
    run(|lab| check(lab, in_process_with, ProtocolId::RIP));
}

#[test]
fn routes_in_a_process_of_its_own() {
    run(|lab| check(lab, in_its_own_with, ProtocolId::RIP));
}

/// Under the number that a router with RIP of its own installs it by.
#[test]
fn routes_of_another_number() {
    run(|lab| check(lab, in_its_own_with, ProtocolId(0x3FFF_0520)));
}
