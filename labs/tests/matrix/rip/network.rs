//! How RIP is configured on the bench.

use std::time::Duration;

use waypost_labs::{RipInterface, RipPlan, StaticRoute};
use waypost_testkit::Make;

use crate::bench::{
    BOTH, CONTESTED, DEFAULT, HOST, HOST1, HOST2, LAN1, LAN2, LAN3, R3_TO_R1, STATIC_ROUTES, TO_R1, TO_R2,
    TO_R3,
};
use crate::case::At::{R1, R2, R3};
use crate::case::{At, Step};

/// The port of the rows that move RIP to another.
pub(crate) const OTHER_PORT: u16 = 5520;

/// What FRR and BIRD have in the beginning: the two neighbours' networks, and r1's.
pub(super) const PEER_ROUTES: &[(At, &str, &str)] = &[
    (R1, LAN2, TO_R2),
    (R1, "10.2.1.0/24", TO_R2),
    (R1, BOTH, TO_R2),
    (R1, LAN3, TO_R3),
    (R2, LAN1, TO_R1),
    (R2, "10.1.1.0/24", TO_R1),
    (R2, "172.16.1.0/24", TO_R1),
    (R2, "172.31.1.0/24", TO_R1),
    (R2, LAN3, TO_R1),
    (R3, LAN1, R3_TO_R1),
    (R3, "10.1.1.0/24", R3_TO_R1),
    (R3, LAN2, R3_TO_R1),
    (R3, "10.2.1.0/24", R3_TO_R1),
];

/// What only Waypost is given beside that: host routes, a default route, and static routes of r1.
pub(super) const WAYPOST_ROUTES: &[(At, &str, &str)] = &[
    (R1, HOST2, TO_R2),
    (R1, DEFAULT, TO_R2),
    (R1, CONTESTED, HOST),
    (R1, "172.31.1.0/24", HOST),
    (R1, "172.31.2.0/24", HOST),
    (R2, HOST1, TO_R1),
    (R2, "172.31.2.0/24", TO_R1),
    (R3, HOST1, R3_TO_R1),
    (R3, HOST2, R3_TO_R1),
    (R3, DEFAULT, R3_TO_R1),
    (R3, CONTESTED, R3_TO_R1),
    (R3, "172.16.1.0/24", R3_TO_R1),
    (R3, "172.31.1.0/24", R3_TO_R1),
    (R3, "172.31.2.0/24", R3_TO_R1),
];

/// Timers of a make as short as it takes them without losing routes by itself: update, expire, remove.
const fn timers(make: Make) -> (u32, u32, u32) {
    match make {
        Make::Waypost => (1, 6, 2),
        Make::Frr => (5, 15, 5),
        Make::Bird => (1, 6, 2),
    }
}

/// Update and expiration interval.
pub(crate) const fn intervals(make: Make) -> (Duration, Duration) {
    let (update, expire, _) = timers(make);
    (
        Duration::from_secs(update as u64),
        Duration::from_secs(expire as u64),
    )
}

/// What Waypost is configured with in the beginning.
pub(crate) fn base_options(at: At) -> Vec<Step> {
    let (update, expire, remove) = timers(Make::Waypost);
    let redistribute = r#"[{ source = "connected" }, { source = "static" }]"#;
    // Whole and in parts: both can be changed, and both are to come back.
    let mut options = vec![
        (
            "protocols.rip",
            format!(
                "{{ update-interval = {update}, expiration-interval = {expire}, removal-interval = {remove}, \
                 redistribute = {redistribute} }}"
            ),
        ),
        ("protocols.rip.update-interval", update.to_string()),
        ("protocols.rip.expiration-interval", expire.to_string()),
        ("protocols.rip.removal-interval", remove.to_string()),
        ("protocols.rip.redistribute", redistribute.to_owned()),
    ];
    let more: &[(&str, &str)] = match at {
        R1 => &[
            ("interfaces.eth0.rip", "{}"),
            ("interfaces.eth1.rip", "{ metric = 2 }"),
            ("interfaces.eth1.rip.metric", "2"),
            ("interfaces.eth2.rip", "{}"),
        ],
        R2 => &[
            (
                "protocols.static.routes",
                r#"[{ prefix = "10.2.7.7/32", via = "10.2.0.9" }]"#,
            ),
            ("interfaces.eth0.rip", "{ originate-default = 1 }"),
        ],
        R3 => &[("interfaces.eth1.rip", "{}")],
    };
    options.extend(more.iter().map(|(path, value)| (*path, (*value).to_owned())));
    if at == R1 {
        options.push((
            "protocols.static.routes",
            format!("[{}]", STATIC_ROUTES.join(", ")),
        ));
    }
    options
        .into_iter()
        .map(|(path, value)| Step {
            at,
            path: path.to_owned(),
            value,
        })
        .collect()
}

/// What FRR and BIRD are configured with in the beginning.
pub(crate) fn peer_plan(at: At, make: Make) -> RipPlan {
    let (update, expire, remove) = timers(make);
    let interfaces = match at {
        R1 => vec![
            RipInterface::new("eth0"),
            RipInterface::new("eth1").metric(2),
            RipInterface::new("eth2"),
        ],
        R2 => vec![RipInterface::new("eth0")],
        R3 => vec![RipInterface::new("eth1")],
    };
    RipPlan {
        update,
        expire,
        remove,
        statics: Some(1),
        routes: if at == R1 {
            vec![StaticRoute {
                prefix: "172.31.1.0/24".to_owned(),
                via: HOST.to_owned(),
            }]
        } else {
            Vec::new()
        },
        ..RipPlan::new(interfaces)
    }
}
