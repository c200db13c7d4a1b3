//! BIRD's configurations: what becomes of them, and what is said of the rest.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use proptest::prelude::*;
use serde_json::json;
use waypost_import::{Imported, Links, links};

fn bird(text: &str) -> Imported {
    let machine =
        r#"[{"ifname":"lo"},{"ifname":"eth0"},{"ifname":"ppp0"},{"ifname":"ppp1"},{"ifname":"pppx"}]"#;
    waypost_import::bird(text, &links(machine).unwrap())
}

fn lines(imported: &Imported) -> Vec<usize> {
    imported.left.iter().map(|left| left.line).collect()
}

#[test]
fn a_router_with_ospf_and_static_routes() {
    let imported = bird(
        r#"
log syslog all;
router id 192.0.2.1;
protocol device { scan time 10; }
protocol direct { ipv4; }
protocol kernel { ipv4 { import none; export all; }; learn; merge paths on; }
protocol static uplinks {
    ipv4;
    route 0.0.0.0/0 via 10.0.0.254;
    route 172.16.0.0/12 via 10.0.0.2 weight 2 via 10.0.0.3 via "ppp0";
    route 192.0.2.0/24 recursive 198.51.100.1;
    route 203.0.113.0/24 blackhole;
    route 10.9.0.0/16 via 10.0.0.9 { krt_metric = 5; };
}
protocol ospf v2 core {
    ipv4 { import all; export where source ~ [ RTS_STATIC, RTS_DEVICE ]; };
    rfc1583compat yes;
    ecmp yes limit 4;
    graceful restart on;
    /* the backbone */
    area 0 {
        networks { 10.0.0.0/8; 172.16.0.0/12 hidden; };
        interface "eth0" {
            cost 15; hello 5; dead 20; type ptp;
            authentication cryptographic;
            password "one" { id 7; algorithm hmac sha256; };
            password "two" { id 8; };
        };
        interface "lo" { stub yes; };
        virtual link 192.0.2.9 { hello 3; };
    };
    area 0.0.0.5 {
        nssa; default nssa yes; translator yes; translator stability 30; summary no;
        external { 192.168.0.0/16 tag 9; };
        interface "-pppx", "ppp*" { cost 100; ttl security on; tx class 192; bfd on; };
        interface 10.0.0.0/8 { cost 5; };
        stubnet 10.77.0.0/16;
    };
}
filter ours { accept; }
"#,
    );
    assert_eq!(
        imported.configuration,
        json!({
            "router": { "id": "192.0.2.1" },
            "interfaces": {
                "eth0": { "ospf": {
                    "area": "0.0.0.0", "cost": 15, "hello-interval": 5, "dead-interval": 20, "network-type": "point-to-point",
                    "authentication": "cryptographic",
                    "keys": [
                        { "id": 7, "secret": "one", "algorithm": "hmac-sha256" },
                        { "id": 8, "secret": "two", "algorithm": "md5" },
                    ],
                } },
                "lo": { "ospf": { "area": "0.0.0.0", "passive": true } },
                "ppp0": { "ospf": { "area": "0.0.0.5", "cost": 100, "ttl-security": "on", "dscp": 48 } },
                "ppp1": { "ospf": { "area": "0.0.0.5", "cost": 100, "ttl-security": "on", "dscp": 48 } },
            },
            "protocols": {
                "static": { "routes": [
                    { "prefix": "0.0.0.0/0", "via": "10.0.0.254" },
                    { "prefix": "172.16.0.0/12", "via": ["10.0.0.2 weight 2", "10.0.0.3", "dev ppp0"] },
                    { "prefix": "192.0.2.0/24", "via": "198.51.100.1 recursive" },
                    { "prefix": "203.0.113.0/24", "kind": "blackhole" },
                ] },
                "ospf": {
                    "redistribute": [{ "source": "static" }, { "source": "connected" }],
                    "rfc1583": true, "maximum-paths": 4, "graceful-restart": true, "restart-helper": true,
                    "virtual-links": [{ "transit-area": "0.0.0.0", "router-id": "192.0.2.9", "hello-interval": 3 }],
                    "areas": [
                        { "id": "0.0.0.0", "ranges": [
                            { "prefix": "10.0.0.0/8" }, { "prefix": "172.16.0.0/12", "advertise": false },
                        ] },
                        { "id": "0.0.0.5", "kind": "nssa", "summaries": false, "nssa": {
                            "default-route": "1", "translate": "always", "stability-interval": 30,
                            "ranges": [{ "prefix": "192.168.0.0/16", "tag": 9 }],
                        } },
                    ],
                },
            },
        })
    );
    assert_eq!(
        lines(&imported),
        [2, 6, 13, 35, 35, 36, 37, 40],
        "{:#?}",
        imported.left
    );
}

#[test]
fn a_router_with_rip() {
    let imported = bird(
        r#"
protocol static { route 10.0.0.0/8 unreachable; }
protocol rip {
    ipv4 { import filter mine; export all; };
    ecmp no;
    interface "eth0" {
        metric 3; mode broadcast; update time 5; timeout time 15; garbage time 10;
        authentication plaintext; password "secret";
        poison reverse no; check zero off; version only;
    };
    interface "eth*" { passive; };
}
protocol rip ng { ipv6; }
protocol bgp up { }
"#,
    );
    assert_eq!(
        imported.configuration,
        json!({
            "interfaces": { "eth0": { "rip": {
                "metric": 3, "announce": "v1-compatible", "summarise": false,
                "update-interval": 5, "expiration-interval": 15, "removal-interval": 10,
                "authentication": "plain", "password": "secret",
                "poison-reverse": false, "check-zero": false, "accept": "v2",
            } } },
            "protocols": {
                "static": { "routes": [{ "prefix": "10.0.0.0/8", "kind": "unreachable" }] },
                "rip": { "redistribute": [{ "source": "static" }], "ecmp": 1 },
            },
        }),
        "the first pattern that fits an interface says all of it"
    );
    assert_eq!(lines(&imported), [4, 13, 14], "{:#?}", imported.left);
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(
        waypost_import::bird("", &Links::new()),
        Imported {
            configuration: json!({}),
            ..Imported::default()
        }
    );
}

fn any_text() -> impl Strategy<Value = String> {
    let words = [
        "protocol",
        "ospf",
        "rip",
        "static",
        "v2",
        "area",
        "0",
        "interface",
        "\"eth0\"",
        "\"ppp*\"",
        "{",
        "}",
        ";",
        "cost",
        "10",
        "route",
        "10.0.0.0/8",
        "via",
        "10.0.0.1",
        "weight",
        "password",
        "\"x\"",
        "id",
        "algorithm",
        "hmac",
        "sha256",
        "ipv4",
        "export",
        "all",
        "where",
        "source",
        "~",
        "[",
        "]",
        ",",
        "RTS_RIP",
        "networks",
        "hidden",
        "nssa",
        "/*",
        "*/",
        "#",
        "\n",
        "é",
        "virtual",
        "link",
        "neighbors",
        "99999999999999999999",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..60).prop_map(|words| words.join(" "))
}

proptest! {
    /// Nothing panics, and what is left stands in a line of the text.
    #[test]
    fn any_text_is_read(text in any_text(), noise in ".{0,80}") {
        let text = format!("{text}\n{noise}");
        let imported = bird(&text);
        let count = text.split('\n').count();
        for left in &imported.left {
            prop_assert!((1..=count).contains(&left.line), "{left:?}");
            prop_assert!(!left.reason.is_empty());
        }
    }
}
