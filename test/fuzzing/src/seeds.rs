//! Valid input to start fuzzing from, by target.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Map, Value};
use waypost_dump::mrt::{Entry as TableEntry, Peer, peer_table, rib};
use waypost_infobase::BlockKey;
use waypost_netlink::{
    Acknowledgement, Address, Body, Done, Explanation, GroupMember, Header, Link, Message, Neighbour,
    Nexthop, NexthopId, NexthopKind, Route, RouteNextHop, RouteProtocol,
};
use waypost_rip::packet::{Command, Entry, FAMILY_IPV4, Version, encode_header};
use waypost_routprot::router_blocks::{
    Block, BlockType, GlobalInfo, InfoHeader, LoggingLevel, Preference, PriorityInfo, SubProtocol,
};
use waypost_routprot::{BlockConfig, Layout};
use waypost_types::{InterfaceIndex, NextHop, ProtocolId};
use waypost_wire::Writer;

use crate::engine::Scenario;
use crate::engine::rip::RipScenario;
use crate::engine::statics::StaticScenario;

/// The name of an input and its octets.
pub type Seeded = (String, Vec<u8>);

fn named<const N: usize>(seeds: [(&str, Vec<u8>); N]) -> Vec<Seeded> {
    seeds
        .into_iter()
        .map(|(name, octets)| (name.to_owned(), octets))
        .collect()
}

fn message(command: Command, version: Version, entries: &[Entry]) -> Vec<u8> {
    let mut writer = Writer::new();
    encode_header(&mut writer, command, version);
    entries.iter().for_each(|entry| entry.encode(&mut writer));
    writer.finish()
}

pub(crate) fn rip_packets() -> Vec<Seeded> {
    let entry = |number: u8| Entry {
        family: FAMILY_IPV4,
        tag: number.into(),
        address: [10, number, 0, 0].into(),
        mask: [255, 255, 0, 0].into(),
        next_hop: Ipv4Addr::UNSPECIFIED,
        metric: u32::from(number % 16) + 1,
    };
    let plain = |number| Entry {
        tag: 0,
        mask: Ipv4Addr::UNSPECIFIED,
        ..entry(number)
    };
    let full: Vec<_> = (0..25).map(entry).collect();
    let mut password = message(Command::Response, Version::V2, &[]);
    password.extend(b"\xFF\xFF\x00\x02fuzz\0\0\0\0\0\0\0\0\0\0\0\0");
    let mut digest = message(Command::Response, Version::V2, &[]);
    digest.extend(b"\xFF\xFF\x00\x03\x00\x18\x01\x10\x00\x00\x00\x01\0\0\0\0\0\0\0\0");
    digest.extend(b"\xFF\xFF\x00\x01");
    digest.extend([7; 16]);
    named([
        (
            "request-whole-table",
            message(Command::Request, Version::V2, &[Entry::WHOLE_TABLE]),
        ),
        ("request-v1", message(Command::Request, Version::V1, &[plain(1)])),
        (
            "response-v1",
            message(Command::Response, Version::V1, &[plain(1), plain(2)]),
        ),
        ("response-empty", message(Command::Response, Version::V2, &[])),
        ("response-full", message(Command::Response, Version::V2, &full)),
        ("response-password", password),
        ("response-digest", digest),
        ("response-version-9", vec![2, 9, 0, 0]),
        ("obsolete-command", vec![5, 1, 0, 0]),
    ])
}

/// Every piece of a scenario on its own and, in pairs, in each layout.
pub(crate) fn blocks<C: BlockConfig>(pieces: &[&str], extra: &[&str]) -> Vec<Seeded> {
    let mut seeds = Vec::new();
    let mut add = |number: usize, text: Map<String, Value>| {
        let Ok(config) = C::from_text(&Value::Object(text)) else {
            return;
        };
        for (suffix, layout) in [("waypost", Layout::Waypost(C::LAYOUT)), ("rras", Layout::Rras)] {
            let block = config.encode(layout);
            // Layouts that do not apply come out as the other, or as none.
            if Layout::of(&block) == Ok(layout) && C::decode(&block).is_ok() {
                let version = u8::try_from(block.version).unwrap_or(u8::MAX);
                let octets = [&[version], block.bytes.as_slice()].concat();
                seeds.push((format!("{number:02}-{suffix}"), octets));
            }
        }
    };
    let tables: Vec<Map<String, Value>> = pieces
        .iter()
        .chain(extra)
        .filter_map(|piece| serde_json::from_str(piece).ok())
        .collect();
    for (number, table) in tables.iter().enumerate() {
        add(number, table.clone());
    }
    let all = tables.into_iter().flatten().collect();
    add(pieces.len() + extra.len(), all);
    seeds
}

pub(crate) fn rip_interface_blocks() -> Vec<Seeded> {
    blocks::<waypost_rip::config::InterfaceConfig>(RipScenario::INTERFACE, &[])
}

pub(crate) fn rip_global_blocks() -> Vec<Seeded> {
    blocks::<waypost_rip::config::GlobalConfig>(RipScenario::GLOBAL, &[r#"{"max-send-queue":1048576}"#])
}

pub(crate) fn static_interface_blocks() -> Vec<Seeded> {
    blocks::<waypost_static::config::InterfaceConfig>(StaticScenario::INTERFACE, &[])
}

pub(crate) fn static_global_blocks() -> Vec<Seeded> {
    blocks::<waypost_static::config::GlobalConfig>(StaticScenario::GLOBAL, &[])
}

pub(crate) fn info_headers() -> Vec<Seeded> {
    let priority = PriorityInfo {
        entries: vec![
            Preference {
                protocol: ProtocolId::RIP,
                kind: SubProtocol::All,
                metric: 120,
            },
            Preference {
                protocol: ProtocolId::BGP_ROUTES,
                kind: SubProtocol::Exterior,
                metric: 20,
            },
        ],
    };
    let global = GlobalInfo {
        filtering: true,
        logging: LoggingLevel::None,
    };
    let rows: Value = serde_json::from_str(StaticScenario::INTERFACE[5]).unwrap_or_default();
    let rows = waypost_static::config::InterfaceConfig::from_text(&rows).map(|c| c.encode(Layout::Rras));
    let rows = rows.and_then(|info| waypost_routprot::router_blocks::route_block(&info));
    let mut forward = vec![0; 112];
    forward[..8].copy_from_slice(&[10, 0, 0, 0, 255, 0, 0, 0]);
    let blocks = [
        Some(global.encode(BlockType::IP_GLOBAL_INFO)),
        Some(priority.encode()),
        Some(priority.encode_extended()),
        rows.ok(),
        Block::new(BlockType::IP_ROUTE_INFO, 56, 2, forward).ok(),
        Some(Block::single(BlockType(8), vec![1, 2, 3])),
        Some(Block::single(
            BlockType::IP_INTERFACE_STATUS_INFO,
            vec![2, 0, 0, 0],
        )),
    ];
    let mut seeds = named([("empty", InfoHeader::default().build())]);
    let mut all = InfoHeader::default();
    for (number, block) in blocks.into_iter().flatten().enumerate() {
        let mut one = InfoHeader::default();
        if one.add(block.clone()).is_ok() {
            seeds.push((format!("{number:02}-container"), one.build()));
        }
        seeds.push((format!("{number:02}-bare"), block.bytes().to_vec()));
        // A second block of routes is refused; the first is enough.
        drop(all.add(block));
    }
    seeds.push(("every-block".to_owned(), all.build()));
    seeds
}

pub(crate) fn dump_lines() -> Vec<Seeded> {
    let line = |text: &str| text.as_bytes().to_vec();
    named([
        (
            "multipath",
            line("10.1.0.0/16 via 192.0.2.1 weight 2 via 192.0.2.2 dev eth0 onlink metric 3 tag 7"),
        ),
        (
            "recursive",
            line("unicast 2001:db8::/32 via 2001:db8:f::7 recursive # far"),
        ),
        ("blackhole", line("blackhole 10.3.0.0/16 metric 4294967295 tag 9")),
        ("link", line("default dev eth0 dev eth1 weight 256")),
        ("host", line("192.0.2.7 via 192.0.2.1")),
    ])
}

pub(crate) fn dump_files() -> Vec<Seeded> {
    let peer = |address: IpAddr| Peer {
        id: 7,
        address,
        system: 65_536,
    };
    let v6: IpAddr = "2001:db8::1".parse().expect("an address");
    let peers = [peer([192, 0, 2, 1].into()), peer(v6)];
    let entry = |peer: u16, next_hop: IpAddr| TableEntry {
        peer,
        received: 1_700_000_000,
        path_id: 0,
        next_hop: Some(next_hop),
        metric: Some(3),
    };
    let prefix = |text: &str| text.parse().expect("a prefix");
    let table = peer_table(1, [192, 0, 2, 9].into(), &peers);
    let with = |record: Vec<u8>| [table.clone(), record].concat();
    let both = [entry(0, [192, 0, 2, 1].into()), entry(1, [192, 0, 2, 2].into())];
    let add_path = both.map(|entry| TableEntry { path_id: 5, ..entry });
    let nowhere = TableEntry {
        next_hop: None,
        metric: None,
        ..entry(0, v6)
    };
    named([
        ("peers", table.clone()),
        ("v4", with(rib(1, 1, prefix("10.1.0.0/16"), &both))),
        ("v6", with(rib(1, 2, prefix("2001:db8::/33"), &[entry(1, v6)]))),
        ("add-path", with(rib(1, 3, prefix("0.0.0.0/0"), &add_path))),
        ("nowhere", with(rib(1, 4, prefix("192.0.2.1/32"), &[nowhere]))),
    ])
}

pub(crate) fn netlink_buffers() -> Vec<Seeded> {
    let index = InterfaceIndex(3);
    let gateway: IpAddr = [192, 0, 2, 1].into();
    let rip = RouteProtocol(189);
    let route = |text: &str| Route::new(text.parse().expect("a prefix"));
    let mut multipath = route("10.0.0.0/8");
    multipath.protocol = rip;
    multipath.next_hops = [NextHop::via(gateway, index), NextHop::on(InterfaceIndex(4))]
        .into_iter()
        .map(RouteNextHop::from)
        .collect();
    let mut by_object = route("2001:db8::/32");
    by_object.nexthop = Some(NexthopId(7));
    by_object.priority = 20;
    let mut link = Link::new(index);
    link.name = Some("eth0".to_owned());
    link.kind = Some("veth".to_owned());
    link.mtu = Some(1500);
    link.carrier = Some(true);
    link.address = [2, 0, 0, 0, 0, 1].into_iter().collect();
    let mut address = Address::new(index, gateway, 24);
    address.broadcast = Some([192, 0, 2, 255].into());
    address.label = Some("eth0:1".to_owned());
    let group = NexthopKind::Group {
        group_type: 0,
        members: [
            GroupMember {
                id: NexthopId(1),
                weight: 1,
            },
            GroupMember {
                id: NexthopId(2),
                weight: 256,
            },
        ]
        .into_iter()
        .collect(),
    };
    let through = NexthopKind::Gateway {
        address: gateway,
        interface: index,
    };
    let refused = Acknowledgement {
        errno: 17,
        request: Header {
            message_type: 24,
            ..Header::default()
        },
        explanation: Explanation {
            text: Some("no".to_owned()),
            offset: Some(36),
            missing: Some(4),
        },
    };
    let neighbour = Neighbour {
        interface: index,
        address: gateway,
        hardware_address: [2, 0, 0, 0, 0, 9].into_iter().collect(),
        state: waypost_netlink::NeighbourState::empty(),
        flags: 0,
    };
    let bodies = [
        ("link", Body::NewLink(link.clone())),
        ("link-gone", Body::DelLink(link)),
        ("address", Body::NewAddress(address)),
        ("route-multipath", Body::NewRoute(multipath)),
        ("route-object", Body::NewRoute(by_object.clone())),
        ("route-gone", Body::DelRoute(by_object)),
        (
            "nexthop-group",
            Body::NewNexthop(Nexthop::new(NexthopId(9), rip, group)),
        ),
        (
            "nexthop-gateway",
            Body::NewNexthop(Nexthop::new(NexthopId(1), rip, through)),
        ),
        ("neighbour", Body::NewNeighbour(neighbour)),
        ("refusal", Body::Acknowledgement(refused)),
        ("done", Body::Done(Done::default())),
        ("overrun", Body::Overrun),
    ];
    let (mut seeds, mut all) = (Vec::new(), Vec::new());
    for (name, body) in bodies {
        let message = Message {
            header: Header {
                sequence: 1,
                ..Header::default()
            },
            body,
        };
        let mut octets = Vec::new();
        if message.encode(&mut octets).is_ok() {
            all.extend_from_slice(&octets);
            seeds.push((name.to_owned(), octets));
        }
    }
    seeds.push(("one-of-each".to_owned(), all));
    seeds
}

pub(crate) fn config_texts() -> Vec<Seeded> {
    let whole = |table: &str, pieces: &[&str]| -> Vec<Seeded> {
        let name = table.replace('%', "");
        let name: String = name.chars().filter(char::is_ascii_alphabetic).collect();
        let wrapped = pieces.iter().enumerate();
        wrapped
            .map(|(number, piece)| {
                (
                    format!("{name}-{number:02}"),
                    table.replace('%', piece).into_bytes(),
                )
            })
            .collect()
    };
    let mut seeds = [
        whole(r#"{"protocols":{"rip":%}}"#, RipScenario::GLOBAL),
        whole(r#"{"protocols":{"static":%}}"#, StaticScenario::GLOBAL),
        whole(
            r#"{"interfaces":{"eth0":{"rip":%}}}"#,
            &RipScenario::INTERFACE[..8],
        ),
        whole(
            r#"{"interfaces":{"eth0.100":{"static":%}}}"#,
            StaticScenario::INTERFACE,
        ),
    ]
    .concat();
    let texts = [
        r#"{"router":{"id":"192.0.2.1","preferences":{"rip":7,"77":9},"annotate":"x"},"protocols":{"rip":{"metric":2},"static":{}},"interfaces":{"eth0":{"enabled":false,"rip":{"password":"s","authentication":"plain"},"static":{"routes":[]}}}}"#,
        r#"{"protocols":{"0x00000008":{"version":1,"hex":"00 00"},"0x1234":{"hex":"00ff"}},"interfaces":{"eth0":{"autostatic":{"hex":""}}}}"#,
        r#"{"interfaces":{"eth0":{"rip":{"metric":17}},"no such name at all":{"rip":{}}}}"#,
        r#"{"protocols":{"0xd":{"hex":"00"},"0x00000002":{"version":0,"hex":"01 02"}}}"#,
        r#"{"protocols":{"0x77":{"hex":"+f"}}}"#,
        r#"interfaces."eth0.100".rip.metric"#,
        "10.0.0.0/8 ge 9 le 24",
        "10.0.0.0-10.255.255.255",
        "192.0.2.9 dev eth1 weight 3 onlink",
        "2001:db8::/32",
        r#"{"deny":"10.0.0.0/8 le 32"}"#,
    ];
    let numbered = texts.iter().enumerate();
    seeds.extend(numbered.map(|(number, text)| (format!("text-{number}"), text.as_bytes().to_vec())));
    seeds
}

pub(crate) fn block_keys() -> Vec<Seeded> {
    named([
        ("router", BlockKey::router(ProtocolId(0xFFFF_5700)).to_octets()),
        ("protocol", BlockKey::protocol(ProtocolId::RIP).to_octets()),
        (
            "interface",
            BlockKey::interface("eth0", ProtocolId::RIP).to_octets(),
        ),
        (
            "zero-in-name",
            BlockKey::interface("a\0b", ProtocolId::STATIC).to_octets(),
        ),
    ])
}

/// Waypost's layout of the pieces with these numbers.
fn pieces(numbers: &[u8]) -> Vec<u8> {
    let count = u8::try_from(numbers.len() % 6).unwrap_or(0);
    [&[count << 4], numbers].concat()
}

/// An interface that is added, bound and enabled.
fn up(index: u8, numbers: &[u8]) -> Vec<u8> {
    [&[6, index], pieces(numbers).as_slice()].concat()
}

/// A response from host `host` of an interface with a route to each of 10.68.N.0/24.
fn response(index: u8, host: u8, metric: u8, routes: std::ops::Range<u8>) -> Vec<u8> {
    let mut octets = vec![7, index, host, 10, 8, routes.len() as u8];
    for route in routes {
        octets.extend([4, route, metric]);
    }
    octets.push(0);
    octets
}

const START_COMPLETE: [u8; 2] = [23, 0];

fn seconds(seconds: u8) -> Vec<u8> {
    vec![20, 0, seconds, 2]
}

fn show_everything() -> Vec<u8> {
    (0..5).flat_map(|topic| [28, 0, topic]).collect()
}

pub(crate) fn rip_scripts() -> Vec<Seeded> {
    let learn = [
        pieces(&[10]),
        up(1, &[]),
        up(2, &[]),
        START_COMPLETE.to_vec(),
        response(1, 4, 3, 0..9),
        response(2, 5, 3, 0..9),
        show_everything(),
        seconds(40),
        response(1, 4, 16, 0..5),
        seconds(250),
    ];
    let limited = [
        pieces(&[2, 4]),
        up(1, &[2]),
        up(2, &[1]),
        START_COMPLETE.to_vec(),
        response(1, 4, 3, 0..9),
        response(2, 4, 3, 2..9),
        vec![16, 1],
        pieces(&[1]),
        seconds(9),
        vec![2, 1],
        seconds(9),
    ];
    let authenticated = [
        pieces(&[]),
        up(1, &[27, 18]),
        up(2, &[25, 14]),
        START_COMPLETE.to_vec(),
        seconds(31),
        vec![14, 1, 5, 10, 0, 0xFF, 0xFF, 0, 0],
        vec![14, 2, 5, 10, 1, 0xFF, 0xFF, 0, 0],
        seconds(200),
        vec![16, 1],
        pieces(&[26]),
        seconds(200),
    ];
    let demand = [
        pieces(&[]),
        up(1, &[11]),
        START_COMPLETE.to_vec(),
        vec![25, 1],
        seconds(1),
        response(1, 4, 3, 0..9),
        vec![25, 1],
        seconds(60),
        vec![3, 1, 3],
        vec![3, 1, 6],
        vec![25, 1],
        vec![31, 0, 0],
    ];
    let redistributing = [
        pieces(&[6, 7]),
        up(1, &[21, 13]),
        up(2, &[6]),
        START_COMPLETE.to_vec(),
        vec![
            24, 0, 3, 16, 1, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0, 16, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 16, 3, 2, 1,
            9,
        ],
        vec![0; 8],
        seconds(31),
        vec![19, 0],
        pieces(&[6]),
        vec![26, 1],
        seconds(9),
    ];
    let queries = [
        pieces(&[10]),
        up(1, &[]),
        START_COMPLETE.to_vec(),
        response(1, 4, 3, 0..9),
        vec![7, 1, 4, 10, 1, 0],
        vec![27, 0, 4, 0, 3, 1, 8, 2, 2],
        vec![27, 0, 5, 0, 3, 1, 8, 1, 2],
        vec![27, 0, 3, 0, 2, 1, 8, 2],
        vec![31, 1, 3],
        pieces(&[12, 5]),
        vec![31, 0, 6],
        pieces(&[2]),
    ];
    named([
        ("learn", learn.concat()),
        ("limited", limited.concat()),
        ("authenticated", authenticated.concat()),
        ("demand", demand.concat()),
        ("redistributing", redistributing.concat()),
        ("queries", queries.concat()),
    ])
}

pub(crate) fn static_scripts() -> Vec<Seeded> {
    let floating = [
        pieces(&[2, 6]),
        up(1, &[1]),
        up(2, &[2]),
        up(3, &[]),
        START_COMPLETE.to_vec(),
        vec![3, 1, 4],
        vec![3, 1, 5],
        vec![3, 2, 1],
        vec![19, 0],
        pieces(&[3]),
        vec![16, 1],
        pieces(&[3]),
        show_everything(),
        vec![2, 1],
        vec![31, 2, 3],
        pieces(&[4]),
    ];
    let rows = [
        pieces(&[4]),
        vec![6, 1, 0x1B, 1],
        vec![6, 2, 0x1B, 5],
        START_COMPLETE.to_vec(),
        vec![16, 1, 0x1B, 6],
        vec![16, 2, 0x0F],
        vec![31, 1, 3, 0x10, 1],
    ];
    named([("floating", floating.concat()), ("rows", rows.concat())])
}
