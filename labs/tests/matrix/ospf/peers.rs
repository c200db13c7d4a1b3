//! The same changes in the languages of FRR and BIRD.

use super::network::{SECOND, UNSAID};
use super::packet::Packet;
use crate::bench::{BOTH, TO_R1, TO_R3};
use crate::case::At::{R1, R2};
use crate::case::Effect;
use crate::peers::{PeerCase, Slot, case};

const OSPF: &str = "router ospf";
const ETH0: &str = "interface eth0";
const ETH2: &str = "interface eth2";

/// r2 hears such a packet of r1.
fn wire(is: fn(&Packet) -> bool) -> Effect {
    Effect::Packet(R2, R1, is)
}

fn hello(interval: u16, dead: u32) -> impl Fn(&Packet) -> bool {
    move |packet| {
        packet
            .hello
            .is_some_and(|hello| (hello.interval, hello.dead) == (interval, dead))
    }
}

pub(crate) fn cases() -> Vec<PeerCase> {
    [network(), timers(), speaking(), trusting(), process(), areas()]
        .into_iter()
        .flatten()
        .collect()
}

fn on(option: &'static str, change: &'static str) -> PeerCase {
    case(format!("interfaces.NAME.ospf.{option}").leak(), change)
}

fn of(option: &'static str, change: &'static str) -> PeerCase {
    case(format!("protocols.ospf.{option}").leak(), change)
}

fn network() -> Vec<PeerCase> {
    use Slot::{Alone, Area, Gone, Interface, Protocol};
    vec![
        on("area", "0 → 7, another interface")
            .frr(
                &[ETH2, "no ip ospf area 0", "ip ospf area 7"],
                &[ETH2, "no ip ospf area 7", "ip ospf area 0"],
            )
            .bird(Alone, "")
            .bird(
                Protocol,
                "area 7 { interface \"eth2\" { hello 1; dead 4; retransmit 2; cost 10; }; };",
            ),
        on("area", "0 → 7, one end")
            .frr(
                &[ETH0, "no ip ospf area 0", "ip ospf area 7"],
                &[ETH0, "no ip ospf area 7", "ip ospf area 0"],
            )
            .bird(Gone, "")
            .bird(
                Protocol,
                "area 7 { interface \"eth0\" { hello 1; dead 4; retransmit 2; cost 10; }; };",
            ),
        on("network-type", "broadcast → point-to-point, another interface")
            .frr(
                &[ETH2, "ip ospf network point-to-point"],
                &[ETH2, "no ip ospf network point-to-point"],
            )
            .bird(Alone, "")
            .bird(
                Area,
                "interface \"eth2\" { hello 1; dead 4; retransmit 2; cost 10; type ptp; };",
            ),
        on("network-type", "broadcast → point-to-point, both ends")
            .frr_both(
                &[ETH0, "ip ospf network point-to-point"],
                &[ETH0, "no ip ospf network point-to-point"],
            )
            .bird_both(Interface, "type ptp;"),
        on("cost", "10 → 50")
            .frr(&[ETH0, "ip ospf cost 50"], &[ETH0, "ip ospf cost 10"])
            .bird(Interface, "cost 50;")
            .effect(Effect::Via(R1, BOTH, &[TO_R3])),
        on("priority", "1 → 200")
            .frr(&[ETH0, "ip ospf priority 200"], &[ETH0, "ip ospf priority 1"])
            .bird(Interface, "priority 200;")
            .effect(wire(|packet| {
                packet.hello.is_some_and(|hello| hello.priority == 200)
            })),
        on("priority", "1 → 0")
            .frr(&[ETH0, "ip ospf priority 0"], &[ETH0, "ip ospf priority 1"])
            .bird(Interface, "priority 0;")
            .effect(wire(|packet| {
                packet.hello.is_some_and(|hello| hello.priority == 0)
            })),
        on("passive", "on, another interface")
            .frr(&[ETH2, "ip ospf passive"], &[ETH2, "no ip ospf passive"])
            .bird(Alone, "")
            .bird(Area, "interface \"eth2\" { cost 10; stub yes; };"),
        on("passive", "on")
            .frr(&[ETH0, "ip ospf passive"], &[ETH0, "no ip ospf passive"])
            .bird(Interface, "stub yes;"),
    ]
}

fn timers() -> Vec<PeerCase> {
    use Slot::Interface;
    vec![
        on("hello-interval", "1 → 2 s, both ends")
            .frr_both(
                &[ETH0, "ip ospf hello-interval 2"],
                &[ETH0, "ip ospf hello-interval 1"],
            )
            .bird_both(Interface, "hello 2; dead 4;")
            .effect(wire(|packet| hello(2, 4)(packet))),
        on("hello-interval", "1 → 2 s, one end")
            .frr(
                &[ETH0, "ip ospf hello-interval 2"],
                &[ETH0, "ip ospf hello-interval 1"],
            )
            .bird(Interface, "hello 2; dead 4;"),
        on("dead-interval", "4 → 8 s, both ends")
            .frr_both(
                &[ETH0, "ip ospf dead-interval 8"],
                &[ETH0, "ip ospf dead-interval 4"],
            )
            .bird_both(Interface, "dead 8;")
            .effect(wire(|packet| hello(1, 8)(packet))),
        on("dead-interval", "4 → 8 s, one end")
            .frr(
                &[ETH0, "ip ospf dead-interval 8"],
                &[ETH0, "ip ospf dead-interval 4"],
            )
            .bird(Interface, "dead 8;"),
        on("hello-multiplier", "none → 4 a second, another interface").frr(
            &[ETH2, "ip ospf dead-interval minimal hello-multiplier 4"],
            &[ETH2, "ip ospf dead-interval 4", "ip ospf hello-interval 1"],
        ),
        on("wait-interval", "4 → 9 s").bird(Interface, "wait 9;"),
        on("poll-interval", "120 → 7 s").bird(Interface, "poll 7;"),
        on("retransmit-interval", "2 → 3 s")
            .frr(
                &[ETH0, "ip ospf retransmit-interval 3"],
                &[ETH0, "ip ospf retransmit-interval 2"],
            )
            .bird(Interface, "retransmit 3;"),
        on("transmit-delay", "1 → 3 s")
            .frr(
                &[ETH0, "ip ospf transmit-delay 3"],
                &[ETH0, "ip ospf transmit-delay 1"],
            )
            .bird(Interface, "transmit delay 3;"),
    ]
}

fn speaking() -> Vec<PeerCase> {
    use Slot::{Gone, Interface};
    vec![
        on("mtu", "1500 → 1400").bird(Interface, "tx length 1400;"),
        on("mtu-ignore", "off → on").frr(&[ETH0, "ip ospf mtu-ignore"], &[ETH0, "no ip ospf mtu-ignore"]),
        on("ttl-security", "off → tx-only")
            .bird(Interface, "ttl security tx only;")
            .effect(wire(|packet| packet.ttl == 255)),
        on("ttl-security", "off → on, both ends")
            .bird_both(Interface, "ttl security yes;")
            .effect(wire(|packet| packet.ttl == 255)),
        on("ttl-security", "off → on, one end").bird(Interface, "ttl security yes;"),
        // No row of BIRD's for `dscp`: 2.0.12 starts the interface anew for it, and its neighbour was not found again within 45 s
        // of the return, so that there is nothing to go on from.
        on("receive-buffer", "1 MiB → 64 KiB").bird(Interface, "rx buffer 65000;"),
        case("interfaces.NAME.ospf", "taken away, the interface")
            .frr(&[ETH0, "no ip ospf area 0"], &[ETH0, "ip ospf area 0"])
            .bird(Gone, ""),
    ]
}

fn trusting() -> Vec<PeerCase> {
    use Slot::Interface;
    const SIMPLE: &[&str] = &[
        ETH0,
        "ip ospf authentication",
        "ip ospf authentication-key wayfarer",
    ];
    const NO_SIMPLE: &[&str] = &[ETH0, "no ip ospf authentication", "no ip ospf authentication-key"];
    const DIGEST: &[&str] = &[
        ETH0,
        "ip ospf authentication message-digest",
        "ip ospf message-digest-key 1 md5 wayfarer",
    ];
    const NO_DIGEST: &[&str] = &[
        ETH0,
        "no ip ospf authentication",
        "no ip ospf message-digest-key 1",
    ];
    const BIRD_SIMPLE: &str = "authentication simple; password \"wayfarer\";";
    const BIRD_DIGEST: &str =
        "authentication cryptographic; password \"wayfarer\" { id 1; algorithm hmac sha256; };";
    vec![
        on("authentication", "none → simple, both ends")
            .frr_both(SIMPLE, NO_SIMPLE)
            .bird_both(Interface, BIRD_SIMPLE)
            .effect(wire(|packet| packet.authentication == 1)),
        on("authentication", "none → cryptographic, both ends")
            .frr_both(DIGEST, NO_DIGEST)
            .bird_both(Interface, BIRD_DIGEST)
            .effect(wire(|packet| packet.key() == Some(1))),
        on("authentication", "none → cryptographic, one end")
            .frr(DIGEST, NO_DIGEST)
            .bird(Interface, BIRD_DIGEST),
        on("password", "another, both ends")
            .frr_before(SIMPLE, NO_SIMPLE)
            .frr_both(
                &[ETH0, "ip ospf authentication-key pilgrim"],
                &[ETH0, "ip ospf authentication-key wayfarer"],
            )
            .bird_before(Interface, BIRD_SIMPLE)
            .bird_both(Interface, "authentication simple; password \"pilgrim\";")
            .effect(wire(|packet| packet.credentials.starts_with(b"pilgrim"))),
        on("keys", "another, both ends")
            .frr_before(DIGEST, NO_DIGEST)
            .frr_both(
                &[
                    ETH0,
                    "no ip ospf message-digest-key 1",
                    "ip ospf message-digest-key 2 md5 pilgrim",
                ],
                &[
                    ETH0,
                    "no ip ospf message-digest-key 2",
                    "ip ospf message-digest-key 1 md5 wayfarer",
                ],
            )
            .bird_before(Interface, BIRD_DIGEST)
            .bird_both(
                Interface,
                "authentication cryptographic; password \"pilgrim\" { id 2; algorithm hmac sha512; };",
            )
            .effect(wire(|packet| packet.key() == Some(2))),
    ]
}

fn process() -> Vec<PeerCase> {
    use Slot::{Announced, Channel, Protocol};
    const TIMERS: &[&str] = &[OSPF, "no timers throttle spf"];
    vec![
        // FRR takes another identifier and goes on with the old one until it is restarted.
        of("router-id", "1.1.1.1 → 9.9.9.9")
            .frr(
                &[OSPF, "ospf router-id 9.9.9.9"],
                &[OSPF, "ospf router-id 1.1.1.1"],
            )
            .bird(Slot::Identifier, "router id 9.9.9.9;")
            .effect(wire(|packet| packet.router.octets() == [9, 9, 9, 9])),
        of("preference", "110 → 2")
            .frr(&[OSPF, "distance 2"], &[OSPF, "no distance 2"])
            .bird(Channel, "preference 2;"),
        of("maximum-paths", "16 → 1")
            .frr(&[OSPF, "maximum-paths 1"], &[OSPF, "maximum-paths 16"])
            .bird(Protocol, "ecmp no;"),
        of("rfc1583", "off → on")
            .frr(&[OSPF, "compatible rfc1583"], &[OSPF, "no compatible rfc1583"])
            .bird(Protocol, "rfc1583compat yes;"),
        of("stub-router", "off → on")
            .frr(
                &[OSPF, "max-metric router-lsa administrative"],
                &[OSPF, "no max-metric router-lsa administrative"],
            )
            .bird(Protocol, "stub router yes;"),
        of("opaque", "on → off").frr(&[OSPF, "no capability opaque"], &[OSPF, "capability opaque"]),
        of("router-information", "off → on").frr(&[OSPF, "router-info area"], &[OSPF, "no router-info"]),
        of("minimum-arrival", "1000 → 0 ms").frr(
            &[OSPF, "timers lsa min-arrival 0"],
            &[OSPF, "no timers lsa min-arrival"],
        ),
        of("originate-minimum", "1100 → 2000 ms").frr(
            &[OSPF, "timers throttle lsa all 2000"],
            &[OSPF, "no timers throttle lsa all"],
        ),
        of("spf-initial-delay", "0 → 200 ms").frr(&[OSPF, "timers throttle spf 200 1000 10000"], TIMERS),
        of("spf-short-delay", "50 → 300 ms").frr(&[OSPF, "timers throttle spf 0 300 5000"], TIMERS),
        of("spf-long-delay", "2000 → 3000 ms").frr(&[OSPF, "timers throttle spf 0 50 3000"], TIMERS),
        of("restart-helper", "on → off")
            .frr(
                &[OSPF, "graceful-restart helper enable"],
                &[OSPF, "no graceful-restart helper enable"],
            )
            .bird(Protocol, "graceful restart no;"),
        of("graceful-restart", "off → on")
            .frr(&[OSPF, "graceful-restart"], &[OSPF, "no graceful-restart"])
            .bird(Protocol, "graceful restart yes;"),
        of("grace-period", "100 → 90 s")
            .frr(
                &[OSPF, "graceful-restart grace-period 90"],
                &[OSPF, "no graceful-restart"],
            )
            .bird(Protocol, "graceful restart time 90;"),
        of("originate-default", "never → always")
            .frr(
                &[OSPF, "default-information originate always"],
                &[OSPF, "no default-information originate always"],
            )
            .effect(Effect::Via(R2, "0.0.0.0/0", &[TO_R1])),
        of("redistribute", "connected as well")
            .frr(
                &[OSPF, "redistribute connected"],
                &[OSPF, "no redistribute connected"],
            )
            .bird(Announced, "if source = RTS_DEVICE then accept;")
            .effect(Effect::Via(R2, UNSAID, &[TO_R1])),
        of("redistribute", "metric of static 20 → 5")
            .frr(
                &[OSPF, "redistribute static metric 5"],
                &[OSPF, "redistribute static"],
            )
            .bird(
                Announced,
                "if source = RTS_STATIC then { ospf_metric2 = 5; accept; }",
            ),
        of("redistribute", "metric type of static 2 → 1")
            .frr(
                &[OSPF, "redistribute static metric-type 1"],
                &[OSPF, "redistribute static"],
            )
            .bird(
                Announced,
                "if source = RTS_STATIC then { ospf_metric1 = 20; accept; }",
            ),
        of("redistribute", "tag of static 0 → 9")
            .bird(Announced, "if source = RTS_STATIC then { ospf_tag = 9; accept; }"),
        of("redistribute", "no longer static")
            .frr(&[OSPF, "no redistribute static"], &[OSPF, "redistribute static"])
            .bird(Announced, "reject;"),
    ]
}

fn areas() -> Vec<PeerCase> {
    const MOVED: &[&str] = &["interface lan1", "no ip ospf area 0", "ip ospf area 1"];
    const BACK: &[&str] = &["interface lan1", "no ip ospf area 1", "ip ospf area 0"];
    const IN_AREA_1: &str = "area 1 {\n    interface \"lan1\" { cost 10; stub yes; };\n  };";
    const STUB: &str = "area 1 { stub yes;\n    interface \"lan1\" { cost 10; stub yes; };\n  };";
    const NSSA: &str = "area 1 { nssa;\n    interface \"lan1\" { cost 10; stub yes; };\n  };";
    const RANGE: &str =
        "area 1 { networks { 10.1.0.0/23; };\n    interface \"lan1\" { cost 10; stub yes; };\n  };";
    const HIDDEN: &str =
        "area 1 { networks { 10.1.0.0/23 hidden; };\n    interface \"lan1\" { cost 10; stub yes; };\n  };";
    let row = |change, to: &'static [&'static str], back: &'static [&'static str], text| {
        let mut case = of("areas", change).frr(to, back).bird(Slot::Second, text);
        case.frr_before.push((R1, MOVED, BACK));
        case.bird_before.push((R1, Slot::Second, IN_AREA_1));
        case
    };
    vec![
        row(
            "normal → stub",
            &[OSPF, "area 1 stub"],
            &[OSPF, "no area 1 stub"],
            STUB,
        ),
        row(
            "normal → NSSA",
            &[OSPF, "area 1 nssa"],
            &[OSPF, "no area 1 nssa"],
            NSSA,
        ),
        row(
            "a range",
            &[OSPF, "area 1 range 10.1.0.0/23"],
            &[OSPF, "no area 1 range 10.1.0.0/23"],
            RANGE,
        )
        .effect(Effect::Via(R2, "10.1.0.0/23", &[TO_R1])),
        row(
            "a range that is not advertised",
            &[OSPF, "area 1 range 10.1.0.0/23 not-advertise"],
            &[OSPF, "no area 1 range 10.1.0.0/23"],
            HIDDEN,
        )
        .effect(Effect::Gone(R2, SECOND)),
    ]
}
