//! How OSPF is configured on the bench.

use std::fmt::Write as _;

use waypost_testkit::Make;

use crate::bench::{
    BOTH, CONTESTED, DEFAULT, HOST, HOST1, HOST2, LAN1, LAN2, LAN3, R3_TO_R1, STATIC_ROUTES, TO_R1, TO_R2,
    TO_R3,
};
use crate::case::At::{R1, R2, R3};
use crate::case::{At, Step, step};

/// The network of r1's third interface, on which nobody else speaks.
pub(super) const ALONE: &str = "10.0.14.0/24";
/// The network between r1 and r2.
pub(super) const LINK: &str = "10.0.12.0/24";
/// What r1 has and says only if it is redistributed.
pub(super) const UNSAID: &str = "172.16.1.0/24";
/// A static route of r1 that every make redistributes.
pub(super) const OUTSIDE: &str = "172.31.1.0/24";
/// A network of r1 that rows move to another area.
pub(super) const SECOND: &str = "10.1.1.0/24";

/// The routes that there are while nothing is changed, with the gateway of each.
pub(super) const COMMON: &[(At, &str, &str)] = &[
    (R1, LAN2, TO_R2),
    (R1, "10.2.1.0/24", TO_R2),
    (R1, BOTH, TO_R2),
    (R1, LAN3, TO_R3),
    (R2, LAN1, TO_R1),
    (R2, SECOND, TO_R1),
    (R2, ALONE, TO_R1),
    (R2, OUTSIDE, TO_R1),
    (R2, "10.0.13.0/24", TO_R1),
    (R2, LAN3, TO_R1),
    (R3, LAN1, R3_TO_R1),
    (R3, SECOND, R3_TO_R1),
    (R3, OUTSIDE, R3_TO_R1),
    (R3, LINK, R3_TO_R1),
    (R3, LAN2, R3_TO_R1),
    (R3, "10.2.1.0/24", R3_TO_R1),
];

/// What only Waypost is given beside that: more static routes of r1 and r2, and a default route of r2's.
pub(super) const OWN: &[(At, &str, &str)] = &[
    (R1, HOST2, TO_R2),
    (R1, DEFAULT, TO_R2),
    (R1, CONTESTED, HOST),
    (R1, OUTSIDE, HOST),
    (R1, "172.31.2.0/24", HOST),
    (R2, HOST1, TO_R1),
    (R2, "172.31.2.0/24", TO_R1),
    (R3, HOST1, R3_TO_R1),
    (R3, HOST2, R3_TO_R1),
    (R3, DEFAULT, R3_TO_R1),
    (R3, CONTESTED, R3_TO_R1),
    (R3, "172.31.2.0/24", R3_TO_R1),
];

/// Where a router speaks, with the cost of it, and which of its networks are advertised only. The link between r1 and r2 has
/// no cost of its own.
const fn interfaces(at: At) -> (&'static [(&'static str, Option<u8>)], &'static [&'static str]) {
    match at {
        R1 => (
            &[("eth0", None), ("eth1", Some(20)), ("eth2", None)],
            &["lan0", "lan1"],
        ),
        R2 => (&[("eth0", None)], &["lan0", "lan1", "lan6", "lan9"]),
        R3 => (&[("eth1", None)], &["lan0", "lan9"]),
    }
}

const fn id(at: At) -> &'static str {
    match at {
        R1 => "1.1.1.1",
        R2 => "2.2.2.2",
        R3 => "3.3.3.3",
    }
}

/// What Waypost is configured with in the beginning.
pub(crate) fn base_options(at: At) -> Vec<Step> {
    let redistribute = r#"[{ source = "static" }]"#;
    // Whole and in parts: both can be changed, and both are to come back.
    let (default, defaults) = match at {
        R2 => (", originate-default = \"always\"", "2.2.2.2"),
        R1 | R3 => ("", id(at)),
    };
    let mut options = vec![
        step(
            at,
            "protocols.ospf",
            format!("{{ router-id = \"{defaults}\", redistribute = {redistribute}{default} }}"),
        ),
        step(at, "protocols.ospf.router-id", defaults),
        step(at, "protocols.ospf.redistribute", redistribute),
    ];
    let (speaking, advertised) = interfaces(at);
    for (name, cost) in speaking {
        let path = format!("interfaces.{name}.ospf");
        let cost = cost.map(|cost| cost.to_string());
        let words = cost.as_ref().map(|cost| format!(", cost = {cost}"));
        let words = words.unwrap_or_default();
        options.push(step(
            at,
            path.clone(),
            format!("{{ hello-interval = 1, dead-interval = 4, retransmit-interval = 2{words} }}"),
        ));
        options.push(step(at, format!("{path}.hello-interval"), "1"));
        options.push(step(at, format!("{path}.dead-interval"), "4"));
        options.push(step(at, format!("{path}.retransmit-interval"), "2"));
        if let Some(cost) = cost {
            options.push(step(at, format!("{path}.cost"), cost));
        }
    }
    for name in advertised {
        options.push(step(at, format!("interfaces.{name}.ospf"), "{ passive = true }"));
    }
    let statics = match at {
        R1 => STATIC_ROUTES.join(", "),
        R2 => r#"{ prefix = "10.2.7.7/32", via = "10.2.0.9" }"#.to_owned(),
        R3 => return options,
    };
    options.push(step(at, "protocols.static.routes", format!("[{statics}]")));
    options
}

macro_rules! line {
    ($text:expr, $($word:tt)*) => { let _ = writeln!($text, $($word)*); };
}

/// What FRR and BIRD are configured with in the beginning.
pub(crate) fn peer_configuration(at: At, make: Make) -> String {
    if make == Make::Frr {
        for_frr(at)
    } else {
        for_bird(at)
    }
}

fn for_frr(at: At) -> String {
    let mut text = String::new();
    // First of all: FRR works while it reads, and does not recover from another identifier.
    line!(text, "router ospf\n ospf router-id {}", id(at));
    line!(text, " redistribute static\n maximum-paths 16\nexit");
    let (speaking, advertised) = interfaces(at);
    for (name, cost) in speaking {
        // The area last: OSPF begins there with it, and waits for a Designated Router for as long as it knows of by then.
        line!(text, "interface {name}\n ip ospf cost {}", cost.unwrap_or(10));
        line!(
            text,
            " ip ospf hello-interval 1\n ip ospf dead-interval 4\n ip ospf retransmit-interval 2\n ip ospf area 0\nexit"
        );
    }
    for name in advertised {
        line!(
            text,
            "interface {name}\n ip ospf area 0\n ip ospf cost 10\n ip ospf passive\nexit"
        );
    }
    if at == R1 {
        line!(text, "ip route {OUTSIDE} {HOST}");
    }
    text
}

fn for_bird(at: At) -> String {
    let mut text = format!("log stderr all;\nrouter id {};\n", id(at));
    line!(text, "protocol device {{ scan time 1; }}");
    line!(
        text,
        "protocol kernel {{ scan time 1; ipv4 {{ import none; export where source != RTS_DEVICE; }}; merge paths on; }}"
    );
    if at == R1 {
        line!(text, "protocol direct {{ ipv4; interface \"lan2\"; }}");
        line!(text, "protocol static {{ ipv4; route {OUTSIDE} via {HOST}; }}");
    }
    line!(text, "filter taken {{\n  accept;\n}}");
    line!(
        text,
        "filter announced {{\n  if source = RTS_STATIC then accept;\n  reject;\n}}"
    );
    line!(text, "protocol ospf v2 matrix {{\n  ecmp yes;");
    line!(
        text,
        "  ipv4 {{ import filter taken; export filter announced; }};"
    );
    line!(text, "  area 0 {{");
    let (speaking, advertised) = interfaces(at);
    for (name, cost) in speaking {
        line!(
            text,
            "  interface \"{name}\" {{\n    cost {}; hello 1; dead 4; retransmit 2;\n  }};",
            cost.unwrap_or(10)
        );
    }
    for name in advertised {
        line!(text, "  interface \"{name}\" {{\n    cost 10; stub yes;\n  }};");
    }
    line!(text, "  }};\n}}");
    text
}
