//! Valid OSPF packets to start fuzzing from.

use std::net::Ipv4Addr;

use waypost_ospf::authentication::{Method, Policy, Seal};
use waypost_ospf::lsa::body::{LinkType, RouterFlags, RouterLink};
use waypost_ospf::lsa::grace::{Grace, Reason};
use waypost_ospf::lsa::router_information::{Capabilities, RouterInformation};
use waypost_ospf::lsa::{
    AsbrSummary, External, LsaKey, LsaType, NetworkBody, RawLsa, RouterBody, SequenceNumber, Summary, build,
    opaque,
};
use waypost_ospf::packet::{
    DatabaseDescription, DescriptionFlags, HelloFields, PacketType, Request, begin, lls,
};
use waypost_ospf::{AreaId, Options};
use waypost_types::WallTime;
use waypost_wire::Writer;

use crate::seeds::{Seeded, blocks};

const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

fn packet(kind: PacketType, body: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = begin(kind, ROUTER, AreaId::BACKBONE, 0, 0);
    body(&mut writer);
    let policy = Policy {
        method: Method::None,
        ..Policy::default()
    };
    if let Some(seal) = Seal::of(&policy, WallTime(0)) {
        seal.finish(&mut writer, 0, ROUTER);
    }
    writer.finish()
}

/// An LSA of every type.
fn lsas() -> Vec<(LsaType, Vec<u8>)> {
    let mask = Ipv4Addr::new(255, 255, 0, 0);
    let write = |kind: LsaType, writer: &mut Writer| match kind {
        LsaType::Router => {
            let kinds = [
                LinkType::PointToPoint,
                LinkType::Transit,
                LinkType::Stub,
                LinkType::Virtual,
            ];
            let links = kinds.map(|kind| RouterLink {
                kind,
                id: [10, 1, 0, 0].into(),
                data: mask,
                metric: 10,
            });
            RouterBody::encode(writer, RouterFlags::BORDER, &links);
        }
        LsaType::Network => NetworkBody::encode(writer, mask, [ROUTER, [10, 0, 0, 2].into()]),
        LsaType::Summary => Summary { mask, metric: 5 }.encode(writer),
        LsaType::AsbrSummary => AsbrSummary { metric: 5 }.encode(writer),
        LsaType::AsExternal | LsaType::Nssa => External {
            mask,
            type_2: true,
            metric: 20,
            forwarding: [10, 9, 9, 9].into(),
            tag: 7,
        }
        .encode(writer),
        LsaType::OpaqueLink => Grace {
            period: 120,
            reason: Reason::SoftwareRestart,
            address: Some(ROUTER),
        }
        .encode(writer),
        LsaType::OpaqueArea | LsaType::OpaqueAs => RouterInformation {
            capabilities: Some(Capabilities::GRACEFUL_RESTART_HELPER),
            hostname: Some("r1".to_owned()),
        }
        .encode(writer),
    };
    let id = |kind| match kind {
        LsaType::Router | LsaType::AsbrSummary => ROUTER,
        LsaType::OpaqueLink => opaque::link_state_id(opaque::GRACE, 0),
        LsaType::OpaqueArea | LsaType::OpaqueAs => opaque::link_state_id(opaque::ROUTER_INFORMATION, 0),
        _ => Ipv4Addr::new(10, 1, 0, 0),
    };
    LsaType::ALL
        .into_iter()
        .map(|kind| {
            let key = LsaKey {
                kind,
                id: id(kind),
                router: ROUTER,
            };
            let lsa = build(key, 1, Options::EXTERNAL, SequenceNumber::INITIAL, |writer| {
                write(kind, writer);
            });
            (kind, lsa)
        })
        .collect()
}

pub(crate) fn packets() -> Vec<Seeded> {
    let fields = HelloFields {
        mask: [255, 255, 255, 0].into(),
        hello_interval: 10,
        options: Options::EXTERNAL | Options::LLS,
        priority: 1,
        dead_interval: 40,
        designated_router: [10, 0, 0, 2].into(),
        backup: ROUTER,
    };
    let mut hello = packet(PacketType::Hello, |writer| {
        fields.encode([[10, 0, 0, 2].into(), [10, 0, 0, 3].into()], writer);
    });
    let mut seeds: Vec<Seeded> = vec![("hello".to_owned(), hello.clone())];
    let mut block = Writer::new();
    lls::encode(&mut block, lls::ExtendedOptions::LSDB_RESYNC, false);
    hello.extend(block.finish());
    seeds.push(("hello-signalling".to_owned(), hello));
    let lsas = lsas();
    let headers = || {
        lsas.iter().filter_map(|(_, lsa)| {
            let (raw, _) = RawLsa::split(lsa)?;
            raw.header().ok()
        })
    };
    seeds.push((
        "description".to_owned(),
        packet(PacketType::DatabaseDescription, |writer| {
            let flags = DescriptionFlags::MASTER | DescriptionFlags::MORE;
            DatabaseDescription::encode_fixed(writer, 1500, Options::OPAQUE, flags, 7);
            headers().for_each(|header| header.encode(writer));
        }),
    ));
    seeds.push((
        "acknowledgment".to_owned(),
        packet(PacketType::LinkStateAcknowledgment, |writer| {
            headers().for_each(|header| header.encode(writer));
        }),
    ));
    seeds.push((
        "request".to_owned(),
        packet(PacketType::LinkStateRequest, |writer| {
            for header in headers() {
                let request = Request {
                    kind: header.key.kind as u32,
                    id: header.key.id,
                    router: header.key.router,
                };
                request.encode(writer);
            }
        }),
    ));
    let update = |lsas: &[&[u8]]| {
        packet(PacketType::LinkStateUpdate, |writer| {
            writer.u32(lsas.len() as u32);
            for lsa in lsas {
                writer.slice(lsa);
            }
        })
    };
    for (kind, lsa) in &lsas {
        seeds.push((format!("update-{:02}", *kind as u8), update(&[lsa])));
    }
    let all: Vec<&[u8]> = lsas.iter().map(|(_, lsa)| lsa.as_slice()).collect();
    seeds.push(("update-all".to_owned(), update(&all)));
    seeds
}

/// Interface options: words, and every list.
const INTERFACE: &[&str] = &[
    "{}",
    r#"{"area":1,"network-type":"non-broadcast","neighbors":[{"address":"192.0.2.1","priority":0},{"address":"192.0.2.2"}]}"#,
    r#"{"cost":65535,"hello-multiplier":4,"ttl-security":"on","dscp":0}"#,
    r#"{"authentication":"simple","password":"lab"}"#,
    r#"{"authentication":"extended","keys":[{"id":7,"secret":"s","algorithm":"hmac-sha256","send-until":4000000000}]}"#,
    r#"{"annotate":"to the lab"}"#,
    r#"{"enabled":false,"addresses":[{"address":"192.0.2.1","length":24},{"address":"192.0.2.130","enabled":false}]}"#,
];

/// What RRAS's records say of an interface.
const RRAS_INTERFACE: &[&str] = &[
    r#"{"enabled":true,"passive":false,"addresses":[],"neighbors":[]}"#,
    r#"{"enabled":true,"passive":false,"area":"0.0.0.7","network-type":"non-broadcast","cost":7,"priority":0,"hello-interval":10,"dead-interval":40,"poll-interval":120,"retransmit-interval":5,"transmit-delay":1,"mtu":1400,"password":"lab","addresses":[{"address":"192.0.2.1","length":24,"enabled":true},{"address":"192.0.2.130","length":25,"enabled":false}],"neighbors":[{"address":"192.0.2.7","priority":1,"enabled":true},{"address":"192.0.2.8","priority":0,"enabled":false}]}"#,
];

/// Options of the protocol as a whole, likewise.
const GLOBAL: &[&str] = &[
    "{}",
    r#"{"router-id":"192.0.2.9","maximum-paths":4,"rfc1583":true}"#,
    r#"{"areas":[{"id":1,"kind":"nssa","summaries":false,"ranges":[{"prefix":"10.0.0.0/8","cost":7,"advertise":false}]}]}"#,
    r#"{"redistribute":[{"source":"static","metric":7,"metric-type":"1","tag":9}]}"#,
    r#"{"defaults":{"cost":5,"annotate":"for all"}}"#,
    r#"{"stub-router-at-start":60,"stub-router-at-stop":5,"restart-helper":false}"#,
    r#"{"areas":[{"id":1}],"virtual-links":[{"transit-area":1,"router-id":"192.0.2.7","dead-interval":60,"password":"s","keys":[{"id":7,"secret":"s","algorithm":"md5"}]}]}"#,
    r#"{"areas":[{"id":1,"kind":"nssa","nssa":{"translate":"always","default-route":"1","ranges":[{"prefix":"10.0.0.0/8","tag":7}]}}],"grace-period":60}"#,
    r#"{"enabled":false,"listed-areas-only":true,"redistribute":[{"source":"rip","enabled":false}],"redistribute-unlisted":true,"redistribute-filter":{"action":"ignore","prefixes":["10.0.0.0/8"]},"defaults":{"enabled":true}}"#,
];

/// What RRAS's records say of the protocol as a whole.
const RRAS_GLOBAL: &[&str] = &[
    r#"{"router-id":"192.0.2.9","enabled":true,"boundary-router":false,"logging":"errors","listed-areas-only":true,"redistribute-unlisted":true,"redistribute":[],"areas":[],"virtual-links":[]}"#,
    r#"{"router-id":"192.0.2.9","enabled":false,"boundary-router":true,"logging":"none","listed-areas-only":true,"redistribute-unlisted":false,"redistribute":[{"source":"rip","enabled":true},{"source":"static","enabled":true}],"redistribute-filter":{"action":"accept","prefixes":["10.0.0.0/8","0.0.0.0/0"]},"areas":[{"id":"0.0.0.7","kind":"normal","default-cost":1,"summaries":true,"authentication":"simple","enabled":true,"ranges":[{"prefix":"10.8.0.0/16","enabled":false}]},{"id":"0.0.0.8","kind":"stub","default-cost":16777215,"summaries":false,"authentication":"none","enabled":false}],"virtual-links":[{"transit-area":"0.0.0.7","router-id":"192.0.2.8","hello-interval":15,"dead-interval":60,"retransmit-interval":5,"transmit-delay":1,"password":"","enabled":true}]}"#,
];

pub(crate) fn interface_blocks() -> Vec<Seeded> {
    blocks::<waypost_ospf::config::InterfaceConfig>(INTERFACE, RRAS_INTERFACE)
}

pub(crate) fn global_blocks() -> Vec<Seeded> {
    blocks::<waypost_ospf::config::GlobalConfig>(GLOBAL, RRAS_GLOBAL)
}

/// Lives of some routers: how many and how honest their networks are, their configurations, then what happens.
pub(crate) fn scripts() -> Vec<Seeded> {
    /// Pieces of configuration, by their numbers.
    fn pieces(numbers: &[u8]) -> Vec<u8> {
        [&[(numbers.len() as u8) << 4], numbers].concat()
    }
    // Two interfaces for the first and last router, three for the one between them.
    let routers = |how: u8, global: &[u8], interface: &[u8]| {
        let of = |interfaces: usize| [pieces(global), pieces(interface).repeat(interfaces)].concat();
        let third = if how & 1 == 0 { Vec::new() } else { of(2) };
        [vec![how], of(2), of(3), third].concat()
    };
    // 250 ms times the second number; the first one's upper half is the weather.
    let pass = |weather: u8, quarters: u8| vec![weather << 4 | 3, quarters];
    let mut seeds: Vec<Seeded> = Vec::new();
    let mut add = |name: &str, parts: &[Vec<u8>]| seeds.push((name.to_owned(), parts.concat()));
    add("quiet", &[routers(1, &[], &[1]), pass(0, 80)]);
    add(
        "fast",
        &[
            routers(1, &[9, 13], &[1, 2]),
            pass(0, 40),
            pass(10, 40),
            pass(12, 40),
        ],
    );
    let cost =
        |router: u8, interface: u8, piece: u8| [vec![7, router, interface], pieces(&[1, piece])].concat();
    add(
        "costs",
        &[
            routers(0, &[9], &[1]),
            pass(0, 60),
            cost(0, 0, 10),
            pass(0, 4),
            cost(1, 1, 11),
            pass(0, 40),
        ],
    );
    for (number, piece) in [4_u8, 5, 6, 13, 15, 17, 20, 21, 22].into_iter().enumerate() {
        add(
            &format!("kind-{number}"),
            &[
                routers(1, &[1], &[1, piece]),
                pass(0, 100),
                pass(13, 60),
                vec![7; 40],
            ],
        );
    }
    for (number, piece) in [4_u8, 5, 6, 7, 10, 12, 16].into_iter().enumerate() {
        add(
            &format!("area-{number}"),
            &[
                routers(1, &[1, piece], &[1, 8]),
                pass(0, 100),
                cost(1, 0, 9),
                pass(0, 100),
                pass(14, 60),
                vec![0x55; 40],
            ],
        );
    }
    let notices = vec![
        12, 0, 24, 0, 3, 16, 1, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0, 16, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 16, 3, 0,
        1, 9,
    ];
    add(
        "externals",
        &[
            routers(1, &[1, 9], &[1]),
            notices,
            vec![0; 8],
            pass(0, 60),
            pass(13, 60),
            vec![9; 60],
        ],
    );
    add(
        "hostile",
        &[
            routers(3, &[9], &[1]),
            pass(0, 40),
            pass(15, 90),
            (0..=255).collect(),
        ],
    );
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_blocks_in_rras_s_layout() {
        for (seeds, pieces) in [
            (interface_blocks(), INTERFACE.len() + RRAS_INTERFACE.len()),
            (global_blocks(), GLOBAL.len() + RRAS_GLOBAL.len()),
        ] {
            let names = seeds.iter().map(|(name, _)| name.as_str());
            let rras: Vec<&str> = names.filter(|name| name.ends_with("-rras")).collect();
            assert_eq!(
                rras,
                [
                    format!("{:02}-rras", pieces - 2),
                    format!("{:02}-rras", pieces - 1)
                ]
            );
        }
    }
}
