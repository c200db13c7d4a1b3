//! Engines, driven by octets through a whole life in virtual time.
//!
//! Octets are read as a [`Script`]: which call comes next, with which interface, configuration, packet. A [`Host`] stands in
//! for the daemon and checks, after every call, what an engine owes its host.

mod host;
pub mod ospf;
pub mod rip;
pub mod statics;

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Map, Value};
use waypost_engine::{Engine, MibOperation, PortId, RxMeta};
use waypost_routprot::{
    AdapterBinding, BlockConfig, InfoBlock, InterfaceIdentity, InterfaceStatus, InterfaceType, Layout,
    LocalBinding, Topic,
};
use waypost_types::{
    BestRoute, InterfaceIndex, NextHop, Prefix, Prefix4, ProtocolId, Route, RouteKind, RouteNotice, RouterId,
};

pub use host::Host;

use crate::Script;

/// Most calls of one life.
const LONGEST_LIFE: usize = 400;
/// Interfaces are numbered 1 to this.
const INTERFACES: u8 = 4;

/// What a script can do with one protocol.
pub trait Scenario {
    /// Pieces of global configuration, as text; a script picks some.
    const GLOBAL: &'static [&'static str];
    /// Pieces of interface configuration, as text.
    const INTERFACE: &'static [&'static str];

    /// How long a good-bye takes at most.
    const FAREWELL: Duration = Duration::from_secs(10);
    /// The group that packets are for.
    const GROUP: [u8; 4] = [224, 0, 0, 9];

    /// A packet: mostly almost right.
    fn packet(_script: &mut Script<'_>) -> Vec<u8> {
        Vec::new()
    }

    /// Checks a packet that was sent.
    fn sent(_octets: &[u8]) {}

    /// How many routes the protocol may have under these configurations.
    fn route_limit(global: &Value, interfaces: &[Value]) -> usize;
}

/// Lives the life that `octets` tell. Panics when the engine breaks a law.
pub fn live<E: Engine, S: Scenario>(octets: &[u8]) {
    let mut script = Script::new(octets);
    let mut host = Host::<E, S>::new(1);
    host.is_silent_before_start();
    start(&mut host, &mut script);
    for _ in 0..LONGEST_LIFE {
        if script.is_over() {
            break;
        }
        step(&mut host, &mut script);
    }
    end(&mut host);
}

/// With the configuration that the script says, or with none if it is refused.
fn start<E: Engine, S: Scenario>(host: &mut Host<E, S>, script: &mut Script<'_>) {
    let global = configuration::<E::Global>(script, S::GLOBAL);
    if !host.start(&global) {
        let empty = E::Global::from_text(&Value::Object(Map::new())).expect("nothing need be configured");
        assert!(host.start(&empty.encode(Layout::Waypost(E::Global::LAYOUT))));
    }
}

fn end<E: Engine, S: Scenario>(host: &mut Host<E, S>) {
    host.stop();
    host.advance(S::FAREWELL);
    assert!(host.has_stopped(), "the protocol never stops");
    host.is_silent_after_stop();
}

fn step<E: Engine, S: Scenario>(host: &mut Host<E, S>, script: &mut Script<'_>) {
    let operation = script.octet() % 32;
    let index = InterfaceIndex((script.octet() % (INTERFACES + 1)).into());
    match operation {
        0 | 1 => {
            let info = configuration::<E::Interface>(script, S::INTERFACE);
            host.add_interface(&identity(index), &info);
        }
        2 => host.delete_interface(index),
        3..=5 => host.status(index, &status(address(index, host.place()), script)),
        // An interface in a moment: added, bound and enabled.
        6 => {
            host.add_interface(
                &identity(index),
                &configuration::<E::Interface>(script, S::INTERFACE),
            );
            host.status(
                index,
                &InterfaceStatus::AddressChange(binding(address(index, host.place()))),
            );
            host.status(index, &InterfaceStatus::Enabled);
        }
        7..=13 => {
            let meta = meta::<S>(index, host.place(), script);
            let octets = if operation == 13 {
                script.octets(255).to_vec()
            } else {
                S::packet(script)
            };
            host.packet(port(index, script), &meta, &octets);
        }
        14 | 15 => {
            let meta = meta::<S>(index, host.place(), script);
            host.echo(port(index, script), &meta, script);
        }
        16..=18 => host.set_interface(index, &configuration::<E::Interface>(script, S::INTERFACE)),
        19 => host.set_global(&configuration::<E::Global>(script, S::GLOBAL)),
        20..=22 => host.advance(duration(script)),
        23 => host.start_complete(),
        24 => host.routes(&notices(script)),
        25 => host.update_routes(index),
        26 => host.port_failed(PortId(index.0)),
        27 => {
            let operation = script.choose(&[
                MibOperation::Create,
                MibOperation::Delete,
                MibOperation::Set,
                MibOperation::Get,
                MibOperation::GetFirst,
                MibOperation::GetNext,
            ]);
            let block = configuration::<E::Interface>(script, S::INTERFACE);
            let octets = mib_input(script, &block);
            host.mib(operation, &octets);
        }
        28 => host.show(script.choose(&[
            Topic::Summary,
            Topic::Interfaces,
            Topic::Neighbors,
            Topic::Counters,
            Topic::Database,
        ])),
        29 => host.client(index, script.long().into(), script.octet().is_multiple_of(2)),
        30 => host.router_id(RouterId::new(script.long().into()).ok()),
        _ => match script.octet() % 8 {
            0 => host.stop(),
            1 => host.deadline(),
            2 => host.proceed(),
            3..=5 => host.undo_interface(index, &configuration::<E::Interface>(script, S::INTERFACE)),
            _ => host.undo_global(&configuration::<E::Global>(script, S::GLOBAL)),
        },
    }
}

fn identity(index: InterfaceIndex) -> InterfaceIdentity {
    InterfaceIdentity {
        name: format!("eth{index}"),
        index,
        kind: InterfaceType::Permanent,
    }
}

/// The address that a host of an interface's network has: 10.INDEX.0.HOST/24.
fn address(index: InterfaceIndex, host: u8) -> Ipv4Addr {
    [10, index.0 as u8, 0, host].into()
}

fn binding(address: Ipv4Addr) -> AdapterBinding {
    AdapterBinding {
        addresses: vec![LocalBinding {
            address,
            prefix: Prefix4::containing(address, 24).expect("24 is a length"),
        }],
        mtu: 1500,
        ..AdapterBinding::default()
    }
}

fn status(own: Ipv4Addr, script: &mut Script<'_>) -> InterfaceStatus {
    match script.octet() % 8 {
        0 => InterfaceStatus::AddressChange(binding(own)),
        1 => InterfaceStatus::AddressChange(AdapterBinding::default()),
        2 => {
            let mut binding = binding(own);
            let [_, network, ..] = own.octets();
            for _ in 0..script.octet() % 4 {
                let address = address(InterfaceIndex(network.into()), script.octet());
                let length = script.octet() % 33;
                binding.addresses.push(LocalBinding {
                    address,
                    prefix: Prefix4::containing(address, length).expect("at most 32"),
                });
            }
            if script.octet().is_multiple_of(4) {
                let address = script.long().to_be_bytes();
                binding.remote = Some(std::net::IpAddr::from(address));
            }
            binding.addresses6.push((u128::from(script.word()).into(), 64));
            InterfaceStatus::AddressChange(binding)
        }
        3 => InterfaceStatus::Disabled,
        4 => InterfaceStatus::MediaAbsent,
        5 => InterfaceStatus::MediaPresent,
        _ => InterfaceStatus::Enabled,
    }
}

/// The engine's port of an interface, or now and then any.
fn port(index: InterfaceIndex, script: &mut Script<'_>) -> PortId {
    match script.octet() {
        0xFF => PortId(script.long()),
        _ => PortId(index.0),
    }
}

fn meta<S: Scenario>(index: InterfaceIndex, place: u8, script: &mut Script<'_>) -> RxMeta {
    let host = script.octet();
    let source: std::net::IpAddr = match host {
        0xFD => Ipv4Addr::from(script.long()).into(),
        0xFE => std::net::Ipv6Addr::from(u128::from(script.long())).into(),
        host => address(index, 1 + host % 16).into(),
    };
    let detail = script.octet();
    let destination = match detail % 8 {
        0 => std::net::IpAddr::from(address(index, place)),
        1 => address(index, 255).into(),
        _ => S::GROUP.into(),
    };
    RxMeta {
        source: (source, if detail >= 0xF0 { script.word() } else { 520 }).into(),
        destination,
        interface: index,
        ttl: [Some(1), Some(255), None][usize::from(detail / 8 % 3)],
    }
}

fn duration(script: &mut Script<'_>) -> Duration {
    let amount = u64::from(script.octet());
    match script.octet() % 4 {
        0 => Duration::from_millis(amount),
        1 => Duration::from_millis(amount * 100),
        2 => Duration::from_secs(amount),
        _ => Duration::from_secs(amount * 60),
    }
}

fn notices(script: &mut Script<'_>) -> Vec<RouteNotice> {
    (0..script.octet() % 8)
        .map(|_| {
            let length = 8 + script.octet() % 25;
            let network = [10, 100, script.octet(), 0].into();
            let prefix = Prefix4::containing(network, length).expect("at most 32");
            let owner = script.choose(&[
                ProtocolId::STATIC,
                ProtocolId::LOCAL,
                ProtocolId::OSPF,
                ProtocolId::BGP_ROUTES,
                ProtocolId(77),
            ]);
            let best = (!script.octet().is_multiple_of(4)).then(|| BestRoute {
                owner,
                preference: 1,
                route: Route {
                    kind: RouteKind::Unicast,
                    next_hops: [NextHop::on(InterfaceIndex(99))].into_iter().collect(),
                    metric: script.long(),
                    tag: script.long(),
                    preference: None,
                },
            });
            RouteNotice {
                prefix: Prefix::V4(prefix),
                best,
            }
        })
        .collect()
}

/// The first three DWORDs of a MIB question are small numbers: table, protocol, interface; a block may follow.
fn mib_input(script: &mut Script<'_>, block: &InfoBlock) -> Vec<u8> {
    let mut octets = Vec::new();
    for _ in 0..script.octet() % 5 {
        octets.extend(u32::from(script.octet() % 16).to_le_bytes());
    }
    match script.octet() % 3 {
        0 => octets.extend(&block.bytes),
        1 => octets.extend(script.octets(64)),
        _ => {}
    }
    octets
}

/// A block made of pieces of text: whole, in RRAS's layout, damaged; or octets of the script's own.
fn configuration<C: BlockConfig>(script: &mut Script<'_>, pieces: &[&str]) -> InfoBlock {
    let how = script.octet();
    if how % 16 == 15 {
        return match how / 16 {
            0 => InfoBlock::absent(),
            version => InfoBlock::new(u32::from(version) % 4, script.octets(255).to_vec()),
        };
    }
    let mut text = Map::new();
    for _ in 0..how / 16 % 6 {
        let piece: Value = serde_json::from_str(script.choose(pieces)).expect("pieces are JSON");
        if let Value::Object(piece) = piece {
            text.extend(piece);
        }
    }
    let Ok(config) = C::from_text(&Value::Object(text)) else {
        // Pieces that contradict each other in form are as good as bytes of any kind.
        return InfoBlock::new(how.into(), script.octets(64).to_vec());
    };
    let layout = if how % 16 >= 11 {
        Layout::Rras
    } else {
        Layout::Waypost(C::LAYOUT)
    };
    let mut block = config.encode(layout);
    if how % 16 >= 13 && !block.bytes.is_empty() {
        let at = usize::from(script.word()) % block.bytes.len();
        block.bytes[at] = script.octet();
    }
    block
}
