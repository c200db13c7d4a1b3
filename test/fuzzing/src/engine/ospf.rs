//! OSPF: two or three routers, and networks between them that lose, repeat, delay and change packets.
//!
//! The script says which router does what next, as with one engine alone, when time passes for all of them, and what the
//! networks do to packets meanwhile. At its end the networks are left alone for a while. Then routers that call each other
//! adjacent must have the same database, whatever happened before — if nothing was changed on its way but updates and Hellos:
//! of an acknowledgment or a description that lies, no router can recover.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde_json::Value;
use waypost_engine::RxMeta;
use waypost_ospf::OspfEngine;
use waypost_ospf::checksum::{internet_sum, lsa_checksum};
use waypost_ospf::config::{GlobalConfig, InterfaceConfig};
use waypost_ospf::packet::{HEADER_LENGTH, Packet};
use waypost_routprot::{InterfaceStatus, Topic};
use waypost_types::{InterfaceIndex, RouterId};

use super::host::{Host, Sent};
use super::{LONGEST_LIFE, Scenario, address, binding, configuration, end, identity, start, step};
use crate::Script;

/// Networks, which have the numbers of the interfaces on them, and the places of their routers.
const NETWORKS: [&[u8]; 3] = [&[1, 2, 3], &[1, 2], &[2, 3]];
/// Most packets that one call sets off.
const AVALANCHE: usize = 2000;
/// Most moments at which something happens while time passes.
const MOMENTS: usize = 400;
/// How long the networks are left alone at the end,
const QUIET: Duration = Duration::from_secs(130);
/// and how long neighbours must have stayed as they are for their databases to be compared.
const STILL: Duration = Duration::from_secs(70);

/// OSPF's numbers of packet types.
const HELLO: u8 = 1;
const UPDATE: u8 = 4;

pub(crate) fn run(octets: &[u8]) {
    let mut script = Script::new(octets);
    let mut world = World::new(&mut script);
    for _ in 0..LONGEST_LIFE {
        if script.is_over() {
            break;
        }
        world.step(&mut script);
    }
    world.rest(QUIET);
    let before = world.known();
    world.rest(STILL);
    world.check(&before);
    for router in &mut world.routers {
        end(router);
    }
}

/// What networks do to packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Fair,
    Lossy,
    Repeating,
    Changing,
}

struct World {
    routers: Vec<Host<OspfEngine, OspfScenario>>,
    /// Any packet may have been changed so that it looks right.
    hostile: bool,
    /// Packets so far.
    count: u64,
}

impl World {
    fn new(script: &mut Script<'_>) -> Self {
        let how = script.octet();
        let mut world = Self {
            routers: Vec::new(),
            hostile: how & 2 != 0,
            count: 0,
        };
        for place in 1..=2 + (how & 1) {
            let mut router = Host::new(place);
            router.is_silent_before_start();
            start(&mut router, script);
            router.take_wire();
            router.router_id(RouterId::new([10, 0, 0, place].into()).ok());
            for index in networks_of(place) {
                let info = configuration::<InterfaceConfig>(script, OspfScenario::INTERFACE);
                router.add_interface(&identity(index), &info);
                bring_up(&mut router, index);
            }
            router.start_complete();
            world.routers.push(router);
        }
        world
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let what = script.octet();
        let weather = match what >> 4 {
            0..=9 => Weather::Fair,
            10 | 11 => Weather::Lossy,
            12 => Weather::Repeating,
            _ => Weather::Changing,
        };
        match what % 16 {
            0..=6 => {
                let amount = u64::from(script.octet());
                let duration = match what % 16 {
                    0 => Duration::from_millis(amount),
                    1 | 2 => Duration::from_millis(50 * amount),
                    _ => Duration::from_millis(250 * amount),
                };
                self.pass(duration, weather, script);
            }
            7..=9 => {
                let router = self.router(script);
                let index = InterfaceIndex(u32::from(script.octet() % 3) + 1);
                router.set_interface(
                    index,
                    &configuration::<InterfaceConfig>(script, OspfScenario::INTERFACE),
                );
            }
            10 => {
                let router = self.router(script);
                router.set_global(&configuration::<GlobalConfig>(script, OspfScenario::GLOBAL));
            }
            11 => {
                let router = self.router(script);
                let index = InterfaceIndex(u32::from(script.octet() % 3) + 1);
                bring_up(router, index);
            }
            _ => step(self.router(script), script),
        }
        self.deliver(weather, script);
    }

    fn router(&mut self, script: &mut Script<'_>) -> &mut Host<OspfEngine, OspfScenario> {
        let which = usize::from(script.octet()) % self.routers.len();
        &mut self.routers[which]
    }

    /// Lets time pass for everybody, and packets go.
    fn pass(&mut self, duration: Duration, weather: Weather, script: &mut Script<'_>) {
        let mut left = duration;
        for _ in 0..MOMENTS {
            if left.is_zero() {
                return;
            }
            let next = self.routers.iter().filter_map(Host::until_deadline).min();
            let moment = next.map_or(left, |next| next.min(left));
            for router in &mut self.routers {
                router.advance(moment);
            }
            left -= moment;
            self.deliver(weather, script);
        }
        // What is left out passes all the same: routers are late.
        for router in &mut self.routers {
            router.advance(left);
        }
        self.deliver(weather, script);
    }

    /// Packets go until none is on its way.
    fn deliver(&mut self, weather: Weather, script: &mut Script<'_>) {
        let mut avalanche = 0;
        loop {
            let mut sent: Vec<(u8, Sent)> = Vec::new();
            for router in &mut self.routers {
                let place = router.place();
                sent.extend(router.take_wire().into_iter().map(|sent| (place, sent)));
            }
            if sent.is_empty() {
                return;
            }
            for (from, packet) in sent {
                avalanche += 1;
                assert!(
                    avalanche <= AVALANCHE,
                    "packets never end at one and the same moment"
                );
                self.carry(from, packet, weather, script);
            }
        }
    }

    fn carry(&mut self, from: u8, mut packet: Sent, weather: Weather, script: &mut Script<'_>) {
        self.count += 1;
        let chosen = self.count.is_multiple_of(3);
        let copies = match weather {
            Weather::Lossy if chosen => 0,
            Weather::Repeating if chosen => 2,
            _ => 1,
        };
        if weather == Weather::Changing && chosen {
            self.change(&mut packet.octets, script);
        }
        let index = InterfaceIndex(packet.port.0);
        let network = (1..).zip(NETWORKS).find(|(number, _)| *number == index.0);
        let network = network.map_or(&[][..], |(_, places)| places);
        for router in &mut self.routers {
            let place = router.place();
            if place == from || !network.contains(&place) || !network.contains(&from) {
                continue;
            }
            let own = IpAddr::from(address(index, place));
            if !router.hears(packet.port, packet.destination, own) {
                continue;
            }
            let meta = RxMeta {
                source: (address(index, from), 0).into(),
                destination: packet.destination,
                interface: index,
                ttl: Some(255),
            };
            for _ in 0..copies {
                router.packet(packet.port, &meta, &packet.octets);
            }
        }
    }

    /// Changes some octets. Those that may lie are set right again: everything on hostile networks, otherwise Hellos and what
    /// updates say of an LSA but not which one it is. A router would not hear of an LSA in its name that it never said, and
    /// that others believe, where no way leads round to it.
    fn change(&self, octets: &mut [u8], script: &mut Script<'_>) {
        let kind = octets.get(1).copied().unwrap_or_default();
        let lies = self.hostile || matches!(kind, HELLO | UPDATE);
        for _ in 0..=script.octet() % 3 {
            let at = usize::from(script.word()) % octets.len();
            let names = !self.hostile && kind == UPDATE && !says_something(octets, at);
            let names = names || (!self.hostile && at < HEADER_LENGTH);
            let octet = script.octet();
            if !(lies && names) {
                octets[at] = octet;
            }
        }
        if lies {
            repair(octets);
        }
    }

    /// Nothing more happens but time.
    fn rest(&mut self, duration: Duration) {
        let mut none = Script::new(&[]);
        self.deliver(Weather::Fair, &mut none);
        let mut left = duration;
        while !left.is_zero() {
            let moment = left.min(Duration::from_secs(10));
            self.pass(moment, Weather::Fair, &mut none);
            left -= moment;
        }
    }

    fn known(&self) -> Vec<Known> {
        self.routers.iter().map(Known::of).collect()
    }

    fn check(&self, before: &[Known]) {
        // Of a description or an acknowledgment that lies, nobody can recover.
        if !self.hostile {
            know_the_same(before, &self.known());
        }
    }
}

/// Those who have called each other adjacent for a while know the same.
fn know_the_same(before: &[Known], now: &[Known]) {
    let still = |of: &Known, pair: &Pair| {
        let mut before = before.iter();
        before.any(|known| known.place == of.place && known.adjacent.contains(pair))
    };
    for (one, other) in now
        .iter()
        .flat_map(|one| now.iter().map(move |other| (one, other)))
    {
        for pair in one.adjacent.iter().filter(|pair| still(one, pair)) {
            let back =
                |back: &&Pair| (&back.area, &back.own, &back.other) == (&pair.area, &pair.other, &pair.own);
            if other
                .adjacent
                .iter()
                .find(back)
                .is_some_and(|back| still(other, back))
            {
                assert_eq!(
                    one.lsas.get(&pair.area),
                    other.lsas.get(&pair.area),
                    "routers {} and {} are adjacent in area {} and do not know the same",
                    one.place,
                    other.place,
                    pair.area
                );
            }
        }
    }
}

/// A neighbour in state Full.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pair {
    area: String,
    own: String,
    other: String,
    /// How often something happened to it.
    events: u64,
}

/// What a router says of itself.
#[derive(Clone)]
struct Known {
    place: u8,
    adjacent: Vec<Pair>,
    /// By area: what tells instances of LSAs apart. Opaque LSAs go only to those who understand them.
    lsas: BTreeMap<String, Vec<[String; 5]>>,
}

impl Known {
    fn of(router: &Host<OspfEngine, OspfScenario>) -> Self {
        let list = |topic| router.shown(topic).as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut known = Self {
            place: router.place(),
            adjacent: Vec::new(),
            lsas: BTreeMap::new(),
        };
        let interfaces = list(Topic::Interfaces);
        for neighbor in list(Topic::Neighbors) {
            let interface = interfaces
                .iter()
                .find(|interface| interface["interface"] == neighbor["interface"]);
            if let (Some(interface), "full") = (interface, text(&neighbor["state"]).as_str()) {
                known.adjacent.push(Pair {
                    area: text(&interface["area"]),
                    own: text(&interface["address"]),
                    other: text(&neighbor["address"]),
                    events: neighbor["events"].as_u64().unwrap_or_default(),
                });
            }
        }
        for lsa in list(Topic::Database) {
            let kind = text(&lsa["type"]);
            if !kind.starts_with("opaque") && lsa["age"] != 3600 {
                let names = ["link-state-id", "advertising-router", "sequence", "checksum"];
                let [id, from, sequence, checksum] = names.map(|name| text(&lsa[name]));
                let row = [kind, id, from, sequence, checksum];
                known.lsas.entry(text(&lsa["scope"])).or_default().push(row);
            }
        }
        known.lsas.values_mut().for_each(|lsas| lsas.sort());
        known
    }
}

fn networks_of(place: u8) -> impl Iterator<Item = InterfaceIndex> {
    let networks = (1..).zip(NETWORKS);
    networks
        .filter(move |(_, routers)| routers.contains(&place))
        .map(|(number, _)| InterfaceIndex(number))
}

fn bring_up(router: &mut Host<OspfEngine, OspfScenario>, index: InterfaceIndex) {
    let binding = binding(address(index, router.place()));
    router.status(index, &InterfaceStatus::AddressChange(binding));
    router.status(index, &InterfaceStatus::Enabled);
    router.status(index, &InterfaceStatus::MediaPresent);
}

/// Whether the octet of an update is of an LSA's age, options, sequence number or body.
fn says_something(octets: &[u8], at: usize) -> bool {
    let mut start = HEADER_LENGTH + 4;
    while let Some(length) = octets.get(start + 18..start + 20) {
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if at < start || length < 20 {
            return false;
        }
        if at < start + length {
            return matches!(at - start, 0..=2 | 12..=15 | 20..);
        }
        start += length;
    }
    false
}

/// Lengths and checksums that fit what is there.
fn repair(octets: &mut [u8]) {
    if octets.len() < HEADER_LENGTH {
        return;
    }
    // INVARIANT: a packet is shorter than 65536 octets.
    let length = octets.len() as u16;
    octets[2..4].copy_from_slice(&length.to_be_bytes());
    if octets[1] == UPDATE {
        let mut at = HEADER_LENGTH + 4;
        while at + 20 <= octets.len() {
            let claimed = usize::from(u16::from_be_bytes([octets[at + 18], octets[at + 19]]));
            let Some(lsa) = octets.get(at..at + claimed.max(20)) else {
                break;
            };
            let (sum, size) = (lsa_checksum(lsa), lsa.len());
            octets[at + 16..at + 18].copy_from_slice(&sum.to_be_bytes());
            at += size;
        }
    }
    octets[12..14].fill(0);
    let sum = !internet_sum(&[&octets[..16], &octets[HEADER_LENGTH..]]);
    octets[12..14].copy_from_slice(&sum.to_be_bytes());
}

/// What a script can do with OSPF.
#[derive(Clone, Copy, Debug)]
pub struct OspfScenario;

impl Scenario for OspfScenario {
    // A stub router may be asked to stay for 25 seconds.
    const FAREWELL: Duration = Duration::from_secs(30);
    const GROUP: [u8; 4] = [224, 0, 0, 5];

    const GLOBAL: &'static [&'static str] = &[
        r#"{}"#,
        r#"{"redistribute":[{"source":"static"}]}"#,
        r#"{"redistribute-unlisted":true,"redistribute-filter":{"action":"ignore","prefixes":["10.100.0.0/18"]}}"#,
        r#"{"originate-default":"always"}"#,
        r#"{"areas":[{"id":1,"kind":"stub","summaries":false}]}"#,
        r#"{"areas":[{"id":1,"kind":"nssa","nssa":{"default-route":"1","translate":"always"}}]}"#,
        r#"{"areas":[{"id":1,"ranges":[{"prefix":"10.0.0.0/8"}]}],"virtual-links":[{"transit-area":1,"router-id":"10.0.0.2","hello-interval":2,"retransmit-interval":1}]}"#,
        r#"{"areas":[{"id":1}],"virtual-links":[{"transit-area":1,"router-id":"10.0.0.1","hello-interval":2,"retransmit-interval":1}]}"#,
        r#"{"areas":[{"id":1,"enabled":false}]}"#,
        r#"{"minimum-arrival":0,"originate-minimum":0}"#,
        r#"{"spf-initial-delay":200,"spf-long-delay":5000}"#,
        r#"{"stub-router":true}"#,
        r#"{"stub-router-at-start":30,"stub-router-at-stop":25}"#,
        r#"{"router-information":true}"#,
        r#"{"opaque":false}"#,
        r#"{"maximum-paths":1,"rfc1583":true,"preference":7}"#,
        r#"{"instance":1}"#,
        r#"{"enabled":false}"#,
        r#"{"graceful-restart":true,"restart-helper":false}"#,
        r#"{"defaults":{"cost":3,"hello-interval":2,"dead-interval":8,"retransmit-interval":1}}"#,
        r#"{"acknowledge-delay":0,"reference-bandwidth":1000}"#,
    ];

    const INTERFACE: &'static [&'static str] = &[
        r#"{}"#,
        r#"{"hello-interval":1,"dead-interval":4,"wait-interval":2,"retransmit-interval":1}"#,
        r#"{"network-type":"point-to-point"}"#,
        r#"{"network-type":"broadcast"}"#,
        r#"{"network-type":"non-broadcast","poll-interval":3,"neighbors":[{"address":"10.1.0.1"},{"address":"10.1.0.2"},{"address":"10.1.0.3","priority":0}]}"#,
        r#"{"network-type":"point-to-multipoint"}"#,
        r#"{"network-type":"point-to-multipoint-non-broadcast","neighbors":[{"address":"10.2.0.1","cost":7},{"address":"10.2.0.2","cost":9}]}"#,
        r#"{"network-type":"loopback"}"#,
        r#"{"area":1}"#,
        r#"{"area":0}"#,
        r#"{"cost":65535}"#,
        r#"{"cost":1,"priority":0}"#,
        r#"{"priority":9}"#,
        r#"{"hello-multiplier":4}"#,
        r#"{"passive":true}"#,
        r#"{"mtu":300,"mtu-ignore":true}"#,
        r#"{"mtu":300}"#,
        r#"{"prefix-suppression":true}"#,
        r#"{"ttl-security":"on"}"#,
        r#"{"transmit-delay":100}"#,
        r#"{"authentication":"simple","password":"fuzz"}"#,
        r#"{"authentication":"cryptographic","keys":[{"id":1,"secret":"k","algorithm":"md5"}]}"#,
        r#"{"authentication":"extended","keys":[{"id":2,"secret":"k","algorithm":"hmac-sha256","send-until":1700001600}]}"#,
        r#"{"authentication":"none"}"#,
        r#"{"enabled":false}"#,
        r#"{"addresses":[{"address":"10.1.0.1"},{"address":"10.2.0.2","length":24}]}"#,
        r#"{"dscp":0,"receive-buffer":4096}"#,
        r#"{"annotate":"fuzz"}"#,
    ];

    /// Octets with a header that is right.
    fn packet(script: &mut Script<'_>) -> Vec<u8> {
        let kind = 1 + script.octet() % 5;
        let router = Ipv4Addr::from([10, 0, 0, script.octet() % 5]);
        let mut octets = vec![2, kind, 0, 0];
        octets.extend(router.octets());
        octets.extend([0; 16]);
        octets.extend(script.octets(255));
        repair(&mut octets);
        octets
    }

    fn sent(octets: &[u8]) {
        let packet = Packet::decode(octets).expect("what is sent is a packet");
        packet.body().expect("what is sent says what its type asks for");
    }

    /// As many as others say.
    fn route_limit(_global: &Value, _interfaces: &[Value]) -> usize {
        usize::MAX
    }
}

#[cfg(test)]
mod tests {
    use waypost_engine::codec_of;
    use waypost_routprot::Scope;

    use super::*;

    #[test]
    fn every_piece_is_a_configuration() {
        let codec = codec_of::<OspfEngine>();
        for (scope, pieces) in [
            (Scope::Global, OspfScenario::GLOBAL),
            (Scope::Interface, OspfScenario::INTERFACE),
        ] {
            for piece in pieces {
                let text: Value = serde_json::from_str(piece).expect("pieces are JSON");
                if let Err(refusal) = codec.to_block(scope, &text) {
                    panic!("{piece}: {refusal}");
                }
            }
        }
    }

    /// Routers that nobody disturbs become adjacent, so that the law about them is about something.
    #[test]
    fn routers_become_adjacent() {
        let mut script = Script::new(&[1]);
        let mut world = World::new(&mut script);
        world.rest(QUIET);
        let before = world.known();
        world.rest(STILL);
        world.check(&before);
        let [first, second, third] = [0, 1, 2].map(|place| Known::of(&world.routers[place]));
        assert_eq!(
            [first.adjacent.len(), second.adjacent.len(), third.adjacent.len()],
            [3, 4, 3]
        );
        assert_eq!(first.adjacent, before[0].adjacent, "nothing goes on");
        // Three routers and three networks.
        assert_eq!(first.lsas["0.0.0.0"].len(), 6);
        // The law finds a router that knows less, unless a neighbour went meanwhile.
        let mut less = world.known();
        less[1].lsas.entry("0.0.0.0".to_owned()).or_default().pop();
        let lawful = |now: Vec<Known>| std::panic::catch_unwind(|| know_the_same(&before, &now)).is_ok();
        assert!(!lawful(less.clone()));
        for known in &mut less {
            known.adjacent.iter_mut().for_each(|pair| pair.events += 1);
        }
        assert!(lawful(less));
    }

    #[test]
    fn a_packet_that_lies_looks_right() {
        let mut octets = vec![2, 1, 0, 0, 10, 0, 0, 1, 0, 0, 0, 0, 9, 9, 0, 0];
        octets.extend([0; 40]);
        repair(&mut octets);
        let packet = Packet::decode(&octets).expect("its length is right");
        assert!(packet.checksum_is_right());
    }
}
