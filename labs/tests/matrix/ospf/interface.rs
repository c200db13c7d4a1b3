//! The options that OSPF has on an interface.

use serde_json::Value;

use super::network::{ALONE, COMMON, LINK, OWN};
use super::packet::{Hello, Packet};
use super::probes;
use crate::bench::{BOTH, CONTESTED, TO_R1, TO_R2, TO_R3};
use crate::case::At::{R1, R2, R3};
use crate::case::{At, Case, Effect, Has};

/// The adjacency that most rows are about.
pub(super) const PAIR: &[(At, At)] = &[(R1, R2), (R2, R1)];

/// The routes over the link between r1 and r2: what is behind each of them, for the others.
pub(super) fn over_the_link() -> Vec<Has> {
    COMMON
        .iter()
        .chain(OWN)
        .filter(|(at, prefix, gateway)| {
            [TO_R1, TO_R2].contains(gateway)
                // r3 has what is behind r2 by r1; its own link to the network behind both is nearer.
                || *at == R3 && (prefix.starts_with("10.2.") || *prefix == "0.0.0.0/0")
        })
        .map(|(at, prefix, _)| (*at, *prefix))
        // r1 knows another way to these: to the first by r3, to the second by a static route that it redistributes.
        .filter(|has| ![(R1, BOTH), (R3, CONTESTED)].contains(has))
        .collect()
}

/// Who changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    One,
    Both,
}
use Ends::{Both, One};

/// An option of `eth0` set to a value, at r1 or at r1 and then at r2.
fn row(option: &str, change: &str, ends: Ends, value: &str) -> Case {
    let case = Case::new(format!("interfaces.NAME.ospf.{option}"), change);
    then(case, option, ends, value)
}

/// One more step of a row.
fn then(case: Case, option: &str, ends: Ends, value: &str) -> Case {
    let path = format!("interfaces.eth0.ospf.{option}");
    let case = case.step(R1, &path, value);
    if ends == Both {
        case.step(R2, &path, value)
    } else {
        case
    }
}

/// What both ends have beforehand.
fn before(case: Case, option: &str, value: &str) -> Case {
    let path = format!("interfaces.eth0.ospf.{option}");
    case.before(R1, &path, value).before(R2, &path, value)
}

/// An option of r1's `eth2`, where there is nobody.
fn alone(option: &str, change: &str, value: &str) -> Case {
    Case::new(format!("interfaces.NAME.ospf.{option}"), change).step(
        R1,
        &format!("interfaces.eth2.ospf.{option}"),
        value,
    )
}

/// The two ends no longer understand each other.
fn parts(case: Case) -> Case {
    case.loses(&over_the_link()).deaf(PAIR)
}

/// The link starts anew.
fn begins(case: Case) -> Case {
    case.interrupts(&over_the_link()).resets(PAIR)
}

/// r2 hears such a packet of r1.
fn wire(case: Case, is: fn(&Packet) -> bool) -> Case {
    case.effect(Effect::Packet(R2, R1, is))
}

fn hello(packet: &Packet, is: impl Fn(&Hello) -> bool) -> bool {
    packet.hello.as_ref().is_some_and(is)
}

/// r1 shows that of `eth0`.
fn shown(case: Case, is: fn(&Value) -> bool) -> Case {
    case.effect(Effect::Shown(R1, &["show", "ospf", "interfaces"], is))
}

pub(super) fn interface<'v>(shown: &'v Value, name: &str) -> &'v Value {
    let mut rows = shown.as_array().into_iter().flatten();
    rows.find(|row| row["interface"] == name).unwrap_or(&Value::Null)
}

/// Options that show in nothing but the configuration until something happens.
fn kept_for_later(option: &'static str, change: &str, value: &'static str) -> Case {
    row(option, change, One, value).effect(Effect::Configured(R1, "interfaces.eth0.ospf", option, value))
}

pub(super) fn cases() -> Vec<Case> {
    [network(), timers(), speaking(), trusting()]
        .into_iter()
        .flatten()
        .collect()
}

fn network() -> Vec<Case> {
    let other_area = |case: Case| {
        case.step(R1, "interfaces.eth0.ospf.area", "7")
            .step(R2, "protocols.ospf.defaults.area", "7")
    };
    vec![
        alone("area", "0 → 7, another interface", "7").effect(Effect::Shown(
            R1,
            &["show", "protocols", "ospf"],
            |shown| shown["summary"]["area-border-router"] == true,
        )),
        begins(other_area(Case::new(
            "interfaces.NAME.ospf.area",
            "0 → 7, both ends",
        ))),
        parts(row("area", "0 → 7, one end", One, "7")),
        alone(
            "network-type",
            "broadcast → point-to-point, another interface",
            "point-to-point",
        ),
        begins(row(
            "network-type",
            "broadcast → point-to-point, both ends",
            Both,
            "point-to-point",
        )),
        row("cost", "10 → 50", One, "50").effect(Effect::Via(R1, BOTH, &[TO_R3])),
        wire(row("priority", "1 → 200", One, "200"), |packet| {
            hello(packet, |hello| hello.priority == 200)
        }),
        wire(row("priority", "1 → 0", One, "0"), |packet| {
            hello(packet, |hello| hello.priority == 0)
        }),
        alone("passive", "on, another interface", "true").effect(Effect::Shown(
            R1,
            &["show", "ospf", "interfaces"],
            |shown| interface(shown, "eth2")["passive"] == true,
        )),
        parts(row("passive", "on", One, "true")),
        alone("prefix-suppression", "on, another interface", "true").loses(&[(R2, ALONE)]),
        alone("enabled", "true → false, another interface", "false").loses(&[(R2, ALONE)]),
        parts(row("enabled", "true → false", One, "false")).loses(&[(R3, LINK)]),
        row(
            "addresses",
            "none → the one that it has",
            One,
            r#"[{ address = "10.0.12.1" }]"#,
        )
        .effect(Effect::Probe(probes::speaks_from_the_same_address)),
    ]
}

fn timers() -> Vec<Case> {
    vec![
        wire(
            row("hello-interval", "1 → 2 s, both ends", Both, "2"),
            |packet| hello(packet, |hello| hello.interval == 2),
        ),
        parts(wire(
            row("hello-interval", "1 → 2 s, one end", One, "2"),
            |packet| hello(packet, |hello| hello.interval == 2),
        )),
        wire(row("dead-interval", "4 → 8 s, both ends", Both, "8"), |packet| {
            hello(packet, |hello| hello.dead == 8)
        }),
        parts(wire(
            row("dead-interval", "4 → 8 s, one end", One, "8"),
            |packet| hello(packet, |hello| hello.dead == 8),
        )),
        // With it a neighbour may be silent for one second, which is less than two commands take on a busy machine.
        alone("hello-multiplier", "none → 4 a second, another interface", "4")
            .before(R1, "interfaces.eth2.ospf.dead-interval", "")
            .effect(Effect::Shown(R1, &["show", "ospf", "interfaces"], |shown| {
                interface(shown, "eth2")["dead-interval"] == 1
            })),
        kept_for_later("wait-interval", "4 → 9 s", "9"),
        kept_for_later("poll-interval", "120 → 7 s", "7"),
        shown(row("retransmit-interval", "2 → 3 s", One, "3"), |shown| {
            interface(shown, "eth0")["retransmit-interval"] == 3
        }),
        shown(row("transmit-delay", "1 → 3 s", One, "3"), |shown| {
            interface(shown, "eth0")["transmit-delay"] == 3
        }),
    ]
}

fn speaking() -> Vec<Case> {
    let without_multicast = |case: Case| {
        [(R1, TO_R2), (R2, TO_R1)]
            .into_iter()
            .fold(case, |case, (at, other)| {
                case.before(at, "interfaces.eth0.ospf.network-type", "non-broadcast")
                    .before(
                        at,
                        "interfaces.eth0.ospf.neighbors",
                        &format!("[{{ address = \"{other}\" }}]"),
                    )
            })
    };
    vec![
        without_multicast(row(
            "neighbors",
            "one more, on a network without multicast",
            One,
            r#"[{ address = "10.0.12.2" }, { address = "10.0.12.9", priority = 0 }]"#,
        ))
        .effect(Effect::Probe(probes::the_other_neighbor_is_asked)),
        shown(row("mtu", "1500 → 1400", One, "1400"), |shown| {
            interface(shown, "eth0")["mtu"] == 1400
        }),
        kept_for_later("mtu-ignore", "off → on", "true"),
        wire(row("ttl-security", "off → tx-only", One, "tx-only"), |packet| {
            packet.ttl == 255
        }),
        wire(
            row("ttl-security", "off → on, both ends", Both, "on"),
            |packet| packet.ttl == 255,
        ),
        parts(wire(
            row("ttl-security", "off → on, one end", One, "on"),
            |packet| packet.ttl == 255,
        )),
        wire(row("dscp", "48 → 10", One, "10"), |packet| packet.dscp == 10),
        kept_for_later("receive-buffer", "1 MiB → 64 KiB", "65536"),
        row("annotate", "none → a note", One, "the link to r2").effect(Effect::Configured(
            R1,
            "interfaces.eth0.ospf",
            "annotate",
            "the link to r2",
        )),
    ]
}

const OLD_KEY: &str = r#"{ id = 1, secret = "wayfarer", algorithm = "hmac-sha256" }"#;
const OLD_KEY_ACCEPTED: &str =
    r#"{ id = 1, secret = "wayfarer", algorithm = "hmac-sha256", send-until = 1 }"#;
const NEW_KEY: &str = r#"{ id = 2, secret = "pilgrim", algorithm = "hmac-sha512" }"#;
const NEW_KEY_ACCEPTED: &str = r#"{ id = 2, secret = "pilgrim", algorithm = "hmac-sha512", send-until = 1 }"#;

fn trusting() -> Vec<Case> {
    let keyed = |case: Case| {
        before(
            before(case, "authentication", "cryptographic"),
            "keys",
            &format!("[{OLD_KEY}]"),
        )
    };
    let new = format!("[{NEW_KEY}]");
    let mut rolled = keyed(Case::new(
        "interfaces.NAME.ospf.keys",
        "rolled over in three steps, both ends",
    ));
    for keys in [
        format!("[{OLD_KEY}, {NEW_KEY_ACCEPTED}]"),
        format!("[{OLD_KEY_ACCEPTED}, {NEW_KEY}]"),
        new.clone(),
    ] {
        rolled = then(rolled, "keys", Both, &keys);
    }
    vec![
        wire(
            before(
                row("authentication", "none → simple, both ends", Both, "simple"),
                "password",
                "wayfarer",
            ),
            |packet| packet.authentication == 1,
        ),
        wire(
            before(
                row(
                    "authentication",
                    "none → cryptographic, both ends",
                    Both,
                    "cryptographic",
                ),
                "keys",
                &format!("[{OLD_KEY}]"),
            ),
            |packet| packet.key() == Some(1),
        ),
        wire(
            before(
                row("authentication", "none → extended, both ends", Both, "extended"),
                "keys",
                &format!("[{OLD_KEY}]"),
            ),
            |packet| packet.authentication == 3,
        ),
        parts(before(
            row(
                "authentication",
                "none → cryptographic, one end",
                One,
                "cryptographic",
            ),
            "keys",
            &format!("[{OLD_KEY}]"),
        )),
        wire(
            before(
                before(
                    row("password", "another, both ends", Both, "pilgrim"),
                    "authentication",
                    "simple",
                ),
                "password",
                "wayfarer",
            ),
            |packet| packet.credentials.starts_with(b"pilgrim"),
        ),
        wire(rolled, |packet| packet.key() == Some(2)),
        wire(keyed(row("keys", "another, both ends", Both, &new)), |packet| {
            packet.key() == Some(2)
        }),
        parts(keyed(row("keys", "another, one end", One, &new))),
    ]
}
