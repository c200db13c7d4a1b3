//! FRR's configurations: what becomes of them, and what is said of the rest.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use proptest::prelude::*;
use serde_json::{Value, json};
use waypost_import::{Imported, Links, links};

fn frr(text: &str) -> Imported {
    waypost_import::frr(text, &Links::new())
}

fn left(imported: &Imported) -> Vec<(usize, &str)> {
    let rows = imported.left.iter();
    rows.map(|left| (left.line, left.reason.as_str())).collect()
}

#[test]
fn a_router_with_ospf() {
    let imported = frr("\
frr version 8.4.4
frr defaults traditional
hostname edge1
!
interface eth0
 description uplink to the core
 ip address 10.0.0.1/24
 ip ospf cost 15
 ip ospf hello-interval 5
 ip ospf dead-interval 20
 ip ospf message-digest-key 7 md5 s3cret
 ip ospf authentication message-digest
exit
!
interface eth1
 ip address 10.1.0.1/24
 ip ospf area 1
 ip ospf network point-to-point
 ip ospf dead-interval minimal hello-multiplier 4
 ip ospf bfd
!
interface lan0
 ip address 172.16.0.1/16
exit
!
router ospf
 ospf router-id 192.0.2.1
 passive-interface lan0
 network 10.0.0.0/8 area 0
 network 172.16.0.0/16 area 0.0.0.2
 network 203.0.113.0/24 area 0
 area 0.0.0.2 stub no-summary
 area 1 range 10.1.0.0/16 cost 50
 area 1 range 10.9.0.0/16 not-advertise
 area 1 virtual-link 192.0.2.9
 redistribute static metric 30 metric-type 1
 redistribute kernel
 redistribute connected route-map ours
 default-information originate always
 timers throttle spf 10 100 5000
 max-metric router-lsa on-startup 60
 graceful-restart grace-period 90
 log-adjacency-changes detail
exit
!
route-map ours permit 10
 match ip address prefix-list mine
exit
line vty
!
");
    let expected = json!({
        "interfaces": {
            "eth0": {
                "annotate": "uplink to the core",
                "ospf": {
                    "area": "0.0.0.0", "cost": 15, "hello-interval": 5, "dead-interval": 20,
                    "keys": [{ "id": 7, "secret": "s3cret", "algorithm": "md5" }],
                    "authentication": "cryptographic",
                },
            },
            "eth1": { "ospf": { "area": "0.0.0.1", "network-type": "point-to-point", "hello-multiplier": 4 } },
            "lan0": { "ospf": { "area": "0.0.0.2", "passive": true } },
        },
        "protocols": { "ospf": {
            "router-id": "192.0.2.1",
            "reference-bandwidth": 100_000,
            "areas": [
                { "id": "0.0.0.1", "ranges": [
                    { "prefix": "10.1.0.0/16", "cost": 50 }, { "prefix": "10.9.0.0/16", "advertise": false },
                ] },
                { "id": "0.0.0.2", "kind": "stub", "summaries": false },
            ],
            "virtual-links": [{ "transit-area": "0.0.0.1", "router-id": "192.0.2.9" }],
            "redistribute": [{ "source": "static", "metric": 30, "metric-type": "1" }],
            "originate-default": "always",
            "spf-initial-delay": 10, "spf-short-delay": 100, "spf-long-delay": 5000,
            "stub-router-at-start": 60,
            "graceful-restart": true, "grace-period": 90,
        } },
    });
    assert_eq!(imported.configuration, expected);
    let left = left(&imported);
    let lines: Vec<usize> = left.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [3, 20, 31, 37, 38], "{left:#?}");
    assert!(left[1].1.contains("BFD"));
    assert!(left[2].1.contains("area = \"0.0.0.0\""), "{}", left[2].1);
    assert!(
        left[4]
            .1
            .contains("route map ours could not be translated as a whole")
    );
    assert!(
        imported.notes[0].contains("prefix list mine, which is not in the file"),
        "{:?}",
        imported.notes
    );
    assert!(imported.notes[1].contains("reference-bandwidth = 100000"));
}

#[test]
fn a_router_with_rip_and_filters() {
    let imported = frr("\
key chain ring
 key 1
  key-string one
 key 2
  key-string two
  cryptographic-algorithm hmac-sha-256
  accept-lifetime 00:00:00 Jan 1 2026 infinite
exit
interface eth0
 ip address 192.0.2.1/30
 ip rip authentication mode md5
 ip rip authentication key-chain ring
 ip rip split-horizon poisoned-reverse
interface eth1
 ip rip send version 1 2
 no ip rip split-horizon
interface eth2
 ip rip receive version none
 shutdown
router rip
 version 2
 network 192.0.2.0/24
 network eth1
 neighbor 192.0.2.2
 passive-interface eth1
 passive-interface eth2
 timers basic 5 15 10
 redistribute connected metric 3
 redistribute ospf route-map x
 distribute-list prefix some in eth0
 distribute-list prefix none out
 distribute-list 7 in
 default-information originate
ip prefix-list some seq 10 permit 10.0.0.0/8 ge 16 le 24
ip prefix-list some seq 5 deny 10.5.0.0/16
ip prefix-list none deny any
ip prefix-list idle permit any
");
    assert_eq!(
        imported.configuration,
        json!({
            "interfaces": {
                "eth0": { "rip": {
                    "authentication": "cryptographic",
                    "keys": [
                        { "id": 1, "secret": "one", "algorithm": "md5" },
                        { "id": 2, "secret": "two", "algorithm": "hmac-sha256" },
                    ],
                    "split-horizon": true, "poison-reverse": true,
                    "neighbor-mode": "also", "neighbors": ["192.0.2.2"],
                    "accept-policy": "some",
                    "originate-default": 1,
                } },
                "eth1": { "rip": {
                    "announce": "v1-compatible", "split-horizon": false, "passive": true, "originate-default": 1,
                } },
                "eth2": { "enabled": false, "rip": { "accept": "none" } },
            },
            "policy": { "prefix-lists": {
                "some": [{ "deny": "10.5.0.0/16" }, { "permit": "10.0.0.0/8 ge 16 le 24" }],
                "none": [{ "deny": "0.0.0.0/0 le 32" }],
                "idle": [{ "permit": "0.0.0.0/0 le 32" }],
            } },
            "protocols": { "rip": {
                "announce": "v2-multicast", "accept": "v2",
                "update-interval": 5, "expiration-interval": 15, "removal-interval": 10,
                "redistribute": [{ "source": "connected", "metric": 3 }],
                "announce-policy": "none",
            } },
        })
    );
    let lines: Vec<usize> = left(&imported).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [7, 29, 32], "{:#?}", imported.left);
}

#[test]
fn static_routes() {
    let imported = frr("\
interface eth0
 ip address 10.0.0.1/24
ip route 0.0.0.0/0 10.0.0.254
ip route 172.16.0.0/12 10.0.0.2
ip route 172.16.0.0/12 10.0.0.3 eth0
ip route 172.16.0.0/12 10.0.0.4 200
ip route 192.0.2.0/24 198.51.100.1 tag 7 20
ip route 198.51.100.0/24 eth0
ip route 203.0.113.0/24 blackhole
ip route 203.0.114.0/24 reject 5
ip route 203.0.114.0/24 10.0.0.9 5
ip route 10.9.0.0/16 10.0.0.5 table 7
ipv6 route 2001:db8::/32 fe80::1 eth0
");
    let routes = imported.configuration["protocols"]["static"]["routes"]
        .as_array()
        .unwrap();
    let found: Vec<String> = routes.iter().map(Value::to_string).collect();
    let expected = [
        json!({ "prefix": "0.0.0.0/0", "via": "10.0.0.254" }),
        json!({ "prefix": "172.16.0.0/12", "via": ["10.0.0.2", "10.0.0.3 dev eth0"] }),
        json!({ "prefix": "172.16.0.0/12", "via": "10.0.0.4", "preference": 200 }),
        json!({ "prefix": "192.0.2.0/24", "via": "198.51.100.1 recursive", "preference": 20, "tag": 7 }),
        json!({ "prefix": "198.51.100.0/24", "via": "dev eth0" }),
        json!({ "prefix": "203.0.113.0/24", "kind": "blackhole" }),
        json!({ "prefix": "203.0.114.0/24", "kind": "unreachable", "preference": 5 }),
        json!({ "prefix": "2001:db8::/32", "via": "fe80::1 dev eth0" }),
    ]
    .map(|route| route.to_string());
    assert_eq!(found, expected);
    let lines: Vec<usize> = left(&imported).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [11, 12]);
}

/// What is not here is left line by line, with everything that stands in it.
#[test]
fn what_is_not_here_is_left() {
    let imported = frr(
        "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\nexit\nip route 10.0.0.0/8 10.1.1.1\n\
                        router ospf vrf red\n network 10.0.0.0/8 area 0\nexit\nhello world\nrouter ospf\n area x stub\n",
    );
    let lines: Vec<usize> = left(&imported).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [1, 2, 5, 6, 8, 10]);
    assert_eq!(
        imported.configuration["protocols"],
        json!({ "static": { "routes": [{ "prefix": "10.0.0.0/8", "via": "10.1.1.1" }] }, "ospf": {} })
    );
    assert_eq!(
        frr(""),
        Imported {
            configuration: json!({}),
            ..Imported::default()
        }
    );
}

/// Words that FRR's configurations are made of, in any order.
fn any_line() -> impl Strategy<Value = String> {
    let words = [
        "interface",
        "eth0",
        "ip",
        "ospf",
        "rip",
        "router",
        "area",
        "0",
        "1",
        "10.0.0.1/24",
        "network",
        "cost",
        "key",
        "chain",
        "prefix-list",
        "route-map",
        "match",
        "set",
        "on-match",
        "next",
        "permit",
        "deny",
        "ge",
        "le",
        "route",
        "10.0.0.0/8",
        "10.0.0.1",
        "tag",
        "exit",
        "no",
        "passive-interface",
        "redistribute",
        "metric",
        "range",
        "nssa",
        "neighbor",
        "version",
        "distribute-list",
        "prefix",
        "in",
        "é",
        "99999999999999999999",
    ];
    (
        any::<bool>(),
        prop::collection::vec(prop::sample::select(words.to_vec()), 0..7),
    )
        .prop_map(|(indented, words)| format!("{}{}", if indented { " " } else { "" }, words.join(" ")))
}

proptest! {
    /// Nothing panics, and every line that is left is one of the text.
    #[test]
    fn any_text_is_read(lines in prop::collection::vec(any_line(), 0..40), noise in ".{0,80}") {
        let text = format!("{}\n{noise}", lines.join("\n"));
        let imported = frr(&text);
        let all: Vec<&str> = text.lines().collect();
        for left in &imported.left {
            prop_assert_eq!(all.get(left.line - 1).map(|line| line.trim()), Some(left.text.as_str()));
            prop_assert!(!left.reason.is_empty());
        }
    }
}

/// What `show running-config` prints has no addresses that the machine gave itself.
#[test]
fn addresses_may_come_from_the_machine() {
    let text = "router ospf\n network 10.0.0.0/8 area 3\nrouter rip\n network 10.0.0.0/8\nip route 172.16.0.0/12 10.9.9.9\n";
    assert_eq!(left(&frr(text)).len(), 2);
    let machine = r#"[{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.1.0.1","prefixlen":24}]}]"#;
    let imported = waypost_import::frr(text, &links(machine).unwrap());
    assert_eq!(left(&imported), []);
    let eth0 = &imported.configuration["interfaces"]["eth0"];
    assert_eq!(*eth0, json!({ "ospf": { "area": "0.0.0.3" }, "rip": {} }));
    let route = &imported.configuration["protocols"]["static"]["routes"][0];
    assert_eq!(route["via"], "10.9.9.9 recursive");
}

#[test]
fn route_maps_are_policies() {
    let imported = frr("\
ip prefix-list mine seq 5 permit 10.0.0.0/8 le 24
ipv6 prefix-list six permit 2001:db8::/32
router ospf
 redistribute static metric 5 route-map out
 redistribute rip route-map odd
 redistribute connected route-map nowhere
router rip
 redistribute ospf route-map out
route-map out deny 5
 match tag 7
route-map out permit 10
 description ours
 match ip address prefix-list mine
 match source-protocol static
 set metric +3
 set metric-type type-1
 set tag 9
 set community 1:1
 on-match next
route-map out permit 20
 set metric 50
 set ip next-hop 192.0.2.7
route-map odd permit 10
 match as-path 1
");
    assert_eq!(
        imported.configuration["policy"],
        json!({
            "prefix-lists": { "mine": [{ "permit": "10.0.0.0/8 le 24" }], "six": [{ "permit": "2001:db8::/32" }] },
            "route-maps": { "out": [
                { "action": "deny", "match": { "tag": [7] } },
                {
                    "action": "permit", "annotate": "ours", "then": "next",
                    "match": { "prefix-list": "mine", "protocol": ["static"] },
                    "set": { "add-metric": 3, "metric-type": "1", "tag": 9 },
                },
                { "action": "permit", "set": { "metric": 50, "next-hop": "192.0.2.7" } },
            ] },
        })
    );
    assert_eq!(
        imported.configuration["protocols"]["ospf"]["redistribute"],
        json!([{ "source": "static", "metric": 5, "policy": "out" }])
    );
    assert_eq!(
        imported.configuration["protocols"]["rip"]["redistribute"],
        json!([{ "source": "ospf", "policy": "out" }])
    );
    let lines: Vec<usize> = left(&imported).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [5, 6, 18, 24], "{:#?}", imported.left);
    assert!(
        imported
            .notes
            .iter()
            .any(|note| note.contains("odd is left out as a whole"))
    );
}
