//! The options that RIP has on an interface, and as defaults for all interfaces.

use super::message::Message;
use super::network::OTHER_PORT;
use super::probes;
use crate::bench::{BOTH, CONTESTED, DEFAULT, HOST1, HOST2, LAN1, LAN2, LAN3, TO_R1, TO_R2, TO_R3};
use crate::case::At::{R1, R2, R3};
use crate::case::{At, Case, Effect, Has, Stream, step};

/// What r1 has from r2 and passes on to r3.
pub(crate) const FROM_R2: &[Has] = &[
    (R1, LAN2),
    (R1, "10.2.1.0/24"),
    (R1, HOST2),
    (R1, DEFAULT),
    (R3, LAN2),
    (R3, "10.2.1.0/24"),
    (R3, HOST2),
    (R3, DEFAULT),
];
/// What r1 has from r3 and passes on to r2.
pub(crate) const FROM_R3: &[Has] = &[(R1, LAN3), (R2, LAN3)];
/// What r2 has from r1.
pub(crate) const TO_R2_ALL: &[Has] = &[
    (R2, LAN1),
    (R2, "10.1.1.0/24"),
    (R2, HOST1),
    (R2, "172.16.1.0/24"),
    (R2, "172.31.1.0/24"),
    (R2, "172.31.2.0/24"),
    (R2, LAN3),
];
/// What r3 has from r1.
pub(crate) const TO_R3_ALL: &[Has] = &[
    (R3, LAN1),
    (R3, "10.1.1.0/24"),
    (R3, HOST1),
    (R3, "172.16.1.0/24"),
    (R3, "172.31.1.0/24"),
    (R3, "172.31.2.0/24"),
    (R3, LAN2),
    (R3, "10.2.1.0/24"),
    (R3, HOST2),
    (R3, DEFAULT),
    (R3, CONTESTED),
];
/// What version 1, and summaries, cannot tell r2 of r1's networks.
const SUBNETS_AT_R2: &[Has] = &[
    (R2, "172.16.1.0/24"),
    (R2, "172.31.1.0/24"),
    (R2, "172.31.2.0/24"),
];
const SUBNETS_AT_R3: &[Has] = &[
    (R3, "172.16.1.0/24"),
    (R3, "172.31.1.0/24"),
    (R3, "172.31.2.0/24"),
];

const OLD_KEY: &str = r#"{ id = 1, secret = "wayfarer", algorithm = "hmac-sha256" }"#;
const OLD_KEY_ACCEPTED: &str =
    r#"{ id = 1, secret = "wayfarer", algorithm = "hmac-sha256", send-until = 1 }"#;
const NEW_KEY: &str = r#"{ id = 2, secret = "pilgrim", algorithm = "hmac-sha512" }"#;
const NEW_KEY_ACCEPTED: &str = r#"{ id = 2, secret = "pilgrim", algorithm = "hmac-sha512", send-until = 1 }"#;

const ALL_BUT_ONE_OF_R2: &str = r#"[{ deny = "10.2.1.0/24" }, { permit = "0.0.0.0/0 le 32" }]"#;
const ALL_BUT_ONE_OF_R1: &str = r#"[{ deny = "10.1.1.0/24" }, { permit = "0.0.0.0/0 le 32" }]"#;

/// Who changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// r1.
    One,
    /// r1, then the neighbours on the same links.
    Both,
}

/// A change of an interface option, from which the row for an interface and the row for the defaults are made.
struct Row {
    option: &'static str,
    change: &'static str,
    interface: &'static str,
    /// Options set beforehand, at both ends or not.
    before: Vec<(Ends, &'static str, &'static str)>,
    /// A prefix list of r1's beforehand, `some`.
    list: Option<&'static str>,
    /// r1's metric on eth1 beforehand, so that both ways to a network cost the same.
    equal: bool,
    down: Option<(At, &'static str)>,
    steps: Vec<(Ends, &'static str, &'static str)>,
    effects: Vec<Effect>,
    loses: Vec<Has>,
    deaf: Vec<(At, At)>,
    loses_more: Vec<Has>,
    deaf_more: Vec<(At, At)>,
    only_interface: bool,
    ping: Option<Stream>,
}

impl Row {
    fn new(option: &'static str, change: &'static str, ends: Ends, value: &'static str) -> Self {
        Self {
            option,
            change,
            interface: "eth0",
            before: Vec::new(),
            list: None,
            equal: false,
            down: None,
            steps: vec![(ends, option, value)],
            effects: Vec::new(),
            loses: Vec::new(),
            deaf: Vec::new(),
            loses_more: Vec::new(),
            deaf_more: Vec::new(),
            only_interface: false,
            ping: None,
        }
    }

    const fn on(mut self, interface: &'static str) -> Self {
        self.interface = interface;
        self
    }

    fn before(mut self, ends: Ends, option: &'static str, value: &'static str) -> Self {
        self.before.push((ends, option, value));
        self
    }

    fn effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    /// r2 hears such a message of r1.
    fn wire(self, is: fn(&Message) -> bool) -> Self {
        self.effect(Effect::Message(R2, R1, is))
    }

    fn loses(mut self, routes: &[Has]) -> Self {
        self.loses.extend_from_slice(routes);
        self
    }

    fn deaf(mut self, hearer: At, speaker: At) -> Self {
        self.deaf.push((hearer, speaker));
        self
    }

    /// What is lost in addition when all of r1's interfaces change.
    fn loses_more(mut self, routes: &[Has]) -> Self {
        self.loses_more.extend_from_slice(routes);
        self
    }

    fn deaf_more(mut self, hearer: At, speaker: At) -> Self {
        self.deaf_more.push((hearer, speaker));
        self
    }

    /// Measured on one interface only: as a default it would do the same to more of the bench than is left to look from.
    const fn only_interface(mut self) -> Self {
        self.only_interface = true;
        self
    }

    fn interface_case(&self) -> Case {
        let path = |at: At, option: &str| {
            // The other end of the link has a name for it that is the same.
            format!(
                "interfaces.{}.rip.{option}",
                if at == R1 { self.interface } else { "eth0" }
            )
        };
        let mut case = Case::new(format!("interfaces.NAME.rip.{}", self.option), self.change);
        for (list, steps) in [(&self.before, &mut case.before), (&self.steps, &mut case.steps)] {
            for (ends, option, value) in list {
                steps.push(step(R1, path(R1, option), *value));
                if *ends == Ends::Both {
                    steps.push(step(R2, path(R2, option), *value));
                }
            }
        }
        self.finish(case)
    }

    fn default_case(&self) -> Case {
        let mut case = Case::new(format!("protocols.rip.{}", self.option), self.change);
        for (list, steps) in [(&self.before, &mut case.before), (&self.steps, &mut case.steps)] {
            for (ends, option, value) in list {
                steps.push(step(R1, format!("protocols.rip.{option}"), *value));
                if *ends == Ends::Both {
                    steps.push(step(R2, format!("protocols.rip.{option}"), *value));
                    steps.push(step(R3, format!("protocols.rip.{option}"), *value));
                }
            }
        }
        let case = self.finish(case);
        let case = case.loses(&self.loses_more).deaf(&self.deaf_more);
        Case {
            // A default that r2 and r3 follow is nothing that they lose by.
            loses: dedup(case.loses),
            ..case
        }
    }

    fn finish(&self, mut case: Case) -> Case {
        if self.equal {
            case.before.push(step(R1, "interfaces.eth1.rip.metric", "1"));
            case.moves_both = true;
        }
        if let Some(rules) = self.list {
            case.before.push(step(R1, "policy.prefix-lists.some", rules));
        }
        case.down = self.down;
        case.effects.clone_from(&self.effects);
        case.ping = self.ping;
        case.loses(&self.loses).deaf(&self.deaf)
    }
}

fn dedup(mut routes: Vec<Has>) -> Vec<Has> {
    routes.sort_unstable();
    routes.dedup();
    routes
}

/// Every interface option: on one interface, and as a default.
pub(crate) fn cases() -> Vec<Case> {
    let rows: Vec<Row> = [announcing(), listening(), trusting(), sending()]
        .into_iter()
        .flatten()
        .collect();
    let on_interface = rows.iter().map(Row::interface_case);
    let defaults = rows
        .iter()
        .filter(|row| !row.only_interface)
        .map(Row::default_case);
    on_interface.chain(defaults).collect()
}

/// Whether a message says everything that r1 has.
fn is_full(message: &Message) -> bool {
    message.is_response() && message.offers(LAN1)
}

fn metric_of_lan1(message: &Message) -> Option<u32> {
    message.entry(LAN1).map(|entry| entry.metric)
}

/// What r1 says, and when.
fn announcing() -> Vec<Row> {
    use Ends::{Both, One};
    vec![
        Row::new("metric-out", "0 → 3", One, "3").wire(|message| metric_of_lan1(message) == Some(4)),
        Row::new("passive", "on", One, "true")
            .loses(TO_R2_ALL)
            .deaf(R2, R1)
            .loses_more(TO_R3_ALL)
            .deaf_more(R3, R1),
        // Subnets are announced or not as `summarise` says, which has a row of its own.
        Row::new("announce", "v2 → v1-compatible", One, "v1-compatible")
            .before(One, "summarise", "false")
            .wire(|message| message.to.to_string() == "10.0.12.255" && message.version == 2),
        Row::new("announce", "v2 → v1", One, "v1")
            .wire(|message| message.version == 1)
            .effect(Effect::Via(R2, "172.16.0.0/16", &[TO_R1]))
            .loses(SUBNETS_AT_R2)
            .loses_more(SUBNETS_AT_R3),
        Row::new("announce", "v2 → none", One, "none")
            .loses(TO_R2_ALL)
            .deaf(R2, R1)
            .loses_more(TO_R3_ALL)
            .deaf_more(R3, R1),
        Row::new("update-mode", "periodic → demand", One, "demand")
            .loses(TO_R2_ALL)
            .deaf(R2, R1)
            .loses_more(TO_R3_ALL)
            .deaf_more(R3, R1),
        Row::new("update-interval", "1 → 3 s", One, "3").effect(Effect::Probe(probes::updates_are_rarer)),
        Row::new("removal-interval", "2 → 9 s", One, "9").effect(Effect::Probe(probes::garbage_stays_longer)),
        Row::new("split-horizon", "on → off", One, "false")
            .wire(|message| is_full(message) && message.offers(LAN2)),
        Row::new("poison-reverse", "on → off", One, "false")
            .wire(|message| is_full(message) && message.entry(LAN2).is_none()),
        Row::new("triggered-updates", "on → off", One, "false")
            .effect(Effect::Probe(probes::changes_wait_for_the_next_update)),
        Row::new("graceful-shutdown", "on → off", One, "false")
            .effect(Effect::Probe(probes::leaves_without_a_word)),
        Row::new("announce-host-routes", "on → off", One, "false")
            .loses(&[(R2, HOST1)])
            .loses_more(&[(R3, HOST1), (R3, HOST2)]),
        Row::new("announce-default-route", "on → off", One, "false")
            .on("eth1")
            .loses(&[(R3, DEFAULT)]),
        Row::new("originate-default", "none → 7", One, "7")
            .on("eth1")
            .effect(Effect::Message(R3, R1, |message| {
                message.entry(DEFAULT).is_some_and(|entry| entry.metric == 7)
            })),
        Row {
            // The class network is there before its parts go.
            ping: Some(((R2, "10.2.0.1"), (R1, "172.16.1.1"))),
            ..Row::new("summarise", "off → on", One, "true")
                .effect(Effect::Via(R2, "172.16.0.0/16", &[TO_R1]))
                .loses(SUBNETS_AT_R2)
                .loses_more(SUBNETS_AT_R3)
        },
        Row::new("route-tag", "0 → 77", One, "77")
            .wire(|message| message.entry(LAN1).is_some_and(|entry| entry.tag == 77)),
        Row::new("neighbor-mode", "off → also", One, "also")
            .before(One, "neighbors", r#"["10.0.12.2", "10.0.13.3"]"#)
            .wire(|message| is_full(message) && message.to.to_string() == TO_R2),
        Row::new("neighbor-mode", "off → only", One, "only")
            .before(One, "neighbors", r#"["10.0.12.2", "10.0.13.3"]"#)
            .wire(|message| is_full(message) && message.to.to_string() == TO_R2)
            .effect(Effect::Probe(probes::no_multicast_to_r2)),
        Row::new("neighbors", "another → r2", One, r#"["10.0.12.2", "10.0.13.3"]"#)
            .before(One, "neighbors", r#"["10.0.12.9"]"#)
            .before(One, "neighbor-mode", "also")
            .wire(|message| is_full(message) && message.to.to_string() == TO_R2),
        Row::new(
            "announce-filter",
            "none → deny one",
            One,
            r#"[{ deny = "10.1.1.0/24" }]"#,
        )
        .loses(&[(R2, "10.1.1.0/24")])
        .loses_more(&[(R3, "10.1.1.0/24")]),
        Row {
            list: Some(ALL_BUT_ONE_OF_R1),
            ..Row::new("announce-policy", "none → deny one", One, "some")
        }
        .loses(&[(R2, "10.1.1.0/24")])
        .loses_more(&[(R3, "10.1.1.0/24")]),
        Row::new("port", "520 → 5520, both ends", Both, "5520").wire(|message| message.port == OTHER_PORT),
        Row::new("port", "520 → 5520, one end", One, "5520")
            .loses(TO_R2_ALL)
            .loses(FROM_R2)
            .deaf(R2, R1)
            .deaf(R1, R2)
            .only_interface(),
    ]
}

/// What r1 takes.
fn listening() -> Vec<Row> {
    use Ends::One;
    vec![
        Row::new("metric", "1 → 5", One, "5").effect(Effect::Via(R1, BOTH, &[TO_R3])),
        Row::new("metric", "1 → 16", One, "16").loses(FROM_R2),
        Row::new("accept", "both → v2", One, "v2").effect(Effect::Probe(probes::version_1_is_not_answered)),
        Row::new("accept", "both → v1", One, "v1")
            .loses(FROM_R2)
            .deaf(R1, R2)
            .loses_more(FROM_R3)
            .loses_more(&[(R1, BOTH)])
            .deaf_more(R1, R3),
        Row::new("accept", "both → none", One, "none")
            .loses(FROM_R2)
            .deaf(R1, R2)
            .loses_more(FROM_R3)
            .loses_more(&[(R1, BOTH)])
            .deaf_more(R1, R3),
        Row::new("expiration-interval", "6 → 20 s", One, "20").effect(Effect::Shown(
            R1,
            &["show", "database"],
            |shown| probes::expiry_of(shown, LAN2).is_some_and(|seconds| seconds > 6),
        )),
        Row::new("expiration-interval", "6 → 4 s", One, "4").effect(Effect::Shown(
            R1,
            &["show", "database"],
            |shown| probes::expiry_of(shown, LAN2).is_some_and(|seconds| seconds < 4),
        )),
        Row::new("accept-host-routes", "on → off", One, "false").loses(&[(R1, HOST2), (R3, HOST2)]),
        Row::new("accept-default-route", "on → off", One, "false").loses(&[(R1, DEFAULT), (R3, DEFAULT)]),
        Row::new("overwrite-static-routes", "off → on", One, "true").effect(Effect::Via(
            R1,
            CONTESTED,
            &[TO_R2],
        )),
        Row::new(
            "accept-filter",
            "none → deny one",
            One,
            r#"[{ deny = "10.2.1.0/24" }]"#,
        )
        .loses(&[(R1, "10.2.1.0/24"), (R3, "10.2.1.0/24")]),
        Row {
            list: Some(ALL_BUT_ONE_OF_R2),
            ..Row::new("accept-policy", "none → deny one", One, "some")
        }
        .loses(&[(R1, "10.2.1.0/24"), (R3, "10.2.1.0/24")]),
        Row::new("check-zero", "on → off", One, "false")
            .effect(Effect::Probe(probes::untidy_requests_are_answered)),
        // The first destinations stay; of r3's two more are before the network that r2 has, too.
        Row::new("maximum-routes", "1000000 → 2", One, "2")
            .loses(&[(R1, "10.2.1.0/24"), (R1, HOST2), (R3, "10.2.1.0/24"), (R3, HOST2)])
            .loses_more(&[(R1, BOTH)]),
        Row {
            equal: true,
            ..Row::new("ecmp-weight", "1 → 3", One, "3").effect(Effect::Route(R1, BOTH, |route| {
                route.hops.iter().any(|hop| hop.weight == 3)
            }))
        },
        Row {
            down: Some((R3, "eth2")),
            ..Row::new("check-link", "on → off, without a carrier", One, "false")
                .on("eth2")
                .effect(Effect::Shown(R1, &["show", "protocols", "rip"], |shown| {
                    shown["summary"]["active-interfaces"] == 3
                }))
        },
        Row {
            only_interface: true,
            ..Row::new("annotate", "none → a note", One, "the link to r2").effect(Effect::Shown(
                R1,
                &["get", "interfaces.eth0.rip.annotate"],
                |shown| *shown == "the link to r2",
            ))
        },
    ]
}

/// Whom r1 and its neighbours believe.
fn trusting() -> Vec<Row> {
    use Ends::{Both, One};
    let keys = |row: Row| row.before(Both, "authentication", "cryptographic");
    vec![
        Row::new("authentication", "none → plain, both ends", Both, "plain")
            .before(Both, "password", "wayfarer")
            .wire(|message| is_full(message) && message.authentication.is_some_and(|(kind, _)| kind == 2)),
        Row::new(
            "authentication",
            "none → cryptographic, both ends",
            Both,
            "cryptographic",
        )
        .before(
            Both,
            "keys",
            r#"[{ id = 1, secret = "wayfarer", algorithm = "hmac-sha256" }]"#,
        )
        .wire(|message| is_full(message) && message.key() == Some(1)),
        Row::new("authentication", "none → plain, one end", One, "plain")
            .before(One, "password", "wayfarer")
            .loses(TO_R2_ALL)
            .loses(FROM_R2)
            .deaf(R2, R1)
            .deaf(R1, R2)
            .only_interface(),
        Row::new("password", "another, both ends", Both, "pilgrim")
            .before(Both, "password", "wayfarer")
            .before(Both, "authentication", "plain")
            .wire(|message| {
                is_full(message)
                    && message
                        .authentication
                        .is_some_and(|(_, octets)| octets.starts_with(b"pilgrim"))
            }),
        Row {
            steps: vec![
                (Both, "keys", both_keys(OLD_KEY, NEW_KEY_ACCEPTED)),
                (Both, "keys", both_keys(OLD_KEY_ACCEPTED, NEW_KEY)),
                (Both, "keys", one_key(NEW_KEY)),
            ],
            ..keys(Row::new(
                "keys",
                "rolled over in three steps, both ends",
                Both,
                "",
            ))
            .before(Both, "keys", one_key(OLD_KEY))
            .wire(|message| is_full(message) && message.key() == Some(2))
        },
        keys(Row::new("keys", "another, both ends", Both, one_key(NEW_KEY)))
            .before(Both, "keys", one_key(OLD_KEY))
            .wire(|message| is_full(message) && message.key() == Some(2)),
        Row::new("ttl-security", "off → tx-only", One, "tx-only").wire(|message| message.ttl == 255),
        Row::new("ttl-security", "off → on, both ends", Both, "on").wire(|message| message.ttl == 255),
        Row::new("ttl-security", "off → on, one end", One, "on")
            .wire(|message| message.ttl == 255)
            .loses(FROM_R2)
            .deaf(R1, R2)
            .only_interface(),
    ]
}

/// Rows live as long as the program.
fn one_key(key: &str) -> &'static str {
    format!("[{key}]").leak()
}

fn both_keys(first: &str, second: &str) -> &'static str {
    format!("[{first}, {second}]").leak()
}

/// What packets look like.
fn sending() -> Vec<Row> {
    use Ends::One;
    vec![
        Row::new("dscp", "48 → 10", One, "10").wire(|message| message.dscp == 10),
        Row::new("packet-length", "512 → 64 octets", One, "64")
            .wire(|message| message.length == 64 && message.offers(LAN1)),
        Row::new("receive-buffer", "4 MiB → 64 KiB", One, "65536")
            .effect(Effect::Probe(probes::the_buffer_is_small)),
    ]
}
