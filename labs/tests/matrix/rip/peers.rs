//! The same changes in the languages of FRR and BIRD.

use super::message::Message;
use super::network::OTHER_PORT;
use crate::bench::{BOTH, LAN1, LAN2, TO_R1, TO_R2, TO_R3};
use crate::case::At::{R1, R2};
use crate::case::Effect;
use crate::peers::{PeerCase, Slot, case};

const ROUTER: &str = "router rip";
const ETH0: &str = "interface eth0";

fn full(message: &Message) -> bool {
    message.is_response() && message.offers(LAN1)
}

/// r2 hears such a message of r1.
fn wire(is: fn(&Message) -> bool) -> Effect {
    Effect::Message(R2, R1, is)
}

pub(crate) fn cases() -> Vec<PeerCase> {
    [interface(), protocol()].into_iter().flatten().collect()
}

fn interface() -> Vec<PeerCase> {
    use Slot::{Announced, Interface, Taken};
    let on = |option: &'static str, change| case(format!("interfaces.NAME.rip.{option}").leak(), change);
    vec![
        on("metric-out", "0 → 3")
            .frr(
                &[ROUTER, "offset-list everything out 3 eth0"],
                &[ROUTER, "no offset-list everything out 3 eth0"],
            )
            .bird(
                Announced,
                "if source = RTS_DEVICE then { rip_metric = 4; accept; }",
            )
            .effect(wire(|message| {
                message.entry(LAN1).is_some_and(|entry| entry.metric == 4)
            })),
        on("passive", "on")
            .frr(
                &[ROUTER, "passive-interface eth0"],
                &[ROUTER, "no passive-interface eth0"],
            )
            .bird(Interface, "passive yes;"),
        on("announce", "v2 → v1-compatible")
            .frr(&[ETH0, "ip rip v2-broadcast"], &[ETH0, "no ip rip v2-broadcast"])
            .bird(Interface, "mode broadcast;")
            .effect(wire(|message| {
                full(message) && message.to.to_string() == "10.0.12.255"
            })),
        on("announce", "v2 → v1")
            .frr(
                &[ETH0, "ip rip send version 1"],
                &[ETH0, "no ip rip send version 1"],
            )
            .bird(Interface, "version 1; mode broadcast;")
            .effect(wire(|message| message.version == 1)),
        on("accept", "both → v2")
            .frr(
                &[ETH0, "ip rip receive version 2"],
                &[ETH0, "no ip rip receive version 2"],
            )
            .bird(Interface, "version only yes;"),
        on("accept", "both → v1").frr(
            &[ETH0, "ip rip receive version 1"],
            &[ETH0, "no ip rip receive version 1"],
        ),
        on("accept", "both → none").frr(
            &[ETH0, "ip rip receive version none"],
            &[ETH0, "no ip rip receive version none"],
        ),
        on("update-interval", "1 → 3 s")
            .frr(&[ROUTER, "timers basic 7 15 5"], &[ROUTER, "timers basic 5 15 5"])
            .bird(Interface, "update time 3;"),
        on("expiration-interval", "6 → 20 s")
            .frr(&[ROUTER, "timers basic 5 30 5"], &[ROUTER, "timers basic 5 15 5"])
            .bird(Interface, "timeout time 20;"),
        on("removal-interval", "2 → 9 s")
            .frr(&[ROUTER, "timers basic 5 15 9"], &[ROUTER, "timers basic 5 15 5"])
            .bird(Interface, "garbage time 9;"),
        on("split-horizon", "on → off")
            .frr(
                &[ETH0, "no ip rip split-horizon"],
                &[ETH0, "ip rip split-horizon"],
            )
            .bird(Interface, "split horizon no;")
            .effect(wire(|message| full(message) && message.offers(LAN2))),
        on("poison-reverse", "on → off")
            .bird(Interface, "poison reverse no;")
            .effect(wire(|message| full(message) && message.entry(LAN2).is_none())),
        on("neighbor-mode", "off → also")
            .frr(
                &[ROUTER, "neighbor 10.0.12.2"],
                &[ROUTER, "no neighbor 10.0.12.2"],
            )
            .effect(wire(|message| full(message) && message.to.to_string() == TO_R2)),
        on("neighbor-mode", "off → only")
            .bird(Interface, "mode broadcast; address 10.0.12.2;")
            .effect(wire(|message| full(message) && message.to.to_string() == TO_R2)),
        on("announce-filter", "none → deny one")
            .frr(
                &[
                    "ip prefix-list denied-out deny 10.1.1.0/24",
                    "ip prefix-list denied-out permit any",
                    ROUTER,
                    "distribute-list prefix denied-out out eth0",
                ],
                &[
                    ROUTER,
                    "no distribute-list prefix denied-out out eth0",
                    "exit",
                    "no ip prefix-list denied-out",
                ],
            )
            .bird(Announced, "if net = 10.1.1.0/24 then reject;"),
        on("port", "520 → 5520, both ends")
            .bird_both(Interface, "port 5520;")
            .effect(wire(|message| message.port == OTHER_PORT)),
        on("port", "520 → 5520, one end").bird(Interface, "port 5520;"),
        on("metric", "1 → 5")
            .frr(
                &[ROUTER, "offset-list everything in 5 eth0"],
                &[ROUTER, "no offset-list everything in 5 eth0"],
            )
            .bird(Interface, "metric 5;")
            .effect(Effect::Via(R1, BOTH, &[TO_R3])),
        on("accept-filter", "none → deny one")
            .frr(
                &[
                    "ip prefix-list denied-in deny 10.2.1.0/24",
                    "ip prefix-list denied-in permit any",
                    ROUTER,
                    "distribute-list prefix denied-in in eth0",
                ],
                &[
                    ROUTER,
                    "no distribute-list prefix denied-in in eth0",
                    "exit",
                    "no ip prefix-list denied-in",
                ],
            )
            .bird(Taken, "if net = 10.2.1.0/24 then reject;"),
        on("check-zero", "on → off").bird(Interface, "check zero no;"),
        on("ecmp-weight", "1 → 3").bird(Interface, "ecmp weight 3;"),
        on("check-link", "on → off, without a carrier").bird(Interface, "check link no;"),
        on("authentication", "none → plain, both ends")
            .frr_both(
                &[
                    ETH0,
                    "ip rip authentication mode text",
                    "ip rip authentication string wayfarer",
                ],
                &[
                    ETH0,
                    "no ip rip authentication mode",
                    "no ip rip authentication string",
                ],
            )
            .bird_both(Interface, "authentication plaintext; password \"wayfarer\";")
            .effect(wire(|message| {
                message.authentication.is_some_and(|(kind, _)| kind == 2)
            })),
        on("authentication", "none → cryptographic, both ends")
            .frr_both(
                &[
                    "key chain way",
                    "key 1",
                    "key-string wayfarer",
                    "exit",
                    "exit",
                    ETH0,
                    "ip rip authentication mode md5",
                    "ip rip authentication key-chain way",
                ],
                &[
                    ETH0,
                    "no ip rip authentication key-chain",
                    "no ip rip authentication mode",
                    "exit",
                    "no key chain way",
                ],
            )
            .bird_both(
                Interface,
                "authentication cryptographic; password \"wayfarer\" { id 1; algorithm hmac sha256; };",
            )
            .effect(wire(|message| message.key() == Some(1))),
        on("authentication", "none → plain, one end")
            .frr(
                &[
                    ETH0,
                    "ip rip authentication mode text",
                    "ip rip authentication string wayfarer",
                ],
                &[
                    ETH0,
                    "no ip rip authentication mode",
                    "no ip rip authentication string",
                ],
            )
            .bird(Interface, "authentication plaintext; password \"wayfarer\";"),
        on("password", "another, both ends")
            .frr_before(
                &[
                    ETH0,
                    "ip rip authentication mode text",
                    "ip rip authentication string wayfarer",
                ],
                &[
                    ETH0,
                    "no ip rip authentication mode",
                    "no ip rip authentication string",
                ],
            )
            .frr_both(
                &[ETH0, "ip rip authentication string pilgrim"],
                &[ETH0, "ip rip authentication string wayfarer"],
            )
            .bird_before(Interface, "authentication plaintext; password \"wayfarer\";")
            .bird_both(Interface, "authentication plaintext; password \"pilgrim\";")
            .effect(wire(|message| {
                message
                    .authentication
                    .is_some_and(|(_, octets)| octets.starts_with(b"pilgrim"))
            })),
        on("keys", "another, both ends")
            .frr_before(
                &[
                    "key chain way",
                    "key 1",
                    "key-string wayfarer",
                    "exit",
                    "exit",
                    ETH0,
                    "ip rip authentication mode md5",
                    "ip rip authentication key-chain way",
                ],
                &[
                    ETH0,
                    "no ip rip authentication key-chain",
                    "no ip rip authentication mode",
                    "exit",
                    "no key chain way",
                ],
            )
            .frr_both(
                &["key chain way", "no key 1", "key 2", "key-string pilgrim"],
                &["key chain way", "no key 2", "key 1", "key-string wayfarer"],
            )
            .bird_before(
                Interface,
                "authentication cryptographic; password \"wayfarer\" { id 1; algorithm hmac sha256; };",
            )
            .bird_both(
                Interface,
                "authentication cryptographic; password \"pilgrim\" { id 2; algorithm hmac sha512; };",
            )
            .effect(wire(|message| message.key() == Some(2))),
        on("ttl-security", "off → tx-only")
            .bird(Interface, "ttl security tx only;")
            .effect(wire(|message| message.ttl == 255)),
        on("ttl-security", "off → on, both ends")
            .bird_both(Interface, "ttl security yes;")
            .effect(wire(|message| message.ttl == 255)),
        on("ttl-security", "off → on, one end").bird(Interface, "ttl security yes;"),
        on("dscp", "48 → 10")
            .bird(Interface, "tx dscp 10;")
            .effect(wire(|message| message.dscp == 10)),
        on("packet-length", "512 → 64 octets").bird(Interface, "tx length 256;"),
        on("receive-buffer", "4 MiB → 64 KiB").bird(Interface, "rx buffer 65000;"),
        case("interfaces.NAME.rip", "taken away, the interface")
            .frr(&[ROUTER, "no network eth0"], &[ROUTER, "network eth0"])
            .bird(Slot::Gone, ""),
    ]
}

fn protocol() -> Vec<PeerCase> {
    use Slot::{Announced, Channel, Interface, Protocol};
    vec![
        case("protocols.rip.preference", "120 → 2")
            .frr(&[ROUTER, "distance 2"], &[ROUTER, "no distance 2"])
            .bird(Channel, "preference 2;"),
        case("protocols.rip.ecmp", "16 → 1")
            .frr(&[ROUTER, "no allow-ecmp"], &[ROUTER, "allow-ecmp"])
            .bird(Protocol, "ecmp no;"),
        case("protocols.rip.redistribute", "metric of connected 1 → 5")
            .frr(
                &[ROUTER, "redistribute connected metric 5"],
                &[ROUTER, "redistribute connected metric 1"],
            )
            .bird(
                Announced,
                "if source = RTS_DEVICE then { rip_metric = 5; accept; }",
            )
            .effect(wire(|message| {
                message.entry(LAN1).is_some_and(|entry| entry.metric == 5)
            })),
        case("protocols.rip.redistribute", "no longer static")
            .frr(
                &[ROUTER, "no redistribute static"],
                &[ROUTER, "redistribute static metric 1"],
            )
            .bird(Announced, "if source = RTS_STATIC then reject;"),
        case("protocols.rip.originate-default", "none → 7")
            .frr(
                &[ROUTER, "default-information originate"],
                &[ROUTER, "no default-information originate"],
            )
            .effect(Effect::Via(R2, "0.0.0.0/0", &[TO_R1])),
        // Waypost has none of these two.
        case("infinity", "16 → 20").bird(Protocol, "infinity 20;"),
        case("demand circuit", "off → on, both ends").bird_both(Interface, "demand circuit yes;"),
    ]
}
