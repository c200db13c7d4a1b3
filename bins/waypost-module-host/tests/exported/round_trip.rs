//! Any sequence of calls has the same answers, made directly and through the interface in C, there and back.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use waypost_exported_samples::{ECHO, Echo, rip};
use waypost_rip::config::{GlobalConfig, InterfaceConfig};
use waypost_routprot::{
    AdapterBinding, BlockConfig, Event, InfoBlock, InfoBuffer, InterfaceIdentity, InterfaceStatus,
    InterfaceType, Layout, LocalBinding, OutputBuffer, Refusal, RoutingCharacteristics, RoutingProtocol,
    Status,
};
use waypost_testkit::wait_for;
use waypost_types::{InterfaceIndex, Prefix4, ProtocolId};

use crate::objects::{in_its_own, in_process};
use crate::router::{Bell, Router};

const SAMPLES: &str = "waypost-exported-samples";
/// Sequences of calls, and calls in each.
const SEQUENCES: u64 = 60;
const CALLS: usize = 120;

/// Numbers that a seed decides (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    fn word(&mut self) -> u32 {
        self.roll() as u32
    }

    fn octets(&mut self) -> Vec<u8> {
        (0..self.below(40)).map(|_| self.word() as u8).collect()
    }

    fn of<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len())]
    }

    fn address(&mut self) -> Ipv4Addr {
        Ipv4Addr::from(self.word())
    }
}

/// What calls are made of, where a protocol would refuse whatever is made up.
struct Material {
    protocol: ProtocolId,
    global: Vec<InfoBlock>,
    interface: Vec<InfoBlock>,
    mib: Vec<Vec<u8>>,
}

impl Material {
    fn block(&self, dice: &mut Dice, of: &[InfoBlock]) -> InfoBlock {
        if of.is_empty() {
            return match dice.octets() {
                octets if octets.is_empty() => InfoBlock::absent(),
                octets => InfoBlock::new(dice.word(), octets),
            };
        }
        let mut block = dice.of(of).clone();
        match dice.below(8) {
            0 => drop(block.bytes.pop()),
            1 => {
                let at = dice.below(block.bytes.len());
                block.bytes[at] ^= 1 << dice.below(8);
            }
            2 => return InfoBlock::absent(),
            _ => {}
        }
        InfoBlock::new(block.version, block.bytes)
    }

    fn input(&self, dice: &mut Dice) -> Vec<u8> {
        if self.mib.is_empty() {
            dice.octets()
        } else {
            dice.of(&self.mib).clone()
        }
    }
}

fn binding(dice: &mut Dice) -> AdapterBinding {
    let addresses = (0..dice.below(4)).map(|_| {
        let address = dice.address();
        let prefix = Prefix4::containing(address, dice.below(33) as u8).unwrap();
        LocalBinding { address, prefix }
    });
    AdapterBinding {
        addresses: addresses.collect(),
        addresses6: Vec::new(),
        // 0.0.0.0 is how none is said.
        remote: Some(dice.address())
            .filter(|remote| remote.octets()[0] & 1 == 0 && !remote.is_unspecified())
            .map(IpAddr::V4),
        mtu: dice.word(),
        speed: dice.roll(),
    }
}

/// A buffer to lend, or none.
fn buffer(dice: &mut Dice) -> Option<Vec<u8>> {
    match dice.below(4) {
        0 => None,
        1 => Some(vec![0; dice.below(32)]),
        _ => Some(vec![0; 4096]),
    }
}

/// The code of an answer, in words.
fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    format!("{:?}", result.map_err(|refusal| refusal.status))
}

fn info(dice: &mut Dice, call: impl FnOnce(&mut InfoBuffer<'_>) -> Result<(), Refusal>) -> String {
    let mut lent = buffer(dice);
    let mut buffer = InfoBuffer::new(lent.as_deref_mut());
    let result = call(&mut buffer);
    let sized = sized(&result).then_some((buffer.size, buffer.structure));
    format!("{} {sized:?} {lent:?}", code(result))
}

fn output<T: std::fmt::Debug>(
    dice: &mut Dice,
    call: impl FnOnce(&mut OutputBuffer<'_>) -> Result<T, Refusal>,
) -> String {
    let mut lent = buffer(dice);
    let mut buffer = OutputBuffer::new(lent.as_deref_mut());
    let result = call(&mut buffer);
    let sized = sized(&result).then_some(buffer.size);
    format!("{} {sized:?} {lent:?}", code(result))
}

/// Sizes are said with these codes, and mean nothing with others.
fn sized<T>(result: &Result<T, Refusal>) -> bool {
    result
        .as_ref()
        .err()
        .is_none_or(|refusal| refusal.status == Status::ERROR_INSUFFICIENT_BUFFER)
}

/// One call that the dice choose.
fn call(protocol: &mut dyn RoutingProtocol, material: &Material, dice: &mut Dice) -> String {
    let index = InterfaceIndex(1 + dice.below(4) as u32);
    let function = dice.below(25);
    let answer = match function {
        0 => info(dice, |buffer| protocol.global_info(buffer)),
        1 => code(protocol.set_global_info(&material.block(dice, &material.global))),
        2 | 3 => {
            let kinds = [
                InterfaceType::Permanent,
                InterfaceType::DemandDial,
                InterfaceType::LocalWorkstationDial,
                InterfaceType::RemoteWorkstationDial,
            ];
            let identity = InterfaceIdentity {
                name: dice.of(&["eth0", "wlp2s0", "Büro 🦀", ""]).to_string(),
                index,
                kind: *dice.of(&kinds),
            };
            code(protocol.add_interface(&identity, &material.block(dice, &material.interface)))
        }
        4 => code(protocol.delete_interface(index)),
        5..=7 => {
            let status = match dice.below(5) {
                0 => InterfaceStatus::AddressChange(binding(dice)),
                1 => InterfaceStatus::Enabled,
                2 => InterfaceStatus::Disabled,
                3 => InterfaceStatus::MediaPresent,
                _ => InterfaceStatus::MediaAbsent,
            };
            code(protocol.interface_status(index, dice.below(2) == 0, &status))
        }
        8 => info(dice, |buffer| protocol.interface_info(index, buffer)),
        9 | 10 => code(protocol.set_interface_info(index, &material.block(dice, &material.interface))),
        11 => format!("{:?}", protocol.next_event()),
        12 => code(protocol.connect_client(index, dice.address())),
        13 => code(protocol.disconnect_client(index, dice.address())),
        14 => output(dice, |out| protocol.neighbors(index, out)),
        15 => code(protocol.mfe_status(index, dice.address(), dice.address())),
        16 => code(protocol.mib_create(&material.input(dice))),
        17 => code(protocol.mib_delete(&material.input(dice))),
        18 => code(protocol.mib_set(&material.input(dice))),
        19 => {
            let input = material.input(dice);
            output(dice, |out| protocol.mib_get(&input, out))
        }
        20 => {
            let input = material.input(dice);
            output(dice, |out| protocol.mib_get_first(&input, out))
        }
        21 => {
            let input = material.input(dice);
            output(dice, |out| protocol.mib_get_next(&input, out))
        }
        // What is said beforehand gets across with its reasons.
        22 => format!(
            "{:?}",
            protocol.prepare_global_info(&material.block(dice, &material.global))
        ),
        // So do reports, made or refused.
        23 => {
            let name = *dice.of(&["spf", "Büro \"🦀\"", ""]);
            let arguments = (0..dice.below(3))
                .map(|at| (format!("a{at}"), format!("{:?}\n", dice.address())))
                .collect();
            format!("{:?}", protocol.report(name, &arguments))
        }
        _ => {
            let index = Some(index).filter(|_| dice.below(3) > 0);
            let block = material.block(dice, &material.interface);
            format!("{:?}", protocol.prepare_interface_info(index, &block))
        }
    };
    format!("{function} {answer}")
}

/// A life of a protocol, as the dice will have it: what it answers.
fn live(protocol: &mut dyn RoutingProtocol, material: &Material, seed: u64) -> Vec<String> {
    let mut dice = Dice(seed);
    let mut said = Vec::new();
    let given = protocol.register(&RoutingCharacteristics::offer(material.protocol));
    said.push(code(given));
    let global = match material.global.first() {
        Some(global) => global.clone(),
        // One octet would name a function to panic in.
        None => InfoBlock::new(dice.word(), vec![dice.word() as u8; 2]),
    };
    said.push(code(protocol.start(
        Arc::new(Bell::default()),
        Arc::new(Router),
        &global,
    )));
    let mut run = |said: &mut Vec<String>, protocol: &mut dyn RoutingProtocol| {
        said.extend((0..CALLS / 2).map(|_| call(protocol, material, &mut dice)));
    };
    run(&mut said, protocol);
    said.push(code(protocol.start_complete()));
    run(&mut said, protocol);
    let stopped = protocol.stop();
    let pending = matches!(&stopped, Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING);
    said.push(code(stopped));
    // After it the host calls nothing any more.
    while pending
        && said
            .last()
            .is_none_or(|last| *last != format!("{:?}", Some(Event::RouterStopped)))
    {
        said.push(format!("{:?}", protocol.next_event()));
        assert!(
            said.last().is_some_and(|last| last != "None"),
            "it never says that it has stopped"
        );
    }
    said
}

/// Lives the same lives directly and through modules.
fn compare<P: RoutingProtocol>(
    direct: fn() -> P,
    loaded: fn(&str) -> Box<dyn RoutingProtocol>,
    sequences: u64,
    material: &Material,
) {
    let mut different = std::collections::BTreeSet::new();
    for seed in 0..sequences {
        let expected = live(&mut direct(), material, seed);
        let seen = live(&mut *loaded(SAMPLES), material, seed);
        for (at, (expected, seen)) in expected.iter().zip(&seen).enumerate() {
            assert_eq!(expected, seen, "seed {seed}, call {at}");
        }
        assert_eq!(expected.len(), seen.len(), "seed {seed}");
        different.extend(expected);
    }
    // Protocols that refuse everything would be equal, too.
    assert!(different.len() > 100, "too little is said: {different:?}");
    let accepted = different
        .iter()
        .filter(|answer| answer.contains("Ok(())"))
        .count();
    assert!(accepted > 20, "too little is accepted: {different:?}");
}

fn echo() -> Material {
    Material {
        protocol: ECHO,
        global: Vec::new(),
        interface: Vec::new(),
        mib: Vec::new(),
    }
}

fn of_rip() -> Material {
    let interfaces = [
        json!({ "metric": 3 }),
        json!({ "metric": 5, "neighbors": ["192.0.2.7"], "neighbor-mode": "also" }),
        json!({ "announce": "none" }),
    ];
    let layouts = [Layout::Rras, Layout::Waypost(InterfaceConfig::LAYOUT)];
    let interface: Vec<_> = interfaces
        .iter()
        .flat_map(|text| layouts.map(|layout| InterfaceConfig::from_text(text).unwrap().encode(layout)))
        .collect();
    let global = [
        json!({ "triggered-delay": 5000 }),
        json!({ "peer-filter": "exclude", "peers": ["192.0.2.9"] }),
    ];
    let words = |words: [u32; 2]| words.map(u32::to_le_bytes).concat();
    // TypeID and IfIndex; to set, size and octets.
    let mut mib: Vec<_> = (0..5)
        .flat_map(|kind| (0..4).map(move |index| words([kind, index])))
        .collect();
    for index in 1..4 {
        let block = &interface[0];
        mib.push(
            [
                words([3, index]),
                block.structure_size.to_le_bytes().to_vec(),
                block.bytes.clone(),
            ]
            .concat(),
        );
    }
    Material {
        protocol: ProtocolId::RIP,
        global: global
            .iter()
            .map(|text| {
                GlobalConfig::from_text(text)
                    .unwrap()
                    .encode(Layout::Waypost(GlobalConfig::LAYOUT))
            })
            .collect(),
        interface,
        mib,
    }
}

#[test]
fn everything_gets_across() {
    compare(Echo::default, in_process, SEQUENCES, &echo());
}

#[test]
fn everything_gets_across_two_boundaries() {
    compare(Echo::default, in_its_own, SEQUENCES / 4, &echo());
}

#[test]
fn rip_answers_the_same() {
    compare(rip, in_process, SEQUENCES, &of_rip());
}

#[test]
fn rip_answers_the_same_isolated() {
    compare(rip, in_its_own, SEQUENCES / 4, &of_rip());
}

/// Calls until the protocol has signalled.
fn signals(loaded: fn(&str) -> Box<dyn RoutingProtocol>) {
    let mut protocol = loaded(SAMPLES);
    protocol.register(&RoutingCharacteristics::offer(ECHO)).unwrap();
    let (bell, trap) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let global = InfoBlock::new(1, vec![1, 2]);
    protocol.start(bell.clone(), Arc::new(Router), &global).unwrap();
    let mut lent = [0; 64];
    for tried in 0..100u8 {
        let mut out = OutputBuffer::new(Some(&mut lent));
        if protocol
            .mib_set_trap_info(trap.clone(), &[tried], &mut out)
            .is_ok()
        {
            break;
        }
        assert!(tried < 99, "it never takes a trap");
    }
    let mut tried = 0u32;
    wait_for(Duration::from_secs(20), "both signals", || {
        tried += 1;
        // Whether it queues something, and signals it, depends on what it is told.
        let _ = protocol.mib_set(&tried.to_le_bytes());
        (bell.has_rung() && trap.has_rung())
            .then_some(())
            .ok_or_else(String::new)
    })
    .unwrap();
    assert!(protocol.next_event().is_some());
}

#[test]
fn signals_reach_the_host() {
    signals(in_process);
}

#[test]
fn signals_reach_the_host_from_another_process() {
    signals(in_its_own);
}

/// The loader knows an object by its path, and forgets one only when no thread has anything of it.
#[test]
fn objects_are_told_apart() {
    for _ in 0..3 {
        for (package, protocol) in [("waypost-exported-rip", ProtocolId::RIP), (SAMPLES, ECHO)] {
            let mut module = in_process(package);
            module.register(&RoutingCharacteristics::offer(protocol)).unwrap();
        }
    }
}
