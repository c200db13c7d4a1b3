//! The options of RIP as a whole, of static routes, of interfaces themselves and of the router.

use super::options::{FROM_R2, FROM_R3, TO_R2_ALL, TO_R3_ALL};
use super::probes;
use crate::bench::{BOTH, CONTESTED, HOST1, LAN1, LAN3, STATIC_ROUTES, TO_R1, TO_R2};
use crate::case::At::{R1, R2, R3};
use crate::case::{Case, Effect, Has};

/// What r2 and r3 have of r1's static routes.
const STATICS: &[Has] = &[
    (R2, HOST1),
    (R2, "172.31.1.0/24"),
    (R2, "172.31.2.0/24"),
    (R3, HOST1),
    (R3, "172.31.1.0/24"),
    (R3, "172.31.2.0/24"),
];

pub(crate) fn cases() -> Vec<Case> {
    [rip(), statics(), statics_of_interface(), interface(), router()]
        .into_iter()
        .flatten()
        .collect()
}

fn rip() -> Vec<Case> {
    let case = |option: &str, change: &str, value: &str| {
        Case::new(format!("protocols.rip.{option}"), change).step(
            R1,
            &format!("protocols.rip.{option}"),
            value,
        )
    };
    vec![
        case("preference", "120 → 2", "2").effect(Effect::Via(R1, CONTESTED, &[TO_R2])),
        case("ecmp", "16 → 1", "1")
            .before(R1, "interfaces.eth1.rip.metric", "1")
            .moves_both()
            .effect(Effect::Route(R1, BOTH, |route| route.hops.len() == 1)),
        case("triggered-delay", "1000 → 0 ms", "0")
            .effect(Effect::Shown(R1, &["show", "protocols", "rip"], |shown| {
                shown["summary"]["triggered-delay-ms"] == 0
            }))
            .effect(Effect::Probe(probes::quick_changes_are_told_at_once)),
        case("peer-filter", "off → include all neighbours", "include")
            .before(R1, "protocols.rip.peers", r#"["10.0.12.2", "10.0.13.3"]"#)
            .effect(Effect::Shown(
                R1,
                &["get", "protocols.rip.peer-filter"],
                |shown| *shown == "include",
            )),
        case("peer-filter", "off → exclude one", "exclude")
            .before(R1, "protocols.rip.peers", r#"["10.0.13.3"]"#)
            .loses(FROM_R3)
            .deaf(&[(R1, R3)]),
        case("peers", "one → two excluded", r#"["10.0.12.9", "10.0.13.3"]"#)
            .before(R1, "protocols.rip.peers", r#"["10.0.12.9"]"#)
            .before(R1, "protocols.rip.peer-filter", "exclude")
            .loses(FROM_R3)
            .deaf(&[(R1, R3)]),
        case(
            "redistribute",
            "metric of connected 1 → 5",
            r#"[{ source = "connected", metric = 5 }, { source = "static" }]"#,
        )
        .effect(Effect::Message(R2, R1, |message| {
            message.entry(LAN1).is_some_and(|entry| entry.metric == 5)
        })),
        case(
            "redistribute",
            "tag of connected 0 → 9",
            r#"[{ source = "connected", tag = 9 }, { source = "static" }]"#,
        )
        .effect(Effect::Message(R2, R1, |message| {
            message.entry(LAN1).is_some_and(|entry| entry.tag == 9)
        })),
        case(
            "redistribute",
            "one of connected denied",
            r#"[{ source = "connected", filter = [{ deny = "10.1.1.0/24" }] }, { source = "static" }]"#,
        )
        .loses(&[(R2, "10.1.1.0/24"), (R3, "10.1.1.0/24")]),
        case(
            "redistribute",
            "no longer static",
            r#"[{ source = "connected" }]"#,
        )
        .loses(STATICS),
        case("logging", "errors → information", "information")
            .effect(Effect::Probe(probes::drops_are_logged)),
        case("max-receive-queue", "none → 4096", "4096").effect(Effect::Shown(
            R1,
            &["get", "protocols.rip.max-receive-queue"],
            |shown| *shown == 4096,
        )),
        case("max-send-queue", "none → 4096", "4096").effect(Effect::Shown(
            R1,
            &["get", "protocols.rip.max-send-queue"],
            |shown| *shown == 4096,
        )),
        case("annotate", "none → a note", "the inner network").effect(Effect::Shown(
            R1,
            &["get", "protocols.rip.annotate"],
            |shown| *shown == "the inner network",
        )),
    ]
}

/// r1's static routes with the second of them as given; left out when that is empty.
fn with_second(second: &str) -> String {
    let [first, _, third, fourth] = STATIC_ROUTES;
    let routes: Vec<&str> = [first, second, third, fourth]
        .into_iter()
        .filter(|route| !route.is_empty())
        .collect();
    format!("[{}]", routes.join(", "))
}

fn statics() -> Vec<Case> {
    const CHANGED: &str = "172.31.1.0/24";
    let case = |change: &str, second: &str| {
        Case::new("protocols.static.routes", change).step(R1, "protocols.static.routes", &with_second(second))
    };
    vec![
        case(
            "one more",
            r#"{ prefix = "172.31.1.0/24", via = "10.1.0.9" }, { prefix = "10.99.0.0/24", via = "10.1.0.9" }"#,
        )
        .effect(Effect::Via(R1, "10.99.0.0/24", &["10.1.0.9"]))
        .effect(Effect::Via(R2, "10.99.0.0/24", &[TO_R1])),
        case("one less", "").loses(&[(R1, CHANGED), (R2, CHANGED), (R3, CHANGED)]),
        case(
            "another gateway",
            r#"{ prefix = "172.31.1.0/24", via = "10.1.1.9" }"#,
        )
        .effect(Effect::Via(R1, CHANGED, &["10.1.1.9"])),
        case(
            "a second gateway, with a weight",
            r#"{ prefix = "172.31.1.0/24", via = ["10.1.0.9", "10.1.1.9 weight 3"] }"#,
        )
        .effect(Effect::Route(R1, CHANGED, |route| {
            route.hops.len() == 2 && route.hops.iter().any(|hop| hop.weight == 3)
        })),
        case(
            "a gateway off the link",
            r#"{ prefix = "172.31.1.0/24", via = "192.0.2.9 dev lan0 onlink" }"#,
        )
        .effect(Effect::Via(R1, CHANGED, &["192.0.2.9"])),
        case(
            "unicast → blackhole",
            r#"{ prefix = "172.31.1.0/24", kind = "blackhole" }"#,
        )
        .effect(Effect::Route(R1, CHANGED, |route| route.gateways().is_empty())),
        case(
            "preference 3 → 10",
            r#"{ prefix = "172.31.1.0/24", via = "10.1.0.9", preference = 10 }"#,
        )
        .effect(Effect::Shown(R1, &["explain", CHANGED], |shown| {
            shown.to_string().contains("\"preference\":10")
        })),
        case(
            "metric 1 → 7",
            r#"{ prefix = "172.31.1.0/24", via = "10.1.0.9", metric = 7 }"#,
        )
        .effect(Effect::Shown(R1, &["explain", CHANGED], |shown| {
            shown.to_string().contains("\"metric\":7")
        })),
        case(
            "tag 0 → 5",
            r#"{ prefix = "172.31.1.0/24", via = "10.1.0.9", tag = 5 }"#,
        )
        .effect(Effect::Message(R2, R1, |message| {
            message.entry(CHANGED).is_some_and(|entry| entry.tag == 5)
        })),
        case(
            "a note at one",
            r#"{ prefix = "172.31.1.0/24", via = "10.1.0.9", annotate = "the warehouse" }"#,
        )
        .effect(Effect::Shown(R1, &["get", "protocols.static.routes"], |shown| {
            shown.to_string().contains("the warehouse")
        })),
        Case::new("protocols.static.annotate", "none → a note")
            .step(R1, "protocols.static.annotate", "routes to the warehouse")
            .effect(Effect::Shown(R1, &["get", "protocols.static.annotate"], |shown| {
                *shown == "routes to the warehouse"
            })),
    ]
}

fn statics_of_interface() -> Vec<Case> {
    const PATH: &str = "interfaces.lan0.static.routes";
    const KEPT: &str = r#"{ prefix = "10.98.1.0/24", gateway = "10.1.0.9" }"#;
    let case = |change: &str, route: &str| {
        let list = |second: &str| match second {
            "" => format!("[{KEPT}]"),
            second => format!("[{KEPT}, {second}]"),
        };
        Case::new("interfaces.NAME.static.routes", change)
            .before(
                R1,
                PATH,
                &list(r#"{ prefix = "10.98.2.0/24", gateway = "10.1.0.9" }"#),
            )
            .step(R1, PATH, &list(route))
            .keeps(&[(R1, "10.98.1.0/24"), (R2, "10.98.1.0/24")])
    };
    const CHANGED: &str = "10.98.2.0/24";
    let kept = |case: Case| case.keeps(&[(R1, CHANGED), (R2, CHANGED)]);
    vec![
        kept(case(
            "one more",
            r#"{ prefix = "10.98.2.0/24", gateway = "10.1.0.9" }, { prefix = "10.98.3.0/24" }"#,
        ))
        .effect(Effect::Route(R1, "10.98.3.0/24", |route| {
            route.hops.iter().any(|hop| hop.interface == "lan0")
        })),
        case("one less", "").loses(&[(R1, CHANGED), (R2, CHANGED)]),
        kept(case(
            "another gateway",
            r#"{ prefix = "10.98.2.0/24", gateway = "10.1.0.8" }"#,
        ))
        .effect(Effect::Via(R1, CHANGED, &["10.1.0.8"])),
        kept(case(
            "a gateway off the link",
            r#"{ prefix = "10.98.2.0/24", gateway = "192.0.2.9", onlink = true }"#,
        ))
        .effect(Effect::Via(R1, CHANGED, &["192.0.2.9"])),
        kept(case(
            "preference 3 → 10",
            r#"{ prefix = "10.98.2.0/24", gateway = "10.1.0.9", preference = 10 }"#,
        ))
        .effect(Effect::Shown(R1, &["explain", CHANGED], |shown| {
            shown.to_string().contains("\"preference\":10")
        })),
        kept(case(
            "metric 1 → 7",
            r#"{ prefix = "10.98.2.0/24", gateway = "10.1.0.9", metric = 7 }"#,
        ))
        .effect(Effect::Shown(R1, &["explain", CHANGED], |shown| {
            shown.to_string().contains("\"metric\":7")
        })),
        kept(case(
            "tag 0 → 5",
            r#"{ prefix = "10.98.2.0/24", gateway = "10.1.0.9", tag = 5 }"#,
        ))
        .effect(Effect::Message(R2, R1, |message| {
            message.entry(CHANGED).is_some_and(|entry| entry.tag == 5)
        })),
        kept(case(
            "origin static → autostatic",
            r#"{ prefix = "10.98.2.0/24", gateway = "10.1.0.9", origin = "autostatic" }"#,
        ))
        .effect(Effect::Shown(R1, &["explain", CHANGED], |shown| {
            shown.to_string().contains("\"preference\":7")
        })),
        Case::new("interfaces.NAME.static.annotate", "none → a note")
            .step(R1, "interfaces.lan0.static.annotate", "the servers")
            .effect(Effect::Shown(
                R1,
                &["get", "interfaces.lan0.static.annotate"],
                |shown| *shown == "the servers",
            )),
    ]
}

fn interface() -> Vec<Case> {
    let everything = |case: Case| case.loses(TO_R2_ALL).loses(FROM_R2).deaf(&[(R1, R2), (R2, R1)]);
    vec![
        Case::new("interfaces.NAME.enabled", "true → false, another interface")
            .step(R1, "interfaces.eth2.enabled", "false")
            .effect(Effect::Shown(R1, &["show", "protocols", "rip"], |shown| {
                shown["summary"]["active-interfaces"] == 2
            })),
        everything(
            Case::new("interfaces.NAME.enabled", "true → false, the interface").step(
                R1,
                "interfaces.eth0.enabled",
                "false",
            ),
        ),
        Case::new("interfaces.NAME.rip", "taken away, another interface")
            .step(R1, "interfaces.eth2.rip", "")
            .effect(Effect::Shown(R1, &["show", "protocols", "rip"], |shown| {
                shown["summary"]["interfaces"] == 2
            })),
        everything(
            Case::new("interfaces.NAME.rip", "taken away, the interface").step(R1, "interfaces.eth0.rip", ""),
        ),
        Case::new("protocols.rip", "taken away")
            .step(R1, "protocols.rip", "")
            .loses(TO_R2_ALL)
            .loses(TO_R3_ALL)
            .loses(FROM_R2)
            .loses(&[(R1, LAN3), (R1, BOTH)])
            .deaf(&[(R1, R2), (R2, R1), (R1, R3), (R3, R1)]),
    ]
}

fn router() -> Vec<Case> {
    vec![
        Case::new("router.preferences", "rip 120 → 2")
            .step(R1, "router.preferences", "{ rip = 2 }")
            .effect(Effect::Via(R1, CONTESTED, &[TO_R2])),
        Case::new("router.id", "none → 192.0.2.1")
            .step(R1, "router.id", "192.0.2.1")
            .effect(Effect::Shown(R1, &["show", "status"], |shown| {
                shown["router-id"] == "192.0.2.1"
            })),
        Case::new("router.route-limits", "none → rip 100000")
            .step(R1, "router.route-limits", "{ rip = 100000 }")
            .effect(Effect::Shown(R1, &["get", "router.route-limits"], |shown| {
                shown["rip"] == 100_000
            })),
        Case::new("router.memory-budget", "none → 1024 MiB")
            .step(R1, "router.memory-budget", "1024")
            .effect(Effect::Shown(R1, &["show", "counters"], |shown| {
                shown["routes"]["memory-budget"] == 1_u64 << 30
            })),
        Case::new("router.hold-down", "none → static 60 s")
            .step(R1, "router.hold-down", "{ static = 60 }")
            .effect(Effect::Shown(R1, &["get", "router.hold-down"], |shown| {
                shown["static"] == 60
            })),
        Case::new("router.annotate", "none → a note")
            .step(R1, "router.annotate", "in the cellar")
            .effect(Effect::Shown(R1, &["get", "router.annotate"], |shown| {
                *shown == "in the cellar"
            })),
        Case::new("router.blocks", "none → one of another's")
            .step(
                R1,
                "router.blocks",
                r#"{ "0xffff0099" = { version = 1, hex = "00 01" } }"#,
            )
            .effect(Effect::Shown(R1, &["get", "router.blocks"], |shown| {
                shown.as_object().is_some_and(|blocks| blocks.len() == 1)
            })),
    ]
}
