use std::net::Ipv4Addr;

use waypost_routprot::{BlockConfig, InfoBlock, Layout, Refusal, Status};
use waypost_wire::{Secret, Writer};

use super::*;

/// A block of these words, where a text is an address.
fn words(words: &[&str]) -> Vec<u8> {
    let mut writer = Writer::new();
    for word in words {
        match word.parse::<Ipv4Addr>() {
            Ok(address) => writer.ipv4(address),
            Err(_) => writer.u32_le(word.parse().unwrap()),
        };
    }
    writer.finish()
}

fn block(text: &str) -> InfoBlock {
    InfoBlock::new(1, words(&text.split_whitespace().collect::<Vec<_>>()))
}

fn interface(text: &str) -> Result<InterfaceConfig, Refusal> {
    let (config, layout) = InterfaceConfig::decode(&block(text))?;
    assert_eq!(layout, Layout::Rras);
    Ok(config)
}

fn global(text: &str) -> Result<GlobalConfig, Refusal> {
    let (config, layout) = GlobalConfig::decode(&block(text))?;
    assert_eq!(layout, Layout::Rras);
    Ok(config)
}

/// Where it is refused.
fn path<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    let refusal = result.unwrap_err();
    assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER);
    refusal.path
}

const ROUTER: &str = "1 1 1 192.0.2.9 1 1";
const INTERFACE: &str = "4 1 1 192.0.2.1 255.255.255.0 0.0.0.0 1 1 1 5 10 40 120 1 1886993783 829715567 1500";
const SECOND: &str = "4 1 2 198.51.100.1 255.255.255.0 0.0.0.0 1 1 1 5 10 40 120 1 1886993783 829715567 1500";

#[test]
fn the_published_vector() {
    // rras-blocks 11.
    let octets = waypost_wire::hex::read(
        "040000000100000001000000c0000201ffffff000000000001000000010000000100000005000000\
         0a0000002800000078000000010000007761 79706f737431dc05000000000000"
            .replace(' ', "")
            .as_str(),
    )
    .unwrap();
    assert_eq!(octets.len(), 72);
    let given = InfoBlock::new(1, octets);
    let (config, layout) = InterfaceConfig::decode(&given).unwrap();
    assert_eq!(
        config,
        InterfaceConfig {
            area: Some(AreaId::BACKBONE),
            network_type: Some(NetworkType::Broadcast),
            cost: Some(1),
            priority: Some(1),
            hello_interval: Some(10),
            dead_interval: Some(40),
            poll_interval: Some(120),
            retransmit_interval: Some(5),
            transmit_delay: Some(1),
            mtu: Some(1500),
            passive: Some(false),
            enabled: Some(true),
            password: Some(Secret::new("waypost1")),
            neighbors: Some(Vec::new()),
            addresses: Some(vec![Address {
                address: [192, 0, 2, 1].into(),
                length: Some(24),
                enabled: Some(true),
            }]),
            ..InterfaceConfig::default()
        }
    );
    assert_eq!(config.encode(layout), given);
    // What follows the end is not given back (P-103).
    let mut longer = given.bytes.clone();
    longer.extend([1, 2, 3]);
    let (same, layout) = InterfaceConfig::decode(&InfoBlock::new(0, longer)).unwrap();
    assert_eq!(same.encode(layout), given);
}

#[test]
fn addresses_of_an_interface_have_one_configuration() {
    let text = format!("{INTERFACE} {SECOND} 5 1 1 192.0.2.7 192.0.2.1 0 0");
    let config = interface(&text).unwrap();
    assert_eq!(config.encode(Layout::Rras), block(&text));
    let addresses = config.addresses.unwrap();
    assert_eq!(
        [addresses[0].enabled, addresses[1].enabled],
        [Some(true), Some(false)]
    );
    let neighbor = &config.neighbors.unwrap()[0];
    assert_eq!((neighbor.priority, neighbor.enabled), (Some(0), Some(true)));
    // Every word behind the mask.
    let fields: Vec<&str> = SECOND.split(' ').collect();
    for (number, field) in (5..).zip(IN_COMMON) {
        let mut other = fields.clone();
        other[number] = if field == "areaId" { "0.0.0.1" } else { "2" };
        let text = format!("{INTERFACE} {} 0", other.join(" "));
        assert_eq!(path(interface(&text)), format!("1.OSPF_INTERFACE_PARAM.{field}"));
    }
    let through_second = format!("{INTERFACE} {SECOND} 5 1 1 192.0.2.7 198.51.100.1 0 0");
    assert_eq!(
        path(interface(&through_second)),
        "2.OSPF_NBMA_NEIGHBOR_PARAM.intfIpAddr"
    );
    let alone = "5 1 1 192.0.2.7 198.51.100.1 0 0";
    assert_eq!(path(interface(alone)), "0.OSPF_NBMA_NEIGHBOR_PARAM.intfIpAddr");
    let twice = format!("{INTERFACE} {INTERFACE} 0");
    assert_eq!(path(interface(&twice)), "addresses.1.address");
}

#[test]
fn records_take_away_what_others_make() {
    // In any order, and nothing of it is given back.
    let second = SECOND.replacen("4 1 2", "4 2 1", 1);
    let text =
        format!("{second} 5 2 1 192.0.2.7 0.0.0.0 0 5 1 1 192.0.2.7 192.0.2.1 1 {INTERFACE} {SECOND} 0");
    let config = interface(&text).unwrap();
    assert_eq!(config.encode(Layout::Rras), block(&format!("{INTERFACE} 0")));
    let gone = interface(&format!("{SECOND} {second} 0")).unwrap();
    assert_eq!(gone.addresses, Some(Vec::new()));
    assert_eq!(gone.encode(Layout::Rras), block("0"));
    let text =
        format!("2 2 1 0.0.0.1 9 9 9 9 2 1 1 0.0.0.1 1 1 1 1 6 2 1 0.0.0.1 1.1.1.1 0 0 0 0 0 0 {ROUTER} 0");
    let config = global(&text).unwrap();
    assert_eq!(config.encode(Layout::Rras), block(&format!("{ROUTER} 0")));
}

#[test]
fn a_global_block() {
    let text = format!(
        "{ROUTER} 2 1 1 0.0.0.0 2 1 1 1 2 1 2 0.0.0.7 1 2 16777215 2 2 1 1 0.0.0.8 1 1 1 1 \
         3 1 2 0.0.0.8 10.8.0.0 255.255.0.0 6 1 1 0.0.0.8 192.0.2.8 1 5 15 60 0 0 \
         7 1 2 10.0.0.0 255.0.0.0 0.0.0.0 0.0.0.0 8 0 2 8 10006 0"
    );
    let config = global(&text).unwrap();
    assert_eq!(config.encode(Layout::Rras), block(&text));
    let shown = serde_json::to_value(&config).unwrap();
    let expected = serde_json::json!({
        "router-id": "192.0.2.9",
        "logging": "errors",
        "enabled": true,
        "boundary-router": true,
        "listed-areas-only": true,
        "redistribute-unlisted": true,
        "areas": [
            {
                "id": "0.0.0.0", "kind": "normal", "default-cost": 1, "summaries": true,
                "authentication": "simple", "enabled": true,
            },
            {
                "id": "0.0.0.7", "kind": "stub", "default-cost": 16_777_215, "summaries": false,
                "authentication": "none", "enabled": false,
            },
            {
                "id": "0.0.0.8", "kind": "normal", "default-cost": 1, "summaries": true,
                "authentication": "none", "enabled": true,
                "ranges": [{ "prefix": "10.8.0.0/16", "enabled": false }],
            },
        ],
        "redistribute": [
            { "source": "rip", "enabled": false },
            { "source": "static", "enabled": false },
        ],
        "redistribute-filter": { "action": "accept", "prefixes": ["10.0.0.0/8", "0.0.0.0/0"] },
        "virtual-links": [{
            "transit-area": "0.0.0.8", "router-id": "192.0.2.8", "hello-interval": 15, "dead-interval": 60,
            "retransmit-interval": 5, "transmit-delay": 1, "password": "", "enabled": true,
        }],
    });
    assert_eq!(shown, expected);
    let accepts = global(&format!("{ROUTER} 8 1 1 8 0")).unwrap();
    assert_eq!(accepts.redistribute_unlisted, Some(false));
    assert_eq!(accepts.redistribute.unwrap()[0].enabled, Some(true));
    // No filter: whatever there is.
    let all = global(&format!("{ROUTER} 0")).unwrap();
    assert_eq!(
        (all.redistribute_unlisted, all.redistribute),
        (Some(true), Some(Vec::new()))
    );
}

#[test]
fn an_interface_is_refused_where_it_is_wrong() {
    assert_eq!(path(interface(INTERFACE)), "1.type");
    for (text, at) in [("1", "0.type"), ("9", "0.type"), ("4", "0.OSPF_INTERFACE_PARAM")] {
        assert_eq!(path(interface(text)), at, "{text}");
    }
    let fields: Vec<&str> = INTERFACE.split(' ').collect();
    for (position, field, wrong, right) in [
        (1, "create", "0 3", "1"),
        (2, "enable", "0 3", "1 2"),
        (4, "intfSubnetMask", "255.0.255.0", "255.255.255.255 0.0.0.0"),
        (6, "intfType", "0 4", "1 2 3"),
        (7, "routerPriority", "256", "0 255"),
        (8, "transitDelay", "0 3601", "1 3600"),
        (9, "retransInterval", "0 3601", "1 3600"),
        (10, "helloInterval", "0 65536", "1 39"),
        (11, "deadInterval", "0 32768", "11 32767"),
        (12, "pollInterval", "0 32768", "1 32767"),
        (13, "metricCost", "0 65536", "1 65535"),
        (16, "mtuSize", "0 10001", "1 2 10000"),
    ] {
        let with = |word: &str| {
            let mut fields = fields.clone();
            fields[position] = word;
            interface(&format!("{} 0", fields.join(" ")))
        };
        for word in wrong.split(' ') {
            assert_eq!(
                path(with(word)),
                format!("0.OSPF_INTERFACE_PARAM.{field}"),
                "{word}"
            );
        }
        for word in right.split(' ') {
            assert!(with(word).is_ok(), "{field} {word}");
        }
    }
    let dead = INTERFACE.replace(" 10 40 ", " 40 40 ");
    assert_eq!(path(interface(&format!("{dead} 0"))), "dead-interval");
    let address = INTERFACE.replace("192.0.2.1", "0.0.0.0");
    assert_eq!(path(interface(&format!("{address} 0"))), "addresses.0.address");
    assert_eq!(
        path(interface(&format!("{INTERFACE} 5 1 1 192.0.2.7 192.0.2.1 256 0"))),
        "1.OSPF_NBMA_NEIGHBOR_PARAM.neighborPriority"
    );
}

#[test]
fn a_global_block_is_refused_where_it_is_wrong() {
    let of = |text: &str| path(global(&format!("{ROUTER} {text} 0")));
    assert_eq!(path(global("0")), "OSPF_GLOBAL_PARAM");
    assert_eq!(
        path(global("1 2 1 192.0.2.9 1 1 0")),
        "0.OSPF_GLOBAL_PARAM.create"
    );
    assert_eq!(path(global("1 1 1 0.0.0.0 1 1 0")), "router-id");
    assert_eq!(
        path(global("1 1 1 192.0.2.9 3 1 0")),
        "0.OSPF_GLOBAL_PARAM.ASBrdrRtr"
    );
    assert_eq!(
        path(global("1 1 1 192.0.2.9 1 4 0")),
        "0.OSPF_GLOBAL_PARAM.logLevel"
    );
    for (text, at) in [
        (ROUTER, "OSPF_GLOBAL_PARAM.type"),
        (INTERFACE, "type"),
        ("2 2 1 0.0.0.0 1 1 1 1", "OSPF_AREA_PARAM.create"),
        ("2 1 1 0.0.0.1 3 1 1 1", "OSPF_AREA_PARAM.authType"),
        ("2 1 1 0.0.0.1 1 3 1 1", "OSPF_AREA_PARAM.importASExtern"),
        ("2 1 1 0.0.0.1 1 1 0 1", "OSPF_AREA_PARAM.stubMetric"),
        ("2 1 1 0.0.0.1 1 1 16777216 1", "OSPF_AREA_PARAM.stubMetric"),
        ("2 1 1 0.0.0.1 1 1 1 3", "OSPF_AREA_PARAM.importSumAdv"),
        ("3 1 1 0.0.0.1 10.0.0.0 255.0.0.0", "OSPF_AREA_RANGE_PARAM.areaId"),
        (
            "3 1 1 0.0.0.1 10.0.0.1 255.0.0.0",
            "OSPF_AREA_RANGE_PARAM.rangeNet",
        ),
        (
            "3 1 1 0.0.0.1 10.0.0.0 255.0.255.0",
            "OSPF_AREA_RANGE_PARAM.rangeMask",
        ),
        (
            "6 1 1 0.0.0.1 1.1.1.1 0 5 10 40 0 0",
            "OSPF_VIRT_INTERFACE_PARAM.transitDelay",
        ),
        (
            "6 1 1 0.0.0.1 1.1.1.1 1 5 32768 40 0 0",
            "OSPF_VIRT_INTERFACE_PARAM.helloInterval",
        ),
        ("7 2 0", "OSPF_ROUTE_FILTER_INFO.ofaActionOnMatch"),
        ("7 1 1 10.0.0.0 255.0.255.0", "OSPF_ROUTE_FILTER_INFO.mask.0"),
        ("7 1 1 10.0.0.1 255.0.0.0", "OSPF_ROUTE_FILTER_INFO.addr.0"),
        ("7 1 4294967295 0", "OSPF_ROUTE_FILTER_INFO.count"),
        ("8 1 0", "OSPF_PROTO_FILTER_INFO.dwNumProtoIds"),
        ("8 1 3 1", "OSPF_PROTO_FILTER_INFO.count"),
    ] {
        assert_eq!(of(text), format!("1.{at}"), "{text}");
    }
    assert_eq!(of("7 1 0 7 1 0"), "2.OSPF_ROUTE_FILTER_INFO.type");
    assert_eq!(of("8 1 1 8 8 1 1 8"), "2.OSPF_PROTO_FILTER_INFO.type");
    assert_eq!(of("8 1 1 13"), "redistribute.0.source");
    assert_eq!(of("2 1 1 0.0.0.1 1 1 1 1 2 1 1 0.0.0.1 1 1 1 1"), "areas.1.id");
    assert_eq!(
        of("6 1 1 0.0.0.1 1.1.1.1 1 5 10 40 0 0"),
        "virtual-links.0.transit-area"
    );
    let area = "2 1 1 0.0.0.1 1 1 1 1 3 1 1 0.0.0.1 10.0.0.0 255.0.0.0";
    assert_eq!(
        of(&format!("{area} 3 1 1 0.0.0.1 10.0.0.0 255.0.0.0")),
        "3.OSPF_AREA_RANGE_PARAM.rangeNet"
    );
}
